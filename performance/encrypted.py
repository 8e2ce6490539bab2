"""TLS and HTTP/2: hookward beside the peers that verify over the same protocol, with the same certificate."""
import arrival
import report
from encrypted_loads import CONNECTIONS, HOST, STREAMS, handshakes, keep_alive, multiplexed, negotiated
from loads import signed
from measure import SIZES, Cost, median, say

OURS, PEERS = "hookward", ["nginx + Lua", "HAProxy"]
MOST = 0.90
# Requests of a load over HTTP/2 for each second, which are about a second of CPU time. It ends with the last answer:
# nothing is done for requests that are not counted.
COUNTS = {"1 kB": 40_000, "16 kB": 30_000, "100 kB": 8_000, "1 MB": 640}
FULL, RESUMED = "full", "resumed"


def encrypted(programs, peers, args):
    """The chapter, as parts of Markdown, and the rows of its table of targets."""
    everyone = {OURS: programs.hookward("encrypted", tls=True)} | {name: peers[name] for name in PEERS}
    unfit = arrival.unfit(SIZES, everyone)
    for what, trouble in unfit.items():
        say(f"{' '.join(what)}: {trouble}")
    alike = {negotiated(program) for program in everyone.values()}
    if len(alike) != 1:
        raise SystemExit(f"the programs do not negotiate the same: {alike}")

    def fit(protocol, label):
        return {name: program for name, program in everyone.items() if (name, protocol, label) not in unfit}

    measured = {}
    for protocol, (is_tls, is_http2) in arrival.PROTOCOLS.items():
        measured[protocol] = {}
        for label, size in SIZES.items():
            load = streams(label, size, is_tls, args.seconds) if is_http2 else kept(size, args.seconds)
            measured[protocol][label] = in_turn(fit(protocol, label), load, args.rounds, f"{protocol} {label}")
    shaken = {kind: in_turn(everyone, new(kind, args.seconds), args.rounds, f"handshake, {kind}")
              for kind in (FULL, RESUMED)}
    rows = targets(measured, shaken)
    return [*words(alike.pop()), "#### Targets", report.targets_table(rows), "#### Requests on kept connections",
            "CPU a request, µs; in brackets: hookward ÷ it.", requests_table(measured),
            *(f"Left out: {name} over {protocol} with {label}: {trouble}."
              for (name, protocol, label), trouble in unfit.items()),
            "#### Handshakes", "Connections with one request of 1 kB each; in brackets: hookward ÷ it.",
            handshakes_table(shaken)], rows


def kept(size, seconds):
    return lambda program: keep_alive(program, signed("hubspot", size), seconds)


def streams(label, size, is_tls, seconds):
    count = COUNTS[label] * seconds

    def load(program):
        good, _, rate = multiplexed(program, signed("hubspot", size), count, is_tls)
        if good != count:
            raise SystemExit(f"{program.name}: {good} of {count} requests of {label} were answered with 2xx")
        return good, rate
    return load


def new(kind, seconds):
    return lambda program: handshakes(program, seconds, resumed=kind == RESUMED)


def in_turn(programs, load, rounds, what):
    """The cost of each program under a load that returns how much it did, and a second: {program: Cost}."""
    seen = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            user, system = program.cpu_seconds()
            count, rate = load(program)
            user_after, system_after = program.cpu_seconds()
            user, system = user_after - user, system_after - system
            seen[name].append(((user + system) / count * 1e6, user / count * 1e6, rate))
    costs = {name: Cost(rounds, programs[name].resident_bytes()) for name, rounds in seen.items()}
    for name, cost in costs.items():
        say(f"{what:28} {name:12} {median(cost.cpu):8.1f} us  {median(cost.rate):8.0f}/s")
    return costs


def words(connection):
    version, suite, exchange, signature = connection
    return ["### TLS and HTTP/2",
            f"HubSpot v3, good requests. All have the same certificate, for {HOST}, and negotiate {version} with {suite}, "
            f"{exchange} and {signature}. HTTP/1: 32 connections; HTTP/2: {CONNECTIONS} connections of {STREAMS} streams. "
            "Before, each forwarded 64 requests of every size whole over every protocol, and refused as many forged ones."]


def best(costs):
    """The name of the peer that takes least."""
    return min((name for name in costs if name != OURS), key=lambda name: median(costs[name].cpu), default=None)


def targets(measured, shaken):
    rows = [target(f"{protocol}, {label}", costs) for protocol, sizes in measured.items() for label, costs in sizes.items()]
    return rows + [target(f"TLS handshake, {kind}", costs) for kind, costs in shaken.items()]


def target(what, costs):
    peer = best(costs)
    if OURS not in costs or peer is None:
        return [what, "no program to compare", f"≤ {MOST:.2f}", "**no**"]
    return report.limit(f"{what}: hookward ÷ {peer}, the best verifying peer", costs[OURS].ratio(costs[peer]), MOST)


def beside(costs, name):
    if name not in costs:
        return "left out"
    ratio = f" ({costs[OURS].ratio(costs[name]):.2f})" if OURS in costs else ""
    return report.micros(median(costs[name].cpu)) + ratio


def requests_table(measured):
    rows = [[protocol if name == OURS else "", f"**{name}**" if name == OURS else name,
             *(beside(sizes[label], name) for label in SIZES)]
            for protocol, sizes in measured.items() for name in [OURS, *PEERS]]
    return report.table(["protocol", "program", *SIZES], rows)


def handshakes_table(shaken):
    rows = []
    for kind, costs in shaken.items():
        ours = costs[OURS]
        for name, cost in costs.items():
            rate = f"{median(cost.rate):,.0f} ({median(ours.rate) / median(cost.rate):.2f})"
            rows.append([kind if name == OURS else "", f"**{name}**" if name == OURS else name, beside(costs, name), rate])
    return report.table(["handshake", "program", "CPU a connection, µs", "connections a second"], rows)
