"""A spool in NATS: what operators do with it, its order, and how what waits is released, with two hookwards that share it."""
import os
import time

from harness import Count
from nats_servers import Nats
from spool_app import WELL, FlappingApp
from spool_kit import LIMIT, spooling, wait_until
from spool_nats_kit import attempts_of, command, listed, serving
from spool_senders import send

# How long the app is down.
OUTAGE = float(os.environ.get("OUTAGE", "20"))
UNKNOWN = "0" * 32


def stop(count, nats, *programs):
    for program in programs:
        code = program.stop()
        count.check(code == 0, "it ends well", code)
    nats.stop()


def states(program):
    return sorted((event["state"], event["route"], event["attempts"]) for event in listed(program))


def commands():
    """`hookward spool`, with the configuration of one, about what the other has stored."""
    count, app, nats = Count("spool, NATS: commands"), FlappingApp("422"), Nats().start()
    programs = first, second = [serving(app, nats) for _ in range(2)]
    failures = [event for program in programs for event in program.events("spool_failed")]
    count.check(not failures, "nothing has failed at the start", failures)
    stored = send(first.port, "/always", 4)
    count.check([one.status for one in stored] == [202] * 4, "they are stored", [one.status for one in stored])
    wait_until("dead letters", lambda: second.number("dead") == 4)
    count.check(states(second) == [("dead", "always", 1)] * 4, "list has them", states(second))
    errors = {event["last_error"] for event in listed(second)}
    count.check(errors == {"the app answered 422"}, "list says why", errors)
    ids = [event["id"] for event in listed(second)]
    count.check(sorted(ids) == sorted({delivery for delivery, _ in attempts_of(app)}), "their ids are those that the app got", ids)
    code, text = command(second, "spool", "show", ids[0])
    body = next(arrival.body for arrival in app.arrivals if arrival.delivery == ids[0])
    count.check(code == 0 and body.decode() in text, "show has the body", (code, text))
    app.be("500")
    for words in (("retry", ids[0]), ("retry", ids[1])):
        code, text = command(second, "spool", *words)
        count.check(code == 0, f"{words[0]} does it", (code, text))
        # It is tried once.
        wait_until("it to be dead again", lambda: states(second).count(("dead", "always", 2)) == ids.index(words[1]) + 1)
        app.be(WELL) if words[1] == ids[1] else None
    code, text = command(second, "spool", "drop", ids[3])
    count.check(code == 0 and len(listed(first)) == 3, "drop does it", (code, text, listed(first)))
    code, text = command(first, "spool", "retry", "--dead")
    count.check(code == 0, "retry --dead does it", (code, text))
    for program in programs:
        program.drain()
    wait_until("all to be delivered", lambda: len(app.delivered) == 3 and listed(second) == [])
    for words in (("show", UNKNOWN), ("retry", UNKNOWN), ("drop", UNKNOWN), ("drop", ids[0])):
        code, text = command(second, "spool", *words)
        count.check(code == 1, f"{words[0]}: there is no such event", (code, text))
    app.be("500")
    waiting = send(first.port, "/always")[0]
    wait_until("its pause of four seconds", lambda: len(attempts_of(app, waiting.request.body)) == 3)
    app.be(WELL)
    count.check(states(second)[0][:2] == ("waiting", "always"), "list has what waits", states(second))
    stop(count, nats, *programs)
    code, text = command(second, "spool", "list")
    count.check(code == 1 and "spool.url" in text, "list says that there is no NATS", (code, text))
    return [count]


def taken_first(app):
    """The bodies in the order in which they were first taken."""
    return list(app.taken)


def in_order():
    """One event after the other, whoever of the two stores and delivers, and whichever fails."""
    count, app, nats = Count("spool, NATS: in order"), FlappingApp(), Nats().start()
    routes = spooling(app, "always", "ordered", keys="spool_in_order = true")
    programs = [serving(app, nats, routes=routes) for _ in range(2)]
    app.flap()
    stored = []
    for number in range(120):
        stored += [one for one in send(programs[number % 2].port, "/ordered") if one.status == 202]
        if number in (30, 60, 90):
            program = programs[number // 30 % 2]
            program.kill()
            program.start()
            wait_until("it to serve", lambda program=program: program.number("waiting") is not None)
    app.be_well()
    began = time.monotonic()
    for program in programs:
        program.drain(240)
    took = time.monotonic() - began
    expected, found = [one.request.body for one in stored], taken_first(app)
    count.check(len(expected) > 100, "enough was stored", len(expected))
    count.check(found == expected, "they are taken as they were stored",
                [(want[:20], got[:20]) for want, got in zip(expected, found) if want != got][:3])
    twice = sum(times > 1 for times in app.taken.values())
    stop(count, nats, *programs)
    print(f"{count.title}: {len(found)}, {twice} of them twice; empty {took:.1f} s after the last", flush=True)
    return [count]


def released():
    """The first success after an outage has the rest delivered: many, and few of which each was tried often."""
    return [outage("many", 50), outage("few", 1)]


def outage(what, number):
    """So many are stored by each while the app is down, and then it answers one of the two."""
    count, app, nats = Count(f"spool, NATS: {what} released"), FlappingApp(), Nats().start()
    programs = [serving(app, nats) for _ in range(2)]
    app.be("500")
    stored = [one for program in programs for one in send(program.port, "/on-failure", number)]
    count.check({one.status for one in stored} == {202}, "they are stored", {one.status for one in stored})
    time.sleep(OUTAGE)
    tried = len(attempts_of(app))
    app.be(WELL)
    began = time.monotonic()
    count.check(send(programs[0].port, "/on-failure")[0].status == 200, "the app is there again")
    times = []
    for share in (1, len(stored) // 2, len(stored)):
        wait_until("what waits to be delivered", lambda share=share: len(app.delivered) >= share, LIMIT + 2 * OUTAGE)
        times.append(time.monotonic() - began)
    # Pauses are longer than that by then: the other has heard that the app is there again.
    count.check(times[-1] < OUTAGE / 2, "none waits for its own pause", times)
    stop(count, nats, *programs)
    shown = ", ".join(f"{took:.1f}" for took in times)
    print(f"{count.title}: down for {OUTAGE:.0f} s, {tried} attempts meanwhile; the first, half, and all of {len(stored)} after {shown} s",
          flush=True)
    return count


PAIRS = (commands, in_order, released)
