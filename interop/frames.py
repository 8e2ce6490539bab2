"""HTTP/2 frame by frame: what a connection of the tests' own sends and reads.

No library for HTTP/2 would send what is sent here, so frames are made by hand.
"""
import select
import socket
import struct

from hpack import Decoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 0x20


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def integer(value, bits):
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([value])
    out, value = [limit], value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def block(fields):
    """A field section of literals that are not indexed (RFC 7541 section 6.2.2)."""
    out = b""
    for name, value in fields:
        name, value = (text.encode("latin-1") for text in (name, value))
        out += b"\0" + integer(len(name), 7) + name + integer(len(value), 7) + value
    return out


class Peer:
    """A connection: one to this port of 127.0.0.1, or one that is there already."""

    def __init__(self, port, settings=b"", preface=PREFACE, timeout=30, connected=None):
        self.socket = connected or socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder, self.buffer, self.is_over = Decoder(), b"", False
        self.send(preface + frame(SETTINGS, payload=settings))

    def send(self, data):
        """Sends what the other side takes before it ends the connection."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def _received(self):
        """The frames that are complete."""
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + length:
                break
            kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
            payload, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
            yield kind, flags, stream, payload

    def _receive(self):
        try:
            more = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            more = b""
        self.is_over = not more
        self.buffer += more

    def frames(self):
        """The frames that come, to the end of the connection."""
        while not self.is_over:
            yield from self._received()
            self._receive()

    def frames_within(self, seconds):
        """The frames that come until nothing more has come for so long."""
        while not self.is_over and select.select([self.socket], [], [], seconds)[0]:
            self._receive()
            yield from self._received()
            seconds = 0

    def status(self, fields):
        """The status that a field section says, or None for that of an informational answer or of trailers."""
        status = int(dict(self.decoder.decode(fields, raw=True)).get(b":status", b"0"))
        return status if status >= 200 else None

    def outcomes(self, *streams):
        """What becomes of streams: of each a status, "reset", "goaway" or "closed"."""
        found = {}
        for kind, flags, stream, payload in self.frames():
            if kind == HEADERS:
                status = self.status(payload)
                if status:
                    found.setdefault(stream, status)
            elif kind == RST:
                found.setdefault(stream, "reset")
            elif kind == GOAWAY and int.from_bytes(payload[4:8], "big"):
                return [found.get(stream, "goaway") for stream in streams]
            elif kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK))
            if all(stream in found for stream in streams):
                break
        return [found.get(stream, "closed") for stream in streams]

    def outcome(self, stream=1):
        return self.outcomes(stream)[0]

    def close(self):
        self.socket.close()
