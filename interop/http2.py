"""HTTP/2 as senders and attackers speak it, frame by frame, over h2c from a trusted address.

What RFC 9113 calls an error ends the stream or the connection and never reaches the app; what is sound is served;
whatever a connection does, others do not notice.
"""
import hashlib
import hmac
import itertools
import struct
import time

from frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITIZED,
                    PRIORITY, PUSH, RST, SETTINGS, WINDOW, Peer, block, frame)
from harness import App, Count, Hookward

SECRET = "a secret for the tests of HTTP/2"
numbers = itertools.count()


class Signed:
    """The fields of a request that is signed for a body that no other request has."""

    def __init__(self, body=None):
        self.body = body if body is not None else f'{{"n":{next(numbers)}}}'.encode()
        now = str(int(time.time() * 1000))
        tag = hmac.new(SECRET.encode(), now.encode() + b":" + self.body, hashlib.sha256).hexdigest()
        self.pseudo = [(":method", "POST"), (":scheme", "http"), (":path", "/t"), (":authority", "hooks.example.com")]
        self.rest = [("x-twenty-webhook-timestamp", now), ("x-twenty-webhook-signature", tag)]

    def fields(self, replace=(), add=(), before=()):
        replace = dict(replace)
        pseudo = [(name, replace.get(name, value)) for name, value in self.pseudo if replace.get(name, value) is not None]
        return [*before, *pseudo, *self.rest, *add]

    def frames(self, stream=1, **changes):
        return frame(HEADERS, END_HEADERS, stream, block(self.fields(**changes))) + frame(DATA, END_STREAM, stream, self.body)


