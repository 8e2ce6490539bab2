"""What costs a request more once it is switched on, and what the spool keeps."""
import measure
import report
from loads import signed
from measure import median

MINUTES = 3.5
COLUMNS = ["switched on", "CPU a request, µs", "÷ off", "more, µs"]


def chapter(bench):
    programs, args = bench.programs, bench.args
    start = programs.hookward
    redis = f'[replay]\nstore = "redis"\nurl = "redis://127.0.0.1:{programs.redis()}/0"'
    once = {"off": start("replay off"), "replay, in memory": start("replay memory", replay="[replay]"),
            "replay, in Redis on loopback": start("replay redis", replay=redis)}
    unique = measure.replay(once, args.rounds, args.seconds)
    always = start("spool always", spool="always")
    good = {"off": start("plain"), "spool on-failure, the app is well": start("spool on failure", spool="on-failure"),
            "spool always": always, "access log": start("access log", route="access_log = true")}
    plain = measure.costs(good, lambda: [signed("hubspot", 1_000)], args.rounds, args.seconds)
    failed = {"off": start("diagnosis off"), "diagnose": start("diagnosis on", route="diagnose = true")}
    refused = measure.costs(failed, lambda: [signed("hubspot", 1_000, "forged")], args.rounds, args.seconds, refused=True)
    rows = []
    for kind, costs in (("no two alike", unique), ("good", plain), ("forged", refused)):
        rows += [[f"{kind}: {name}", report.micros(median(cost.cpu)), f"{cost.ratio(costs['off']):.2f}",
                  f"{cost.more(costs['off']):+.1f}"] for name, cost in costs.items()]
    kept = measure.storing(always, programs.folder.name, max(1, args.rounds // 2), args.seconds)
    stored = [[f"{senders:,}", f"{rate:,.0f}", f"{rate / syncs:.1f}", report.micros(cpu)]
              for senders, (rate, cpu, syncs) in kept.items()]
    return ["### What is switched on", "1 kB, 32 connections; of Redis, hookward's own part; of what is stored, the delivery "
            "too. A diagnosis is made at most ten times a minute, however many requests are refused: what is measured is "
            "the refusal. The counters of the status page cannot be switched off and are in every figure of this page.",
            report.table(COLUMNS, report.said(rows)),
            "### Stored events", "With spool = \"always\", on the disk: stored and delivered. Beside it the same disk, which "
            "writes a kilobyte at a time and waits for it.",
            report.table(["senders", "events a second", "÷ one sync each", "CPU an event, µs"], report.said(stored))]
