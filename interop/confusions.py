"""Requests of HTTP/2 that HTTP/1 could read differently, or that two readers of HTTP/2 could.

The raw requests of smuggling.py are among them, as far as fields can say what they say. What a rule of RFC 9113,
RFC 9110 or docs/http.md forbids must be refused; what none does may pass, as it was sent.
"""
import itertools
import re

from hpack import Encoder

import smuggling
from frames import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PRIORITIZED, RST, block, frame
from smuggling import SMUGGLED, Message

HOST = "hooks.example.com"
SIGNED = ("x-twenty-webhook-timestamp", "x-twenty-webhook-signature")
INJECTED = "X-Smuggled: 1\r\n"
# What would be something else if it were written into HTTP/1 as it is, or if its bytes were cut to ASCII.
POISONS = ["\r\n" + INJECTED + "a: b", "\n" + INJECTED + "a: b", "\r" + INJECTED + "a: b", "\r\n\r\n" + SMUGGLED, "\0", "\0" + INJECTED,
           " HTTP/1.1\r\n" + INJECTED + "a: b", " HTTP/1.1", ": b", "\t", "\x0b", "\x7f", "\x85" + INJECTED.strip(), "\r\n a: b",
           "\u560d\u560a".encode().decode("latin-1") + "x-smuggled: 1", "\u010d\u010a".encode().decode("latin-1") + "x-smuggled: 1",
           "%0d%0ax-smuggled:%201", ", b", "; b", "\\r\\nx-smuggled: 1"]
SHAPES = ("whole", "pieces", "packed")


class Case:
    """A request as fields, pieces of a body, trailers, and where the stream ends."""

    def __init__(self, name, message, fields, pieces, must=None, trailers=None, ending="data"):
        self.name, self.message, self.fields, self.pieces = name, message, fields, pieces
        self.trailers, self.ending = trailers, ending
        self.body = "".join(pieces)
        self.target = dict(fields).get(":path")
        if is_malformed(fields, self.body, message) or (trailers is not None and any(name[:1] == ":" for name, _ in trailers)):
            must = False
        self.must = must

    def section(self):
        """Its field section, or that of its trailers where it has some."""
        return block(self.fields if self.trailers is None else self.trailers)

    def frames(self, stream, shape):
        """Its frames, in the order in which they are sent. A number for a shape is where a field section is cut."""
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.fields]
        flags, padding, end = 0, b"", b""
        if shape == "packed":
            section = Encoder().encode(fields, huffman=True)
            flags, padding, end = PADDED | PRIORITIZED, b"\x03\0\0\0\0\x10", b"\0\0\0"
        else:
            section = block(self.fields)
        ends_at_once = self.ending == "head" or (not self.pieces and self.trailers is None and self.ending == "data")
        flags |= END_STREAM if ends_at_once else 0
        if shape == "pieces":
            # More of them than this, and a server may take it for a flood.
            yield from in_pieces(flags, stream, section, [len(section) * part // 4 + len(section) % 3 for part in (1, 2, 3)])
        elif isinstance(shape, int) and self.trailers is None:
            yield from in_pieces(flags, stream, section, [shape])
        else:
            yield frame(HEADERS, flags | END_HEADERS, stream, padding + section + end)
        pieces = [piece.encode("latin-1") for piece in self.pieces]
        if shape == "pieces":
            pieces = [cut for piece in pieces for cut in (piece[:1], b"", piece[1:-1], piece[-1:])]
        for piece in pieces:
            is_last = piece is pieces[-1] and self.trailers is None and self.ending == "data" and shape != "pieces"
            yield frame(DATA, END_STREAM if is_last else 0, stream, piece)
        if self.trailers is not None:
            trailers = block(self.trailers)
            yield from in_pieces(END_STREAM, stream, trailers, [shape if isinstance(shape, int) else len(trailers)])
        elif self.ending == "empty" or (shape == "pieces" and pieces and self.ending == "data"):
            yield frame(DATA, END_STREAM, stream)
        elif self.ending == "reset":
            yield frame(RST, 0, stream, b"\0\0\0\x08")


def in_pieces(flags, stream, section, cuts):
    """A field section in a frame, and in others behind it."""
    parts = [section[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(section)])]
    yield frame(HEADERS, flags, stream, parts[0])
    for number, part in enumerate(parts[1:], 2):
        yield frame(CONTINUATION, END_HEADERS if number == len(parts) else 0, stream, part)


def is_malformed(fields, body, message):
    """Whether a rule forbids to pass this on, or it is not signed."""
    pseudo = [(name, value) for name, value in fields if name[:1] == ":"]
    rest = [(name, value) for name, value in fields if name[:1] != ":"]
    values = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    if fields != pseudo + rest or any(name not in (":method", ":scheme", ":path", ":authority") for name, _ in pseudo):
        return True
    if any(len(values[name]) > 1 for name, _ in pseudo) or not all(values.get(name) for name in (":method", ":scheme", ":path")):
        return True
    if any(not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name) for name, _ in rest):
        return True
    if any(re.search(r"[\0-\x08\n-\x1f\x7f]", value) for _, value in fields):
        return True
    if any(name in values for name in ("connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection")):
        return True
    if any(value.strip() != "trailers" for value in values.get("te", [])) or len(values.get("expect", [])) > 1:
        return True
    lengths = values.get("content-length", [])
    if len(lengths) > 1 or any(not re.fullmatch("[ \t]*[0-9]+[ \t]*", length) or int(length) != len(body) for length in lengths):
        return True
    hosts = values.get(":authority", []) + [host.strip(" \t") for host in values.get("host", [])]
    if not hosts or len(set(hosts)) > 1 or len(values.get("host", [])) > 1 or not hosts[0]:
        return True
    if re.search(r"[\0- \x7f-\xff@/?#\\,<>\"]", hosts[0]) or not re.fullmatch(r"[^:]+(:[0-9]+)?", hosts[0]):
        return True
    if values[":method"] != ["POST"] or values[":scheme"][0].lower() not in ("http", "https"):
        return True
    if is_malformed_target(values[":path"][0]):
        return True
    signature = [values.get(name, []) for name in SIGNED]
    return body != message.body or [[value.strip() for value in found] for found in signature] != [[value] for value in message.signature]


