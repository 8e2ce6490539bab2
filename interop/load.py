"""Senders that know what became of each request: over HTTP/1 on kept connections and on new ones, and over HTTP/2.

A request is sent again only where HTTP says that it was certainly not processed: on a stream that was refused, or
above the last one that GOAWAY names (RFC 9113 section 8.7). Everything else that is not answered is lost, but for
one case, which is counted apart: a kept connection that ends before a byte of the answer may have been closed
because it was idle (RFC 9112 section 9.3.1), and then nobody knows. The app tells, in the end.
"""
import collections
import random
import socket
import struct
import threading
import time

from frames import ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST, SETTINGS, Peer, block, frame
from http2 import Signed

LIMIT = 30
NO_ERROR, REFUSED_STREAM = 0, 7
STREAMS = 8


class Place:
    """Where senders connect to: to the first of these ports, and to the next where they are refused."""

    def __init__(self, *ports):
        self.ports = ports


class Ledger:
    """What became of the requests."""

    def __init__(self):
        self.lock, self.counts = threading.Lock(), collections.Counter()
        self.answered, self.unprocessed, self.lost = set(), set(), []

    def note(self, what, number=1):
        with self.lock:
            self.counts[what] += number

    def answer(self, request, status):
        with self.lock:
            if status == 200:
                self.answered.add(request.body)
            elif status == 503:
                self.counts["declined"] += 1
                self.unprocessed.add(request.body)
            else:
                self.lost.append((request.body, f"answered {status}"))

    def lose(self, request, why):
        with self.lock:
            self.lost.append((request.body, f"{time.strftime('%T')} {why}"))

    def close_while_idle(self, request):
        with self.lock:
            self.counts["closed while idle"] += 1
            self.unprocessed.add(request.body)


class Sender(threading.Thread):
    """Sends until it is told that it is over, and ends once it knows of each request what became of it."""

    def __init__(self, place, ledger, is_over):
        super().__init__(daemon=True)
        self.place, self.ledger, self.is_over = place, ledger, is_over

    def pause(self, seconds):
        self.is_over.wait(random.uniform(0, seconds))

    def connect(self):
        """A new connection, or None where there is nobody to take it."""
        refused = set()
        while True:
            left = [port for port in self.place.ports if port not in refused]
            if not left:
                self.ledger.note("refused")
                self.pause(0.1)
                return None
            if refused:
                self.ledger.note("turned away")
            try:
                return socket.create_connection(("127.0.0.1", left[0]), timeout=LIMIT)
            except (ConnectionRefusedError, ConnectionResetError):
                refused.add(left[0])
            except TimeoutError:
                self.ledger.note("connects that hung")
                return None


