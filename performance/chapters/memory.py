"""Memory: of an idle connection, and of the process after many requests."""
import idle
import measure
import report
from protocols import PROTOCOLS

MINUTES = 2


def chapter(bench):
    rows = []
    for protocol, most in zip(PROTOCOLS, [9, 24, 48, 48]):
        program = bench.programs.hookward(f"idle {protocol.replace('/', '')}", tls=True)
        kib = idle.connection_bytes(program, protocol) / 1024
        rows.append([f"an idle connection that had a request, {protocol}", f"{kib:.1f} KiB", f"≤ {most} KiB"])
    early, late, done = measure.memory_over_time(bench.programs.hookward("long"), bench.args.requests)
    rows += [["resident after 10,000 requests of mixed sizes", f"{early / 2**20:.1f} MiB", ""],
             [f"resident after {done:,}", f"{late / 2**20:.1f} MiB ({late / early:.2f})", "≤ 1.10"]]
    return ["### Memory", report.table(["", "measured", "wanted"], rows)]