def malformed():
    """Yields a name and the bytes that follow the preface: each is an error of the stream or the connection."""
    good = Signed

    def case(name, data):
        return name, data

    yield case("4.1 a frame longer than SETTINGS_MAX_FRAME_SIZE", frame(HEADERS, END_HEADERS, 1, b"\0" * 20000))
    yield case("4.3 an index that is not there", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\x80\x01"))
    yield case("4.3 a table larger than allowed", frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x7f"))
    yield case("5.1 DATA on an idle stream", frame(DATA, END_STREAM, 1, b"x"))
    yield case("5.1 RST_STREAM on an idle stream", frame(RST, 0, 1, b"\0\0\0\x08"))
    yield case("5.1 WINDOW_UPDATE on an idle stream", frame(WINDOW, 0, 1, b"\0\0\0\x08"))
    yield case("5.1 CONTINUATION on an idle stream", frame(CONTINUATION, END_HEADERS, 1, block(good().fields())))
    request = good()
    ended = frame(HEADERS, END_HEADERS | END_STREAM, 1, block(Signed(b"").fields(replace={":path": "/none"})))
    yield case("5.1 DATA after END_STREAM", ended + frame(DATA, END_STREAM, 1, b"x") + frame(DATA, 0, 1, b"y"))
    yield case("5.1.1 an even stream", request.frames(stream=2))
    yield case("5.1.1 a stream below the last", good().frames(stream=5, replace={":path": "/none"}) + good().frames(stream=3))
    yield case("6.1 DATA on stream 0", frame(DATA, 0, 0, b"x"))
    yield case("6.1 padding longer than the frame", frame(HEADERS, END_HEADERS, 1, block(good().fields())) + frame(DATA, PADDED | END_STREAM, 1, b"\xffxx"))
    yield case("6.2 HEADERS on stream 0", frame(HEADERS, END_HEADERS, 0, block(good().fields())))
    yield case("6.2 padding longer than the frame", frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + block(good().fields())[:100]))
    yield case("6.2 another frame inside a field section", frame(HEADERS, 0, 1, block(good().fields())) + frame(PING, 0, 0, b"\0" * 8))
    yield case("6.2 HEADERS inside a field section", frame(HEADERS, 0, 1, block(good().fields())) + good().frames(stream=3))
    yield case("6.3 PRIORITY of another length", frame(PRIORITY, 0, 1, b"\0" * 4))
    yield case("6.3 PRIORITY on stream 0", frame(PRIORITY, 0, 0, b"\0" * 5))
    yield case("6.4 RST_STREAM on stream 0", frame(RST, 0, 0, b"\0\0\0\x08"))
    yield case("6.4 RST_STREAM of another length", good().frames(replace={":path": "/none"}) + frame(RST, 0, 1, b"\0\0\x08"))
    yield case("6.5 SETTINGS with ACK and a payload", frame(SETTINGS, ACK, 0, b"\0" * 6))
    yield case("6.5 SETTINGS on a stream", frame(SETTINGS, 0, 1))
    yield case("6.5 SETTINGS of another length", frame(SETTINGS, 0, 0, b"\0" * 5))
    yield case("6.5.2 ENABLE_PUSH of 2", frame(SETTINGS, 0, 0, struct.pack(">HI", 2, 2)))
    yield case("6.5.2 a window over the limit", frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)))
    yield case("6.5.2 a frame size below the limit", frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 100)))
    yield case("6.5.2 a frame size over the limit", frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 1 << 24)))
    yield case("6.6 PUSH_PROMISE from a client", frame(PUSH, END_HEADERS, 1, b"\0\0\0\x02" + block(good().fields())))
    yield case("6.7 PING on a stream", frame(PING, 0, 1, b"\0" * 8))
    yield case("6.7 PING of another length", frame(PING, 0, 0, b"\0" * 7))
    yield case("6.8 GOAWAY on a stream", frame(GOAWAY, 0, 1, b"\0" * 8))
    yield case("6.9 WINDOW_UPDATE of 0", frame(WINDOW, 0, 0, b"\0" * 4))
    yield case("6.9 WINDOW_UPDATE of another length", frame(WINDOW, 0, 0, b"\0" * 3))
    yield case("6.9.1 a window over the limit", frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 2)
    yield case("6.10 CONTINUATION after END_HEADERS", good().frames(replace={":path": "/none"}) + frame(CONTINUATION, END_HEADERS, 1, block([("x", "y")])))
    yield case("6.10 CONTINUATION on stream 0", frame(HEADERS, 0, 1, block(good().fields())) + frame(CONTINUATION, END_HEADERS, 0, b""))
    yield case("6.10 CONTINUATION of another stream", frame(HEADERS, 0, 1, block(good().fields())) + frame(CONTINUATION, END_HEADERS, 3, b""))
    request = good()
    head = frame(HEADERS, END_HEADERS, 1, block(request.fields()))
    yield case("8.1 a second HEADERS without END_STREAM", head + frame(HEADERS, END_HEADERS, 1, block([("x", "y")])))
    request = good()
    head = frame(HEADERS, END_HEADERS, 1, block(request.fields()))
    yield case("8.1 pseudo-headers in trailers", head + frame(DATA, 0, 1, request.body) + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([(":path", "/x")])))
    request = good()
    head = frame(HEADERS, END_HEADERS, 1, block(request.fields(add=[("content-length", str(len(request.body)))])))
    yield case("8.1 pseudo-headers in trailers after a length", head + frame(DATA, 0, 1, request.body) + frame(HEADERS, END_HEADERS | END_STREAM, 1, block([(":method", "GET")])))
    for name, changes in {
        "8.2.1 a name in capitals": {"add": [("X-Up", "y")]},
        "8.2.1 a name with a colon": {"add": [("x:y", "z")]},
        "8.2.1 a name with a blank": {"add": [("x y", "z")]},
        "8.2.1 a name with a line end": {"add": [("x\r\nhost", "z")]},
        "8.2.1 an empty name": {"add": [("", "z")]},
        "8.2.1 a value with a line end": {"add": [("x", "a\r\ncontent-length: 0")]},
        "8.2.1 a value with a line feed": {"add": [("x", "a\nb")]},
        "8.2.1 a value with a NUL": {"add": [("x", "a\0b")]},
        "8.2.2 Connection": {"add": [("connection", "close")]},
        "8.2.2 Transfer-Encoding": {"add": [("transfer-encoding", "chunked")]},
        "8.2.2 Keep-Alive": {"add": [("keep-alive", "timeout=5")]},
        "8.2.2 Proxy-Connection": {"add": [("proxy-connection", "close")]},
        "8.2.2 Upgrade": {"add": [("upgrade", "h2c")]},
        "8.2.2 TE that is not trailers": {"add": [("te", "gzip")]},
        "8.3 an unknown pseudo-header": {"before": [(":x", "y")]},
        "8.3 a pseudo-header of answers": {"before": [(":status", "200")]},
        "8.3 a pseudo-header after a field": {"replace": {":path": None}, "add": [(":path", "/t")]},
        "8.3.1 no :method": {"replace": {":method": None}},
        "8.3.1 no :scheme": {"replace": {":scheme": None}},
        "8.3.1 no :path": {"replace": {":path": None}},
        "8.3.1 an empty :path": {"replace": {":path": ""}},
        "8.3.1 :method twice": {"before": [(":method", "POST")]},
        "8.3.1 :path twice": {"before": [(":path", "/t")]},
        "8.3.1 :authority twice": {"before": [(":authority", "hooks.example.com")]},
        "8.3.1 a :scheme that is neither": {"replace": {":scheme": "ftp"}},
        "8.3.1 Host unlike :authority": {"add": [("host", "other.example")]},
        "8.3.1 Host twice": {"replace": {":authority": None}, "add": [("host", "a"), ("host", "a")]},
        "8.3.1 neither Host nor :authority": {"replace": {":authority": None}},
        "8.3.1 userinfo in :authority": {"replace": {":authority": "u@hooks.example.com"}},
        "8.3.1 a path in :authority": {"replace": {":authority": "hooks.example.com/x"}},
        "8.3.1 a :path that is a URL": {"replace": {":path": "http://hooks.example.com/t"}},
        "8.3.1 a :path of *": {"replace": {":path": "*"}},
        "8.3.1 a :path with a fragment": {"replace": {":path": "/t#x"}},
        "8.3.1 a :path with an empty fragment": {"replace": {":path": "/t?a#"}},
        "8.3.1 a :path without a slash": {"replace": {":path": "t"}},
        "8.3.1 a :path with a line end": {"replace": {":path": "/t HTTP/1.1\r\nhost: x\r\n\r\n"}},
        "8.3.1 a :path with a blank": {"replace": {":path": "/t x"}},
        "8.3.1 a :path with a byte over 127": {"replace": {":path": "/t\xe9"}},
        "8.3.1 a :method with a blank": {"replace": {":method": "POST /x"}},
        "8.5 CONNECT": {"replace": {":method": "CONNECT"}},
        "8.1.1 a Content-Length that is too long": {"add": [("content-length", "1000")]},
        "8.1.1 a Content-Length that is too short": {"add": [("content-length", "1")]},
        "8.1.1 two lengths": {"add": [("content-length", "2"), ("content-length", "3")]},
        "8.1.1 a length with a sign": {"add": [("content-length", "+9")]},
        "8.1.1 a length that is no number": {"add": [("content-length", "x")]},
        "dot segments": {"replace": {":path": "/t/../t"}},
        "Transfer_Encoding": {"add": [("transfer_encoding", "chunked"), ("x-twenty-webhook-signature", "00")]},
        "two signatures": {"add": [("x-twenty-webhook-signature", "00" * 32)]},
        "more than 256 fields": {"add": [(f"x-{number}", "y") for number in range(300)]},
        "a field section that is too large": {"add": [(f"x-{number}", "y" * 8000) for number in range(20)]},
    }.items():
        yield case(name, good().frames(**changes))


