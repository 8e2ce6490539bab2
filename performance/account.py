#!/usr/bin/env python3
"""Where a request's instructions and system calls go, in hookward and in a bare Pingora, for one good
HubSpot v3 request of 1 kB. Writes the tables into docs/performance.md.

usage: account.py HOOKWARD BARE [--dry]: both built with symbols.

Instructions are counted by callgrind, and sorted by the file that they were written in: code of a
library that the compiler put into ours counts as the library's.
"""
import argparse
import os
import re
import subprocess
import threading
import time
from collections import Counter

import report
from guard import TUNABLES, App, callgrind, send
from loads import closed_loop, signed
from programs import ROOT, Program, Programs
from protocols import HTTP1

OWN = re.escape(os.path.join(ROOT, "src")) + "/"

# The first that matches the path of the source file, or the name of the function, counts.
KINDS = [
    ("SHA-256", r"/ring-|/sha2-|/hmac-|/block-buffer-|/digest-0|sha256"),
    ("verification besides", OWN + r"(verify/|wipe)|/subtle-|/base64-|/zeroize-"),
    ("hookward: heads, routing, hand-off", OWN + r"(http1|route|handoff|providers)/"),
    ("hookward: metrics and log", OWN + r"(observe/|exchange/forward_result)|/prometheus-|/tracing-"),
    ("hookward: connections, admission, the app", OWN),
    ("Pingora", r"/pingora-"),
    ("http, httparse, bytes", r"/http-1|/httparse-|/bytes-|/itoa-|/fnv-|/indexmap-"),
    ("tokio and mio", r"/tokio-|/mio-|/parking_lot|/slab-|/futures-"),
    ("the allocator", r"mimalloc|malloc|/arena"),
    ("copying and filling memory", r"mem(move|cpy|set|cmp|chr)"),
    ("the C library's system calls", r"sysdeps/unix|/socket/|/nptl|vdso|libc\.so|clock_gettime|sysv/linux"),
    ("Rust's own library", r"/rustc/|/library/"),
]


def self_costs(path):
    """Instructions by (file, function), without those of what they call."""
    names, costs = {"file": {}, "function": {}}, Counter()

    def name(kind, text):
        number, _, given = re.fullmatch(r"\((\d+)\)( (.*))?", text).groups() if text.startswith("(") else ("", "", text)
        if given:
            names[kind][number] = given
        return names[kind].get(number, given)

    file = function = ""
    skip = False
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith(("fl=", "fi=", "fe=")):
                file = name("file", line[3:])
            elif line.startswith("fn="):
                function = name("function", line[3:])
            elif line.startswith(("cfi=", "cfl=")):
                name("file", line[4:])
            elif line.startswith("cfn="):
                name("function", line[4:])
            elif line.startswith("calls="):
                skip = True
            elif line[:1] in "0123456789+-*" and line:
                if not skip:
                    costs[file, function] += int(line.split()[1])
                skip = False
    return costs


def kinds(costs):
    sorted_costs = Counter()
    for (file, function), cost in costs.items():
        kind = next((kind for kind, pattern in KINDS if re.search(pattern, f"{file} {function}")), "other")
        sorted_costs[kind] += cost
    return sorted_costs


def instructions(start, few=200, many=1200):
    """Instructions a request, by kind."""
    counts = []
    for count in (few, many):
        with Programs() as programs:
            app = App()
            out = programs.path("callgrind.out")
            program = start(programs, app.listener.getsockname()[1], callgrind(out))
            send(program, "good", HTTP1, count)
            program.process.terminate() if program.name == "hookward" else program.process.send_signal(2)
            program.process.wait(timeout=120)
            counts.append(kinds(self_costs(out)))
    return {kind: (counts[1][kind] - counts[0][kind]) / (many - few) for kind in counts[1]}


def system_calls(program, seconds=4):
    """System calls a request."""
    counted = {}

    def load():
        counted["requests"] = closed_loop(program, [signed("hubspot", 1_000)], seconds, 32)[0]

    trace = subprocess.Popen(["strace", "-f", "-c", "-p", str(program.pid)], stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    worker = threading.Thread(target=load)
    worker.start()
    worker.join()
    trace.send_signal(2)
    out = trace.communicate()[1]
    calls = {}
    for line in out.splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
            calls[fields[-1]] = int(fields[3]) / counted["requests"]
    return {name: count for name, count in calls.items() if count >= 0.01}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("hookward")
    arguments.add_argument("bare")
    arguments.add_argument("--dry", action="store_true")
    args = arguments.parse_args()
    args.hookward, args.bare = map(os.path.abspath, (args.hookward, args.bare))
    os.environ["GLIBC_TUNABLES"] = TUNABLES

    def start_ours(programs, app_port, before=()):
        upstream = f"http://127.0.0.1:{app_port}"
        return programs.hookward(upstream=upstream, server="watch = false", command=[*before, args.hookward])

    def start_bare(programs, app_port, before=()):
        port = programs.ports["BARE"]
        command = [*before, args.bare, f"127.0.0.1:{port}", f"127.0.0.1:{app_port}"]
        return Program("bare Pingora", port, programs.start(command, port, "bare.log"))

    ours, bare = instructions(start_ours), instructions(start_bare)
    order = [kind for kind, _ in KINDS] + ["other"]
    rows = [[kind, f"{ours.get(kind, 0):,.0f}", f"{bare.get(kind, 0):,.0f}"] for kind in order]
    rows.append(["**all**", f"**{sum(ours.values()):,.0f}**", f"**{sum(bare.values()):,.0f}**"])
    text = report.table(["instructions a request", "hookward", "bare Pingora"], rows)
    with Programs() as programs:
        programs.app()
        port = programs.ports["APP"]
        ours, bare = system_calls(start_ours(programs, port)), system_calls(start_bare(programs, port))
    names = sorted(ours.keys() | bare.keys(), key=lambda name: -(ours.get(name, 0) + bare.get(name, 0)))
    rows = [[name, f"{ours.get(name, 0):.2f}", f"{bare.get(name, 0):.2f}"] for name in names]
    text += "\n" + report.table(["system calls a request", "hookward", "bare Pingora"], rows)
    print(text)
    if not args.dry:
        report.put("accounting", text)


if __name__ == "__main__":
    main()
