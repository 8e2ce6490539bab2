"""An app that flaps: it is well, fails in each way that an app can, and is not there at all, for moments of chance."""
import collections
import random
import socket
import threading
import time

WELL = "well"
# What it does, and how often it does that, relative to the others.
MOODS = {WELL: 6, "500": 2, "503": 1, "429": 1, "hangs": 1, "cuts": 1, "gone": 2}
ANSWERS = {
    WELL: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "500": b"HTTP/1.1 500 Failed\r\nContent-Length: 2\r\n\r\nno",
    "503": b"HTTP/1.1 503 Not now\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "422": b"HTTP/1.1 422 Refused\r\nContent-Length: 0\r\n\r\n",
    "429": b"HTTP/1.1 429 Too many\r\nContent-Length: 0\r\n\r\n",
}
# More than the `upstream_timeout` of its routes.
HANGS = 0.5


class Arrival:
    """A request as it came."""

    def __init__(self, target, headers, body):
        self.target, self.body = target, body
        self.delivery = headers.get("x-hookward-delivery")
        self.attempt = int(headers.get("x-hookward-attempt", "0"))
        self.received_at = headers.get("x-hookward-received-at")


class FlappingApp:
    """Remembers what came, and what it has taken of that: answered 200. What it took counts as taken even if the answer
    did not arrive."""

    def __init__(self, mood=WELL):
        self.mood, self.lock = mood, threading.Lock()
        self.arrivals, self.taken = [], collections.Counter()
        # What it took of the spool.
        self.delivered = set()
        self.connections, self.listener, self.is_flapping = set(), None, False
        self.listener = self._listen(0)
        self.port = self.listener.getsockname()[1]

    def _listen(self, port):
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def be(self, mood):
        """From now on it does that."""
        self.mood = mood
        if mood == "gone":
            self._close()
        elif self.listener is None:
            self._come_back()

    def flap(self):
        """Does one thing after the other, until it is to be well."""
        self.is_flapping = True
        self.flapper = threading.Thread(target=self._flap, daemon=True)
        self.flapper.start()

    def be_well(self):
        if self.is_flapping:
            self.is_flapping = False
            self.flapper.join()
        self.be(WELL)

    def _flap(self):
        while self.is_flapping:
            self.be(*random.choices(list(MOODS), MOODS.values()))
            time.sleep(random.uniform(0.05, 1))

    def _close(self):
        if self.listener is not None:
            # What waits in `accept` is woken by this alone.
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # It has ended by itself.

    def _come_back(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                self.listener = self._listen(self.port)
                return
            except OSError:
                # Somebody's connection has this port for the moment.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # It is gone.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self.lock:
            self.connections.add(connection)
        try:
            with connection, connection.makefile("rb") as stream:
                while (arrival := self._read(stream)) and (answer := self._answer(arrival)):
                    connection.sendall(answer)
        except (OSError, ValueError):
            pass  # Whoever sent it is gone, or was killed in the middle of it.
        finally:
            with self.lock:
                self.connections.discard(connection)

    @staticmethod
    def _read(stream):
        line = stream.readline()
        if not line.endswith(b"\r\n"):
            return None
        target, headers = line.decode("latin-1").split(" ")[1], {}
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        body = stream.read(length)
        return Arrival(target, headers, body) if line and len(body) == length else None

    def _answer(self, arrival):
        mood = self.mood
        with self.lock:
            self.arrivals.append(arrival)
            if mood == WELL:
                self.taken[arrival.body] += 1
                if arrival.delivery:
                    self.delivered.add(arrival.body)
        if mood == "hangs":
            time.sleep(HANGS)
        return ANSWERS.get(mood)
