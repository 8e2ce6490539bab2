"""Raw requests that two servers could read differently, with two real servers as the app behind.

Whatever is sent, the app sees the requests that were signed, each at most once and as it was signed,
and what the sender is answered agrees with what the app saw.
"""
import hashlib
import hmac
import itertools
import socket
import time

from apps import NginxApp, NodeApp, settled
from harness import Count, Hookward

SECRET = "a secret for the smuggling tests"
BODY = '{"event":"x"}'
SMUGGLED = "POST /t/smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
numbers = itertools.count()


class Message:
    """A raw request under construction: signed for a body that no other request has."""

    def __init__(self):
        self.target = f"/t/{next(numbers)}"
        self.body = f'{{"to":"{self.target}"}}'

    def head(self, framing, line=None, host="Host: hooks.example.com\r\n"):
        now = str(int(time.time() * 1000))
        tag = hmac.new(SECRET.encode(), f"{now}:{self.body}".encode(), hashlib.sha256).hexdigest()
        return (f"{line or f'POST {self.target} HTTP/1.1'}\r\n{host}{framing}X-Twenty-Webhook-Timestamp: {now}\r\n"
                f"X-Twenty-Webhook-Signature: {tag}\r\n\r\n")

    @property
    def length(self):
        return len(self.body)

    def chunked(self, size="{:x}", end="\r\n", last="0\r\n\r\n"):
        return f"{size.format(self.length)}{end}{self.body}\r\n{last}"


