"""Small requests beside large ones: how long the small wait, and what the large get through meanwhile."""
import os
import threading
import time

import plot
import report
from loads import closed_loop, raw, signed, steady
from measure import median
from programs import ROOT

MINUTES = 4
ROUNDS, SECONDS, RATE = 5, 3, 200
# What sends without a pause: connections, and bytes of a body.
EIGHT, MANY = "eight of 1 MB", "64 of 100 kB"
LARGE = {EIGHT: (8, 1_000_000), MANY: (64, 100_000)}
ALONE = "alone"


def chapter(bench):
    everyone = bench.ours | {name: bench.peers[name] for name in ["nginx + Lua", "HAProxy"]}
    five = {f"{name}, five secrets": bench.started(name, f"{name} five", secrets=5) for name in bench.ours}
    seen, rounds = {}, min(ROUNDS, bench.args.rounds)
    for _ in range(rounds):
        for what in [ALONE, *LARGE]:
            for name, program in (everyone | (five if what != MANY else {})).items():
                seen.setdefault((what, name), []).append(one(program, LARGE.get(what)))
                report.say(f"1 kB {what:14} {name:24} " + " ".join(f"{value:9.2f}" for value in seen[what, name][-1]))
    found = {key: [median(column) for column in zip(*times)] for key, times in seen.items()}
    p50, p99 = found[EIGHT, "hookward"][:2]
    bench.targets += [report.limit("1 kB beside eight endless 1 MB senders, p50, ms", p50, 2),
                      report.limit("1 kB beside eight endless 1 MB senders, p99, ms", p99, 5)]
    if bench.before:
        bench.targets += [report.least(f"what the large ones get through, {what}: hookward ÷ before",
                                       kept(seen, what), 0.9) for what in LARGE]
    if bench.writes:
        panels = {what: {name: found[what, name][:3] for name in everyone} for what in [ALONE, *LARGE]}
        plot.times(panels, "1 kB requests beside large ones", os.path.join(ROOT, "docs/performance-beside.svg"))
    return ["### Small requests beside large ones",
            f"One thread; {RATE} requests of 1 kB a second, while others send larger ones without a pause. "
            f"Medians of {rounds} rounds of {SECONDS} s. The last two columns are of the large ones; the CPU time of the "
            "small is in it.", report.table(
                ["beside", "program", "p50, ms", "p99, ms", "p99.9, ms", "large requests a second", "CPU a large request, µs"],
                [[what, name, *(f"{time:.2f}" for time in times[:3]), *map(report.micros, times[3:]),
                  *([""] * (5 - len(times)))] for (what, name), times in found.items()]),
            "![Times of small requests beside large ones](performance-beside.svg)"]


def one(program, large):
    """p50, p99 and p99.9 of the small in milliseconds; then requests a second of the large, and CPU microseconds each."""
    small = raw("hubspot", 1_000)
    if not large:
        return steady(program, small, RATE, SECONDS).millis
    connections, size = large
    counted = []

    def load():
        before = sum(program.cpu_seconds())
        count, rate = closed_loop(program, [signed("hubspot", size)], SECONDS + 1, connections)
        counted.extend([rate, (sum(program.cpu_seconds()) - before) / count * 1e6])

    thread = threading.Thread(target=load)
    thread.start()
    # The large are at full speed when the small begin, and still are when they end.
    time.sleep(0.4)
    times = steady(program, small, RATE, SECONDS).millis
    thread.join()
    if not counted:
        raise SystemExit("the load of large requests failed")
    return [*times, *counted]


def kept(seen, what):
    """The large ones' throughput of this hookward ÷ that of the other: the median of the rounds' ratios."""
    return median(ours[3] / theirs[3] for ours, theirs in zip(seen[what, "hookward"], seen[what, "before"]))