def sound():
    """Yields a name, a request, its frames on stream 1, and a check of what the app is to see."""
    def case(name, request, data=None, **expected):
        return name, request, request.frames() if data is None else data, expected

    yield case("a plain request", Signed())
    request = Signed()
    yield case("a query", request, request.frames(replace={":path": "/t?a=%2F&b={}|^`"}), target="/t?a=%2F&b={}|^`")
    request = Signed()
    yield case("Host instead of :authority", request, request.frames(replace={":authority": None}, add=[("host", "a.example")]), host=["a.example"])
    request = Signed()
    yield case("Host like :authority", request, request.frames(add=[("host", "hooks.example.com")]), host=["hooks.example.com"])
    request = Signed()
    yield case("cookies in pieces", request, request.frames(add=[("cookie", "a=1"), ("cookie", "b=2")]), cookie=["a=1; b=2"])
    request = Signed()
    yield case("a value with bytes over 127", request, request.frames(add=[("x-latin", "caf\xe9")]), **{"x-latin": ["caf\xe9"]})
    request = Signed()
    yield case("a field twice", request, request.frames(add=[("x-twice", "1"), ("x-twice", "2")]), **{"x-twice": ["1", "2"]})
    request = Signed()
    yield case("its length", request, request.frames(add=[("content-length", str(len(request.body)))]))
    request = Signed()
    yield case("TE: trailers, which ends here", request, request.frames(add=[("te", "trailers")]), te=None)
    request = Signed()
    fields = block(request.fields())
    pieces = frame(HEADERS, 0, 1, fields[:10]) + frame(CONTINUATION, 0, 1, fields[10:50]) + frame(CONTINUATION, END_HEADERS, 1, fields[50:])
    yield case("a field section in pieces", request, pieces + frame(DATA, END_STREAM, 1, request.body))
    request = Signed()
    padded = frame(HEADERS, END_HEADERS | PADDED | PRIORITIZED, 1, b"\x03" + b"\0\0\0\0\x10" + block(request.fields()) + b"\0\0\0")
    yield case("padding", request, padded + frame(DATA, PADDED | END_STREAM, 1, b"\x02" + request.body + b"\0\0"))
    request = Signed()
    head = frame(HEADERS, END_HEADERS, 1, block(request.fields()))
    yield case("a body in bytes", request, head + b"".join(frame(DATA, 0, 1, bytes([byte])) for byte in request.body) + frame(DATA, END_STREAM, 1))
    request = Signed()
    head = frame(HEADERS, END_HEADERS, 1, block(request.fields()))
    trailers = frame(HEADERS, END_HEADERS | END_STREAM, 1, block([("x-trailer", "y")]))
    yield case("trailers, which end here", request, head + frame(DATA, 0, 1, request.body) + trailers, **{"x-trailer": None})
    request = Signed()
    yield case("frames of an unknown type", request, frame(0x42, 0xff, 0, b"?") + request.frames() + frame(0x42, 0, 1, b"?"))