def is_malformed_target(target):
    path = target.partition("?")[0]
    if not target.startswith("/t/") or re.search(r"[\0- \x7f-\xff\"<>#]", target) or re.search(r"\\|%(?![0-9a-fA-F]{2})", path):
        return True
    return any(segment in (".", "..") for segment in re.split("[/;]|%2f|%5c", path.lower().replace("%2e", ".")))


def signed(body=None, suffix=""):
    """A message, and the fields of HTTP/2 that make it."""
    message = Message()
    message.target += suffix
    message.body = message.body if body is None else body
    head = message.head("").split("\r\n")
    # Each is signed for a moment of its own, so that even two without a body differ.
    message.signature = [line.partition(": ")[2] for line in head if line.startswith("X-Twenty-Webhook-")]
    pseudo = [(":method", "POST"), (":scheme", "http"), (":path", message.target), (":authority", HOST)]
    return message, pseudo + list(zip(SIGNED, message.signature))


def made(name, must=None, replace=(), add=(), before=(), body=None, pieces=None, suffix="", **more):
    """A case: a signed request, changed."""
    message, fields = signed(body, suffix)
    replace = {key: value(message) if callable(value) else value for key, value in dict(replace).items()}
    add = add(message) if callable(add) else add
    fields = [(key, replace.get(key, value)) for key, value in fields if replace.get(key, value) is not None]
    pieces = pieces(message) if callable(pieces) else [message.body] if pieces is None else pieces
    return Case(name, message, [*before, *fields, *add], pieces, must, **more)


