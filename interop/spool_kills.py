"""hookward is killed at moments of chance, under load, again and again, while its app flaps: every event that was answered
2xx is taken by the app.

    ROUNDS=1000 python interop/spool_kills.py
"""
import os
import random
import sys
import time

from harness import Count
from spool_app import FlappingApp
from spool_kit import Spooling, judge_database, judge_log, wait_until
from spool_senders import Senders, judge

ROUNDS = int(os.environ.get("ROUNDS", "15"))
# How many events are to be answered in a round, at least: fewer would show nothing.
LEAST = 5


def endure(count, rounds, app, program, after_kill=lambda: None, codes=(-9,)):
    """Kills it so often, and judges what has become of all events in the end. It may end by itself with these codes."""
    program.serve()
    app.flap()
    senders, began = Senders(program.port), time.monotonic()
    for number in range(rounds):
        # It may fall into the start, too.
        time.sleep(random.uniform(0.2, 0.6))
        code = program.kill()
        count.check(code in codes, f"round {number}: it lived until it was killed", code)
        after_kill()
        program.start()
        if number % 100 == 99:
            print(f"{count.title}: {number + 1}, {time.monotonic() - began:.0f} s, {len(senders.sent)} sent", flush=True)
    wait_until("it to serve", lambda: program.number("waiting") is not None)
    time.sleep(0.5)
    count.check(senders.end(), "each sender has its answers")
    app.be_well()
    took = program.drain(600)
    dead = program.number("dead")
    count.check(dead == 0, "nothing is dead", dead)
    code = program.stop()
    count.check(code == 0, "it ends well", code)
    found = judge(count, senders.sent, app)
    count.check(found["202"] + found["200"] > LEAST * rounds, "enough was answered", found)
    count.check(not program.events("spool_set_aside"), "no database is set aside", program.events("spool_set_aside")[:1])
    judge_log(count, program)
    judge_database(count, program)
    numbers = ", ".join(f"{what} {times}" for what, times in found.items())
    print(f"{count.title}: {numbers}; empty {took:.1f} s after the last", flush=True)


def run():
    count, app = Count(f"spool: killed {ROUNDS} times"), FlappingApp()
    endure(count, ROUNDS, app, Spooling(app))
    return [count]


if __name__ == "__main__":
    sys.exit(any(result.failed for result in run()))
