"""A running hookward, a receiving app, and a count of what was checked."""
import atexit
import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.environ.get("HOOKWARD", os.path.join(ROOT, "target/debug/hookward"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds=30):
    """Returns once the process listens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise SystemExit(f"{process.args[0]} does not listen: {process.poll()}")


def leave_nothing(process):
    """Ends a process at the end of this one, which may be an exception, where nobody has ended it before."""
    def end():
        process.kill()
        process.wait()

    atexit.register(end)


last, moments = 0, threading.Lock()


def moment():
    """A time to be signed: milliseconds, now or soon. No two are the same, so no request is another's repetition."""
    global last
    with moments:
        last = max(last + 1, int(time.time() * 1000))
        return str(last)


def fetch(port, path, host=None):
    """What is answered on loopback: the status, and the text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def metrics(port):
    """What the admin address with this port shows: the value of each series."""
    text = fetch(port, "/metrics")[1]
    return {series: float(value) for series, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.M)}


class Count:
    """Counts checks under a title; a failed one is printed at once."""

    def __init__(self, title):
        self.title, self.passed, self.failed = title, 0, 0

    def check(self, is_right, what, found=None):
        if is_right:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {self.title}: {what}: {found!r}", flush=True)


class App:
    """Answers, after a pause of so many seconds, and remembers the requests, raw."""

    def __init__(self, address="127.0.0.1", port=0, pause=lambda: 0, status=lambda: 200):
        self.pause, self.status = pause, status
        self.listener = socket.create_server((address, port), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.requests, self.lock = [], threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        stream = connection.makefile("rb")
        while line := stream.readline():
            method, target, _ = line.decode("latin-1").split(" ", 2)
            headers = {}
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode("latin-1").partition(":")
                headers.setdefault(name.lower(), []).append(value.strip())
            body = stream.read(int(headers.get("content-length", ["0"])[0]))
            with self.lock:
                self.requests.append((method, target, headers, body))
            time.sleep(self.pause())
            try:
                connection.sendall(b"HTTP/1.1 %d Said\r\nContent-Length: 2\r\n\r\nok" % self.status())
            except OSError:
                return  # Nobody waits for it any more.

    def take(self):
        with self.lock:
            taken, self.requests = self.requests, []
        return taken


class Hookward:
    """The real program with a configuration of the test's own."""

    def __init__(self, routes, server="", command=(), port=0, listeners=None, **options):
        listeners = listeners or (3 if "[server.tls]" in server else 2)
        self.folder = tempfile.TemporaryDirectory()
        self.config = os.path.join(self.folder.name, "hookward.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'[server]\nlisten = ["127.0.0.1:{port}"]\n{server}\n[admin]\nlisten = "127.0.0.1:0"\n{routes}')
        command = [*command, BINARY, "run", "--config", self.config]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)
        leave_nothing(self.process)
        self.ports, self.log = {}, []
        for line in self.process.stderr:
            event = json.loads(line)
            if event["event"] == "listening":
                self.ports[event["listener"]] = int(event["address"].rsplit(":", 1)[1])
            if len(self.ports) == listeners:
                break
        else:
            raise SystemExit("hookward did not start")
        self.reader = threading.Thread(target=lambda: self.log.extend(map(json.loads, self.process.stderr)), daemon=True)
        self.reader.start()

    def send(self, method, target, headers, body):
        """One request, its target as it is, on a connection of its own; returns the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["server"], timeout=30)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", "inner.example")
        for name, value in headers:
            connection.putheader(name, value)
        if body or method != "GET":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        status = connection.getresponse().status
        connection.close()
        return status

    def metrics(self):
        return metrics(self.ports["admin"])

    def stop(self):
        """The exit code; the log is whole then."""
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.reader.join(60)
        return code
