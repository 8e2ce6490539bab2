#!/usr/bin/env python3
"""Measures hookward beside what else one could put there, and writes docs/performance.md.

usage: bench.py [--rounds 7] [--seconds 1] [--requests 1000000] [--dry]
"""
import argparse
import os

import idle
import measure
import plot
import report
from loads import signed
from measure import SIZES, median, say
from programs import ROOT, HashAlone, Programs
from protocols import PROTOCOLS


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--seconds", type=int, default=1)
    arguments.add_argument("--requests", type=int, default=1_000_000)
    arguments.add_argument("--dry", action="store_true", help="print, and leave the document as it is")
    args = arguments.parse_args()
    with Programs() as programs:
        programs.app()
        peers = programs.peers()
        text = [report.machine(), f"{args.rounds} rounds of {args.seconds} s, each program in turn, 32 connections; medians."]
        text += against_peers(programs, peers, args)
        text += scale(programs, peers, args)
        text += large_bodies(programs)
        text += memory(programs, args)
        text += counting_once(programs, args)
        text += storing(programs, args)
    text = "\n\n".join(part.strip() for part in text)
    print("\n" + text)
    if not args.dry:
        report.put("measurements", text)


def against_peers(programs, peers, args):
    ours = programs.hookward()
    length = args.rounds, args.seconds
    everyone = {"hookward": ours} | peers
    hubspot = measure.by_size(everyone, *length, hash_alone=HashAlone())
    steady = measure.latencies(everyone, hubspot, 5)
    some = {name: everyone[name] for name in ["hookward", "nginx + Lua", "bare Pingora"]}
    twenty = measure.by_size(some, *length, provider="twenty")
    refusing = {name: everyone[name] for name in ["hookward", "nginx + Lua"]}
    forged = measure.by_size(refusing, *length, kind="forged")
    expired = measure.by_size({"hookward": ours}, *length, kind="expired")
    five = measure.by_size({"one": ours, "five": programs.hookward("five secrets", secrets=5)}, *length)
    unix = programs.hookward("unix socket", upstream=f"unix:{programs.path('app.sock')}")
    unix = measure.by_size({"tcp": ours, "unix": unix}, *length)

    def of(result, name):
        return {label: result[label][name] for label in SIZES}

    plot.draw(hubspot, os.path.join(ROOT, "docs/performance.svg"))
    others = report.cost_table("CPU a request, µs", [
        ("SHA-256 alone (÷ hookward, HubSpot v3)", of(hubspot, HashAlone.name), of(hubspot, "hookward")),
        ("Twenty: hookward (÷ nginx + Lua)", of(twenty, "hookward"), of(twenty, "nginx + Lua")),
        ("Twenty: hookward (÷ bare Pingora)", of(twenty, "hookward"), of(twenty, "bare Pingora")),
        ("forged signature: hookward (÷ nginx + Lua)", of(forged, "hookward"), of(forged, "nginx + Lua")),
        ("forged signature: hookward (÷ its good request)", of(forged, "hookward"), of(hubspot, "hookward")),
        ("expired: hookward (÷ its good request)", of(expired, "hookward"), of(hubspot, "hookward")),
        ("five secrets: hookward (÷ one secret)", of(five, "five"), of(five, "one")),
        ("app on a Unix socket: hookward (÷ on TCP)", of(unix, "unix"), of(unix, "tcp")),
    ])
    return ["### Targets", report.targets(hubspot),
            "### HubSpot v3, good requests", "In brackets: hookward ÷ it. Times are those of a load at the rate given, "
            "half of what the slowest can do.", report.main_table(hubspot, steady),
            "![CPU time a request against body size](performance.svg)",
            "### Other requests", others]


def scale(programs, peers, args):
    pair = {"hookward": programs.hookward("scale"), "bare Pingora": peers["bare Pingora"]}
    connections = measure.by_connections(pair, args.rounds, args.seconds)
    one = connections[1]["hookward"]
    rows = [[f"{count:,} connections", report.micros(median(cost["hookward"].cpu)), f"{cost['hookward'].ratio(one):.2f}",
             f"{cost['hookward'].ratio(cost['bare Pingora']):.2f}"] for count, cost in connections.items()]
    result = ["### Scale", "1 kB.", report.table(["", "CPU a request, µs", "÷ the first", "÷ bare Pingora"], rows)]
    variants = {f"{routes:,} routes": programs.hookward(f"{routes} routes", routes=routes) for routes in [1, 100, 1000]}
    result.append(variants_table(variants, 1_000, args))
    variants = {f"{secrets} secrets": programs.hookward(f"{secrets} secrets", secrets=secrets) for secrets in range(1, 6)}
    result.append(variants_table(variants, 16_000, args))
    return result


