#!/usr/bin/env python3
"""Measures hookward beside what else one could put there, and writes docs/performance.md, chapter by chapter."""
import argparse
import os
from functools import partial

import encrypted
import report
import threads
from chapters import beside, connections, good, memory, switched, tail
from programs import HOOKWARD, Programs


def encrypted_chapter(bench):
    parts, bench.tls_targets = encrypted.encrypted(bench.programs, bench.peers, bench.args)
    return parts


# With the minutes that each takes with seven rounds of a second.
CHAPTERS = {
    "good": (good.chapter, good.MINUTES),
    "tail": (tail.chapter, tail.MINUTES),
    "beside": (beside.chapter, beside.MINUTES),
    "encrypted": (encrypted_chapter, 4),
    "threads": (lambda bench: threads.threads(bench.programs, bench.args), 2.5),
    "switched": (switched.chapter, switched.MINUTES),
    "memory": (memory.chapter, memory.MINUTES),
    # The last: HAProxy does not get over thousands of connections that each had a buffer for the largest body.
    "connections": (connections.chapter, connections.MINUTES),
}


class Bench:
    """What the chapters share: the programs, what they found out for one another, and the targets."""

    def __init__(self, programs, args):
        self.programs, self.args = programs, args
        self.app, self.peers = programs.app(), programs.peers()
        self.before = args.before and os.path.abspath(args.before)
        self.ours = {name: self.started(name, name) for name in ["hookward", *(["before"] if self.before else [])]}
        # Whether this run writes the document, and its plots.
        self.writes = not (args.dry or args.only or args.busy)
        # {size: {program: Cost}}, once it is measured.
        self.capacity = None
        # Rows of the table of targets.
        self.targets = []
        # Those of TLS and HTTP/2, which stand in their chapter.
        self.tls_targets = []

    def started(self, name, label, programs=None, **options):
        """One more of hookward or of the hookward before."""
        command = [self.before if name == "before" else HOOKWARD]
        return (programs or self.programs).hookward(label, command=command, **options)


def main():
    times = ", ".join(f"{name} {minutes:g}" for name, (_, minutes) in CHAPTERS.items())
    total = sum(minutes for _, minutes in CHAPTERS.values())
    arguments = argparse.ArgumentParser(
        description=__doc__, epilog=f"The whole takes about {total:.0f} minutes with seven rounds. Minutes by chapter: {times}.")
    whole = partial(arguments.add_argument, type=int)
    whole("--rounds", default=7, help="how often each program has its turn (7)")
    whole("--seconds", default=1, help="how long a turn is (1)")
    whole("--requests", default=1_000_000, help="how many requests the chapter on memory sends (1,000,000)")
    arguments.add_argument("--only", nargs="+", choices=CHAPTERS, metavar="NAME", help="these chapters alone, printed and not written")
    arguments.add_argument("--before", metavar="PROGRAM", help="another hookward, measured in the same rounds as \"before\"")
    arguments.add_argument("--busy", metavar="WORDS", help="what else the machine does meanwhile: of this run the document gets "
                           "the targets alone, with these words")
    arguments.add_argument("--dry", action="store_true", help="print, and leave the document as it is")
    args = arguments.parse_args()
    if args.before and not (args.dry or args.only):
        arguments.error("--before compares two of hookward: with --dry or --only, which leave the document as it is")
    with Programs() as programs:
        bench = Bench(programs, args)
        chapters = []
        for name in args.only or CHAPTERS:
            parts = CHAPTERS[name][0](bench)
            # What was measured is there to be read, even if a later chapter fails.
            report.say("\n" + "\n\n".join(part.strip() for part in parts) + "\n")
            chapters += parts
    rounds = f"{args.rounds} round{'' if args.rounds == 1 else 's'} of {args.seconds} s"
    text = [report.machine(), f"{rounds}, each program in turn, 32 connections; medians. "
            "A chapter that differs says so."]
    if bench.targets:
        text += ["### Targets", report.targets_table(bench.targets)]
    text = "\n\n".join(part.strip() for part in text + chapters)
    print("\n" + text)
    if args.busy:
        targets = report.targets_table(bench.targets + bench.tls_targets)
        text = f"{report.machine()}\n\n{rounds}. Meanwhile: {args.busy}.\n\n{targets}"
        print("\n" + text)
        if not (args.dry or args.only):
            report.put("busy", text)
    if bench.writes:
        report.put("measurements", text)


if __name__ == "__main__":
    main()