def as_fields(head, message):
    """The head of an HTTP/1 request as HTTP/2 would say it, whatever it says."""
    line, *lines = re.split("\r\n(?![ \t])", head)
    method, _, rest = line.partition(" ")
    path, _, version = rest.rpartition(" ")
    fields = [(":method", method), (":scheme", "http"), (":path", path if version.startswith("HTTP") else rest)]
    others = []
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value[1:] if value[:1] == " " else value
        if name == "host" and not any(name == ":authority" for name, _ in fields):
            fields.append((":authority", value))
        else:
            others.append((name, value))
    message.signature = [next((value for name, value in others if name == signed), None) for signed in SIGNED]
    return fields + others


def corpus():
    """The requests of smuggling.py: as their sender signed them, and with all that they have behind their head."""
    for name, message, raw, must in smuggling.cases():
        head, _, wire = raw.partition("\r\n\r\n")
        fields = as_fields(head, message)
        # The library for HTTP/2 has no such paths, and may keep blanks around values or not.
        is_exotic = re.search(r"[\\`]", dict(fields)[":path"]) or any(value != value.strip() for _, value in fields)
        yield Case(f"HTTP/1's {name}", message, fields, [message.body], True if must and not is_exotic else None)
        yield Case(f"HTTP/1's {name}, and what follows", message, fields, [wire], False)


def poisoned():
    for poison in POISONS:
        def case(where, **changes):
            return made(f"{poison!r} in {where}", **changes)

        for name in (f"x-a{poison}", f"{poison}x-a", f"x-{poison}-a"):
            yield case("a name", add=[(name, "v")])
        for value in (f"a{poison}", f"{poison}a", f"a{poison}b", poison):
            yield case("a value", add=[("x-a", value)])
        for name in ("x-request-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "content-type", "cookie",
                     "user-agent", "expect", "te", "trailer", "content-length", "x-hookward-verified", "x-twenty-webhook-nonce"):
            yield case(name, add=lambda m, name=name: [(name, f"{m.length}{poison}" if name == "content-length" else f"a{poison}b")])
        yield case("a cookie's crumb", add=[("cookie", "a=1"), ("cookie", f"b={poison}"), ("cookie", "c=3")])
        for method in (f"POST{poison}", f"{poison}POST", f"POST /t/smuggled{poison}"):
            yield case(":method", replace={":method": method})
        for where in ("{0}{1}", "{1}{0}", "{0}?q={1}z", "{0}?{1}", "/t{1}{0}"):
            yield case(":path", replace={":path": lambda m, where=where: where.format(m.target, poison)})
        for authority in (f"{HOST}{poison}", f"{poison}{HOST}", f"{HOST}:80{poison}"):
            yield case(":authority", replace={":authority": authority})
            yield case("Host", replace={":authority": None}, add=[("host", authority)])
            yield case("Host beside :authority", add=[("host", authority)])
        yield case(":scheme", replace={":scheme": f"http{poison}"})
        for name in SIGNED:
            yield case(name, replace={name: lambda m, name=name: m.signature[SIGNED.index(name)] + poison})
        for trailers in ([(f"x-a{poison}", "v")], [("x-a", f"a{poison}b")]):
            yield case("a trailer", trailers=trailers)
        if poison.isascii():
            yield case("a signed body", must=True, body=f'{{"n":{next(smuggling.numbers)}}}{poison}')
            yield case("a body that it ends", pieces=lambda m: [m.body, poison])


