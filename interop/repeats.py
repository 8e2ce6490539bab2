"""Senders that send each request again: first until it is taken, as a provider does, and then once more, as whoever has
seen it may do. They know of each request what it was answered, and when."""
import collections
import hashlib
import heapq
import hmac
import itertools
import random
import socket
import threading
import time

from harness import moment

SECRET = "a secret for the tests of replay protection"
LIMIT = 30
numbers = itertools.count()


class Signed:
    """A request of Twenty's, signed for a body that no other request has."""

    def __init__(self, signed_at=None, padding=0):
        self.number = next(numbers)
        self.body, self.signed_at = b'{"number":%d}' % self.number + b" " * padding, signed_at or moment()
        self.tag = hmac.new(SECRET.encode(), self.signed_at.encode() + b":" + self.body, hashlib.sha256).hexdigest()
        self.headers = [("x-twenty-webhook-timestamp", self.signed_at), ("x-twenty-webhook-signature", self.tag)]

    def raw(self, target="/t"):
        lines = [f"POST {target} HTTP/1.1", "Host: hooks.example.com", f"Content-Length: {len(self.body)}",
                 *(f"{name}: {value}" for name, value in self.headers)]
        return "".join(line + "\r\n" for line in lines).encode() + b"\r\n" + self.body


def route(app, name="t", keys="", verify=""):
    return f'''[[route]]
name = "{name}"
path = "/{name}"
upstream = "http://127.0.0.1:{app.port}"
{keys}
[route.verify]
scheme = "twenty"
secrets = [{{ id = "s", value = "{SECRET}" }}]
{verify}
'''


class Connection:
    """A connection of HTTP/1 that is kept."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def connect(self):
        self.close()
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        if self.socket is None:
            self.connect()
        self.socket.sendall(data)

    def status(self):
        """The status of the next answer, which has a length."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields.get(b"content-length", b"0")):
            body += self._more()
        if fields.get(b"connection") == b"close":
            self.close()
        return int(head.split()[1])

    def _more(self):
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError("the connection ended without an answer")
        return more

    def ask(self, request, target="/t"):
        self.send(request.raw(target))
        return self.status()

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def sent(hookward, request, target="/t"):
    """The status of a request on a connection of its own."""
    connection = Connection(hookward.ports["server"])
    try:
        return connection.ask(request, target)
    finally:
        connection.close()


class Story:
    """What became of one request."""

    def __init__(self, home):
        # Until it is taken, it is sent to one process; then, once more, to the next.
        self.request, self.home = Signed(), home
        # Of each time: when it was sent, and the status.
        self.answers = []

    def taken_at(self):
        """When the answers came that say it was taken."""
        return [at for at, status in self.answers if status == 200]


class Storm:
    """A steady load. Each request is sent until it is taken, and then once more, after up to `spread` seconds."""

    SENDERS = 4

    def __init__(self, ports, rate, spread):
        self.ports, self.pause, self.spread = ports, self.SENDERS / rate, spread
        self.lock, self.counts = threading.Lock(), collections.Counter()
        self.stories, self.is_over, self.hurries = [], threading.Event(), False
        self.senders = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(self.SENDERS)]
        for sender in self.senders:
            sender.start()

    def _run(self, number):
        connections = [Connection(port) for port in self.ports]
        waiting, order, turn, next_at = [], itertools.count(), number, time.monotonic()
        while waiting or not self.is_over.is_set():
            now = time.monotonic()
            if waiting and (waiting[0][0] <= now or self.hurries):
                story = heapq.heappop(waiting)[2]
            elif now >= next_at and not self.is_over.is_set():
                turn, next_at = turn + 1, max(next_at + self.pause, now - 1)
                story = Story(turn % len(self.ports))
                self.stories.append(story)
            else:
                until = min(next_at, waiting[0][0]) if waiting else next_at
                self.is_over.wait(max(0.001, min(until - now, 0.02)))
                continue
            pause = self._send(story, connections)
            if pause is not None:
                heapq.heappush(waiting, (time.monotonic() + pause, next(order), story))

    def _send(self, story, connections):
        """Sends it once. Returns after how long it is to be sent again; None where its story is at an end."""
        was_taken = bool(story.taken_at())
        place = (story.home + was_taken) % len(connections)
        began = time.monotonic()
        try:
            status = connections[place].ask(story.request)
        except (OSError, ConnectionError) as error:
            connections[place].close()
            status = f"{type(error).__name__}"
        story.answers.append((began, status))
        with self.lock:
            self.counts[status] += 1
        if status == 200:
            return None if was_taken else random.uniform(0.05, self.spread)
        if status == 409 and was_taken:
            return None
        return 0.1 if self.hurries else random.uniform(0.2, 0.5)

    def end(self):
        """Ends it once each story is at an end. Whether that came to be."""
        self.hurries = True
        self.is_over.set()
        deadline = time.monotonic() + LIMIT
        for sender in self.senders:
            sender.join(max(0, deadline - time.monotonic()))
        return not any(sender.is_alive() for sender in self.senders)


class Crowd:
    """So many connections of HTTP/1, to each of these ports in turn."""

    def __init__(self, ports, size):
        self.connections = [Connection(ports[number % len(ports)]) for number in range(size)]

    def send(self, request):
        """Sends the same request on all at once: the last byte goes when the rest is everywhere. The statuses."""
        raw = request.raw()
        for connection in self.connections:
            connection.send(raw[:-1])
        for connection in self.connections:
            connection.send(raw[-1:])
        return [connection.status() for connection in self.connections]