def cases():
    """Yields a name, a message, its raw bytes, and whether it must be forwarded (None: may be)."""
    def case(name, must, build):
        message = Message()
        return name, message, build(message), must

    # Two framings at once, in either order and many spellings, with the body of either reading.
    codings = ["chunked", "Chunked", " chunked", "chunked ", "\tchunked", "xchunked", "chunked, identity", "gzip, chunked",
               "identity", "chunked;a=b", '"chunked"', "\x0bchunked", "chunked\x00", "chunked, chunked", ",chunked", "", "x"]
    names = ["Transfer-Encoding", "transfer-encoding", "Transfer-Encoding ", " Transfer-Encoding", "Transfer-Encoding\t",
             "Transfer_Encoding", "X: y\nTransfer-Encoding", "X: y\rTransfer-Encoding", "X: y\r\n Transfer-Encoding"]
    for name, coding in itertools.product(names, codings):
        for length_first, wire in itertools.product((True, False), ("length", "chunks")):
            def build(m, name=name, coding=coding, length_first=length_first, wire=wire):
                length = f"Content-Length: {m.length if wire == 'length' else len(m.chunked())}\r\n"
                coded = f"{name}: {coding}\r\n"
                body = m.body if wire == "length" else m.chunked()
                return m.head(length + coded if length_first else coded + length) + body + SMUGGLED
            # An underscore makes another header: it is removed, and the length alone counts.
            must = wire == "length" if name == "Transfer_Encoding" and coding not in ("\x0bchunked", "chunked\x00") else False
            yield case(f"{name!r}: {coding!r} beside a length, {wire}", must, build)
    for coding in codings:
        must = coding.strip(" \t").lower() == "chunked"
        yield case(f"coding {coding!r} alone", must,
                   lambda m, coding=coding: m.head(f"Transfer-Encoding: {coding}\r\n") + m.chunked() + SMUGGLED)
    # Lengths.
    spellings = ["+{}", "-{}", "0{}", "0x{:x}", "{}.0", "{},{}", "{}, {}", "{} {}", "{};", "'{}'", "\x0b{}", "{}\x00", "", "1e1",
                 "184467440737095516{}", "99999999999999999999999", "{}\r\nContent-Length: {}", "{}\r\nContent-Length: 0",
                 "0\r\nContent-Length: {}", "{}\r\n 0", "\r\n {}", "{}\nX: y", "{}\rX: y"]
    for spelling in spellings:
        yield case(f"length {spelling!r}", False, lambda m, spelling=spelling:
                   m.head(f"Content-Length: {spelling.format(m.length, m.length)}\r\n") + m.body + SMUGGLED)
    for spelling in ("{}", "\t {} \t"):
        yield case(f"length {spelling!r}", True, lambda m, spelling=spelling:
                   m.head(f"Content-Length:{spelling.format(m.length)}\r\n") + m.body + SMUGGLED)
    for short in (0, 1, 5):
        yield case(f"a length of {short} before a longer body", False,
                   lambda m, short=short: m.head(f"Content-Length: {short}\r\n") + m.body + SMUGGLED)
    # Chunks.
    chunk = "Transfer-Encoding: chunked\r\n"
    for size, end, last, must in [
            ("{:x}", "\r\n", "0\r\n\r\n", True), ("{:X}", "\r\n", "0\r\n\r\n", True), ("00{:x}", "\r\n", "00\r\n\r\n", True),
            ("{:x};a=b", "\r\n", "0;c\r\n\r\n", True), ("{:x}", "\r\n", "0\r\nX-T: y\r\n\r\n", True),
            ("{:x}", "\r\n", "0\r\nX-Hookward-Verified: twenty\r\nContent-Length: 99\r\n\r\n", True),
            ("{:x}", "\n", "0\r\n\r\n", False), ("{:x}", "\r\n", "0\n\n", False), ("{:x}", "\r\n", "0\r\n\n", False),
            ("{:x};a\n", "\r\n", "0\r\n\r\n", False), ("{:x};\r", "\r\n", "0\r\n\r\n", False), ("0x{:x}", "\r\n", "0\r\n\r\n", False),
            ("+{:x}", "\r\n", "0\r\n\r\n", False), ("-{:x}", "\r\n", "0\r\n\r\n", False), (" {:x}", "\r\n", "0\r\n\r\n", False),
            ("{:x} ", "\r\n", "0\r\n\r\n", False), ("{:x}\t", "\r\n", "0\r\n\r\n", False), ("1000000000000000{:x}", "\r\n", "0\r\n\r\n", False),
            ("{:x}", "\r\n", "0\r\n X: y\r\n\r\n", False), ("{:x}", "\r\n", "0\r\nGET / HTTP/1.1\r\n\r\n", False),
            ("{:x}", "\r\n", "0\r\nX : y\r\n\r\n", False), ("{:x}", "\r\n", "-1\r\n\r\n", False), ("", "\r\n", "0\r\n\r\n", False)]:
        yield case(f"chunk {size!r} {end!r} {last!r}", must,
                   lambda m, size=size, end=end, last=last: m.head(chunk) + m.chunked(size, end, last) + SMUGGLED)
    yield case("a chunk longer than its size", False,
               lambda m: m.head(chunk) + f"{m.length:x}\r\n{m.body}XX\r\n0\r\n\r\n" + SMUGGLED)
    yield case("a chunk for every byte", True, lambda m: m.head(chunk) + "".join(f"1\r\n{b}\r\n" for b in m.body) + "0\r\n\r\n" + SMUGGLED)
    # Request lines. The length is right in all of them.
    for line in ["POST http://hooks.example.com{} HTTP/1.1", "POST HTTPS://Hooks.example.com:443{} HTTP/1.1", "POST http://hooks.example.com:80{} HTTP/1.1"]:
        yield case(f"line {line!r}", True, lambda m, line=line:
                   m.head(f"Content-Length: {m.length}\r\n", line.format(m.target)) + m.body + SMUGGLED)
    for line in ["POST http://evil{} HTTP/1.1", "POST http://hooks.example.com:8080{} HTTP/1.1", "POST http://hooks.example.com:443{} HTTP/1.1",
                 "POST http://evil@hooks.example.com{} HTTP/1.1", "POST http://hooks.example.com:80@evil{} HTTP/1.1", "POST http://hooks.example.com\\{} HTTP/1.1",
                 "POST ftp://hooks.example.com{} HTTP/1.1", "POST http:{} HTTP/1.1", "POST http://{} HTTP/1.1", "POST http://hooks.example.com?{} HTTP/1.1",
                 "POST http://hooks.example.com#{} HTTP/1.1", "POST http://hooks.example.com HTTP/1.1", "POST http://hooks.example.com/http://evil{} HTTP/1.1",
                 "POST http://hooks.example.com/x/..{} HTTP/1.1", "POST {}\x0b HTTP/1.1", "POST {}\r HTTP/1.1", "POST {}% HTTP/1.1", "POST {}%4 HTTP/1.1", "POST {}<> HTTP/1.1", "POST //evil{} HTTP/1.0 HTTP/1.1", "OPTIONS * HTTP/1.1",
                 "CONNECT hooks.example.com:80 HTTP/1.1", "POST  {} HTTP/1.1", "POST {}  HTTP/1.1", "POST {} HTTP/1.1 ", " POST {} HTTP/1.1",
                 "POST\t{} HTTP/1.1", "POST {}\tHTTP/1.1", "POST {} HTTP/1.2", "POST {} HTTP/2.0", "POST {} HTTP/1.10", "POST {} http/1.1", "POST {}",
                 "POST {}\x00 HTTP/1.1", "POST {}#x HTTP/1.1", "POST /x/..{} HTTP/1.1", "POST /x/%2e%2e{} HTTP/1.1", "POST /x/..;a{} HTTP/1.1",
                 "POST /x/.%2E{} HTTP/1.1", "POST {}/. HTTP/1.1", "POST {}\\..\\x HTTP/1.1", "PO ST {} HTTP/1.1", "P(ST {} HTTP/1.1", "POST x{} HTTP/1.1"]:
        yield case(f"line {line!r}", False, lambda m, line=line:
                   m.head(f"Content-Length: {m.length}\r\n", line.format(m.target)) + m.body + SMUGGLED)
    # Targets as browsers and axios leave them.
    for tail in ["/{{a}}|b^c`d[e]", "?{{a}}|b^c`d[e]", "?a=\\\\b", "?a=%&b=%4&c=100%", "?a=http://evil/../", "//x", "/a%2Fb%5Cc%3Fd"]:
        def odd(m, tail=tail):
            m.target += tail.format()
            return m.head(f"Content-Length: {m.length}\r\n") + m.body + SMUGGLED
        yield case(f"target {tail!r}", True, odd)
    for host in ["", "Host:\r\n", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n", "Host: a, b\r\n", "Host: a/b\r\n", "Host: a@b\r\n",
                 "Host : a\r\n", "Host: a b\r\n", "Host: a\r\n b\r\n", "Host: a\x00\r\n", "X: y\r\n z\r\nHost: a\r\n"]:
        yield case(f"host {host!r}", False, lambda m, host=host: m.head(f"Content-Length: {m.length}\r\n", host=host) + m.body + SMUGGLED)
    # Fields.
    for field in ["X Y: z", "X\x01: z", ": z", "nocolon", "X: a\x00b", "X: a\x7fb", "X: a\rb", "X: a\nb", " folded: x", "\tfolded: x", "X: a\r\n b",
                  "Upgrade: h2c\r\nConnection: Upgrade, Content-Length", "Upgrade: h2c\r\nConnection: Upgrade, X-Twenty-Webhook-Signature",
                  "Expect: 100-continue\r\nExpect: 100-continue", "Expect: x\r\nExpect: 100-continue", "Connection: X-Twenty-Webhook-Signature", "Connection: Content-Length", "Connection: Host", "Connection: X-Hookward-Verified",
                  "Connection: close, X-Forwarded-For", "Connection: Transfer-Encoding"]:
        yield case(f"field {field!r}", False, lambda m, field=field: m.head(f"Content-Length: {m.length}\r\n{field}\r\n") + m.body + SMUGGLED)
    for field in ["X-Hookward-Verified: hubspot-v3", "X_Hookward_Verified: forged", "x-hookward-secret: forged", "Connection: x-other", "X: caf\xe9",
                  "Content_Length: 99", "Content.Length: 99", "Transfer.Encoding: chunked", "X.Hookward.Verified: forged", "X_Request_Id: forged",
                  "X_Twenty_Webhook_Signature: forged", "Expect: 100-continue", "Expect: x", "TE: trailers", "Trailer: X",
                  "Upgrade: websocket\r\nConnection: upgrade", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAA",
                  "Upgrade: h2c, websocket", "HTTP2-Settings: AAA", "Connection: Upgrade"]:
        yield case(f"field {field!r}", True, lambda m, field=field: m.head(f"Content-Length: {m.length}\r\n{field}\r\n") + m.body + SMUGGLED)
    # HTTP/1.0.
    yield case("HTTP/1.0 with chunks", False, lambda m: m.head(chunk, f"POST {m.target} HTTP/1.0") + m.chunked() + SMUGGLED)
    yield case("HTTP/1.0", True, lambda m: m.head(f"Content-Length: {m.length}\r\n", f"POST {m.target} HTTP/1.0") + m.body + SMUGGLED)
    yield case("HTTP/1.0, to be kept", True, lambda m: m.head(f"Content-Length: {m.length}\r\nConnection: keep-alive\r\n", f"POST {m.target} HTTP/1.0") + m.body + SMUGGLED)
    # A request inside a verified body, and inside the body of one that is refused.
    def inside(m):
        m.body = SMUGGLED + m.body
        return m.head(f"Content-Length: {m.length}\r\n") + m.body + SMUGGLED
    yield case("a request in a verified body", True, inside)
    for line in ("POST /nowhere", "DELETE /t/x", "POST /t/unsigned", "GET /t/x"):
        def refused(m, line=line):
            inner = m.head("Content-Length: 0\r\n") + SMUGGLED
            return f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n{inner}{SMUGGLED}"
        yield case(f"requests in the body of a refused {line}", False, refused)