def framing():
    """What lengths, ends of streams, trailers and bodies say."""
    spellings = ["0", "1", "+{0}", "-{0}", "0{0}", "{0}.0", "{0},{0}", "{0}, {0}", "{0} {0}", " {0}", "{0} ", "", "0x{0:x}", "1e1",
                 "{1}", "{2}", "{3}",
                 "184467440737095516{0}", "99999999999999999999999", "{0}\r\ncontent-length: 0", "{0}\0", "{0};", "'{0}'", "\t{0}"]
    for spelling in spellings:
        def length(m, spelling=spelling):
            return [("content-length", spelling.format(m.length, m.length - 1, m.length + 1, m.length + len(SMUGGLED)))]
        for ending in ("data", "empty", "reset"):
            yield made(f"length {spelling!r}, {ending}", add=length, ending=ending)
        yield made(f"length {spelling!r}, a second request behind", add=length, pieces=lambda m: [m.body, SMUGGLED])
        yield made(f"length {spelling!r}, and trailers", add=length, trailers=[("x-smuggled", "1")])
        yield made(f"length {spelling!r}, no body", add=length, body="", pieces=[])
        yield made(f"length {spelling!r}, DATA after the end", add=length, body="", pieces=[SMUGGLED], ending="head")
    for pair in itertools.product(("{0}", "0", "{1}"), repeat=2):
        yield made(f"lengths {pair}", add=lambda m, pair=pair: [("content-length", text.format(m.length, m.length + 1)) for text in pair])
    yield made("a length", True, add=lambda m: [("content-length", str(m.length))])
    yield made("no length, no body", True, body="", pieces=[])
    yield made("an empty DATA for a body", True, body="", pieces=[], ending="empty")
    yield made("a body that is reset before its end", False, ending="reset")
    yield made("DATA after the end, which is signed", False, pieces=lambda m: [m.body], ending="head")
    for coding in ("chunked", "Chunked", "identity", "gzip, chunked", "", "x", " chunked", "chunked "):
        for pieces in (lambda m: [m.body], lambda m: [m.chunked()], lambda m: [m.chunked(), SMUGGLED], lambda m: ["0\r\n\r\n", SMUGGLED]):
            yield made(f"transfer-encoding {coding!r}", False, add=[("transfer-encoding", coding)], pieces=pieces)
        yield made(f"transfer-encoding {coding!r} in trailers", trailers=[("transfer-encoding", coding)])
        yield made(f"transfer-encoding {coding!r} beside a length", False,
                   add=lambda m, coding=coding: [("content-length", str(m.length)), ("transfer-encoding", coding)])
        for name in ("transfer_encoding", "transfer.encoding", "content_length", "x_transfer-encoding"):
            yield made(f"{name} {coding!r}", add=[(name, coding)])
        for name in ("Transfer-Encoding", "transfer-encodinG", "transfer-encoding ", "transfer-encoding:", ":transfer-encoding",
                     "transfer encoding"):
            yield made(f"{name!r} {coding!r}", False, add=[(name, coding)])
    # Bodies that look like something else, cut where it would begin; all of them are signed.
    for text in (SMUGGLED, "0\r\n\r\n" + SMUGGLED, "\r\n" + SMUGGLED, "0\r\nX-Smuggled: 1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 "ffffffff\r\n", "\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "\0" * 50, "\n" * 50):
        body = f"{next(smuggling.numbers)} {text}"
        yield made(f"a body of {text!r}", True, body=text + body)
        yield made(f"a body of {text!r}, cut", True, body=body + text, pieces=lambda m, body=body, text=text: [body, text])
        yield made(f"a body of {text!r}, with its length", True, body=body, add=lambda m: [("content-length", str(m.length))])
        yield made(f"a body of {text!r} more than was signed", False, pieces=lambda m, text=text: [m.body, text])
    # Trailers: they end here, or end the stream.
    for name, value in [("x-smuggled", "1"), ("x-hookward-verified", "hubspot-v3"), ("content-length", "0"),
                        ("content-length", "99"), ("host", "evil"),
                        ("connection", "close"), ("te", "trailers"), ("trailer", "x"), ("cookie", "a=1"), ("X-Smuggled", "1"),
                        ("x y", "1"), ("", "1"),
                        (":path", "/t/smuggled"), (":method", "GET"), (":status", "200"), (":authority", "evil"),
                        ("x-smuggled", "\r\n"), ("x", "a\nX-Smuggled: 1"),
                        *((name, "00") for name in SIGNED), ("x-request-id", "forged"), ("x-forwarded-host", "evil")]:
        for pieces in (None, []):
            body = None if pieces is None else ""
            yield made(f"a trailer {name!r} {value!r}", trailers=[(name, value)], body=body, pieces=pieces)
        yield made(f"a trailer {name!r} {value!r} after a length", trailers=[(name, value)],
                   add=lambda m: [("content-length", str(m.length))])


