"""Times at half of what the slowest can do, for one thread and for two."""
import os

import measure
import plot
import report
from loads import raw, steady
from measure import SIZES, median
from programs import ROOT, Programs

MINUTES = 10
SECONDS = 2
VERIFYING = report.VERIFYING
TWO = ["nginx + Lua", "HAProxy"]
APP = "the app alone"


def chapter(bench):
    one = bench.ours | {name: bench.peers[name] for name in [*VERIFYING, "bare Pingora"]} | {APP: bench.app}
    rates = half(bench.capacity or measure.by_size(without_app(one), 1, 1), without_app(one))
    parts = ["### Times at half load",
             f"{bench.args.rounds} rounds of {SECONDS} s, each program in turn, at half of what the slowest can do with one "
             "thread; medians. A time begins when the request is sent and ends when the system received the answer; by "
             "how much the load was late in sending is told beside it. What the app alone takes is the floor. "
             "In brackets: hookward ÷ it."]
    found = {1: in_turn(one, rates, bench.args.rounds)}
    with Programs(2) as programs:
        programs.ports["APP"] = bench.programs.ports["APP"]
        peers = programs.peers()
        two = {name: bench.started(name, f"{name} two", programs=programs, threads=2) for name in bench.ours}
        found[2] = in_turn(two | {name: peers[name] for name in TWO}, rates, bench.args.rounds)
    for threads, by_size in found.items():
        label = "one thread" if threads == 1 else "two threads"
        bench.targets += targets(by_size, label)
        parts.append(times_table(by_size, rates, label))
        if threads == 1:
            parts.append("![Times at half load, by program](performance-tail.svg)")
    if bench.writes:
        panels = {f"{size}, {rates[size]:,.0f}/s": {name: times[:3] for name, times in by_program.items() if name != APP}
                  for size, by_program in found[1].items()}
        plot.times(panels, "Times at half load, one thread", os.path.join(ROOT, "docs/performance-tail.svg"))
    return parts


def without_app(programs):
    return {name: program for name, program in programs.items() if name != APP}


def half(capacity, programs):
    return {label: min(median(capacity[label][name].rate) for name in programs) / 2 for label in SIZES}


def in_turn(programs, rates, rounds):
    """{size: {program: [p50, p99, p99.9, lateness at p99.9]}} in milliseconds, medians over the rounds."""
    result = {}
    for label, size in SIZES.items():
        seen = {name: [] for name in programs}
        for _ in range(rounds):
            for name, program in programs.items():
                times = steady(program, raw("hubspot", size), rates[label], SECONDS)
                seen[name].append([*times.millis, times.late_millis[2]])
        result[label] = {name: [median(column) for column in zip(*times)] for name, times in seen.items()}
        for name, times in result[label].items():
            report.say(f"steady {label:>6} {name:22} " + " ".join(f"{time:7.2f}" for time in times))
    return result


def targets(by_size, label):
    rows = []
    for size in ["1 kB", "16 kB", "100 kB"]:
        times = by_size[size]
        for place, quantile in ((1, "p99"), (2, "p99.9")):
            name = min((name for name in VERIFYING if name in times), key=lambda name: times[name][place])
            ratio = times["hookward"][place] / times[name][place]
            rows.append(report.limit(f"{size} at half load, {label}, {quantile}: hookward ÷ {name}, the best verifying peer",
                                     ratio, 1))
    return rows


def times_table(by_size, rates, label):
    rows = []
    for size, by_program in by_size.items():
        ours = by_program["hookward"]
        for name, times in by_program.items():
            cells = [f"{time:.2f} ({our / time:.2f})" for our, time in zip(ours, times[:3])]
            is_first = name == "hookward"
            rows.append([f"{size}, {rates[size]:,.0f}/s" if is_first else "", f"**{name}**" if is_first else name, *cells,
                         f"{times[3]:.2f}"])
    return report.table([f"body, {label}", "program", "p50, ms", "p99, ms", "p99.9, ms", "the load late at p99.9, ms"], rows)
