"""What becomes of a spool whose files are damaged while hookward does not run, or are not its own: all that was answered
202 is delivered, where SQLite's rules allow it; or the database is set aside, named in the log and not changed; or
hookward does not start, and says why.

    python interop/spool_damage.py [PART OF A NAME...]
"""
import os
import random
import sqlite3
import sys

from harness import Count
from spool_app import WELL, FlappingApp
from spool_kit import LIMIT, Spooling, judge_database, judge_log, wait_until
from spool_senders import judge_arrivals, send

# As many as are in the log alone, and more than that.
EVENTS, MANY, PADDING = 60, 300, 3_000
PAGE, FRAME = 4096, 4096 + 24


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def overwrite(path, content, at=None):
    """Where the file is, and not another one of its name."""
    with open(path, "r+b") as file:
        if at is None:
            file.truncate()
        file.seek(at or 0)
        file.write(content)


def cut(path, size):
    os.truncate(path, max(0, os.path.getsize(path) - size))


def spoil_tail(path, size, content):
    overwrite(path, content(size), os.path.getsize(path) - size)


def garble(path):
    """Some pages of the middle."""
    pages = os.path.getsize(path) // PAGE
    for page in random.sample(range(pages // 4, pages), pages // 8):
        overwrite(path, random.randbytes(PAGE), page * PAGE)


def replace_by_other(path):
    os.unlink(path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE of_somebody_else (what)")
    connection.execute("INSERT INTO of_somebody_else VALUES ('precious')")
    connection.commit()
    connection.close()


class Case:
    """A damage, and what may come of it: all events are delivered; the `first`, without so many of the last; or the
    database is set `aside`."""

    def __init__(self, name, damage, allowed, is_killed=True, without=None, events=EVENTS):
        self.name, self.damage, self.allowed, self.is_killed, self.events = name, damage, allowed, is_killed, events
        self.without = events if without is None else without


def log_of(program):
    return program.database + "-wal"


CASES = [
    Case("nothing", lambda program: None, ("all",)),
    Case("the log without its last byte", lambda program: cut(log_of(program), 1), ("first",), without=1),
    Case("the log without its last page", lambda program: cut(log_of(program), FRAME), ("first",), without=1),
    Case("the log cut somewhere", lambda program: cut(log_of(program), random.randrange(os.path.getsize(log_of(program)))), ("first",)),
    Case("zeros at the end of the log", lambda program: spoil_tail(log_of(program), 3 * PAGE, bytes), ("first",), without=2),
    Case("garbage at the end of the log", lambda program: spoil_tail(log_of(program), 20 * PAGE, random.randbytes), ("first",)),
    Case("garbage behind the log", lambda program: overwrite(log_of(program), random.randbytes(FRAME), os.path.getsize(log_of(program))), ("all",)),
    Case("no -shm", lambda program: os.unlink(program.database + "-shm"), ("all",)),
    Case("a garbled -shm", lambda program: spoil_tail(program.database + "-shm", 32 << 10, random.randbytes), ("all",)),
    Case("garbled pages", lambda program: garble(program.database), ("aside",), is_killed=False),
    Case("garbled pages under a log", lambda program: garble(program.database), ("aside",), events=MANY),
    Case("a log that was begun anew, cut", lambda program: cut(log_of(program), 10 * FRAME), ("first",), events=MANY),
    Case("no log beside much", lambda program: os.unlink(log_of(program)), ("first", "aside"), events=MANY),
    Case("a garbled first page", lambda program: overwrite(program.database, random.randbytes(PAGE), 0), ("aside",), is_killed=False),
    Case("half of the database", lambda program: cut(program.database, os.path.getsize(program.database) // 2), ("aside",), is_killed=False),
    Case("a text", lambda program: overwrite(program.database, b"To whom it may concern\n"), ("aside",), is_killed=False),
    Case("a text beside a log", lambda program: overwrite(program.database, b"To whom it may concern\n"), ("all", "aside")),
    Case("an empty file beside a log", lambda program: overwrite(program.database, b""), ("all", "aside")),
    Case("no database beside a log", lambda program: os.unlink(program.database), ("all", "aside")),
    Case("another program's database", lambda program: replace_by_other(program.database), ("aside",), is_killed=False),
]


def prepare(case):
    """A hookward that has stored events for an app that is not there, and has ended."""
    app = FlappingApp("gone")
    app.be("gone")
    program = Spooling(app).serve()
    sent = send(program.port, "/always", case.events, PADDING)
    if case.is_killed:
        program.kill()
    else:
        program.stop()
    return app, program, sent


def aside(program):
    """What was set aside: for each, its files as they were found then, by what the names end in."""
    found = {}
    for event in program.events("spool_set_aside"):
        kept = event["kept_as"]
        found[kept] = {end: contents(kept + end) for end in ("", "-wal") if os.path.exists(kept + end)}
    return found


def survive(case):
    count = Count(f"spool: {case.name}")
    app, program, sent = prepare(case)
    count.check([one.status for one in sent] == [202] * case.events, "all are stored")
    case.damage(program)
    damaged = {end: contents(program.database + end) for end in ("", "-wal") if os.path.exists(program.database + end)}
    program.serve()
    app.be(WELL)
    program.drain()
    delivered = [one.request.body in app.delivered for one in sent]
    kept = aside(program)
    if kept:
        came, states = "aside", list(kept.values())
        # In place of an empty one there may be zeros, for which SQLite does not remove the log.
        is_kept = len(states) == 1 and states[0].get("", b"").rstrip(b"\0") == damaged.get("", b"").rstrip(b"\0")
        count.check(is_kept, "it is kept as it was", [sorted(state) for state in states])
        count.check(states[0].get("-wal", b"") == damaged.get("-wal", b""), "so is its log", {end: len(text) for end, text in states[0].items()})
    else:
        came = "all" if all(delivered) else "first"
    allowed = (*case.allowed, "all") if "first" in case.allowed else case.allowed
    count.check(came in allowed, f"what comes of it is one of {allowed}", (came, sum(delivered)))
    if came == "first":
        number = delivered.index(False)
        count.check(not any(delivered[number:]), "what is delivered came before what is not", delivered)
        count.check(number >= case.events - case.without, "no more is lost than has to be", number)
    more = send(program.port, "/always", 5)
    count.check([one.status for one in more] == [202] * 5, "it stores again", [one.status for one in more])
    wait_until("what came afterwards", lambda: all(one.request.body in app.delivered for one in more))
    count.check(program.stop() == 0, "it ends well")
    judge_arrivals(count, sent + more, app)
    judge_log(count, program)
    judge_database(count, program)
    print(f"  {case.name:34} {came:6} {sum(delivered):4} of {case.events} delivered", flush=True)
    return count


def while_it_serves():
    """Pages that are garbled under a hookward that serves: nothing is delivered that nobody sent, and it goes on."""
    count = Count("spool: garbled while it serves")
    app = FlappingApp()
    app.be("gone")
    program = Spooling(app).serve()
    # Of what is in the log already, nothing is garbled.
    sent = send(program.port, "/always", MANY, PADDING)
    garble(program.database)
    app.be(WELL)

    def is_over():
        return all(one.request.body in app.delivered for one in sent) or program.events("spool_set_aside")

    wait_until("what was garbled to be found", is_over)
    more = []

    def is_stored():
        more.extend(send(program.port, "/always"))
        return more[-1].status == 202

    wait_until("it to store again", is_stored)
    program.drain()
    is_there = [os.path.exists(event["kept_as"]) for event in program.events("spool_set_aside")]
    count.check(len(is_there) <= 1 and all(is_there), "what was set aside is there", is_there)
    count.check(more[-1].request.body in app.delivered, "what came afterwards is delivered")
    count.check(program.stop() == 0, "it ends well")
    judge_arrivals(count, sent + more, app)
    judge_log(count, program)
    judge_database(count, program)
    delivered = sum(one.request.body in app.delivered for one in sent)
    print(f"  {'garbled while it serves':34} {'aside' if is_there else 'all':6} {delivered:4} of {MANY} delivered", flush=True)
    return count


def newer():
    """A database of a newer program is left alone."""
    count = Count("spool: of a newer program")
    app, program, sent = prepare(CASES[0])

    def give_version(version):
        connection = sqlite3.connect(program.database)
        before = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
        connection.close()
        return before

    version = give_version(99)
    before = contents(program.database)
    code = program.start().process.wait(LIMIT)
    count.check(code not in (0, -6, -9, -11), "it does not start", code)
    text = program.text()
    count.check("newer hookward" in text and program.database in text, "and says why", text[-500:])
    count.check(contents(program.database) == before, "the file is as it was")
    count.check(not program.events("spool_set_aside"), "it is not set aside")
    give_version(version)
    program.serve()
    app.be(WELL)
    program.drain()
    count.check(all(one.request.body in app.delivered for one in sent), "the right program delivers what is in it")
    count.check(program.stop() == 0, "it ends well")
    judge_database(count, program)
    return count


def run(names=()):
    print("A spool that is damaged", flush=True)
    chosen = [case for case in CASES if not names or any(name in case.name for name in names)]
    return [survive(case) for case in chosen] + [while_it_serves(), newer()]


if __name__ == "__main__":
    results = run(sys.argv[1:])
    print(f"{sum(result.passed for result in results)} passed, {sum(result.failed for result in results)} failed")
    sys.exit(any(result.failed for result in results))