def fields():
    """Pseudo-headers, Host, and fields of one connection."""
    target_of = {
        "absolute form": "http://hooks.example.com{}", "absolute form, other scheme": "https://hooks.example.com{}",
        "absolute form of another host": "http://evil{}",
        "absolute form with a user": "http://hooks.example.com@evil{}", "gopher": "gopher://hooks.example.com{}",
        "an empty authority": "http:///{}",
        "no path": "http://hooks.example.com", "a query and no path": "http://hooks.example.com?{}", "asterisk": "*", "empty": "",
        "no slash": "t{}", "query alone": "?{}",
        "authority form": "hooks.example.com:80", "a fragment": "{}#x", "an empty fragment": "{}#",
        "a fragment in the query": "{}?a#b", "a fragment first": "#{}",
        "two slashes": "//evil{}", "a backslash": "\\{}", "dots": "/t/..{}", "dots escaped": "/t/%2e%2E{}",
        "dots with a parameter": "/t/..;x{}", "a dot at the end": "{}/.",
        "dots by backslash": "/t\\..\\{}", "escaped slashes": "/t/..%2f{}", "a blank": "{} x", "a blank first": " {}",
        "a blank last": "{} ", "a tab": "{}\tx", "quotes": '{}"', "angles": "{}<>",
        "a lone percent": "{}%", "half an escape": "{}%4", "another request": "{} HTTP/1.1\r\nHost: x\r\n\r\nGET /t/smuggled",
        "another version": "{} HTTP/1.0", "bytes over 127": "{}\xe9", "long": "{}?" + "a" * 6_000,
    }
    for name, target in target_of.items():
        yield made(f":path, {name}", replace={":path": lambda m, target=target: target.format(m.target)})
    for suffix in ("?a=%2F&b={}|^`", "/{a}|b^c[d]", "?a=%&b=%4", "//x", "/a%2Fb%5Cc%3Fd", "?", "?a=http://evil/../", "?a=/../b",
                   "/%20", "?%0d%0aX-Smuggled:%201"):
        yield made(f":path with {suffix!r}", True, suffix=suffix)
    for authority in ("", "a b", "a,b", "a, b", "u@a", "u:p@hooks.example.com", "hooks.example.com@evil", "a/b", "a?b", "a#b",
                      "a\\b", "hooks.example.com:x", "hooks.example.com:80:80",
                      "[::1", "::1", "a\r\nx: y", "a\0", "\te", "a ", " a", "a\xe9", "hooks.example.com:99999", "%00", "*",
                      "http://hooks.example.com", "a%0d%0ab"):
        yield made(f":authority {authority!r}", replace={":authority": authority})
        yield made(f"Host {authority!r}", replace={":authority": None}, add=[("host", authority)])
        yield made(f"Host {authority!r} beside :authority", add=[("host", authority)])
        yield made(f"Host {authority!r} like :authority", replace={":authority": authority}, add=[("host", authority)])
    for hosts in ([HOST, HOST], ["a", "b"], [HOST, "evil"], ["evil", HOST], [HOST + ":80"], [HOST.upper()], [HOST + "."]):
        yield made(f"Hosts {hosts}", False, add=[("host", host) for host in hosts])
        yield made(f"Hosts {hosts} alone", replace={":authority": None}, add=[("host", host) for host in hosts])
    for method in ("", "post", "POST ", " POST", "PO ST", "POST /t/smuggled HTTP/1.1\r\nX: y\r\n\r\nPOST", "POST\t", "P(ST", "GET",
                   "CONNECT", "OPTIONS", "PRI", "TRACE", "HEAD", "POST\r\n", "\r\nPOST", "POST\0", "x" * 300):
        yield made(f":method {method!r}", False, replace={":method": method})
    for scheme in ("", "ftp", "http ", "http://x/", "https://evil/?", "http:", "javascript", "\r\n", "h" * 100):
        yield made(f":scheme {scheme!r}", False, replace={":scheme": scheme})
    for before in ([(":path", "/t/smuggled")], [(":method", "POST")], [(":authority", HOST)], [(":authority", "evil")],
                   [(":scheme", "http")], [(":status", "200")], [(":protocol", "websocket")],
                   [(":", "x")], [("::path", "x")], [(":Path", "/t/smuggled")], [(":path ", "/t/smuggled")], [("x-first", "y")]):
        yield made(f"before all: {before}", False, before=before)
        yield made(f"after all: {before}", False if before[0][0][0] == ":" else None, add=before)
    for name in ("connection", "keep-alive", "proxy-connection", "upgrade", "te", "Connection", "http2-settings",
                 "proxy-authorization", "trailer", "expect", "te ", "x-hookward-verified",
                 "x_hookward_verified", "x.hookward.verified", "x-hookward-", "x-http-method-override", "x-original-url",
                 "x-rewrite-url", "proxy"):
        for value in ("", "close", "keep-alive", "content-length", "x-twenty-webhook-signature", "trailers", "trailers, chunked",
                      "100-continue", "h2c", "forged"):
            yield made(f"{name}: {value}", add=[(name, value)])
    for name in SIGNED:
        yield made(f"{name} twice", False, add=lambda m, name=name: [(name, m.signature[SIGNED.index(name)])])
        yield made(f"{name} in other letters too", False, add=[(name.title(), "00")])
        yield made(f"{name} with underscores too", True, add=[(name.replace("-", "_"), "00")])
    for crumbs in (["a=1", "b=2"], ["a=1"] * 50, ["", ""], ["a=1;", "; b=2"], ["a", "\xe9"], ["a=1, b", "c"]):
        yield made(f"cookies {crumbs[:4]}", add=[("cookie", crumb) for crumb in crumbs])
    yield made("cookies", True, add=[("cookie", "a=1"), ("x-a", "b"), ("cookie", "b=2")])
    yield made("bytes over 127", True, add=[("x-a", "caf\xe9")])
    yield made("fields in capitals", False, add=[("X-A", "b")])
    yield made("too many fields", False, add=[(f"x-{number}", "y") for number in range(300)])


