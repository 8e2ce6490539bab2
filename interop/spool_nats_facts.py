"""A spool in NATS: what holds for two hookwards that share it, and while it is not there."""
import time

from certificates import Authority
from harness import Count
from nats_servers import Nats
from repeats import SECRET
from spool_app import WELL, FlappingApp
from spool_kit import Spooling, judge_log, spooling, wait_until
from spool_nats_kit import attempts_of, command, connected, listed, serving, shared
from spool_senders import send

# How long NATS waits for a word of whoever holds an event.
ACK_WAIT = 30
USER = "hookward"
PASSWORD = "the-password-that-no-log-shows"


def statuses(program, target, number=1, padding=0):
    return [one.status for one in send(program.port, target, number, padding)]


def ended(count, *programs):
    for program in programs:
        code = program.stop()
        count.check(code == 0, "it ends well", code)
        judge_log(count, program)


def taken_over():
    """What a hookward holds that is killed, or stopped, the other delivers, and it is the same event there."""
    killed = Count("spool, NATS: taken over from one that is killed")
    stopped = Count("spool, NATS: taken over from one that stops")
    # One that is killed says nothing, and NATS waits for a word of it. One that stops gives back what it has.
    take_over(killed, Spooling.kill, ACK_WAIT / 2, ACK_WAIT + 5)
    take_over(stopped, Spooling.stop, 0, ACK_WAIT / 2)
    return [killed, stopped]


def take_over(count, end, least, most):
    app, nats = FlappingApp("500"), Nats().start()
    first = serving(app, nats)
    stored = send(first.port, "/always")[0]
    count.check(stored.status == 202, "it is stored", stored.status)
    # The next pause is four seconds.
    wait_until("the third attempt", lambda: len(attempts_of(app)) == 3)
    second = serving(app, nats)
    end(first)
    ended_at = time.monotonic()
    app.be(WELL)
    wait_until("the other to deliver", lambda: stored.request.body in app.delivered)
    took = time.monotonic() - ended_at
    count.check(least < took < most, "it does not take as long as it should", took)
    found = attempts_of(app)
    count.check(len({delivery for delivery, _ in found}) == 1, "it has one id", found)
    numbers = [number for _, number in found]
    count.check(numbers == [1, 2, 3, 4], "attempts go on", numbers)
    second.drain()
    ended(count, second)
    nats.stop()
    print(f"{count.title}: {took:.1f} s after that, attempts {numbers}", flush=True)


def restarts():
    """An event keeps its id and its attempts when the hookward, and then the NATS, is started anew."""
    count, app, nats = Count("spool, NATS: restarts"), FlappingApp("503"), Nats().start()
    program = serving(app, nats)
    stored = send(program.port, "/on-failure")[0]
    count.check(stored.status == 202, "it is stored", stored.status)
    for restart in (lambda: (program.stop(), program.serve()), lambda: (nats.stop(), nats.start())):
        before = len(attempts_of(app))
        wait_until("two attempts", lambda before=before: len(attempts_of(app)) >= before + 2)
        restart()
    app.be(WELL)
    wait_until("it to be delivered", lambda: stored.request.body in app.delivered)
    found = attempts_of(app)
    count.check(len({delivery for delivery, _ in found}) == 1, "it has one id", found)
    numbers = [number for _, number in found]
    count.check(numbers == sorted(set(numbers)) and numbers[-1] >= 5, "attempts are counted up", numbers)
    connected(program).drain()
    ended(count, program)
    nats.stop()
    print(f"{count.title}: attempts {numbers}", flush=True)
    return [count]


