#!/usr/bin/env python3
"""Cache misses a request with few connections and with many, for good HubSpot v3 requests of 1 kB. Writes the table into
docs/performance.md.

usage: caches.py HOOKWARD [--dry]

Counted by cachegrind, which simulates two caches of the sizes of this machine's first and second and sees a program's own
code: what the system touches on the program's behalf, its sockets above all, is in no figure here.
"""
import argparse
import os
import re
import socket
import subprocess
import tempfile

import report
from guard import TUNABLES
from loads import raw
from programs import Program, Programs

COUNTS = [100, 2000]
# Requests on each connection of the shorter and of the longer run: their difference has no beginning and no end.
SHORT = 2
REQUESTS = 12_000
ROWS = {"instructions": ["Ir"], "reads and writes": ["Dr", "Dw"], "misses of the first data cache": ["D1mr", "D1mw"],
        "misses of the second cache, data": ["DLmr", "DLmw"], "misses of the first code cache": ["I1mr"],
        "misses of the second cache, code": ["ILmr"]}


def second_cache():
    """The second cache of a core as valgrind takes it: bytes, ways, bytes of a line."""
    values = []
    for name in ("LEVEL2_CACHE_SIZE", "LEVEL2_CACHE_ASSOC", "LEVEL2_CACHE_LINESIZE"):
        values.append(int(subprocess.run(["getconf", name], capture_output=True, text=True, check=True).stdout or 0))
    return ",".join(map(str, values)) if all(values) else "1048576,8,64"


def counted(start, connections, rounds):
    """Events of cachegrind, by name, for so many requests on each connection."""
    with tempfile.NamedTemporaryFile() as out, Programs() as programs:
        programs.app()
        command = ["valgrind", "--tool=cachegrind", "--cache-sim=yes", f"--LL={second_cache()}",
                   f"--cachegrind-out-file={out.name}", "--"]
        program = start(programs, command)
        request = raw("hubspot", 1_000)
        sockets = [socket.create_connection(("127.0.0.1", program.port), timeout=120) for _ in range(connections)]
        for _ in range(rounds):
            for sender in sockets:
                sender.sendall(request)
            for sender in sockets:
                read(sender)
        for sender in sockets:
            sender.close()
        program.process.terminate()
        program.process.wait(timeout=120)
        with open(out.name, encoding="utf-8", errors="replace") as file:
            lines = dict(line.rstrip().split(": ", 1) for line in file if re.match(r"(events|summary): ", line))
    return dict(zip(lines["events"].split(), map(int, lines["summary"].split())))


def read(sender):
    answer = b""
    while b"\r\n\r\nok\n" not in answer:
        piece = sender.recv(4096)
        if not piece:
            raise SystemExit("a connection was closed before its answer was complete")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"a request was refused: {answer[:40]!r}")


def a_request(start, connections):
    long = SHORT + REQUESTS // connections
    few, many = (counted(start, connections, rounds) for rounds in (SHORT, long))
    return {name: (many[name] - few[name]) / ((long - SHORT) * connections) for name in many}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("hookward")
    arguments.add_argument("--dry", action="store_true")
    args = arguments.parse_args()
    hookward = os.path.abspath(args.hookward)
    os.environ["GLIBC_TUNABLES"] = TUNABLES

    def start(programs, before) -> Program:
        return programs.hookward(server="watch = false", command=[*before, hookward])

    events = {count: a_request(start, count) for count in COUNTS}
    rows = []
    for what, names in ROWS.items():
        few, many = (sum(events[count][name] for name in names) for count in COUNTS)
        rows.append([what, f"{few:,.1f}", f"{many:,.1f}", f"{many / few:.2f}" if few else ""])
    text = report.table(["a request", *(f"{count:,} connections" for count in COUNTS), "ratio"], rows)
    print(text)
    if not args.dry:
        report.put("caches", text)


if __name__ == "__main__":
    main()