class Http1(Sender):
    """A request after the other, on a connection that is kept, or on one of its own."""

    def __init__(self, *arguments, keeps):
        super().__init__(*arguments)
        self.keeps = keeps

    def run(self):
        while not self.is_over.is_set():
            connection = self.connect()
            if connection is not None:
                self.talk(connection)
                connection.close()

    def talk(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stays, is_reused = True, False
        while stays and not self.is_over.is_set():
            stays = self.exchange(connection, is_reused) and self.keeps
            is_reused = True
            self.pause(0.06)

    def exchange(self, connection, is_reused):
        """Whether the connection may be used again."""
        request = Signed()
        self.ledger.note("sent")
        head = f"POST /t HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Length: {len(request.body)}\r\n"
        head = (head + "".join(f"{name}: {value}\r\n" for name, value in request.rest)).encode() + b"\r\n"
        received, ending = b"", "closed"
        try:
            try:
                # A stop may fall between the pieces, and some take longer than it does otherwise.
                if random.random() < 0.3:
                    connection.sendall(head)
                    time.sleep(random.uniform(0, 0.01) if random.random() < 0.95 else 1)
                    connection.sendall(request.body)
                else:
                    connection.sendall(head + request.body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # There may be an answer all the same.
            while b"\r\n\r\n" not in received:
                more = connection.recv(4096)
                if not more:
                    break
                received += more
            found, _, rest = received.partition(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in found.split(b"\r\n")[1:])
            length = int(fields.get(b"content-length", b"0"))
            while len(rest) < length:
                more = connection.recv(4096)
                if not more:
                    break
                rest += more
            if found and len(rest) == length:
                self.ledger.answer(request, int(found.split()[1]))
                return fields.get(b"connection") != b"close"
        except ConnectionResetError:
            ending = "reset"
        except TimeoutError:
            ending = "not answered in time"
        if is_reused and not received and ending != "not answered in time":
            self.ledger.close_while_idle(request)
        else:
            self.ledger.lose(request, f"{ending} after {received!r} on a {'kept' if is_reused else 'new'} connection")
        return False


class Http2(Sender):
    """Several streams at once, on a connection that is kept for as long as it takes new ones, or for a few."""

    def __init__(self, *arguments, keeps):
        super().__init__(*arguments)
        self.most = 1 << 20 if keeps else 5
        self.again = []

    def run(self):
        while self.again or not self.is_over.is_set():
            connection = self.connect()
            if connection is not None:
                self.talk(Peer(None, connected=connection))
            elif self.is_over.is_set():
                for request in self.again:
                    self.ledger.lose(request, "was to be sent again, and nobody took it")
                return

    def talk(self, peer):
        self.peer, self.open, self.rest, self.last = peer, {}, {}, None
        stream, next_at, deadline = 1, 0, time.monotonic() + LIMIT
        while not peer.is_over:
            now = time.monotonic()
            is_taking = self.last is None and stream < 2 * self.most and (self.again or not self.is_over.is_set())
            if not is_taking and not self.open:
                break
            if is_taking and len(self.open) < STREAMS and now >= next_at:
                self.begin(stream)
                stream, next_at, deadline = stream + 2, now + random.uniform(0, 0.04), now + LIMIT
            for begun in list(self.rest):
                if random.random() < 0.5:
                    self.finish(begun)
            wait = next_at - now if is_taking and len(self.open) < STREAMS else 0.05
            for received in peer.frames_within(max(0, 0.005 if self.rest else wait)):
                self.take(*received)
            if now > deadline:
                break
        for begun, request in sorted(self.open.items()):
            if self.last is not None and begun > self.last:
                self.repeat(request)
            else:
                what = "closed" if peer.is_over else "not answered in time"
                self.ledger.lose(request, f"stream {begun}: {what}, GOAWAY named {self.last}")
        peer.close()

    def begin(self, stream):
        if self.again:
            request = self.again.pop()
        else:
            request = Signed()
            self.ledger.note("sent")
        self.open[stream] = request
        self.peer.send(frame(HEADERS, END_HEADERS, stream, block(request.fields())))
        self.rest[stream] = request.body
        if random.random() < 0.7:
            self.finish(stream)

    def finish(self, stream):
        self.peer.send(frame(DATA, END_STREAM, stream, self.rest.pop(stream)))

    def repeat(self, request):
        self.ledger.note("streams sent again")
        self.again.append(request)

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.peer.send(frame(SETTINGS, ACK))
        elif kind == PING and not flags & ACK:
            self.peer.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            last, code = struct.unpack(">II", payload[:8])
            self.last = last if self.last is None else min(self.last, last)
            if code != NO_ERROR:
                self.ledger.note(f"GOAWAY with code {code}")
            for begun in [begun for begun in self.open if begun > last]:
                self.repeat(self.open.pop(begun))
                self.rest.pop(begun, None)
        elif kind == RST and stream in self.open:
            request, code = self.open.pop(stream), int.from_bytes(payload, "big")
            self.rest.pop(stream, None)
            if code == REFUSED_STREAM:
                self.repeat(request)
            else:
                self.ledger.lose(request, f"stream {stream}: reset with code {code}")
        elif kind == HEADERS and stream in self.open:
            request, status = self.open[stream], self.peer.status(payload)
            if status is not None:
                request.status = status
            self.end(flags, stream)
        elif kind == DATA and stream in self.open:
            self.end(flags, stream)

    def end(self, flags, stream):
        if flags & END_STREAM:
            request = self.open.pop(stream)
            self.rest.pop(stream, None)
            self.ledger.answer(request, request.status)


class Load:
    """Some hundreds of requests a second, until it is ended."""

    def __init__(self, place):
        self.ledger, self.is_over, self.began = Ledger(), threading.Event(), time.monotonic()
        arguments = (place, self.ledger, self.is_over)
        self.senders = [Http1(*arguments, keeps=keeps) for keeps in [True] * 8 + [False] * 6]
        self.senders += [Http2(*arguments, keeps=keeps) for keeps in [True] * 4 + [False] * 2]
        for sender in self.senders:
            sender.start()

    def answered(self):
        with self.ledger.lock:
            return len(self.ledger.answered)

    def goes_on(self, more, seconds=LIMIT):
        """Whether so many more requests are answered."""
        wanted, deadline = self.answered() + more, time.monotonic() + seconds
        while self.answered() < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.answered() >= wanted

    def end(self):
        """Returns what became of the requests, once all of them are known."""
        self.is_over.set()
        self.seconds = time.monotonic() - self.began
        deadline = time.monotonic() + 3 * LIMIT
        for sender in self.senders:
            sender.join(max(0, deadline - time.monotonic()))
        self.ledger.note("senders that hang", sum(sender.is_alive() for sender in self.senders))
        return self.ledger