def routes(app):
    return f'''[[route]]
name = "t"
path = "/t"
upstream = "http://127.0.0.1:{app.port}"
[route.verify]
scheme = "twenty"
replay = false
secrets = [{{ id = "s", value = "{SECRET}" }}]
'''


def start(app, server=""):
    return Hookward(routes(app), f'h2c = true\ntrusted_proxies = ["127.0.0.1/32"]\n{server}')


def is_well(hookward):
    """Whether a good request on a new connection is served."""
    peer = Peer(hookward.ports["server"])
    peer.send(Signed().frames())
    outcome = peer.outcome()
    peer.close()
    return outcome == 200


def what_is_malformed(count, hookward, app):
    for name, data in malformed():
        peer = Peer(hookward.ports["server"])
        peer.send(data + frame(PING, 0, 0, b"the last"))
        found = peer.outcome()
        peer.close()
        is_refused = found in ("reset", "goaway", "closed") or found in range(400, 500)
        count.check(is_refused or found == 404, name, found)
        count.check(not app.take(), f"{name}: the app saw it")
    count.check(is_well(hookward) and len(app.take()) == 1, "a good request after all that")
    for name, preface in {"no preface": b"", "a wrong preface": b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "half of one": PREFACE[:20]}.items():
        peer = Peer(hookward.ports["server"], preface=preface)
        peer.send(Signed().frames())
        count.check(peer.outcome() in ("closed", "goaway"), name)
        count.check(not app.take(), f"{name}: the app saw it")


def what_is_sound(count, hookward, app):
    for name, request, data, expected in sound():
        peer = Peer(hookward.ports["server"])
        peer.send(data)
        found = peer.outcome()
        peer.close()
        seen = app.take()
        count.check(found == 200 and len(seen) == 1, name, (found, len(seen)))
        for _, target, headers, body in seen:
            count.check(body == request.body, f"{name}: the body", body)
            count.check(target == expected.pop("target", "/t"), f"{name}: the target", target)
            count.check(headers["content-length"] == [str(len(body))] and "transfer-encoding" not in headers, f"{name}: the framing", headers)
            for field, values in expected.items():
                count.check(headers.get(field) == values, f"{name}: {field}", headers.get(field))


def many_at_once(count, hookward, app):
    peer = Peer(hookward.ports["server"])
    requests = [Signed() for _ in range(30)]
    streams = range(1, 61, 2)
    for stream, request in zip(streams, requests):
        peer.send(frame(HEADERS, END_HEADERS, stream, block(request.fields())))
    for stream, request in zip(streams, requests):
        peer.send(frame(DATA, END_STREAM, stream, request.body))
    statuses = {}
    for kind, _, stream, payload in peer.frames():
        if kind == HEADERS:
            statuses[stream] = dict(peer.decoder.decode(payload))[":status"]
        if len(statuses) == len(requests):
            break
    peer.close()
    count.check(set(statuses.values()) == {"200"}, "30 streams at once", statuses)
    bodies = sorted(body for *_, body in app.take())
    count.check(bodies == sorted(request.body for request in requests), "each once")


def a_window_for_each_answer(count, hookward, app):
    """As HAProxy does: for each answer that it has read, the sender opens the connection's window."""
    peer = Peer(hookward.ports["server"])
    served = 0
    for stream in range(1, 4_001, 2):
        peer.send(Signed().frames(stream=stream))
        if peer.outcome(stream) != 200:
            break
        peer.send(frame(WINDOW, 0, 0, struct.pack(">I", 2)))
        served += 1
    peer.close()
    count.check(served == 2_000 and len(app.take()) == served, "a window for each answer", served)


