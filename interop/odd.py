"""Very many odd requests, no two alike, make no series: what is scraped has the same names before and after.

HOOKWARD_ODD_REQUESTS is how many are sent."""
import itertools
import os
import re
import signal
import socket
import threading
import time

from harness import App, Count, Hookward
from prometheus_traffic import PUBLIC_URL, SECRET, route, twenty

NUMBER = int(os.environ.get("HOOKWARD_ODD_REQUESTS", "100000"))
SENDERS, AT_ONCE, LIMIT = 4, 20, 60
# What no label may have in it; it is in everything odd, with a number after it.
MARK = b"odd-"
# Of this many requests, one is signed, and so comes to the app.
SIGNED = 20
# Each is odd in one place.
SHAPES = [
    (b"@ /twenty", b""),
    (b"POST /@", b""),
    (b"POST /twenty/@", b""),
    (b"POST /%2e/@", b""),
    (b"POST /twenty?@=@", b""),
    (b"POST /twenty", b"Host: @.example"),
    (b"POST /hubspot", b"X-Forwarded-Host: @"),
    (b"POST /hubspot", b"X-HubSpot-Signature-Version: @\r\nX-HubSpot-Signature: @"),
    (b"POST /hubspot", b"X-HubSpot-Signature-@: @"),
    (b"POST /key", b"X-Api-Key: @"),
    (b"POST /twenty", b"Content-Type: @"),
    (b"POST /twenty", b"X-@: @"),
    (b"POST /twenty", b"X-Twenty-Webhook-Timestamp: 1\r\nX-Twenty-Webhook-Signature: @"),
    (b"POST /twenty", b"X-Twenty-Webhook-Timestamp: @\r\nX-Twenty-Webhook-Signature: " + b"0" * 64),
]
# An app's statuses that HTTP knows have a series each, and all others share one.
STATUSES = [299, 599, *range(600, 1000)]


def request(number):
    """The text of one of them."""
    odd = MARK + str(number).encode()
    if number % SIGNED:
        line, field = SHAPES[number % len(SHAPES)]
    else:
        fields = [*twenty(), ("X-Request-Id", "@"), ("X-Hookward-Route", "@"), ("X-Hookward-Secret", "@")]
        line, field = b"POST /twenty?@", "\r\n".join(f"{name}: {value}" for name, value in fields).encode()
    host = b"" if field.startswith(b"Host") else b"Host: h\r\n"
    head = line + b" HTTP/1.1\r\n" + host + (field + b"\r\n" if field else b"")
    return head.replace(b"@", odd) + b"Content-Length: 2\r\n\r\n{}"


class Sender:
    """Sends requests on a connection that is kept, some before the answers to those before them have come."""

    def __init__(self, port):
        self.port, self.answered, self.connection, self.buffer = port, 0, None, b""

    def send(self, numbers):
        numbers = iter(numbers)
        while some := list(itertools.islice(numbers, AT_ONCE)):
            self._batch([request(number) for number in some])

    def _batch(self, requests):
        while requests:
            if self.connection is None:
                self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.buffer = b""
            self.connection.sendall(b"".join(requests))
            answered = self._answers(len(requests))
            if not answered:
                raise SystemExit(f"no answer to {requests[0]!r}")
            self.answered += answered
            requests = requests[answered:]

    def _answers(self, expected):
        """How many of so many answers come before the connection ends."""
        for number in range(expected):
            while b"\r\n\r\n" not in self.buffer:
                if not self._receive():
                    return number
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            length = int(length[1]) if length else 0
            while len(self.buffer) < length:
                if not self._receive():
                    return number
            self.buffer = self.buffer[length:]
            if re.search(rb"(?i)\r\nconnection: close", head):
                self._close()
                return number + 1
        return expected

    def _receive(self):
        try:
            more = self.connection.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            self._close()
        self.buffer += more
        return more

    def _close(self):
        self.connection.close()
        self.connection = None


def start(app):
    """A hookward that says what it must alone: a line for each request would be many."""
    level = '[log]\nlevel = "info"\n'
    routes = [
        route("twenty", app.port),
        route("hubspot", app.port, f'public_url = "{PUBLIC_URL}"', 'scheme = "hubspot"\nversions = ["v1", "v2", "v3"]'),
        route("key", app.port, verify='scheme = "api-key"\nheader = "X-Api-Key"'),
    ]
    hookward = Hookward(level + "".join(routes))
    with open(hookward.config, encoding="utf-8") as file:
        text = file.read()
    with open(hookward.config, "w", encoding="utf-8") as file:
        file.write(text.replace(level, level.replace("info", "error")))
    hookward.process.send_signal(signal.SIGHUP)
    return hookward


def judged(metrics):
    return sum(value for series, value in metrics.items() if series.startswith("hookward_verdicts_total{"))


def wait_until(is_so):
    deadline = time.monotonic() + LIMIT
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


def run():
    count = Count("Odd requests")
    statuses = itertools.cycle(STATUSES)
    app = App(status=lambda: next(statuses))
    hookward = start(app)
    port = hookward.ports["server"]
    applied = 'hookward_config_reloads_total{result="applied"}'
    count.check(wait_until(lambda: hookward.metrics()[applied] == 1), "the log is quiet")
    # Each shape once, and each of the app's statuses that has a series.
    first = len(SHAPES) * SIGNED
    warming = Sender(port)
    warming.send(range(first))
    count.check(wait_until(lambda: judged(hookward.metrics()) == first), "the first are counted", judged(hookward.metrics()))
    before = set(hookward.metrics())
    known = len([series for series in before if 'origin="app"' in series])
    count.check(known == 3, "statuses of the app", known)
    senders = [Sender(port) for _ in range(SENDERS)]
    threads = [threading.Thread(target=sender.send, args=(range(first + at, first + NUMBER, SENDERS),))
               for at, sender in enumerate(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answered = sum(sender.answered for sender in senders)
    count.check(answered == NUMBER, "all are answered", answered)
    all_judged = wait_until(lambda: judged(hookward.metrics()) == first + NUMBER)
    count.check(all_judged, "all are counted", judged(hookward.metrics()))
    after = hookward.metrics()
    count.check(set(after) == before, "series that came or went", sorted(set(after) ^ before)[:5])
    count.check(not any(MARK.decode() in series for series in after), "what was sent is in no series")
    count.check(hookward.stop() == 0, "it ends well", hookward.log[-3:])
    return [count]


if __name__ == "__main__":
    began = time.monotonic()
    for one in run():
        print(f"{one.title}: {one.passed} passed, {one.failed} failed; {NUMBER} requests in {time.monotonic() - began:.0f} s")
