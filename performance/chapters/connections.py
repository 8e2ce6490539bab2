"""What a request costs over few connections and over many."""
import report
from loads import closed_loop, signed
from measure import median

MINUTES = 4.5
COUNTS = [1, 100, 5000]
# What it takes to make the connections is in both runs, and so not in their difference.
SHORT, LONG = 1, 4
ROUNDS = 3


def chapter(bench):
    everyone = bench.ours | {name: bench.peers[name] for name in ["nginx + Lua", "HAProxy", "bare Pingora"]}
    seen, rounds = {}, min(ROUNDS, bench.args.rounds)
    for _ in range(rounds):
        for count in COUNTS:
            for name, program in everyone.items():
                seen.setdefault((name, count), []).append(cpu_kept(program, count))
    rows, ratios = [], {}
    for name in everyone:
        ratios[name] = median(many / few for many, few in zip(seen[name, 5000], seen[name, 100]))
        rows.append([name, *(report.micros(median(seen[name, count])) for count in COUNTS), f"{ratios[name]:.2f}"])
    bench.targets.append(report.limit("CPU a request with 5,000 connections ÷ with 100", ratios["hookward"], 1.4))
    return ["### Many connections", "1 kB; CPU a request in µs on connections that are kept, medians of "
            f"{rounds} rounds. What it takes to make the connections is not in it.",
            report.table(["connections", *(f"{count:,}" for count in COUNTS), "5,000 ÷ 100"], report.said(rows))]


def cpu_kept(program, connections):
    """CPU microseconds a request without those for making the connections."""
    counts, spent = [], []
    for seconds in (SHORT, LONG):
        before = sum(program.cpu_seconds())
        counts.append(closed_loop(program, [signed("hubspot", 1_000)], seconds, connections)[0])
        spent.append(sum(program.cpu_seconds()) - before)
    return (spent[1] - spent[0]) / (counts[1] - counts[0]) * 1e6