def too_large():
    """What is over `max_payload` is answered as if there were no spool."""
    count, app, nats = Count("spool, NATS: max_payload"), FlappingApp(), Nats("max_payload: 65536").start()
    program = serving(app, nats)
    code, text = command(program, "doctor")
    count.check("max_payload" in text and "max_body_bytes" in text, "doctor says so", (code, text))
    for mood, target, padding, expected in ((WELL, "/always", 70_000, 503), (WELL, "/on-failure", 70_000, 200),
                                            ("500", "/on-failure", 70_000, 500), ("500", "/on-failure", 60_000, 202)):
        app.be(mood)
        found = statuses(program, target, padding=padding)
        count.check(found == [expected], f"{mood}, {target}, {padding} bytes: {expected}", found)
    errors = [event["error"] for event in program.events("spool_failed")]
    count.check(any("max_payload" in error for error in errors), "the log says so", errors)
    app.be(WELL)
    program.drain()
    large = [len(arrival.body) for arrival in app.arrivals if arrival.delivery and len(arrival.body) > 65_536]
    count.check(not large, "what was not stored is not delivered", large)
    ended(count, program)
    nats.stop()
    return [count]


def without_nats():
    """hookward starts without its NATS, and uses it once it is there."""
    count, app, nats = Count("spool, NATS: not there"), FlappingApp(), Nats()
    program = Spooling(app, spool=shared(nats)).serve()
    code, text = command(program, "doctor")
    count.check(code == 1 and "spool.url" in text, "doctor says so", (code, text))
    code, text = command(program, "spool", "list")
    count.check(code == 1 and "spool.url" in text, "list says so", (code, text))
    for mood, target, expected in ((WELL, "/always", 503), (WELL, "/on-failure", 200), ("500", "/on-failure", 500)):
        app.be(mood)
        found = statuses(program, target)
        count.check(found == [expected], f"{mood}, {target}: {expected}", found)
    count.check(program.events("spool_failed"), "the log says so")
    nats.start()
    took = wait_until("it to be used", lambda: statuses(program, "/on-failure") == [202])[1]
    count.check(took < 5, "it is used within seconds", took)
    app.be(WELL)
    program.drain()
    count.check(program.events("spool_recovered"), "the log says that it is back")
    ended(count, program)
    nats.stop()
    print(f"{count.title}: used {took:.1f} s after it came", flush=True)
    return [count]


def with_login():
    """TLS, and a user with a password, which nobody gets to see."""
    count, app, authority = Count("spool, NATS: TLS and a user"), FlappingApp("500"), Authority()
    pair = authority.server("127.0.0.1")
    lines = f'''tls {{ cert_file: "{pair.cert}", key_file: "{pair.key}" }}
authorization {{ user: "{USER}", password: "{PASSWORD}" }}'''
    nats = Nats(lines, {"user": USER, "pass": PASSWORD}, authority.root).start()
    trusting = {"SSL_CERT_FILE": authority.root}
    program = connected(Spooling(app, spool=shared(nats, f"{USER}:{PASSWORD}@", "tls"), env=trusting).serve())
    count.check(statuses(program, "/always") == [202], "it is stored")
    count.check([event["route"] for event in listed(program)] == ["always"], "list finds it")
    app.be(WELL)
    program.drain()
    count.check(len(app.delivered) == 1, "it is delivered", app.delivered)
    strangers = {"another authority's certificate": (f"{USER}:{PASSWORD}@", "tls", {"SSL_CERT_FILE": Authority("another").root}),
                 "another password": (f"{USER}:wrong@", "tls", trusting), "no user": ("", "tls", trusting)}
    for what, (user, scheme, env) in strangers.items():
        stranger = Spooling(app, spool=shared(nats, user, scheme), env=env)
        code, text = command(stranger, "doctor")
        count.check(code == 1 and "spool.url" in text, f"{what}: doctor says no", (code, text))
        count.check("wrong" not in text and PASSWORD not in text, f"{what}: doctor shows a password", text)
    ended(count, program)
    count.check(PASSWORD not in program.text() and SECRET not in program.text(), "the log shows a password")
    nats.stop()
    return [count]


FACTS = (taken_over, restarts, too_large, without_nats, with_login)
