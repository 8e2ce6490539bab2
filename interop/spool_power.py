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
from spool_app import WELL, FlappingApp
from spool_kills import endure
from spool_kit import Spooling, judge_database
from spool_plug import Plug
from spool_senders import judge, send

ROUNDS = int(os.environ.get("ROUNDS", "10"))


def fail(title, faults=0):
    count, app = Count(f"spool: {title}, {ROUNDS} times"), FlappingApp()
    program = Spooling(app)
    plug, unsynced = Plug(program.directory, faults), []
    program.env = plug.env

    def after_kill():
        # What a disk has lost the system still shows, as long as there is power.
        if not faults or random.random() < 0.5:
            unsynced.append(plug.pull(random.choice((0, 0, 0.1, 0.5, 0.9))))

    # Where the disk fails, a start may, too.
    endure(count, ROUNDS, app, program, after_kill, (-9, 1) if faults else (-9,))
    torn = [size for size in unsynced if size]
    broken = program.events("spool_failed")
    if faults:
        count.check(broken, "the log tells of the disk")
    else:
        count.check(torn, "there was something to lose")
    print(f"{count.title}: {len(torn)} times with {sum(torn) >> 10} KiB in all on the way to the disk, {len(broken)} times in the log",
          flush=True)
    return count


def after_a_restart():
    """The disk fails to confirm an event, the system still shows what it has lost, and hookward is killed and started again:
    what is stored then does not go with it."""
    count, app = Count("spool: the disk fails, and then the power"), FlappingApp("gone")
    app.be("gone")
    program = Spooling(app)
    plug = Plug(program.directory)

    def store(number, faults):
        program.env = {**plug.env, "PLUG_FAULTS": str(faults)}
        program.serve()
        sent = send(program.port, "/always", number, 3_000)
        program.kill()
        return sent

    before, failed, after = store(5, 0), store(1, 1000), store(5, 0)
    statuses = [one.status for one in before + failed + after]
    count.check(statuses == [202] * 5 + [503] + [202] * 5, "what the disk does not confirm is not stored", statuses)
    plug.pull()
    program.serve()
    app.be(WELL)
    program.drain()
    judge(count, before + after + failed, app)
    count.check(program.stop() == 0, "it ends well")
    judge_database(count, program)
    return count


def run():
    return [fail("the power fails"), fail("the power and the disk fail", faults=60), after_a_restart()]


if __name__ == "__main__":
    sys.exit(any(result.failed for result in run()))
