"""A disk that is full, and one that becomes read-only, while hookward serves: what comes is answered as without a spool,
what waits is delivered, and both end by themselves.

    python interop/spool_disks.py [full] [read_only] [read_only_start]
"""
import os
import subprocess
import sys
import tempfile
import time

from harness import Count
from spool_app import WELL, FlappingApp
from spool_kit import LIMIT, Spooling, judge_database, judge_log, wait_until
from spool_plug import Plug
from spool_senders import Senders, judge, send

SIZE = "32m"
# More than this is never stored on so small a disk.
MOST = 5_000


class SmallDisk:
    """A file system of its own, in memory."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", self.folder.name]
        self.is_there = subprocess.run(mount, capture_output=True).returncode == 0
        self.ballast = os.path.join(self.folder.name, "ballast")
        return self

    def __exit__(self, *_):
        if self.is_there:
            subprocess.run(["umount", "--lazy", self.folder.name], check=True)
        self.folder.cleanup()

    def fill(self):
        """Somebody else takes all that is left."""
        with open(self.ballast, "ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def make_room(self):
        os.unlink(self.ballast)


def store_all(program, padding):
    """Sends events until one has no room; those that were stored, and the status of that one."""
    stored = []
    while len(stored) < MOST:
        sent, = send(program.port, "/always", padding=padding)
        if sent.status != 202:
            return stored, sent
        stored.append(sent)
    raise SystemExit("the disk is never full")


def status(program, target):
    """The status of another event, and the event."""
    sent, = send(program.port, target)
    return sent.status, sent


def until_stored(program, sent, what):
    """Sends one event after the other until one is stored. How long it takes."""
    def is_stored():
        found, one = status(program, "/always")
        sent.append(one)
        return found == 202

    return wait_until(what, is_stored)[1]


def full():
    """Once by its own events, then by somebody else, too."""
    counts = []
    for padding in (100_000, 10_000):
        with SmallDisk() as disk:
            if not disk.is_there:
                print("spool: no small file system can be had here, and a full disk is not tested")
                return counts
            counts.append(fill_and_deliver(disk, padding))
    return counts


def fill_and_deliver(disk, padding):
    count, app = Count(f"spool: a disk full of {padding >> 10} KiB events"), FlappingApp("500")
    program = Spooling(app, os.path.join(disk.folder.name, "spool")).serve()
    sent, refused = store_all(program, padding)
    more, last = store_all(program, 0)
    count.check({refused.status, last.status} == {503}, "what has no room is told to come again", (refused.status, last.status))
    count.check(len(sent) > 100, "much is stored before", len(sent))
    sent += [*more, refused, last]
    stored = len(sent) - 2
    disk.fill()

    def others(expected):
        for target, wanted in expected.items():
            began = time.monotonic()
            found, one = status(program, target)
            sent.append(one)
            count.check(found == wanted, f"{target}, the app {app.mood}: {wanted}", found)
            count.check(time.monotonic() - began < 5, f"{target}: it does not take long", time.monotonic() - began)

    others({"/always": 503, "/on-failure": 500})
    app.be("gone")
    others({"/always": 503, "/on-failure": 502})
    app.be("429")
    others({"/on-failure": 429})
    program.kill()
    program.serve()
    wait_until("it to serve", lambda: program.number("waiting") is not None)
    # A start may put the database's log into the database, and so make room.
    disk.fill()
    more, last = store_all(program, 0)
    sent += [*more, last]
    stored += len(more)
    others({"/always": 503, "/on-failure": 429})
    count.check(program.number("waiting") == stored, "all that was stored waits", (program.number("waiting"), stored))
    app.be(WELL)
    others({"/on-failure": 200})
    drained = program.drain(120)
    # The disk is as full as before of what is not ours.
    back = until_stored(program, sent, "the room of what was delivered")
    disk.make_room()
    freed = until_stored(program, sent, "room")
    again = send(program.port, "/always", 20, padding)
    count.check({one.status for one in again} == {202}, "it stores as before", [one.status for one in again])
    sent += again
    program.drain()
    failures = program.events("spool_failed")
    count.check(failures and all("is full: make room" in event["error"] for event in failures), "the log says why", failures[:2])
    count.check(not program.events("spool_set_aside"), "nothing is set aside")
    count.check(program.stop() == 0, "it ends well")
    found = judge(count, sent, app)
    count.check(not found["twice"], "nothing comes twice", found)
    judge_log(count, program)
    judge_database(count, program)
    print(f"{count.title}: {stored} stored, {found}; delivered in {drained:.1f} s; room came back after {back:.1f} s, and {freed:.1f} s after"
          " the other had left", flush=True)
    return count


def read_only():
    """Under load."""
    count, app = Count("spool: a disk that becomes read-only"), FlappingApp("500")
    program = Spooling(app)
    plug = Plug(program.directory)
    program.env = plug.env
    program.serve()
    before = send(program.port, "/always", 20)
    senders = Senders(program.port, on_answer=lambda sent: setattr(sent, "at", time.monotonic()))
    time.sleep(1)
    with open(plug.flag, "w", encoding="utf-8"):
        closed_at = time.monotonic()
    time.sleep(1)
    app.be(WELL)
    time.sleep(3)
    taken = sum(one.request.body in app.delivered for one in before)
    app.be("500")
    time.sleep(1)
    os.unlink(plug.flag)
    opened_at = time.monotonic()

    def stored_since(moment):
        return [one for one in list(senders.sent) if one.status == 202 and getattr(one, "at", 0) > moment]

    back = wait_until("it to store again", lambda: stored_since(opened_at))[1]
    time.sleep(1)
    count.check(senders.end(), "each sender has its answers")
    # What was stored just before may be answered just after.
    meanwhile = [one for one in stored_since(closed_at + 0.3) if one.at < opened_at]
    count.check(not meanwhile, "stored on a disk that is read-only", len(meanwhile))
    app.be(WELL)
    program.drain()
    failures = program.events("spool_failed")
    said = failures and all(program.directory in event["error"] and "is full" not in event["error"] for event in failures)
    count.check(said, "the log says where, and not that it is full", failures[:2])
    count.check(not program.events("spool_set_aside"), "nothing is set aside")
    count.check(program.stop() == 0, "it ends well")
    found = judge(count, before + senders.sent, app)
    count.check(found["refused"] > 20, "what comes meanwhile is answered as without a spool", found)
    count.check(not found["twice"], "what the app took meanwhile is noted afterwards", found)
    judge_log(count, program)
    judge_database(count, program)
    print(f"{count.title}: {found}; of 20 that waited {taken} were delivered meanwhile; it stored again after {back:.1f} s; "
          f"in the log: {failures[0]['error'] if failures else None}", flush=True)
    return [count]


def read_only_start():
    count, app = Count("spool: a start on a read-only disk"), FlappingApp("500")
    program = Spooling(app)
    plug = Plug(program.directory)
    program.env = plug.env
    program.serve()
    sent = send(program.port, "/always", 5)
    program.kill()
    with open(plug.flag, "w", encoding="utf-8"):
        code = program.start().process.wait(LIMIT)
    count.check(code == 1, "it does not start", code)
    last = program.text()[-600:]
    count.check(program.directory in last and "ead-only" in last, "and says why", last)
    os.unlink(plug.flag)
    program.serve()
    app.be(WELL)
    program.drain()
    count.check(all(one.request.body in app.delivered for one in sent), "afterwards all is delivered")
    count.check(program.stop() == 0, "it ends well")
    judge_database(count, program)
    return [count]


PARTS = {part.__name__: part for part in (full, read_only, read_only_start)}


def run(names=tuple(PARTS)):
    return [count for name in names for count in PARTS[name]()]


if __name__ == "__main__":
    results = run(sys.argv[1:] or PARTS)
    print(f"{sum(result.passed for result in results)} passed, {sum(result.failed for result in results)} failed")
    sys.exit(any(result.failed for result in results))
