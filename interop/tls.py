"""TLS as somebody who tests servers looks at it, by openssl's own client and by handshakes written byte for byte.

Versions, ciphers, groups, resumption, early data, renegotiation, certificates of both sides, ALPN and SNI. What we
must refuse, openssl is told to offer at its lowest security level, and a server of openssl's that takes anything
shows that it does: a client that refuses by itself would prove nothing. openssl has no SSL 3, RC4, 3DES, compression
or heartbeat any more; these are offered in bytes.
"""
import base64
import hashlib
import hmac
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from certificates import Authority
from harness import App, Count, Hookward

SECRET = "a secret for the tests of TLS"
ANY = "ALL:COMPLEMENTOFALL@SECLEVEL=0"
AEAD = [0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9]
HEALTH = b"GET /_health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
# A system's own configuration of openssl may forbid what is to be offered.
BARE = {**os.environ, "OPENSSL_CONF": "/dev/null"}
ALERT, HANDSHAKE, HEARTBEAT = 21, 22, 24
HANDSHAKE_FAILURE, NO_APPLICATION_PROTOCOL = 40, 120


class Handshake:
    """What `openssl s_client` made of a connection."""

    def __init__(self, port, *options, say=b"", name="localhost"):
        named = ["-servername", name] if name else ["-noservername"]
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *named, *options]
        # With something to say it waits for the end of the answer.
        command += ["-ign_eof"] if say else []
        done = subprocess.run(command, input=say, capture_output=True, env=BARE, timeout=40)
        self.text = (done.stdout + done.stderr).decode("latin-1")
        found = re.findall(r"^(New|Reused), [^,]+, Cipher is (\S+)", self.text, re.M)
        self.kind, self.cipher = found[0] if found else ("", "(NONE)")
        self.is_made = self.cipher != "(NONE)"
        self.is_reused = self.kind == "Reused"
        self.is_served = "HTTP/1.1 200" in self.text
        self.alert = next(iter(re.findall(r"SSL alert number (\d+)", self.text)), None)

    def has(self, pattern):
        return bool(re.search(pattern, self.text))

    def __repr__(self):
        return f"{self.kind} {self.cipher} alert {self.alert} ... {self.text[-300:]!r}"