def converse(port, raw, pieces):
    """Sends the bytes in so many pieces; returns the statuses of all answers until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        size = -(-len(raw) // pieces)
        try:
            for start in range(0, len(raw), size):
                stream.sendall(raw[start:start + size])
            stream.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # Refused and closed while this was being sent.
        received = b""
        try:
            while chunk := stream.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def run():
    counts = []
    for start in (NodeApp, NginxApp):
        app = start()
        hookward = Hookward(f'''[[route]]
name = "t"
path = "/t/*"
upstream = "http://127.0.0.1:{app.port}"
[route.verify]
scheme = "twenty"
secrets = [{{ id = "s", value = "{SECRET}" }}]
''')
        port, count = hookward.ports["server"], Count(f"smuggling, before {app.name}")
        signed, must_arrive = {}, set()
        for pieces in (1, 7):
            for name, message, raw, must in cases():
                statuses = [status for status in converse(port, raw.encode("latin-1"), pieces) if status != 100]
                signed[message.target] = (name, message.body)
                passed = statuses.count(200)
                count.check(passed == bool(must) and len(statuses) >= 1, f"{name}: answers", statuses)
                if passed:
                    must_arrive.add(message.target)
        last = Message()
        converse(port, (last.head(f"Content-Length: {last.length}\r\n") + last.body).encode(), 1)
        arrived = []
        for request in settled(app, last.body):
            name, body = signed.get(request.get("target"), ("", None))
            is_right = (request.get("method"), request.get("verified"), request.get("body")) == ("POST", "twenty", body)
            count.check(is_right, f"{name}: the app saw what was not signed", request)
            arrived.append(request.get("target"))
        count.check(len(arrived) == len(set(arrived)), "nothing arrives twice", len(arrived))
        count.check(set(arrived) == must_arrive, "what was answered 200 arrived", set(arrived) ^ must_arrive)
        counts.append(count)
        hookward.stop()
        app.stop()
    return counts
