"""Stops and upgrades under HTTP/1 and HTTP/2 load: no request is lost, none is served twice, and nobody is turned away.

An upgrade hands the sockets to a successor. A stop is one of two: the successor shares a socket that is not
hookward's, as under a service manager, or it listens elsewhere, and newcomers go there once they are refused.

    python interop/handover.py [--upgrades N] [--stops N]
"""
import argparse
import atexit
import collections
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

import http2
from harness import BINARY, App, Count, Hookward
from load import Load, Place

LIMIT = 60
STOP = signal.SIGTERM
# Requests that are answered from one stop or upgrade to the next, at least.
BETWEEN = 100
TRUST = 'h2c = true\ntrusted_proxies = ["127.0.0.1/32"]\n'
PR_SET_CHILD_SUBREAPER = 36
# Starts a program with a socket, as sd_listen_fds(3) says.
ACTIVATE = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
            " os.execv(sys.argv[2], sys.argv[2:])")


def ended(pid, seconds=LIMIT):
    """The exit code of a process that is ours, or has become ours; None if it does not end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            found = 0  # Its parent has not ended yet.
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


class Serving:
    """The process that serves, and by which files it is asked for a successor."""

    def __init__(self, app):
        self.folder = tempfile.TemporaryDirectory()
        self.pid_file = os.path.join(self.folder.name, "pid")
        socket_file = os.path.join(self.folder.name, "upgrade")
        self.hookward = Hookward(http2.routes(app), f'{TRUST}pid_file = "{self.pid_file}"\nupgrade_socket = "{socket_file}"\n')
        self.wait_for_other_than(None)
        atexit.register(self.leave_nothing)

    def pid(self):
        try:
            with open(self.pid_file, encoding="utf-8") as file:
                return int(file.read())
        except FileNotFoundError:
            return None

    def wait_for_other_than(self, before):
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            if self.pid() not in (None, before):
                return True
            time.sleep(0.01)
        return False

    def end(self, pid):
        """The exit code of one of the processes; those after the first have become ours."""
        first = self.hookward.process
        if pid != first.pid:
            return ended(pid)
        try:
            return first.wait(LIMIT)
        except subprocess.TimeoutExpired:
            return None

    def leave_nothing(self):
        """Ends the last one, where an exception kept it from being stopped."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def stop(self):
        pid = self.pid()
        os.kill(pid, signal.SIGTERM)
        code = self.end(pid)
        if code is None:
            os.kill(pid, signal.SIGKILL)
            self.end(pid)
        return code


def judge(count, load, app, may_be_turned_away):
    """What the senders know, against what the app saw."""
    ledger = load.end()
    seen = collections.Counter(body for *_, body in app.take())
    counts, lost = ledger.counts, ledger.lost
    twice = [body for body, times in seen.items() if times > 1]
    count.check(not lost, "requests that are lost", [(*loss, f"the app saw it {seen[loss[0]]} times") for loss in lost[:20]])
    count.check(not twice, "requests that the app saw twice", twice[:20])
    count.check(set(seen) == ledger.answered, "the app saw others than were answered",
                (len(set(seen) - ledger.answered), len(ledger.answered - set(seen))))
    count.check(not ledger.unprocessed & set(seen), "the app saw what was said not to be processed")
    count.check(len(ledger.answered) + len(lost) + len(ledger.unprocessed) == counts["sent"], "each request has one end", counts)
    for what in ("refused", "connects that hung", "senders that hang"):
        count.check(not counts[what], what, counts[what])
    count.check(may_be_turned_away or not counts["turned away"], "newcomers were turned away", counts["turned away"])
    print(f"{count.title}: {counts['sent']} sent ({counts['sent'] / load.seconds:.0f} a second),"
          f" {len(ledger.answered)} answered 2xx, {sum(seen.values())} seen by the app, {len(lost)} lost, {len(twice)} seen twice,"
          f" {counts['refused']} connects refused, {counts['turned away']} sent elsewhere, {counts['declined']} answered 503,"
          f" {counts['closed while idle']} closed while idle, {counts['streams sent again']} streams sent again", flush=True)


