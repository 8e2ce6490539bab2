#!/usr/bin/env python3
"""Counts the instructions of verification, of one forwarded request, and of what operators look at, and holds
them against what is recorded in instructions.toml. A count that rose by more than 5 % fails.

usage: guard.py VERIFICATION [--record REASON]

VERIFICATION is the built bench of that name. --record writes every count that changed by more than a
percent, with the reason for it. Counts are taken with callgrind, which runs a program on a CPU of its
own: they depend on the compiler and on the code, and not on what else the machine does.
"""
import argparse
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import tomllib
import urllib.request

from loads import raw
from programs import HOOKWARD, Program, Programs
from protocols import HTTP1, HTTP1_TLS, HTTP2, HTTP2_TLS, Connection

RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.toml")
MOST = 1.05
# The C library's own choice between ways to copy and fill memory; one of them counts each byte.
TUNABLES = "glibc.cpu.x86_rep_stosb_threshold=100000000:glibc.cpu.x86_rep_movsb_threshold=100000000"
PROTOCOLS = {"tls": HTTP1_TLS, "http2": HTTP2, "http2-tls": HTTP2_TLS}
# Bodies that come in many pieces.
LARGE = {"100kB": 100_000, "1MB": 1_000_000}
# What operators look at, and how many routes it shows.
PAGES = {"status-page": "/", "status-json": "/status.json", "metrics": "/metrics"}
ROUTES = 10
CASES = ["hubspot-1kB", "hubspot-16kB", "twenty-1kB", "five-secrets-1kB", "expired"]


def callgrind(out):
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--"]


def total(out):
    with open(out, encoding="utf-8", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(("summary:", "totals:")))


def verification(bench, case, few=100, many=600):
    """Instructions of judging one request."""
    counts = []
    for count in (few, many):
        with tempfile.NamedTemporaryFile() as out:
            run = [*callgrind(out.name), bench, case, str(count)]
            subprocess.run(run, check=True, capture_output=True, env=os.environ | {"GLIBC_TUNABLES": TUNABLES})
            counts.append(total(out.name))
    return round((counts[1] - counts[0]) / (many - few))


class App:
    """Answers every request of one connection after another."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        while line := stream.readline():
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            stream.read(length)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n")


def forwarded(kind="good", protocol=HTTP1, replay=None, route="", size=1_000, each_connects=False, few=200, many=1200):
    """Instructions of one request through the program: forwarded, or refused. With `each_connects`, that of its
    connection is among them."""
    counts = []
    app = App()
    for count in (few, many):
        with Programs() as programs:
            os.environ["GLIBC_TUNABLES"] = TUNABLES
            out = programs.path("callgrind.out")
            upstream = f"http://127.0.0.1:{app.listener.getsockname()[1]}"
            command = [*callgrind(out), HOOKWARD]
            has_tls = protocol != HTTP1
            program = programs.hookward(upstream=upstream, command=command, server="watch = false", tls=has_tls,
                                        replay=replay, route=route)
            send(program, kind, protocol, count, size, each_connects)
            program.process.send_signal(signal.SIGTERM)
            program.process.wait(timeout=60)
            counts.append(total(out))
    return round((counts[1] - counts[0]) / (many - few))


def shown(path, few=20, many=120):
    """Instructions of showing an operator something once."""
    counts = []
    for count in (few, many):
        with Programs() as programs:
            os.environ["GLIBC_TUNABLES"] = TUNABLES
            out = programs.path("callgrind.out")
            program = programs.hookward(routes=ROUTES - 1, command=[*callgrind(out), HOOKWARD], server="watch = false")
            send(program, "forged", HTTP1, 5)
            for _ in range(count):
                with urllib.request.urlopen(f"http://127.0.0.1:{program.admin}{path}", timeout=60) as answer:
                    answer.read()
            program.process.send_signal(signal.SIGTERM)
            program.process.wait(timeout=60)
            counts.append(total(out))
    return round((counts[1] - counts[0]) / (many - few))


def send(program: Program, kind, protocol, count, size=1_000, each_connects=False):
    """Sends so many requests, each after the last was answered: on one connection, or each on its own. Those over
    HTTP/2 have 1 kB."""
    connection = Connection(program, protocol)
    for number in range(count):
        if each_connects and number > 0:
            connection.close()
            connection = Connection(program, protocol)
        if exchange(connection, kind, size) != (kind == "good"):
            raise SystemExit(f"a {kind} request over {protocol} was answered with another status")
    connection.close()


def exchange(connection, kind, size):
    if connection.is_http2:
        return connection.exchange(kind)
    connection.socket.sendall(raw("hubspot", size, kind))
    return connection.read_http1()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("verification")
    arguments.add_argument("--record", metavar="REASON")
    args = arguments.parse_args()
    with open(RECORD, "rb") as file:
        recorded = tomllib.load(file)
    counts = {f"verify-{case}": verification(args.verification, case) for case in CASES}
    counts |= {f"request-{kind}-1kB": forwarded(kind) for kind in ("good", "forged", "expired")}
    counts |= {f"{name}-good-1kB": forwarded(protocol=protocol) for name, protocol in PROTOCOLS.items()}
    counts |= {f"request-good-{label}": forwarded(size=size, few=5, many=25) for label, size in LARGE.items()}
    counts["tls-connection-good-1kB"] = forwarded(protocol=HTTP1_TLS, each_connects=True, few=20, many=120)
    counts["replay-memory-good-1kB"] = forwarded(replay="[replay]")
    counts["access-log-good-1kB"] = forwarded(route="access_log = true")
    counts |= {f"{name}-{ROUTES}-routes": shown(path) for name, path in PAGES.items()}
    too_many = []
    for name, count in counts.items():
        old = recorded.get(name, {}).get("instructions")
        change = f"{(count / old - 1) * 100:+.1f} %" if old else "new"
        print(f"{name:24} {count:9,} instructions, {change}")
        if old is None or count > old * MOST:
            too_many.append(name)
        if args.record and (old is None or abs(count / old - 1) > 0.01):
            recorded[name] = {"instructions": count, "reason": args.record}
    if args.record:
        write(recorded)
    elif too_many:
        raise SystemExit(f"more instructions than recorded: {', '.join(too_many)}\n"
                         "If that is right, say why: make guard RECORD='the reason'")


def write(recorded):
    lines = ["# Instructions a request, as tools/guard counts them, and why they are what they are.\n"]
    for name, entry in recorded.items():
        reason = entry["reason"].replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'\n[{name}]\ninstructions = {entry["instructions"]}\nreason = "{reason}"\n')
    with open(RECORD, "w", encoding="utf-8") as file:
        file.writelines(lines)


if __name__ == "__main__":
    main()