def large_bodies(programs):
    rows = []
    for secrets in (1, 5):
        program = programs.hookward(f"large {secrets}", secrets=secrets)
        for what, times in zip(("alone", "beside 1 MB bodies"), measure.beside_large_bodies(program)):
            rows.append([f"1 kB {what}, secrets: {secrets}", *(f"{time:.2f}" for time in times)])
    return ["### Small requests beside large ones", "One thread; 200 small requests a second, while eight connections send "
            "1 MB each without a pause.", report.table(["", "p50, ms", "p99, ms", "p99.9, ms"], rows)]


def counting_once(programs, args):
    """Replay protection, off and on."""
    redis = f'[replay]\nstore = "redis"\nurl = "redis://127.0.0.1:{programs.redis()}/0"'
    variants = {"off": programs.hookward("replay off"), "in memory": programs.hookward("replay memory", replay="[replay]"),
                "in Redis on loopback": programs.hookward("replay redis", replay=redis)}
    costs = measure.replay(variants, args.rounds, args.seconds)
    off = costs["off"]
    rows = [[name, report.micros(median(cost.cpu)), f"{cost.ratio(off):.2f}", f"{cost.more(off):+.1f}"]
            for name, cost in costs.items()]
    for row in rows:
        say(" ".join(row))
    return ["### Replay protection", "1 kB, no two requests alike; of Redis, hookward's own part.",
            report.table(["", "CPU a request, µs", "÷ off", "more, µs"], rows)]


def storing(programs, args):
    """The spool: what it costs a route whose app is well, and what it keeps."""
    variants = {"off": programs.hookward("spool off"), "on-failure, the app is well": programs.hookward("spool on failure", spool="on-failure")}
    costs = measure.costs(variants, lambda: [signed("hubspot", 1_000)], args.rounds, args.seconds)
    off = costs["off"]
    rows = [[name, report.micros(median(cost.cpu)), f"{cost.ratio(off):.2f}", f"{cost.more(off):+.1f}"]
            for name, cost in costs.items()]
    always = programs.hookward("spool always", spool="always")
    kept = measure.storing(always, programs.folder.name, max(1, args.rounds // 2), args.seconds)
    stored = [[f"{senders:,}", f"{rate:,.0f}", f"{rate / syncs:.1f}", report.micros(cpu)]
              for senders, (rate, cpu, syncs) in kept.items()]
    for row in rows + stored:
        say(" ".join(row))
    return ["### Stored events", "1 kB.", report.table(["", "CPU a request, µs", "÷ off", "more, µs"], rows),
            "With spool = \"always\", on the disk: stored and delivered. Beside it the same disk, which writes a kilobyte at a "
            "time and waits for it.",
            report.table(["senders", "events a second", "÷ one sync each", "CPU an event, µs"], stored)]


def variants_table(variants, size, args):
    costs = measure.costs(variants, lambda: [signed("hubspot", size)], args.rounds, args.seconds)
    first = next(iter(costs.values()))
    rows = [[name, report.micros(median(cost.cpu)), f"{cost.ratio(first):.2f}"] for name, cost in costs.items()]
    for row in rows:
        say(" ".join(row))
    return report.table([f"{size // 1000} kB", "CPU a request, µs", "÷ the first"], rows)


def memory(programs, args):
    rows = []
    for protocol, most in zip(PROTOCOLS, [9, 24, 48, 48]):
        program = programs.hookward(f"idle {protocol.replace('/', '')}", tls=True)
        kib = idle.connection_bytes(program, protocol) / 1024
        rows.append([f"an idle connection that had a request, {protocol}", f"{kib:.1f} KiB", f"≤ {most} KiB"])
    early, late, done = measure.memory_over_time(programs.hookward("long"), args.requests)
    rows += [["resident after 10,000 requests of mixed sizes", f"{early / 2**20:.1f} MiB", ""],
             [f"resident after {done:,}", f"{late / 2**20:.1f} MiB ({late / early:.2f})", "≤ 1.10"]]
    return ["### Memory", report.table(["", "measured", "wanted"], rows)]


if __name__ == "__main__":
    main()