def pause():
    """Some requests are always in flight."""
    return random.uniform(0, 0.03)


def upgrades(number):
    """By the command and by the signal in turn."""
    count, app = Count(f"{number} upgrades under load"), App(pause=pause)
    serving = Serving(app)
    load = Load(Place(serving.hookward.ports["server"]))
    count.check(load.goes_on(BETWEEN), "requests before the first")
    for upgrade in range(number):
        before = serving.pid()
        if upgrade % 2 == 0:
            asked = subprocess.run([BINARY, "upgrade", "--config", serving.hookward.config], stdin=subprocess.DEVNULL,
                                   capture_output=True, text=True, timeout=2 * LIMIT)
            count.check(asked.returncode == 0, f"{upgrade}: the command", asked.stderr)
        else:
            os.kill(before, signal.SIGQUIT)
        count.check(serving.wait_for_other_than(before), f"{upgrade}: a successor")
        code = serving.end(before)
        count.check(code == 0, f"{upgrade}: the old process ends well", code)
        count.check(load.goes_on(BETWEEN), f"{upgrade}: requests after it")
    judge(count, load, app, may_be_turned_away=False)
    count.check(serving.stop() == 0, "the last one ends well")
    return count


def end(hookward):
    """The exit code; a process that does not end is ended."""
    try:
        return hookward.process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        hookward.process.kill()
        hookward.process.wait(LIMIT)
        return None


def stops_on_a_shared_socket(number):
    """The successor shares the socket; every other one is there before the stop, as others are after it."""
    count, app = Count(f"{number} stops, shared socket"), App(pause=pause)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port, descriptor = listener.getsockname()[1], listener.fileno()

    def start():
        command = [sys.executable, "-c", ACTIVATE, str(descriptor)]
        return Hookward(http2.routes(app), TRUST, command, port=port, pass_fds=(descriptor,))

    hookward = start()
    load = Load(Place(port))
    count.check(load.goes_on(BETWEEN), "requests before the first")
    for stop in range(number):
        before = hookward
        if stop % 2 == 0:
            hookward = start()
        before.process.send_signal(STOP)
        if stop % 2 == 1:
            hookward = start()
        code = end(before)
        count.check(code == 0, f"{stop}: it ends well", code)
        count.check(load.goes_on(BETWEEN), f"{stop}: requests after it")
    judge(count, load, app, may_be_turned_away=False)
    hookward.process.send_signal(STOP)
    count.check(end(hookward) == 0, "the last one ends well")
    listener.close()
    return count


def stops_beside_another(number):
    """Newcomers are refused once it has stopped, and go elsewhere; whoever is connected is served."""
    count, app = Count(f"{number} stops, another elsewhere"), App(pause=pause)
    hookward = Hookward(http2.routes(app), TRUST)
    place = Place(hookward.ports["server"])
    load = Load(place)
    count.check(load.goes_on(BETWEEN), "requests before the first")
    for stop in range(number):
        before, hookward = hookward, Hookward(http2.routes(app), TRUST)
        place.ports = (before.ports["server"], hookward.ports["server"])
        before.process.send_signal(STOP)
        code = end(before)
        count.check(code == 0, f"{stop}: it ends well", code)
        count.check(load.goes_on(BETWEEN), f"{stop}: requests after it")
        place.ports = place.ports[1:]
    judge(count, load, app, may_be_turned_away=True)
    hookward.process.send_signal(STOP)
    count.check(end(hookward) == 0, "the last one ends well")
    return count


def run(number_of_upgrades=5, number_of_stops=5):
    # Successors are started by their predecessors: once these have ended, they are ours to wait for.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    shared = number_of_stops // 2
    return [upgrades(number_of_upgrades), stops_on_a_shared_socket(shared), stops_beside_another(number_of_stops - shared)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--upgrades", type=int, default=5)
    parser.add_argument("--stops", type=int, default=5)
    options = parser.parse_args()
    began = time.monotonic()
    counts = run(options.upgrades, options.stops)
    for count in counts:
        print(f"{count.title:34} {count.passed:5} passed, {count.failed} failed")
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(any(count.failed for count in counts))
