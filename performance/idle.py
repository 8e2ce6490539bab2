"""What an idle connection takes of memory, by the protocol that it speaks."""
import resource
import socket
import ssl
import struct

from loads import closed_loop, raw, signed

PROTOCOLS = ["HTTP/1", "HTTP/1 over TLS", "HTTP/2 by prior knowledge", "HTTP/2 over TLS"]
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def connection_bytes(program, protocol, count=2000):
    """Resident memory that an idle connection takes, which had one request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 1024)), hard))
    # What is paid once, by the first of them.
    closed_loop(program, [signed("hubspot", 1_000)], 1, 64)
    for connection in [connect(program, protocol) for _ in range(64)]:
        connection.close()
    before = program.resident_bytes()
    connections = [connect(program, protocol) for _ in range(count)]
    used = program.resident_bytes() - before
    for connection in connections:
        connection.close()
    return used / count


def connect(program, protocol):
    """A connection that had one request."""
    is_tls, is_http2 = protocol.endswith("TLS"), protocol.startswith("HTTP/2")
    connection = socket.create_connection(("127.0.0.1", program.tls_port if is_tls else program.port), timeout=30)
    if is_tls:
        context = ssl.create_default_context(cafile=program.certificate)
        context.set_alpn_protocols(["h2" if is_http2 else "http/1.1"])
        connection = context.wrap_socket(connection, server_hostname="hooks.example.com")
    connection.sendall(preface() + stream(is_tls) if is_http2 else raw("hubspot", 1_000))
    is_good = ends_well(connection) if is_http2 else connection.recv(4096).startswith(b"HTTP/1.1 200")
    if not is_good:
        raise SystemExit(f"the request over {protocol} was refused")
    return connection


def frame(kind, flags, number, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, number) + payload


def preface():
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, ACK, 0, b"")


def stream(is_tls):
    """The frames of a request, whose fields are literals of less than 127 bytes (RFC 7541 section 6.2.2)."""
    path, headers, body = signed("hubspot", 1_000)
    scheme = "https" if is_tls else "http"
    fields = [(":method", "POST"), (":scheme", scheme), (":path", path), (":authority", "hooks.example.com")]
    fields += [(name.lower(), value) for name, value in headers.items()]
    section = b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
                       for name, value in fields)
    return frame(HEADERS, END_HEADERS, 1, section) + frame(DATA, END_STREAM, 1, body.encode())


def ends_well(connection):
    """Whether the answer is a 200, read to its end."""
    received, is_good = b"", False
    while True:
        while len(received) >= 9 and len(received) >= 9 + int.from_bytes(received[:3], "big"):
            length, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
            payload, received = received[9:9 + length], received[9 + length:]
            # 0x88 is `:status: 200` in the static table.
            is_good = is_good or (kind == HEADERS and payload[:1] == b"\x88")
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                return is_good
        more = connection.recv(65536)
        if not more:
            return False
        received += more
