"""Two hookwards share a NATS, and either is killed at moments of chance, or the NATS is killed, stopped or paused, under
load, again and again, while their app flaps: every event that was answered 2xx is taken by the app.

    ROUNDS=200 python interop/spool_nats.py [PART...]
"""
import concurrent.futures
import os
import random
import sys
import time

from harness import Count
from nats_servers import Nats
from spool_app import FlappingApp
from spool_kit import Spooling, judge_log, wait_until
from spool_nats_facts import FACTS
from spool_nats_kit import shared
from spool_nats_pairs import PAIRS
from spool_senders import REFUSALS, Senders, judge

ROUNDS = int(os.environ.get("ROUNDS", "10"))
# How many events are to be answered 2xx in a round, at least: fewer would show nothing.
LEAST = 5
AWAY = 2
# How long it may take until the app has taken all, after the last was sent: what a hookward held that was killed comes after
# half a minute, what the app did not take when that came, a little later.
PATIENCE = 180


def kill_hookward(nats, hookwards):
    program = random.choice(hookwards)
    code = program.kill()
    time.sleep(random.uniform(0, 0.3))
    program.start()
    return code == -9


def kill_nats(nats, hookwards):
    nats.kill()
    time.sleep(random.uniform(0, 0.3))
    nats.start()
    return True


def stop_nats(nats, hookwards):
    nats.stop()
    time.sleep(AWAY)
    nats.start()
    return True


def pause_nats(nats, hookwards):
    nats.pause()
    time.sleep(AWAY)
    nats.go_on()
    return True


def kill_both(nats, hookwards):
    """The NATS, and a hookward that has not heard of it."""
    nats.kill()
    is_right = kill_hookward(nats, hookwards)
    nats.start()
    return is_right


# What happens, and how often, relative to the others. In ten rounds each happens.
FAULTS = {kill_hookward: 4, kill_nats: 3, stop_nats: 1, pause_nats: 1, kill_both: 1}


def order():
    """Faults without an end."""
    while True:
        chosen = [fault for fault, times in FAULTS.items() for _ in range(times)]
        random.shuffle(chosen)
        yield from chosen


def kills(rounds=ROUNDS):
    count, app, nats = Count(f"spool: NATS or its clients fail {rounds} times"), FlappingApp(), Nats().start()
    hookwards = [Spooling(app, spool=shared(nats)).serve() for _ in range(2)]
    wait_until("both to have their NATS", lambda: all(program.number("waiting") is not None for program in hookwards))
    app.flap()
    senders, began = [Senders(program.port, each=2) for program in hookwards], time.monotonic()
    for number, fault in zip(range(rounds), order()):
        # It may fall into a start, too.
        time.sleep(random.uniform(0.2, 0.8))
        count.check(fault(nats, hookwards), f"round {number}: it lived until it was killed")
        if number % 50 == 49:
            total = sum(len(each.sent) for each in senders)
            print(f"{count.title}: {number + 1}, {time.monotonic() - began:.0f} s, {total} sent", flush=True)
    wait_until("both to serve", lambda: all(program.number("waiting") is not None for program in hookwards))
    time.sleep(0.5)
    is_over = [each.end() for each in senders]
    count.check(all(is_over), "each sender has its answers")
    sent = [one for each in senders for one in each.sent]
    app.be_well()
    settle(count, nats, hookwards, sent, app, rounds)
    return [count]


def settle(count, nats, hookwards, sent, app, rounds):
    """Waits until the app has taken all that was stored, and judges."""
    stored, began = [one.request.body for one in sent if one.status == 202], time.monotonic()
    while not app.delivered.issuperset(stored) and time.monotonic() < began + PATIENCE:
        time.sleep(0.1)
    took = time.monotonic() - began
    for program in hookwards:
        dead = program.number("dead")
        count.check(dead == 0, "nothing is dead", dead)
        code = program.stop()
        count.check(code == 0, "it ends well", code)
        judge_log(count, program)
    # The server notes attempts a moment later, and one that is killed has forgotten some.
    found = judge(count, sent, app, counts_up=False)
    count.check(found["202"] + found["200"] > LEAST * rounds, "enough was answered", found)
    found["refused, and yet delivered"] = sum(one.status in REFUSALS and one.request.body in app.delivered for one in sent)
    # A server that is killed may have some again that were acknowledged, and delivers them to nobody.
    left = nats.payloads()
    waiting = [payload[-80:] for payload in left if not app.taken[payload.partition(b"\r\n\r\n")[2]]]
    count.check(not waiting, "left in the stream, and never taken", waiting[:5])
    found["left in the stream, and taken"] = len(left) - len(waiting)
    nats.stop()
    numbers = ", ".join(f"{what} {times}" for what, times in found.items())
    print(f"{count.title}: {numbers}; all taken {took:.1f} s after the last was sent", flush=True)


PARTS = {part.__name__: part for part in (kills, *FACTS, *PAIRS)}


def timed(name):
    began = time.monotonic()
    counts = PARTS[name]()
    print(f"spool_nats: {name}, {time.monotonic() - began:.0f} s", flush=True)
    return counts


def run(names=tuple(PARTS)):
    """The load has the machine for itself; the others do little but wait."""
    counts = timed("kills") if "kills" in names else []
    with concurrent.futures.ThreadPoolExecutor() as together:
        return counts + [count for found in together.map(timed, [name for name in names if name != "kills"]) for count in found]


if __name__ == "__main__":
    results = run(sys.argv[1:] or PARTS)
    for result in results:
        print(f"{result.title:44} {result.passed:5} passed, {result.failed} failed")
    sys.exit(any(result.failed or not result.passed for result in results))
