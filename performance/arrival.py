"""Whether a program verifies over a protocol and its app gets every body whole."""
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from encrypted_loads import multiplexed
from loads import signed
from programs import Programs

# Over TLS, and HTTP/2.
PROTOCOLS = {"HTTP/1 over TLS": (True, False), "HTTP/2 over TLS": (True, True), "HTTP/2 without TLS": (False, True)}


class Seen(BaseHTTPRequestHandler):
    """An app that keeps the hash of every body."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.server.bodies.append(hashlib.sha256(self.rfile.read(int(self.headers["Content-Length"]))).digest())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class App(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Seen)
        self.bodies = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


def unfit(sizes, names, count=64):
    """{(program, protocol, size): what went wrong} of those which do not forward every good request whole, or which
    forward a forged one."""
    wrong = {}
    with Programs() as programs:
        app = App(programs.ports["APP"])
        everyone = {"hookward": programs.hookward(tls=True)} | programs.peers()
        for name in names:
            for protocol, of in PROTOCOLS.items():
                for label, size in sizes.items():
                    trouble = check(everyone[name], app, size, of, count)
                    if trouble:
                        wrong[name, protocol, label] = trouble
        app.shutdown()
        app.server_close()
    return wrong


def check(program, app, size, of, count):
    """What goes wrong with requests of this size over a protocol, if anything does."""
    request, forged = signed("hubspot", size), signed("hubspot", size, "forged")
    expected = [hashlib.sha256(request[2].encode()).digest()] * count
    app.bodies.clear()
    good, _, _ = multiplexed(program, request, count, *of)
    if good != count or app.bodies != expected:
        whole = sum(body == expected[0] for body in app.bodies)
        return f"of {count} good requests, {good} were answered with 2xx and {whole} came to the app whole"
    app.bodies.clear()
    _, refused, _ = multiplexed(program, forged, count, *of)
    if refused != count or app.bodies:
        return f"of {count} forged requests, {refused} were refused and {len(app.bodies)} came to the app"
    return None