class Anything:
    """A server of openssl's that takes whatever it can."""

    def __init__(self, *certificates):
        ec, rsa = certificates
        command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", ec.cert, "-key", ec.key,
                   "-dcert", rsa.cert, "-dkey", rsa.key, "-cipher", ANY, "-client_renegotiation"]
        self.process = subprocess.Popen(command, env=BARE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        line = next((line for line in self.process.stdout if line.startswith("ACCEPT")), None)
        if line is None:
            raise SystemExit("openssl s_server does not listen")
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def hello(ciphers, version=0x0303, compressions=b"\0", extensions=(), name=b"localhost", is_old=False):
    """A ClientHello of TLS 1.2 or lower; `is_old` leaves all extensions away, which SSL 3 has none of."""
    def vector(size, data):
        return len(data).to_bytes(size, "big") + data

    listed = [
        (0, vector(2, b"\0" + vector(2, name))),
        (10, vector(2, struct.pack(">3H", 29, 23, 24))),
        (11, vector(1, b"\0")),
        (13, vector(2, struct.pack(">7H", 0x0403, 0x0503, 0x0804, 0x0401, 0x0501, 0x0203, 0x0201))),
        *extensions,
    ]
    block = b"".join(struct.pack(">H", kind) + vector(2, data) for kind, data in listed)
    body = struct.pack(">H", version) + os.urandom(32) + b"\0"
    body += vector(2, b"".join(struct.pack(">H", cipher) for cipher in ciphers)) + vector(1, compressions)
    body += b"" if is_old else vector(2, block)
    message = b"\x01" + vector(3, body)
    return struct.pack(">BH", HANDSHAKE, min(version, 0x0301)) + vector(2, message)


class Raw:
    """A connection on which bytes are sent."""

    def __init__(self, port, data=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")
        self.send(data)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def records(self):
        """Types and contents, to the end of the connection."""
        while True:
            try:
                head = self.file.read(5)
                if len(head) < 5:
                    return
                yield head[0], self.file.read(int.from_bytes(head[3:], "big"))
            except ConnectionResetError:
                return

    def answer(self):
        """What comes first: ("hello", version, cipher, compression, extensions), ("alert", number) or ("closed",)."""
        for kind, data in self.records():
            if kind == ALERT:
                return "alert", data[1]
            if kind == HANDSHAKE and data[0] == 2:
                version = int.from_bytes(data[4:6], "big")
                at = 39 + data[38]
                cipher, compression = int.from_bytes(data[at:at + 2], "big"), data[at + 2]
                rest, extensions = data[at + 5:4 + int.from_bytes(data[1:4], "big")], []
                while rest:
                    extensions.append(int.from_bytes(rest[:2], "big"))
                    rest = rest[4 + int.from_bytes(rest[2:4], "big"):]
                return "hello", version, cipher, compression, extensions
        return ("closed",)

    def close(self):
        self.file.close()
        self.socket.close()


def raw(port, data):
    connection = Raw(port, data)
    answer = connection.answer()
    connection.close()
    return answer


def versions(count, port, strict, anything):
    names = {"-tls1": "1.0", "-tls1_1": "1.1", "-tls1_2": "1.2", "-tls1_3": "1.3"}
    for option, name in names.items():
        count.check(Handshake(anything, option, "-cipher", ANY).is_made, f"openssl offers TLS {name}")
        found = Handshake(port, option, "-cipher", ANY, say=HEALTH)
        is_spoken = name in ("1.2", "1.3")
        count.check((found.is_made, found.is_served) == (is_spoken, is_spoken), f"TLS {name}", found)
        # A hello without signature algorithms is refused for that before its version is looked at.
        count.check(is_spoken or found.alert in ("40", "70"), f"TLS {name}: by us", found)
        found = Handshake(strict, option, "-cipher", ANY, say=HEALTH)
        count.check((found.is_made, found.is_served) == (name == "1.3",) * 2, f'TLS {name} with min_version = "1.3"', found)
    everything = range(1, 0x100)
    found = raw(port, hello(AEAD))
    count.check(found[:2] == ("hello", 0x0303), "bytes are read as openssl's are", found)
    for name, version in [("SSL 3", 0x0300), ("TLS 1.0", 0x0301), ("TLS 1.1", 0x0302)]:
        found = raw(port, hello([*everything, *AEAD], version=version, is_old=version == 0x0300))
        count.check(found[0] == "alert", f"{name} in bytes", found)
    # The hello of SSL 2, which also introduced later versions.
    for name, version in [("SSL 2", 0x0002), ("SSL 2's for TLS 1.2", 0x0303)]:
        suites = b"\x01\0\x80\x07\0\xc0\0\0\x2f"
        body = b"\x01" + struct.pack(">HHHH", version, len(suites), 0, 16) + suites + os.urandom(16)
        found = raw(port, struct.pack(">H", 0x8000 | len(body)) + body)
        count.check(found[0] != "hello", name, found)


def ciphers(count, port, anything):
    suites = {"localhost": "ECDHE-ECDSA", "rsa.example": "ECDHE-RSA"}
    good = [f"{kind}-{rest}" for kind in suites.values() for rest in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")]
    for name, kind in suites.items():
        for cipher in good:
            found = Handshake(port, "-tls1_2", "-cipher", f"{cipher}@SECLEVEL=0", name=name)
            is_right = found.cipher == (cipher if cipher.startswith(kind) else "(NONE)")
            count.check(is_right, f"{cipher} with the certificate of {name}", found)
        # One hello that offers all the others: were there one that we take, we would take it.
        others = ":".join(["ALL", "COMPLEMENTOFALL", *(f"!{cipher}" for cipher in good)]) + "@SECLEVEL=0"
        count.check(Handshake(anything, "-tls1_2", "-cipher", others).is_made, "openssl offers the others")
        found = Handshake(port, "-tls1_2", "-cipher", others, name=name)
        count.check(not found.is_made and found.alert == str(HANDSHAKE_FAILURE), f"all other ciphers for {name}", found)
        rest = [*range(1, 0x100), *(number for number in range(0xc001, 0xc100) if number not in AEAD), *range(0xcca8, 0xccaf), 0x5600]
        rest = [number for number in rest if number not in AEAD]
        found = raw(port, hello(rest, name=name.encode()))
        count.check(found == ("alert", HANDSHAKE_FAILURE), f"all other numbers of ciphers for {name}", found)
    for what, cipher in {
        "RSA key exchange": "AES128-GCM-SHA256", "RSA key exchange with CBC": "AES128-SHA", "CBC": "ECDHE-RSA-AES128-SHA",
        "CBC with SHA-2": "ECDHE-RSA-AES256-SHA384", "CBC and ECDSA": "ECDHE-ECDSA-AES256-SHA", "finite fields": "DHE-RSA-AES256-GCM-SHA384",
        "nobody": "ADH-AES256-GCM-SHA384", "nobody by curves": "AECDH-AES256-SHA", "no encryption": "NULL-SHA256",
        "no encryption by curves": "ECDHE-RSA-NULL-SHA", "CCM": "ECDHE-ECDSA-AES128-CCM", "short tags": "ECDHE-ECDSA-AES128-CCM8",
        "Camellia": "ECDHE-RSA-CAMELLIA128-SHA256", "ARIA": "ECDHE-ARIA128-GCM-SHA256",
    }.items():
        offer = ["-tls1_2", "-cipher", f"{cipher}@SECLEVEL=0"]
        count.check(Handshake(anything, *offer).cipher == cipher, f"openssl offers {what}")
        name = "localhost" if "ECDSA" in cipher else "rsa.example"
        found = Handshake(port, *offer, name=name)
        count.check(not found.is_made, f"{what}: {cipher}", found)
    for what, numbers in {"RC4": [4, 5, 0xc007, 0xc011], "3DES": [0x0a, 0x16, 0xc008, 0xc012], "exports": [3, 6, 8, 0x14],
                          "DES": [9, 0x15], "IDEA and SEED": [7, 0x96]}.items():
        for name in suites:
            found = raw(port, hello(numbers, name=name.encode()))
            count.check(found == ("alert", HANDSHAKE_FAILURE), f"{what} for {name}", found)
    for cipher, is_taken in [("TLS_AES_128_GCM_SHA256", True), ("TLS_AES_256_GCM_SHA384", True),
                             ("TLS_CHACHA20_POLY1305_SHA256", True), ("TLS_AES_128_CCM_SHA256", False), ("TLS_AES_128_CCM_8_SHA256", False)]:
        found = Handshake(port, "-tls1_3", "-ciphersuites", cipher)
        count.check(found.cipher == (cipher if is_taken else "(NONE)"), cipher, found)
    for version in ("-tls1_2", "-tls1_3"):
        for group, is_taken in [("X25519", True), ("P-256", True), ("P-384", True), ("P-521", False), ("X448", False)]:
            # Of the other certificate the key itself is on a curve.
            found = Handshake(port, version, "-cipher", ANY, "-groups", group, name="rsa.example")
            count.check(found.is_made == is_taken, f"the group {group}, {version}", found)
    for name, kind in [("localhost", "ECDSA"), ("rsa.example", "RSA")]:
        offer = ["-tls1_2", "-cipher", ANY, "-sigalgs", f"{kind}+SHA1"]
        count.check(Handshake(anything, *offer).is_made, f"openssl offers {kind} with SHA-1")
        count.check(not Handshake(port, *offer, name=name).is_made, f"{kind} with SHA-1")
    found = Handshake(port, "-tls1_2", "-comp")
    count.check(found.is_made and found.has("Compression: NONE") and found.has("Extended master secret: yes"), "compression", found)
    found = raw(port, hello(AEAD, compressions=b"\x01\0"))
    count.check(found[0] == "hello" and found[3] == 0, "compression in bytes", found)


def resumption(count, port, other, app):
    now = str(int(time.time() * 1000))
    tag = hmac.new(SECRET.encode(), f"{now}:early".encode(), hashlib.sha256).hexdigest()
    early = (f"POST /t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nX-Twenty-Webhook-Timestamp: {now}\r\n"
             f"X-Twenty-Webhook-Signature: {tag}\r\n\r\nearly").encode()
    with tempfile.TemporaryDirectory() as folder:
        for option in ("-tls1_2", "-tls1_3"):
            file = os.path.join(folder, option)
            first = Handshake(port, option, "-sess_out", file, say=HEALTH)
            count.check(first.kind == "New" and first.is_served, f"the first, {option}", first)
            found = Handshake(port, option, "-sess_in", file, say=HEALTH)
            count.check(found.is_reused and found.is_served, f"a session is resumed, {option}", found)
            found = Handshake(other, option, "-sess_in", file, say=HEALTH)
            count.check(found.kind == "New" and found.is_served, f"not by another process, {option}", found)
            # A ticket of which one byte is another.
            spoilt = os.path.join(folder, "spoilt")
            with open(spoilt, "wb") as output:
                output.write(changed_session(file, spoil=True))
            found = Handshake(port, option, "-sess_in", spoilt, say=HEALTH)
            count.check(found.kind == "New" and found.is_served, f"not by a ticket that is not ours, {option}", found)
        count.check(first.has("Max Early Data: 0"), "early data is not offered", first)
        # openssl sends none to a server that did not offer it; its file is made to say that we did.
        file, request = (os.path.join(folder, name) for name in ("offered", "early"))
        with open(file, "wb") as output:
            output.write(changed_session(os.path.join(folder, "-tls1_3"), early_data=16384))
        with open(request, "wb") as output:
            output.write(early)
        found = Handshake(port, "-tls1_3", "-sess_in", file, "-early_data", request, say=HEALTH)
        count.check(found.has("Early data was rejected") and found.is_served, "early data that is sent all the same", found)
        count.check(not app.take(), "it is not read")
        # The very same request is served where it comes after the handshake.
        found = Handshake(port, "-tls1_3", "-sess_in", file, say=early + HEALTH)
        count.check(found.is_served and len(app.take()) == 1, "the same after the handshake", found)


def changed_session(path, early_data=None, spoil=False):
    """A session of openssl's with another `max_early_data` or a ticket with a flipped bit."""
    with open(path, encoding="ascii") as file:
        der = base64.b64decode("".join(line for line in file if not line.startswith("-----")))

    def length(data):
        if len(data) < 128:
            return bytes([len(data)])
        size = (len(data).bit_length() + 7) // 8
        return bytes([0x80 | size]) + len(data).to_bytes(size, "big")

    def parts(data):
        while data:
            size, at = data[1], 2
            if size & 0x80:
                at += size & 0x7f
                size = int.from_bytes(data[2:at], "big")
            yield data[0], data[at:at + size]
            data = data[at + size:]

    [(_, content)] = parts(der)
    # [10] is the ticket, [15] what may come early.
    items = [(tag, data) for tag, data in parts(content) if tag != 0xaf or early_data is None]
    if spoil:
        items = [(tag, data[:-20] + bytes([data[-20] ^ 1]) + data[-19:] if tag == 0xaa else data) for tag, data in items]
    if early_data is not None:
        items = sorted([*items, (0xaf, b"\x02\x02" + early_data.to_bytes(2, "big"))], key=lambda item: item[0] if item[0] >= 0xa0 else 0)
    content = b"".join(bytes([tag]) + length(data) + data for tag, data in items)
    text = base64.encodebytes(b"\x30" + length(content) + content)
    return b"-----BEGIN SSL SESSION PARAMETERS-----\n" + text + b"-----END SSL SESSION PARAMETERS-----\n"


def renegotiated(port):
    """What a client says that asks for another handshake on its connection."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-tls1_2", "-cipher", ANY, "-msg"]
    process = subprocess.Popen(command, env=BARE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text, deadline = b"", time.monotonic() + 30
    os.set_blocking(process.stdout.fileno(), False)
    is_asked = False
    while time.monotonic() < deadline:
        more = process.stdout.read()
        if more == b"":
            break
        text += more or b""
        if not is_asked and b"Extended master secret" in text:
            is_asked = True
            process.stdin.write(b"R\n")
            process.stdin.flush()
        elif is_asked and (text.count(b"Finished") >= 4 or re.search(rb"no_renegotiation|no renegotiation|closed", text)):
            break
        time.sleep(0.02)
    process.stdin.close()
    try:
        process.wait(timeout=30)
    finally:
        process.stdout.close()
    return text.decode("latin-1")


def one_handshake(count, port, anything):
    text = renegotiated(anything)
    count.check("RENEGOTIATING" in text and text.count("Finished") >= 4, "openssl asks for another handshake", text[-500:])
    text = renegotiated(port)
    count.check("RENEGOTIATING" in text and text.count("Finished") == 2, "there is no renegotiation", text[-500:])
    count.check("Secure Renegotiation IS supported" in text, "and it says so (RFC 5746)", text[-500:])
    # Heartbeats, also the one that asks for more than it sends.
    connection = Raw(port, hello(AEAD, extensions=[(15, b"\x01")]))
    found = connection.answer()
    count.check(found[0] == "hello" and 15 not in found[4], "no heartbeat is offered", found)
    connection.send(struct.pack(">BHH", HEARTBEAT, 0x0303, 3) + b"\x01\x40\x00")
    kinds = {kind for kind, _ in connection.records()}
    count.check(HEARTBEAT not in kinds, "none is answered", kinds)
    connection.close()
    found = Handshake(port, "-status", "-tlsextdebug")
    count.check(found.is_made and found.has("OCSP response: no response sent") and not found.has("(?i)heartbeat"), "no OCSP", found)


def names(count, port, strict, authority):
    for name, expected in [("localhost", "localhost"), ("rsa.example", "rsa.example"), ("RSA.example", "rsa.example"),
                           ("a.wild.example", "*.wild.example"), ("a.b.wild.example", "localhost"),
                           ("unknown.example", "localhost"), (None, "localhost")]:
        for version in ("-tls1_2", "-tls1_3"):
            options = [version, "-cipher", ANY, "-CAfile", authority.root] + (["-verify_hostname", name] if name else [])
            found = Handshake(port, *options, name=name, say=HEALTH)
            is_proved = name is not None and expected != "localhost" or name == "localhost"
            is_right = found.is_served and found.has(rf"subject=CN = {re.escape(expected)}\n")
            count.check(is_right, f"the certificate for {name}, {version}", found)
            count.check(found.has(r"Verify return code: 0 \(ok\)") == (is_proved or name is None), f"it is proved for {name}, {version}", found)
    stranger = Handshake(port, "-CAfile", Authority().root)
    count.check(not stranger.has(r"Verify return code: 0 \(ok\)"), "not by another authority", stranger)
    for offer, expected, of_strict in [("h2", "h2", None), ("http/1.1", "http/1.1", "http/1.1"), ("h2,http/1.1", "h2", "http/1.1"),
                                       ("http/1.1,h2", "h2", "http/1.1"), ("unknown", None, None), ("unknown,http/1.1", "http/1.1", "http/1.1"),
                                       ("http/1.0", None, None), ("h2c", None, None)]:
        for to, wanted, what in [(port, expected, ""), (strict, of_strict, " without http2")]:
            found = Handshake(to, "-alpn", offer)
            spoken = next(iter(re.findall(r"ALPN protocol: (\S+)", found.text)), None)
            is_right = (spoken, found.is_made) == (wanted, True) if wanted else found.alert == str(NO_APPLICATION_PROTOCOL)
            count.check(is_right, f"ALPN {offer}{what}", found)
    found = Handshake(port, say=HEALTH)
    count.check(found.is_served and found.has("No ALPN negotiated"), "without ALPN it is HTTP/1.1", found)


def settled(hookward, expected, seconds=20):
    """The counters of handshakes, once they are these or time is up."""
    deadline = time.monotonic() + seconds
    while True:
        metrics = hookward.metrics()
        found = {result: metrics[f'hookward_tls_handshakes_total{{result="{result}"}}'] for result in ("made", "failed", "too_slow")}
        if all(found[result] == value for result, value in expected.items()) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def clients(count, authority, server, routes):
    stranger, namesake = Authority("hookward stranger"), Authority()
    with tempfile.TemporaryDirectory() as folder:
        trusted = os.path.join(folder, "clients.pem")
        shutil.copy(authority.root, trusted)
        hookward = Hookward(routes, configuration([server], f'client_ca = "{trusted}"'))
        port, failed, made = hookward.ports["server.tls"], 0, 0
        right = authority.client("right").options()
        chain = authority.signer.cert
        cases = {
            "none": [], "another authority's": stranger.client("wrong").options(), "its namesake's": namesake.client("same").options(),
            "expired": authority.expired_client("old").options(), "a server's": authority.client("usage", "serverAuth").options(),
        }
        errors = {}
        for version in ("-tls1_2", "-tls1_3"):
            for name, options in cases.items():
                chained = ["-cert_chain", chain] if options else []
                found = Handshake(port, version, "-cipher", ANY, *options, *chained, say=HEALTH)
                failed += 1
                count.check(not found.is_served and found.alert, f"a sender's certificate: {name}, {version}", found)
                counted = settled(hookward, {"failed": failed})
                count.check((counted["made"], counted["failed"]) == (made, failed), f"it is counted: {name}, {version}", counted)
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline and sum(event["event"] == "tls_handshake_failed" for event in hookward.log) < failed:
                    time.sleep(0.02)
                errors[name] = (["not logged"] + [event["error"] for event in hookward.log if event["event"] == "tls_handshake_failed"])[-1]
            file = os.path.join(folder, version)
            found = Handshake(port, version, "-cipher", ANY, *right, "-cert_chain", chain, "-sess_out", file, say=HEALTH)
            made += 1
            count.check(found.is_served, f"the right one, {version}", found)
            found = Handshake(port, version, "-cipher", ANY, "-sess_in", file, say=HEALTH)
            made += 1
            count.check(found.is_served and found.is_reused, f"its session, {version}", found)
        for name, pattern in {"none": "(?i)no cert", "another authority's": "(?i)issuer", "expired": "(?i)expired", "a server's": "(?i)usage|purpose"}.items():
            count.check(re.search(pattern, errors[name]), f"the log says why: {name}", errors[name])
        # Once its authority is not trusted any more, a sender does not go on by a session of before.
        shutil.copy(stranger.root, trusted)
        hookward.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not hookward.metrics()['hookward_config_reloads_total{result="applied"}']:
            time.sleep(0.05)
        for version in ("-tls1_2", "-tls1_3"):
            found = Handshake(port, version, "-cipher", ANY, *right, "-cert_chain", chain, "-sess_in", os.path.join(folder, version), say=HEALTH)
            count.check(not found.is_served and not found.is_reused, f"a session of before, {version}", found)
        found = Handshake(port, *cases["another authority's"], "-cert_chain", stranger.signer.cert, say=HEALTH)
        count.check(found.is_served, "the new authority's", found)
        hookward.stop()


def no_handshakes(count, app, server, routes):
    hookward = Hookward(routes, 'header_timeout = "1s"\n' + configuration([server]))
    port = hookward.ports["server.tls"]
    whole = hello(AEAD)
    stalled = {what: Raw(port, data) for what, data in {
        "nothing": b"", "a byte": whole[:1], "half a hello": whole[:60], "a hello and no more": whole,
        "a record that does not end": b"\x16\x03\x01\x40\x00" + whole[5:],
    }.items()}
    for what, connection in stalled.items():
        try:
            list(connection.records())
            is_ended = True
        except TimeoutError:
            is_ended = False
        count.check(is_ended, f"{what} is ended")
        connection.close()
    slow = len(stalled)
    counted = settled(hookward, {"too_slow": slow})
    count.check((counted["too_slow"], counted["failed"]) == (slow, 0), "and counted", counted)
    # A byte now and then does not lengthen it.
    connection = Raw(port)
    deadline = time.monotonic() + 30
    is_ended = False
    for byte in whole * 10:
        if is_ended or time.monotonic() > deadline:
            break
        is_ended = not connection.send(bytes([byte]))
        time.sleep(0.1)
    connection.close()
    counted = settled(hookward, {"too_slow": slow + 1})
    count.check(is_ended and counted["too_slow"] == slow + 1, "byte by byte", counted)
    failed = 0
    for what, data in {
        "HTTP/1.1": b"POST /t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9,
        "SSH": b"SSH-2.0-OpenSSH_9.2\r\n", "zeros": b"\0" * 500, "noise": b"\xfe" + os.urandom(2_000), "an alert": b"\x15\x03\x01\0\x02\x02\x28",
        "data before a handshake": b"\x17\x03\x03\0\x10" + b"x" * 16, "a heartbeat": b"\x18\x03\x03\0\x03\x01\x40\0",
        "a server's hello": b"\x16\x03\x03\0\x04\x02\0\0\0", "a record that is too long": b"\x16\x03\x01\xff\xff" + b"\x01" * 100,
        "a hello that is cut off": b"\x16\x03\x01\0\x05\x01\0\0\x01\0", "a hello in which lengths lie": whole[:43] + b"\xff" + whole[44:],
    }.items():
        connection = Raw(port, data)
        kinds = [kind for kind, _ in connection.records()]
        connection.close()
        failed += 1
        counted = settled(hookward, {"failed": failed})
        count.check(set(kinds) <= {ALERT}, f"{what} is answered by no more than an alert", kinds)
        count.check((counted["made"], counted["failed"]) == (0, failed), f"{what} is counted", counted)
    count.check(not app.take(), "the app saw none of it")
    found = Handshake(port, say=HEALTH)
    counted = settled(hookward, {"made": 1})
    count.check(found.is_served and counted["made"] == 1, "a good one after all that", (found, counted))
    hookward.stop()


def configuration(certificates, more=""):
    listed = ", ".join(certificate.entry() for certificate in certificates)
    return f'''health_path = "/_health"
[server.tls]
listen = ["127.0.0.1:0"]
certificates = [{listed}]
{more}
'''


def run():
    counts = [Count(f"TLS: {title}") for title in (
        "versions", "ciphers", "sessions", "one handshake", "names and protocols", "senders' certificates", "no handshakes")]
    of_versions, of_ciphers, of_sessions, of_one, of_names, of_clients, of_none = counts
    app, authority = App(), Authority()
    routes = f'''[[route]]
name = "t"
path = "/t"
upstream = "http://127.0.0.1:{app.port}"
[route.verify]
scheme = "twenty"
secrets = [{{ id = "s", value = "{SECRET}" }}]
'''
    ec, rsa = authority.server("localhost"), authority.server("rsa.example", kind="rsa")
    hookward = Hookward(routes, configuration([ec, rsa, authority.server("*.wild.example")]))
    strict = Hookward(routes, configuration([ec], 'min_version = "1.3"\nhttp2 = false'))
    anything = Anything(ec, rsa)
    port, strict_port = hookward.ports["server.tls"], strict.ports["server.tls"]
    versions(of_versions, port, strict_port, anything.port)
    ciphers(of_ciphers, port, anything.port)
    other = Hookward(routes, configuration([ec]))
    resumption(of_sessions, port, other.ports["server.tls"], app)
    one_handshake(of_one, port, anything.port)
    names(of_names, port, strict_port, authority)
    anything.stop()
    for running in (hookward, strict, other):
        running.stop()
    clients(of_clients, authority, ec, routes)
    no_handshakes(of_none, app, ec, routes)
    return counts