def to_be_cut():
    """Cases whose field sections are cut at each of their bytes: a rule must hold over all frames of a section."""
    yield lambda: made("a sound request", True, add=[("x-a", "b")])
    yield lambda: made("sound trailers", True, trailers=[("x-a", "b"), ("x-b", "c")])
    for name, value in [("transfer-encoding", "chunked"), ("connection", "x-a"), ("te", "gzip"), ("X-A", "b"),
                        ("x-a", "b\r\nx-smuggled: 1"), (":path", "/t/smuggled"), ("host", "evil")]:
        yield lambda name=name, value=value: made(f"{name}: {value!r} behind", False, add=[(name, value), ("x-last", "y")])
    for name, value in [(":path", "/t/smuggled"), (":authority", "evil"), (":method", "POST"), ("x-first", "y"),
                        ("transfer-encoding", "chunked")]:
        yield lambda name=name, value=value: made(f"{name}: {value!r} before", False, before=[(name, value)])
    yield lambda: made("no name", False, add=[("", "y"), ("x-last", "y")])
    yield lambda: made("a fragment", False, replace={":path": lambda m: f"{m.target}#x"})
    yield lambda: made("two lengths", False, add=lambda m: [("content-length", str(m.length))] * 2)
    yield lambda: made("pseudo-headers in trailers", False, trailers=[("x-a", "b"), (":path", "/t/smuggled"), ("x-b", "c")])


def cases():
    yield from corpus()
    yield from poisoned()
    yield from framing()
    yield from fields()