def floods(count, hookward, app):
    ping = frame(PING, 0, 0, b"\0" * 8)
    opened = frame(HEADERS, END_HEADERS, 1, block(Signed().fields()))
    for name, begin, unit in [
        ("PING", b"", ping),
        ("SETTINGS", b"", frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535))),
        ("PRIORITY", b"", frame(PRIORITY, 0, 1, b"\0\0\0\0\x10")),
        ("unknown frames", b"", frame(0x42)),
        ("empty DATA", opened, frame(DATA, 0, 1)),
        ("WINDOW_UPDATE", b"", frame(WINDOW, 0, 0, b"\0\0\0\x01")),
        ("empty CONTINUATION", frame(HEADERS, 0, 1, block(Signed().fields())), frame(CONTINUATION, 0, 1)),
        ("CONTINUATION", frame(HEADERS, 0, 1, block(Signed().fields())), frame(CONTINUATION, 0, 1, block([("x", "y" * 1000)]))),
    ]:
        peer = Peer(hookward.ports["server"])
        peer.send(begin)
        is_ended = not all(peer.send(unit * 100) for _ in range(3_000))
        count.check(is_ended or peer.outcome(99) in ("closed", "goaway"), f"a flood of {name}")
        peer.close()
        count.check(is_well(hookward), f"others beside a flood of {name}")
        app.take()
    peer = Peer(hookward.ports["server"])
    is_ended = False
    for stream in range(1, 40_001, 2):
        head = frame(HEADERS, END_HEADERS, stream, block(Signed().fields()))
        if not peer.send(head + frame(RST, 0, stream, b"\0\0\0\x08")):
            is_ended = True
            break
    count.check(is_ended or peer.outcome(99_999) in ("closed", "goaway"), "a flood of resets")
    peer.close()
    count.check(is_well(hookward), "others beside a flood of resets")
    app.take()


def waits_end(count, app):
    hookward = start(app, 'header_timeout = "1s"\nbody_timeout = "1s"\nkeepalive_timeout = "1s"')
    port = hookward.ports["server"]
    for name, data in {
        "a preface alone": b"",
        "an unfinished field section": frame(HEADERS, 0, 1, block(Signed().fields())),
        "an unfinished frame": frame(HEADERS, END_HEADERS, 1, b"\0", length=100),
    }.items():
        peer = Peer(port)
        peer.send(data)
        count.check(peer.outcome(99) in ("closed", "goaway"), f"{name} is ended")
        peer.close()
    peer = Peer(port)
    peer.send(frame(HEADERS, END_HEADERS, 1, block(Signed().fields())))
    count.check(peer.outcome() == 503, "a body that does not come")
    # An unfinished field section beside a stream that is served.
    peer.send(Signed().frames(stream=3) + frame(HEADERS, 0, 5, block(Signed().fields())))
    count.check(peer.outcome(5) in ("closed", "goaway"), "an unfinished field section beside another stream")
    peer.close()
    app.take()
    hookward.stop()


def stopping(count, app):
    """A stop loses no request, and a client that acknowledges nothing holds nobody up."""
    lost = 0
    for _ in range(10):
        hookward = start(app)
        peers = [Peer(hookward.ports["server"]) for _ in range(10)]
        for peer in peers:
            peer.send(b"".join(Signed().frames(stream=stream) for stream in range(1, 41, 2)))
        hookward.process.terminate()
        for peer in peers:
            statuses = {}
            for kind, _, stream, payload in peer.frames():
                if kind == HEADERS:
                    statuses[stream] = dict(peer.decoder.decode(payload))[":status"]
            answered = sum(status == "200" for status in statuses.values())
            # What was sent before the stop is served, or was never taken.
            lost += 0 if answered in (0, 20) else 20 - answered
        began = time.monotonic()
        count.check(hookward.process.wait(timeout=60) == 0, "it ends well")
        count.check(time.monotonic() - began < 20, "nobody holds it up")
    count.check(lost == 0, "streams that were cut at a stop", lost)
    app.take()


def run():
    count, app = Count("HTTP/2 frame by frame"), App()
    hookward = start(app)
    what_is_malformed(count, hookward, app)
    what_is_sound(count, hookward, app)
    many_at_once(count, hookward, app)
    a_window_for_each_answer(count, hookward, app)
    floods(count, hookward, app)
    hookward.stop()
    waits_end(count, app)
    stopping(count, app)
    return [count]
