"""Names as the system's resolver gives them: with several addresses, late, or not at all.

The program runs in a mount namespace of its own, in which /etc is the test's: names are looked up in
a hosts file, and where that is a pipe that nobody writes to, the look-up hangs.
"""
import hashlib
import hmac
import os
import socket
import tempfile
import threading
import time

from harness import App, Count, Hookward, moment

SECRET = "a secret for the tests of names"
NAME = "app.internal"


class Hosts:
    """An /etc of the program's own, with a hosts file that can be changed."""

    def __init__(self, *addresses):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "hosts")
        for name, text in [("nsswitch.conf", "hosts: files\n"), ("host.conf", "multi on\n")]:
            with open(os.path.join(self.folder.name, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.set(*addresses)

    def set(self, *addresses):
        """From now on a look-up finds these."""
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            file.writelines(f"{address} {NAME}\n" for address in addresses)
        os.rename(f"{self.path}.new", self.path)

    def hang(self):
        """From now on a look-up hangs. Returns a function that lets it go on, once it hangs."""
        os.mkfifo(f"{self.path}.new")
        pipe = f"{self.path}.pipe"
        os.link(f"{self.path}.new", pipe)
        os.rename(f"{self.path}.new", self.path)
        # Opening a pipe waits for the other side.
        return lambda: os.close(os.open(pipe, os.O_WRONLY))

    def command(self):
        """What to run a program with, so that it sees this file."""
        script = f'mount --bind {self.folder.name} /etc && exec "$0" "$@"'
        return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]


class BlackHole:
    """An address whose queue of connections is full: it answers nothing."""

    def __init__(self, address, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(0)
        self.waiting = []
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
            self.waiting.append(waiting)

    def close(self):
        for each in [self.listener, *self.waiting]:
            each.close()


def start(hosts, port, timeout):
    return Hookward(f'''[[route]]
name = "t"
path = "/t"
upstream = "http://{NAME}:{port}"
upstream_connect_timeout = "{timeout}"
upstream_idle_timeout = "1ms"
[route.verify]
scheme = "twenty"
secrets = [{{ id = "s", value = "{SECRET}" }}]
''', command=hosts.command())


def send(hookward):
    now = moment()
    tag = hmac.new(SECRET.encode(), f"{now}:{{}}".encode(), hashlib.sha256).hexdigest()
    headers = [("X-Twenty-Webhook-Timestamp", now), ("X-Twenty-Webhook-Signature", tag),
               ("X-Twenty-Webhook-Nonce", os.urandom(16).hex())]
    return hookward.send("POST", "/t", headers, b"{}")


def one_of_two_is_silent(count):
    for serving, silent in [("127.0.0.2", "127.0.0.3"), ("127.0.0.3", "127.0.0.2")]:
        hosts, app = Hosts("127.0.0.2", "127.0.0.3"), App(serving)
        hole = BlackHole(silent, app.port)
        hookward = start(hosts, app.port, "5s")
        statuses = [send(hookward) for _ in range(21)]
        count.check(statuses == [200] * 21, f"{silent} is silent", statuses)
        count.check(len(app.take()) == 21, "each request once")
        hookward.stop()
        hole.close()


def look_ups_fail_at_first(count):
    hosts, app = Hosts(), App("127.0.0.2")
    hookward = start(hosts, app.port, "20s")
    sending = []
    sender = threading.Thread(target=lambda: sending.append(send(hookward)))
    sender.start()
    # By then some look-ups have failed.
    time.sleep(1)
    count.check(not sending, "a name that is not there yet is waited for", sending)
    hosts.set("127.0.0.2")
    sender.join()
    count.check(sending == [200], "a name that is there in time", sending)
    hookward.stop()


def look_ups_hang(count):
    hosts, app = Hosts("127.0.0.2"), App("127.0.0.2")
    hookward = start(hosts, app.port, "2s")
    count.check(send(hookward) == 200, "the first answer")
    let_go = hosts.hang()
    # For as long as an answer is used without asking again.
    time.sleep(31)
    began = time.monotonic()
    statuses = [send(hookward) for _ in range(10)]
    count.check(statuses == [200] * 10, "the last answer serves", statuses)
    count.check(time.monotonic() - began < 2, "nobody waits for a look-up that hangs")
    # The app moves, and the look-up comes back.
    moved = App("127.0.0.3", app.port)
    hosts.set("127.0.0.3")
    let_go()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not moved.requests:
        send(hookward)
    count.check(moved.requests, "the new answer is used")
    hookward.stop()


def run():
    count = Count("names and addresses (libc)")
    one_of_two_is_silent(count)
    look_ups_fail_at_first(count)
    look_ups_hang(count)
    return [count]
