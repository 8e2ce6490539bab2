"""NATS servers of the tests' own, with JetStream, and a plain client.

Each is on a free port of 127.0.0.1, has a temporary folder for its store, and ends with the test. A server that runs
already is never used.
"""
import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile

from harness import leave_nothing
from spool_kit import wait_until

LIMIT = 60
STREAM = "HOOKWARD"


class Client:
    """Asks one question after the other. `words` are what it says of itself."""

    def __init__(self, port, words=None, authority=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.stream = self.socket.makefile("rb")
        if not self.stream.readline().startswith(b"INFO "):
            raise ConnectionError("this is no NATS server")
        if authority:
            context = ssl.create_default_context(cafile=authority)
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
            self.stream = self.socket.makefile("rb")
        words = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, **(words or {})}
        self.socket.sendall(f"CONNECT {json.dumps(words)}\r\nSUB answers.* 1\r\n".encode())

    def ask(self, subject, payload=b""):
        """The answer's payload. One without a payload says that nobody listens."""
        self.socket.sendall(f"PUB {subject} answers.1 {len(payload)}\r\n".encode() + payload + b"\r\n")
        while line := self.stream.readline():
            kind, *rest = line.split()
            if kind == b"PING":
                self.socket.sendall(b"PONG\r\n")
            elif kind in (b"MSG", b"HMSG"):
                message = self.stream.read(int(rest[-1]) + 2)[:-2]
                return message[int(rest[-2]) if kind == b"HMSG" else 0:]
            elif kind == b"-ERR":
                raise ConnectionError(line.decode())
        raise ConnectionError("the server has gone")

    def close(self):
        self.stream.close()
        self.socket.close()


class Nats:
    """A server. `lines` are further lines of its configuration; `words` and `authority` are for its clients."""

    def __init__(self, lines="", words=None, authority=None):
        # While the server is away nobody else gets its port: this has it, and does not listen.
        self.place = socket.socket()
        self.place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.place.bind(("127.0.0.1", 0))
        self.port, self.folder = self.place.getsockname()[1], tempfile.TemporaryDirectory()
        self.words, self.authority, self.process = words, authority, None
        with open(self._path("nats.conf"), "w", encoding="utf-8") as file:
            file.write(f'listen: "127.0.0.1:{self.port}"\nlog_file: "{self._path("log")}"\n'
                       f'jetstream {{ store_dir: "{self._path("store")}" }}\n{lines}\n')

    def _path(self, name):
        return os.path.join(self.folder.name, name)

    def start(self):
        """Returns once it answers."""
        command = ["nats-server", "--config", self._path("nats.conf")]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        leave_nothing(self.process)
        wait_until("a NATS server", self._is_there)
        return self

    def _is_there(self):
        if self.process.poll() is not None:
            with open(self._path("log"), encoding="utf-8") as log:
                raise SystemExit(f"nats-server ended: {self.process.returncode}\n{log.read()[-2000:]}")
        try:
            return "streams" in self.asked("$JS.API.INFO")
        except (OSError, ValueError):
            return False

    def asked(self, subject, payload=b""):
        """What JetStream answers, on a connection of its own."""
        client = Client(self.port, self.words, self.authority)
        try:
            return json.loads(client.ask(subject, payload))
        finally:
            client.close()

    def state(self):
        """How the stream is."""
        return self.asked(f"$JS.API.STREAM.INFO.{STREAM}")["state"]

    def payloads(self):
        """Of all messages in the stream that have one."""
        client, found, place = Client(self.port, self.words, self.authority), [], 1
        while True:
            question = json.dumps({"seq": place, "next_by_subj": ">"}).encode()
            message = json.loads(client.ask(f"$JS.API.STREAM.MSG.GET.{STREAM}", question)).get("message")
            if message is None:
                client.close()
                return found
            if "data" in message:
                found.append(base64.b64decode(message["data"]))
            place = message["seq"] + 1

    def kill(self):
        self.process.kill()
        self.process.wait(LIMIT)

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT)

    def pause(self):
        """Until it goes on, it takes connections and bytes, and does nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
