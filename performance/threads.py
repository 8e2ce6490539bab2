"""One worker thread and two: what hookward and its peers do with them, and how often hookward waits for a lock."""
import os
import re
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack

import report
from loads import closed_loop, signed
from measure import SIZES, costs, median, say
from programs import HOOKWARD, Programs

OURS, PEERS = "hookward", ["nginx + Lua", "HAProxy"]
LABELS = ["1 kB", "100 kB"]
WORKERS = [1, 2]
CALL = re.compile(r"(\d+) +futex\((0x[0-9a-f]+), FUTEX_(WAIT|WAKE)")


def threads(programs, args):
    """The chapter, as parts of Markdown. Programs of both sizes are measured in the same rounds."""
    with ExitStack() as stack:
        everyone, traced = {}, {}
        for workers in WORKERS:
            own = stack.enter_context(Programs(workers))
            # One app for all.
            own.ports["APP"] = programs.ports["APP"]
            peers = own.peers()
            everyone[OURS, workers] = own.hookward(threads=workers)
            traced[workers] = Traced(own, workers)
            stack.callback(traced[workers].end)
            everyone |= {(name, workers): peers[name] for name in PEERS}
        measured, waits = {}, []
        for label in LABELS:
            load = lambda: [signed("hubspot", SIZES[label])]
            measured[label] = costs(everyone, load, args.rounds, args.seconds)
            for (name, workers), cost in measured[label].items():
                say(f"{label:>6} {name}, {workers}: {median(cost.cpu):8.1f} us  {median(cost.rate):8.0f}/s")
            for workers in WORKERS:
                count, calls, locks = traced[workers].calls(SIZES[label], args.seconds)
                waits.append([f"{label}, {workers}", f"{count:,}", f"{calls / count:.3f}", f"{locks:,}"])
                say(" ".join(waits[-1]))
    return ["### Worker threads",
            f"HTTP/1, 32 connections. The load and the app are on the same {os.cpu_count()} cores and take their share of "
            "them: what a second thread adds to the rate is less than it would be on a machine of its own. In brackets: "
            "÷ the same program with one.", threads_table(measured),
            "How often hookward's threads wait for one another. A thread without work waits at an address of its own, and "
            "is woken there; whatever else it waits at is a lock.",
            report.table(["body, threads", "requests", "futex calls a request", "waits for a lock"], waits)]


def threads_table(measured):
    rows = []
    for label, by_program in measured.items():
        for name in [OURS, *PEERS]:
            one = by_program[name, WORKERS[0]]
            for workers in WORKERS:
                cost = by_program[name, workers]
                cells = [f"{report.micros(median(cost.cpu))} ({cost.ratio(one):.2f})",
                         f"{median(cost.rate):,.0f} ({median(cost.rate) / median(one.rate):.2f})"]
                rows.append([label, f"**{name}**" if name == OURS else name, workers, *cells])
    return report.table(["body", "program", "threads", "CPU a request, µs", "requests a second"], rows)


class Traced:
    """hookward with every futex call in a file, a line each. Nothing else that it does is slowed down by that."""

    def __init__(self, programs, workers):
        self.log = programs.path("futex")
        command = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=futex", "-e", "signal=none", "-o", self.log]
        self.program = programs.hookward("traced", threads=workers, command=[*command, HOOKWARD])

    def end(self):
        """Ends hookward before its tracer: once that is gone its futex calls fail, and it spins for ever."""
        tracer = self.program.process
        with open(f"/proc/{tracer.pid}/task/{tracer.pid}/children", encoding="ascii") as file:
            [traced] = map(int, file.read().split())
        os.kill(traced, signal.SIGTERM)
        try:
            tracer.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.kill(traced, signal.SIGKILL)
            tracer.wait(timeout=10)

    def calls(self, size, seconds):
        """Requests, and meanwhile: futex calls of all threads, and those that wait for a lock."""
        begin = os.path.getsize(self.log)
        count, _ = closed_loop(self.program, [signed("hubspot", size)], seconds, 32)
        with open(self.log, encoding="ascii") as file:
            file.seek(begin)
            # A call that another one interrupts has a second line, where it goes on.
            calls = [match.groups() for line in file if (match := CALL.match(line))]
        waits = Counter((thread, address) for thread, address, what in calls if what == "WAIT")
        return count, len(calls), sum(waits.values()) - waits_for_work(waits)


def waits_for_work(waits):
    """Of {(thread, address): times}: how often threads waited for work, which each does at an address of its own. What
    else it waits at is a lock."""
    total = 0
    for thread in {thread for thread, _ in waits}:
        times, address = max((times, address) for (other, address), times in waits.items() if other == thread)
        is_its_own = not any(address == also and other != thread for other, also in waits)
        total += times if is_its_own else 0
    return total
