"""The power fails at moments of chance, under load, again and again: what was answered 202 before is delivered after it.

hookward is killed, and its files are put back to what it had brought to the disk by then (`plug.c`): alone, or with some
of what it had written since, so that the last writes are torn. Then the same with a disk that also fails to confirm now
and then, and has lost what it was to confirm. All else is as in `spool_kills`.

    ROUNDS=100 python interop/spool_power.py
"""
import os
import random
import sys

from harness import Count
from spool_app import FlappingApp
from spool_kills import endure
from spool_kit import Spooling
from spool_plug import Plug

ROUNDS = int(os.environ.get("ROUNDS", "10"))


def fail(title, faults=0):
    count, app = Count(f"spool: {title}, {ROUNDS} times"), FlappingApp()
    program = Spooling(app)
    plug, unsynced = Plug(program.directory, faults), []
    program.env = plug.env
    endure(count, ROUNDS, app, program, lambda: unsynced.append(plug.pull(random.choice((0, 0, 0.1, 0.5, 0.9)))))
    torn = [size for size in unsynced if size]
    count.check(torn, "there was something to lose")
    broken = program.events("spool_failed")
    count.check(bool(broken) == bool(faults), "the log tells of a disk that fails, and of none that does not", broken[:2])
    print(f"{count.title}: {len(torn)} times with {sum(torn) >> 10} KiB in all on the way to the disk, {len(broken)} times in the log",
          flush=True)
    return count


def run():
    return [fail("the power fails"), fail("the power and the disk fail", faults=30)]


if __name__ == "__main__":
    sys.exit(any(result.failed for result in run()))
