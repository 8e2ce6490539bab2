"""HTTP/2 requests that HTTP/1 could read differently, with three servers as the app behind.

hookward writes each stream down as HTTP/1.1. Whatever a field, a length, a trailer or a body says, the app sees
nothing, or the one request that was verified: its target, its body, and no header that it did not have. Another
request on the same connection, behind it or between its frames, is served as itself.
"""
import socket
import ssl
import subprocess
import tempfile
import time

from apps import NginxApp, NodeApp, RawApp, settled
from confusions import SHAPES, SIGNED, Case, cases, in_pieces, made, signed, to_be_cut
from frames import DATA, END_STREAM, Peer, block, frame, integer
from harness import Count, Hookward
from smuggling import SECRET

ADDED = {"host", "content-length", "x-hookward-verified", "x-hookward-route", "x-hookward-secret", "x-hookward-signed-at",
         "x-request-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
MUST = {True: "must pass", False: "must be refused", None: "may pass"}


class Front:
    """How a connection to hookward is made: in clear, or with TLS."""

    def __init__(self, port, is_tls):
        self.port, self.is_tls = port, is_tls
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.set_alpn_protocols(["h2"])

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return Peer(None, connected=self.context.wrap_socket(connection) if self.is_tls else connection)

    def converse(self, case, next_case, shape):
        """What becomes of a request, and of the sound one behind it; or between its frames, where it has many."""
        frames = list(case.frames(1, shape))
        other = b"".join(next_case.frames(3, "whole"))
        if shape == "packed" and len(frames) > 1:
            frames.insert(1, other)
        else:
            frames.append(other)
        peer = self.connect()
        if shape == "pieces":
            for data in frames:
                peer.send(data)
        else:
            peer.send(b"".join(frames))
        # Nobody is told what became of a stream that he has reset.
        found = [None, *peer.outcomes(3)] if case.ending == "reset" else peer.outcomes(1, 3)
        peer.close()
        return found


def headers_that_are_not_his(case, request):
    """The headers that the app saw, and that neither the request had nor hookward adds."""
    seen, sent = {}, {}
    pairs = request["headers"]
    if pairs and isinstance(pairs[0], str):
        pairs = list(zip(pairs[::2], pairs[1::2]))
    for name, value in pairs:
        seen.setdefault(name.lower(), []).append(value.strip(" \t"))
    for name, value in case.fields:
        sent.setdefault(name, []).append(value.strip(" \t"))
    if "cookie" in sent:
        sent["cookie"] = ["; ".join(value for name, value in case.fields if name == "cookie").strip(" \t")]
    wrong = {name: values for name, values in seen.items() if name not in ADDED and values != sent.get(name)}
    wrong |= {name: values for name, values in seen.items() if name in ADDED and len(values) != 1}
    expected = {"host": (sent.get(":authority") or sent.get("host"))[0], "content-length": str(len(case.body)),
                "x-hookward-verified": "twenty",
                "x-hookward-route": "t", "x-hookward-secret": "s"}
    wrong |= {name: seen.get(name) for name, value in expected.items() if seen.get(name) != [value]}
    return wrong


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost",
                    "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    return f'[server.tls]\nlisten = ["127.0.0.1:0"]\ncertificates = [{{ cert = "{folder}/cert.pem", key = "{folder}/key.pem" }}]\n'


def total(metrics, name, *labels):
    return sum(value for series, value in metrics.items() if series.startswith(name + "{") and all(label in series for label in labels))


def quiet(hookward, seconds=30):
    """The metrics, once no request is in flight."""
    deadline = time.monotonic() + seconds
    while True:
        metrics = hookward.metrics()
        if not metrics["hookward_requests_in_flight"] or time.monotonic() > deadline:
            return metrics
        time.sleep(0.02)


class Suite:
    """The cases before one app."""

    def __init__(self, app, folder):
        self.app, self.count = app, Count(f"downgrade, before {app.name}")
        self.hookward = Hookward(f'''[[route]]
name = "t"
path = "/t/*"
upstream = "http://127.0.0.1:{app.port}"
[route.verify]
scheme = "twenty"
replay = false
secrets = [{{ id = "s", value = "{SECRET}" }}]
''', f'h2c = true\ntrusted_proxies = ["127.0.0.1/32"]\n{certificate(folder)}', listeners=3)
        self.sent, self.answered = {}, set()

    def send(self, front, case, shape):
        follower = made("the one behind", True)
        if front.is_tls:
            for one in (case, follower):
                one.fields = [(name, "https" if (name, value) == (":scheme", "http") else value) for name, value in one.fields]
        found, behind = front.converse(case, follower, shape)
        name = f"{case.name} ({'cut at ' if isinstance(shape, int) else ''}{shape}{', TLS' if front.is_tls else ''})"
        for one in (case, follower):
            key = (one.target, one.body)
            # Without a body, and to the same target, two cannot be told apart.
            self.count.check(key not in self.sent or not one.body, f"{name}: two cases alike", key)
            self.sent.setdefault(key, []).append((name, one))
        if found is not None:
            is_refused = found in ("reset", "goaway", "closed") or found in range(400, 500)
            is_right = {True: found == 200, False: is_refused, None: is_refused or found == 200}
            self.count.check(is_right[case.must], f"{name}: {MUST[case.must]}", found)
        self.count.check(behind in (200, "goaway", "closed"), f"{name}: the one behind", behind)
        for one, status in ((case, found), (follower, behind)):
            if status == 200:
                self.answered.add((one.target, one.body))

    def nameless(self, front):
        """A field without a name is to be put into the table of a connection; a later request takes a field from there.

        Who reads field sections beside another must keep the same table, or see another request.
        """
        peer = front.connect()
        for stream in (1, 3, 5):
            message, fields = signed(suffix="#x" if stream == 1 else "")
            path = message.target.encode()
            self.sent.setdefault((message.target, message.body), []).append(("nameless", Case("", message, fields, [message.body], False)))
            section = block([field for field in fields if field[0] not in (":path", SIGNED[1])])
            if stream == 1:
                # With indexing, under the name of the static table's fourth entry.
                section = b"\x44" + integer(len(path), 7) + path + section
            elif stream == 3:
                section = block([(":path", message.target)]) + section + b"\x40\x00\x01y"
            else:
                # The first entry of the table: that of the first stream, if the nameless one is not in it.
                section = b"\xbe" + section
            cut, last = len(section), block([(SIGNED[1], message.signature[1])])
            for data in (*in_pieces(0, stream, section + last, [cut]), frame(DATA, END_STREAM, stream, message.body.encode())):
                peer.send(data)
            found = peer.outcome(stream)
            self.count.check(found in ("reset", "goaway", "closed") or found in range(400, 500), f"a table's entry, stream {stream}", found)
        peer.close()

    def judge(self, front):
        """What the app saw, against what was sent."""
        metrics = quiet(self.hookward)
        last = made("the last", True)
        found = front.converse(made("the last but one", False, body="other", pieces=["none"]), last, "whole")
        self.count.check(found[1] == 200, "the last", found)
        arrived = []
        for request in settled(self.app, last.body):
            key = (request.get("target"), request.get("body"))
            matching = self.sent.get(key, [])
            is_right = bool(matching) and (request["method"], request["verified"]) == ("POST", "twenty")
            self.count.check(is_right, "the app saw what was not sent", request)
            for name, case in matching[:1] if is_right else []:
                self.count.check(case.must is not False, f"{name}: the app saw it", request)
                wrong = headers_that_are_not_his(case, request) if "headers" in request else request["smuggled"]
                self.count.check(not wrong, f"{name}: headers that it did not have", wrong)
            arrived.append(key)
        self.count.check(len(arrived) == len(set(arrived)), "nothing arrives twice", len(arrived) - len(set(arrived)))
        self.count.check(self.answered <= set(arrived), "what was answered 200 arrived", self.answered - set(arrived))
        may_arrive = {key for key, sent in self.sent.items() if any(case.must is not False for _, case in sent)}
        self.count.check(set(arrived) <= may_arrive, "what arrived may arrive", set(arrived) - may_arrive)
        verified = total(metrics, "hookward_verdicts_total", 'verdict="verified"')
        taken = total(metrics, "hookward_responses_total", 'origin="app"')
        self.count.check((verified, taken) == (len(arrived), len(arrived)), "the metrics count what arrived",
                         (verified, taken, len(arrived)))
        self.count.check(self.hookward.process.poll() is None, "it is up", self.hookward.process.poll())
        panics = [event for event in self.hookward.log if "panic" in event.get("event", "")]
        self.count.check(not panics, "it did not panic", panics)


def run():
    counts = []
    for start in (RawApp, NodeApp, NginxApp):
        app = start()
        with tempfile.TemporaryDirectory() as folder:
            suite = Suite(app, folder)
            counts.append(suite.count)
            clear, tls = (Front(suite.hookward.ports[name], name == "server.tls") for name in ("server", "server.tls"))
            for number, case in enumerate(cases()):
                suite.send(tls if number % 16 == 5 else clear, case, SHAPES[number % 3])
            suite.nameless(clear)
            if start is RawApp:
                for turn in (1, 2):
                    for number, case in enumerate(cases()):
                        suite.send(clear, case, SHAPES[(number + turn) % 3])
                for build in to_be_cut():
                    for cut in range(1, len(build().section())):
                        suite.send(clear, build(), cut)
            suite.judge(clear)
            suite.hookward.stop()
            app.stop()
    return counts


if __name__ == "__main__":
    began = time.monotonic()
    for found in run():
        print(f"{found.title:34} {found.passed:5} passed, {found.failed} failed")
    print(f"{time.monotonic() - began:.0f} s")
