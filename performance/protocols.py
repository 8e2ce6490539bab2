"""Connections of each protocol that senders speak, and one request after another on them."""
import socket
import ssl
import struct

from loads import raw, signed

HTTP1, HTTP1_TLS = "HTTP/1", "HTTP/1 over TLS"
HTTP2, HTTP2_TLS = "HTTP/2 by prior knowledge", "HTTP/2 over TLS"
PROTOCOLS = [HTTP1, HTTP1_TLS, HTTP2, HTTP2_TLS]
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, ACK, END_HEADERS = 1, 1, 4


class Connection:
    """A connection to a program; `exchange` sends a request and reads the answer to its end."""

    def __init__(self, program, protocol):
        self.is_tls, self.is_http2 = protocol in (HTTP1_TLS, HTTP2_TLS), protocol in (HTTP2, HTTP2_TLS)
        port = program.tls_port if self.is_tls else program.port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.is_tls:
            context = ssl.create_default_context(cafile=program.certificate)
            context.set_alpn_protocols(["h2" if self.is_http2 else "http/1.1"])
            self.socket = context.wrap_socket(self.socket, server_hostname="hooks.example.com")
        self.received = b""
        self.number = 1
        if self.is_http2:
            self.socket.sendall(preface())

    def exchange(self, kind="good"):
        """Sends a request of 1 kB. Returns whether it was answered with 200."""
        if not self.is_http2:
            self.socket.sendall(raw("hubspot", 1_000, kind))
            return self.read_http1()
        self.socket.sendall(stream(self.number, self.is_tls, kind))
        self.number += 2
        return self.read_http2()

    def close(self):
        self.socket.close()

    def read_http1(self):
        while b"\r\n\r\n" not in self.received:
            self.read_more()
        head, _, rest = self.received.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0]) if lengths else 0
        while len(rest) < length:
            self.received = b""
            self.read_more()
            rest += self.received
        self.received = rest[length:]
        return head.startswith(b"HTTP/1.1 200 ")

    def read_http2(self):
        is_good = False
        while True:
            while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3], "big"):
                self.read_more()
            length, kind, flags = int.from_bytes(self.received[:3], "big"), self.received[3], self.received[4]
            payload, self.received = self.received[9:9 + length], self.received[9 + length:]
            # 0x88 is `:status: 200` in the static table (RFC 7541 appendix A).
            is_good = is_good or (kind == HEADERS and payload[:1] == b"\x88")
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                return is_good

    def read_more(self):
        more = self.socket.recv(65536)
        if not more:
            raise SystemExit("the connection was closed before the answer was complete")
        self.received += more


def frame(kind, flags, number, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, number) + payload


def preface():
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, ACK, 0, b"")


def stream(number, is_tls, kind):
    """The frames of a request, whose fields are literals of less than 127 bytes (RFC 7541 section 6.2.2)."""
    path, headers, body = signed("hubspot", 1_000, kind)
    scheme = "https" if is_tls else "http"
    fields = [(":method", "POST"), (":scheme", scheme), (":path", path), (":authority", "hooks.example.com")]
    fields += [(name.lower(), value) for name, value in headers.items()]
    section = b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
                       for name, value in fields)
    return frame(HEADERS, END_HEADERS, number, section) + frame(DATA, END_STREAM, number, body.encode())
