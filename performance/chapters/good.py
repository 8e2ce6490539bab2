"""Good requests of every size, as fast as they are answered: beside the peers, and what else a request may be."""
import os

import measure
import plot
import report
from loads import signed
from measure import SIZES, median
from programs import ROOT, HashAlone

MINUTES = 8.5


def chapter(bench):
    length = bench.args.rounds, bench.args.seconds
    everyone = bench.ours | bench.peers
    hubspot = measure.by_size(everyone, *length, hash_alone=HashAlone())
    bench.capacity = hubspot
    bench.targets += report.cost_targets(hubspot)
    if bench.before:
        bench.targets += [report.compared(f"{label}: hookward ÷ before", cost["hookward"].ratio(cost["before"]))
                          for label, cost in hubspot.items()]
    if bench.writes:
        plot.lines(hubspot, os.path.join(ROOT, "docs/performance.svg"))
    return ["### HubSpot v3, good requests", "In brackets: hookward ÷ it.", report.main_table(hubspot, everyone),
            "![CPU time a request against body size](performance.svg)",
            "### Other requests", others(bench, everyone, hubspot, length), *settings(bench)]


def others(bench, everyone, hubspot, length):
    programs, ours = bench.programs, everyone["hookward"]
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

    return report.cost_table("CPU a request, µs", [
        ("SHA-256 alone (÷ hookward, HubSpot v3)", of(hubspot, HashAlone.name), of(hubspot, "hookward")),
        ("Twenty: hookward (÷ nginx + Lua)", of(twenty, "hookward"), of(twenty, "nginx + Lua")),
        ("Twenty: hookward (÷ bare Pingora)", of(twenty, "hookward"), of(twenty, "bare Pingora")),
        ("forged signature: hookward (÷ nginx + Lua)", of(forged, "hookward"), of(forged, "nginx + Lua")),
        ("forged signature: hookward (÷ its good request)", of(forged, "hookward"), of(hubspot, "hookward")),
        ("expired: hookward (÷ its good request)", of(expired, "hookward"), of(hubspot, "hookward")),
        ("five secrets: hookward (÷ one secret)", of(five, "five"), of(five, "one")),
        ("app on a Unix socket: hookward (÷ on TCP)", of(unix, "unix"), of(unix, "tcp")),
    ])


def settings(bench):
    """How the cost grows with routes and with secrets."""
    routes = {f"{count:,} routes": bench.programs.hookward(f"{count} routes", routes=count) for count in [1, 100, 1000]}
    secrets = {f"{count} secrets": bench.programs.hookward(f"{count} secrets", secrets=count) for count in range(1, 6)}
    return ["### Routes and secrets", grown(routes, 1_000, bench.args), grown(secrets, 16_000, bench.args)]


def grown(variants, size, args):
    costs = measure.costs(variants, lambda: [signed("hubspot", size)], args.rounds, args.seconds)
    first = next(iter(costs.values()))
    rows = [[name, report.micros(median(cost.cpu)), f"{cost.ratio(first):.2f}"] for name, cost in costs.items()]
    return report.table([f"{size // 1000} kB", "CPU a request, µs", "÷ the first"], report.said(rows))
