"""Two hookwards, of which the second has no replay store, and traffic that brings about all that can become of a request:
every reason for which one is refused, apps that fail in every way, events that wait and dead letters."""
import base64
import hashlib
import hmac
import os
import signal
import socket
import ssl
import tempfile
import threading
import time

from certificates import Authority
from harness import App, Hookward, free_port, moment

SECRET, OLD = "a secret for the tests of metrics", "the secret before that one"
PUBLIC_URL = "https://hooks.example.com"
LARGE = b"x" * (100 << 10)


class Cutting:
    """An app that breaks off in its answers."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self.listener.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
            connection.close()


def route(name, port, keys="", verify='scheme = "twenty"', secrets=""):
    return f'''[[route]]
name = "{name}"
path = "/{name}"
upstream = "http://127.0.0.1:{port}"
{keys}
[route.verify]
{verify}
secrets = [{{ id = "new", value = "{SECRET}" }}{secrets}]
'''


def twenty(body=b"{}", secret=SECRET, signed_at=None):
    signed_at = signed_at or moment()
    tag = hmac.new(secret.encode(), signed_at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return [("X-Twenty-Webhook-Timestamp", signed_at), ("X-Twenty-Webhook-Signature", tag)]


def hubspot(path, body=b"{}", url=PUBLIC_URL):
    signed_at = moment()
    message = b"POST" + (url + path).encode() + body + signed_at.encode()
    tag = base64.b64encode(hmac.new(SECRET.encode(), message, hashlib.sha256).digest()).decode()
    return [("X-HubSpot-Request-Timestamp", signed_at), ("X-HubSpot-Signature-v3", tag)]


class Traffic:
    """`first` has every feature on, `second` is short of everything."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.well, self.failing, self.refusing = App(), App(status=lambda: 500), App(status=lambda: 404)
        self.slow, self.cutting = App(pause=lambda: 3), Cutting()
        self.authority = Authority()
        self.certificate = self.authority.server("localhost")
        self.first = Hookward(self._first(), server=f'''body_timeout = "300ms"
max_body_bytes = "1MiB"
[server.tls]
listen = ["127.0.0.1:0"]
certificates = [{self.certificate.entry()}]''')
        self.second = Hookward(self._second(), server='max_buffered_bytes = "1MiB"\nmax_body_bytes = "700KiB"')
        self.errors = []

    def _first(self):
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * 86400))
        old = f', {{ id = "old", value = "{OLD}", not_after = "{end}" }}'
        three = f'public_url = "{PUBLIC_URL}"', 'scheme = "hubspot"\nversions = ["v3"]'
        return "".join([
            f'[record]\ndirectory = "{self.folder.name}/refused"\n[spool]\ndirectory = "{self.folder.name}/spool"\n',
            route("well", self.well.port),
            route("twenty", self.well.port, secrets=old),
            route("hubspot", self.well.port, f'{three[0]}\ndiagnose = true\nrecord = "refused"', three[1]),
            route("late", self.well.port, *three),
            route("key", self.well.port, verify='scheme = "api-key"\nheader = "X-Api-Key"'),
            route("failing", self.failing.port),
            route("gone", free_port(), 'upstream_connect_timeout = "100ms"'),
            route("slow", self.slow.port),
            route("too-slow", self.slow.port, 'upstream_timeout = "100ms"'),
            route("cut", self.cutting.port),
            route("moved", self.refusing.port),
            route("stored", self.failing.port, 'spool = "on-failure"'),
            route("dead", self.refusing.port, 'spool = "always"'),
        ])

    def _second(self):
        return "".join([
            f'[replay]\nstore = "redis"\nurl = "redis://127.0.0.1:{free_port()}"\n',
            route("forgetful", self.well.port),
            route("crowded", self.slow.port, verify='scheme = "twenty"\nreplay = false'),
            route("open", self.well.port, "enforce = false"),
        ])

    def round(self):
        """A second of it."""
        for action in (self._verified, self._of_apps, self._refused_for_the_head, self._refused_for_the_proof, self._of_bodies,
                       self._of_times, self._over_tls, self._second_instance):
            action()

    def _post(self, target, headers, *expected, body=b"{}", hookward=None, method="POST"):
        status = (hookward or self.first).send(method, target, headers, body)
        if status not in expected:
            self.errors.append((target, status, expected))

    def _later(self, *arguments, **options):
        threading.Thread(target=self._post, args=arguments, kwargs=options, daemon=True).start()

    def _verified(self):
        for _ in range(5):
            self._post("/well", twenty(), 200)
        self._post("/twenty", twenty(), 200)
        self._post("/twenty", twenty(secret=OLD), 200)
        self._post("/hubspot", hubspot("/hubspot"), 200)
        self._post("/key", [("X-Api-Key", SECRET)], 200)

    def _of_apps(self):
        self._post("/late", hubspot("/late") + [("X-HubSpot-Timeout-Millis", "0")], 200)
        self._post("/failing", twenty(), 500)
        self._post("/gone", twenty(), 502)
        self._later("/slow", twenty(), 200)
        self._post("/too-slow", twenty(), 504)
        self._post("/moved", twenty(), 404)
        self._post("/stored", twenty(), 202)
        self._post("/dead", twenty(), 202)
        self._raw(b"POST /cut HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n", twenty(), b"{}")

    def _refused_for_the_head(self):
        self._raw(b"POST /twenty HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n", [], b"{}")
        self._post("/twenty/../x", [], 400)
        self._post("/nowhere", [], 404)
        self._post("/twenty", [], 405, method="PUT")
        self._post("/twenty", twenty() + twenty(), 401)
        self._post("/twenty", [], 401)
        self._post("/key", [], 401)
        self._post("/hubspot", [("X-HubSpot-Signature", "0" * 64), ("X-HubSpot-Signature-Version", "v9")], 401)
        self._post("/twenty", [("X-Twenty-Webhook-Timestamp", moment()), ("X-Twenty-Webhook-Signature", "0")], 401)

    def _refused_for_the_proof(self):
        self._post("/twenty", twenty(secret="another secret of somebody"), 401)
        self._post("/key", [("X-Api-Key", "another key")], 401)
        # As where a proxy speaks http with whoever signs.
        self._post("/hubspot", hubspot("/hubspot", url=PUBLIC_URL.replace("https", "http")), 401)
        again = twenty()
        self._post("/twenty", again, 200)
        self._post("/twenty", again, 409)

    def _of_times(self):
        now = int(moment())
        self._post("/twenty", twenty(signed_at=str(now - 600_000)), 401)
        self._post("/twenty", twenty(signed_at=str(now + 600_000)), 401)
        self._post("/twenty", twenty()[1:], 401)
        self._post("/twenty", [("X-Twenty-Webhook-Timestamp", "now")] + twenty()[1:], 401)

    def _of_bodies(self):
        self._raw(b"POST /twenty HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n", twenty(), b"")
        # The rest of the body never comes.
        threading.Thread(target=self._raw, args=(b"POST /twenty HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n", twenty(), b"{}"),
                         daemon=True).start()

    def _over_tls(self):
        context = ssl.create_default_context(cafile=self.authority.root)
        with socket.create_connection(("127.0.0.1", self.first.ports["server.tls"]), timeout=30) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as stream:
                self._ask(stream, b"POST /well HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n", twenty(), b"{}")
        with socket.create_connection(("127.0.0.1", self.first.ports["server.tls"]), timeout=30) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.recv(100)

    def _second_instance(self):
        self._post("/forgetful", twenty(), 503, hookward=self.second)
        self._post("/open", [], 200, hookward=self.second)
        # Once a large body is held, there is room for small ones alone: for three seconds, and so in the next rounds too.
        body = LARGE * 6
        self._later("/crowded", twenty(body), 200, 503, body=body, hookward=self.second)
        deadline = time.monotonic() + 30
        while self.second.metrics()["hookward_buffered_bytes"] < len(body) and time.monotonic() < deadline:
            time.sleep(0.01)
        for _ in range(3):
            self._post("/crowded", twenty(LARGE * 2), 503, body=LARGE * 2, hookward=self.second)

    def _raw(self, head, headers, body):
        with socket.create_connection(("127.0.0.1", self.first.ports["server"]), timeout=30) as stream:
            self._ask(stream, head, headers, body)

    @staticmethod
    def _ask(stream, head, headers, body):
        lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers)
        stream.sendall(head + lines + b"\r\n" + body)
        stream.recv(65536)

    def break_configuration(self):
        with open(self.first.config, "a", encoding="utf-8") as file:
            file.write("\nno_such_key = true\n")
        os.kill(self.first.process.pid, signal.SIGHUP)

    def stop(self):
        self.first.stop()
        self.second.stop()
