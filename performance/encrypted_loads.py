"""Loads over TLS and over HTTP/2. Senders offer TLS 1.3 with one cipher suite, so that every program uses the same."""
import os
import re
import subprocess
import tempfile

from loads import raw_of, signed, wrk_script
from programs import TOOLS

SUITE = "TLS_AES_128_GCM_SHA256"
HOST = "hooks.example.com"
# What OpenSSL does in a program that leaves it to the system.
OPENSSL_CONF = f"""openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = offered
[offered]
MinProtocol = TLSv1.3
Ciphersuites = {SUITE}
Groups = X25519
"""
# Streams of a connection, and connections.
STREAMS, CONNECTIONS = 32, 4


def environment(folder):
    """That of a program that is to offer no more than the others."""
    path = os.path.join(folder, "openssl.cnf")
    with open(path, "w", encoding="ascii") as file:
        file.write(OPENSSL_CONF)
    return os.environ | {"OPENSSL_CONF": path}


def negotiated(program):
    """Protocol, cipher suite, key exchange and signature of a connection."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{program.tls_port}", "-servername", HOST]
        out = subprocess.run(command, stdin=subprocess.DEVNULL, env=environment(folder), capture_output=True, text=True,
                             check=False).stdout
    patterns = [r"New, (TLS\S+), Cipher", r"Cipher is (\S+)", r"Server Temp Key: (\w+)", r"Peer signature type: (\w+)"]
    found = [re.search(pattern, out) for pattern in patterns]
    if not all(found):
        raise SystemExit(f"{program.name}: no TLS connection\n{out}")
    return tuple(match.group(1) for match in found)


def keep_alive(program, request, seconds, connections=32):
    """Requests of HTTP/1 over TLS on kept connections, each after the last was answered. Returns how many there
    were, and a second."""
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "requests.lua")
        with open(script, "w", encoding="ascii") as file:
            file.write(wrk_script([request]))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script,
                   f"https://127.0.0.1:{program.tls_port}"]
        out = subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=True).stdout
    count, took = re.search(r"(\d+) requests in ([\d.]+)s", out).groups()
    if "Non-2xx" in out or "Socket errors" in out or int(count) == 0:
        raise SystemExit(f"{program.name}: unexpected answers\n{out}")
    return int(count), int(count) / float(took)


def multiplexed(program, request, count, is_tls, is_http2=True, streams=STREAMS, connections=CONNECTIONS):
    """So many requests, on connections that carry so many at once. Returns how many were answered with 2xx, how
    many with 4xx, and a second."""
    path, headers, body = request
    authority = f"127.0.0.1:{program.tls_port if is_tls else program.h2c_port}"
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(body)
        file.flush()
        command = ["h2load", "-t1", f"-n{count}", f"-c{connections}", f"-m{streams}", f"--connect-to={authority}",
                   f"--tls13-ciphers={SUITE}", "--groups=X25519", "-d", file.name,
                   "--npn-list=h2" if is_http2 else "--h1"]
        command += [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        out = subprocess.run([*command, f"{'https' if is_tls else 'http'}://{HOST}{path}"], capture_output=True,
                             text=True, check=True, timeout=120).stdout
    good, refused = re.search(r"status codes: (\d+) 2xx, \d+ 3xx, (\d+) 4xx", out).groups()
    rate = float(re.search(r"finished in \S+, ([\d.]+) req/s", out).group(1))
    if is_tls and ("TLSv1.3" not in out or SUITE not in out.replace("AES_128_GCM_SHA256", SUITE)):
        raise SystemExit(f"{program.name}: another protocol or cipher suite\n{out}")
    return int(good), int(refused), rate


def handshakes(program, seconds, resumed, connections=8):
    """Connections of TLS with one request of 1 kB each. Returns how many were answered, and a second."""
    path, headers, body = signed("hubspot", 1_000)
    with tempfile.NamedTemporaryFile() as file:
        file.write(raw_of(path, headers | {"Connection": "close"}, body))
        file.flush()
        command = [os.path.join(TOOLS, "handshakes"), f"127.0.0.1:{program.tls_port}", program.certificate, file.name,
                   str(seconds), str(connections), "resumed" if resumed else "full"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    answered, took_up, failed = map(int, out.split())
    # The first of each has no session to resume.
    wanted = answered - connections if resumed else 0
    if failed or answered == 0 or took_up != wanted:
        raise SystemExit(f"{program.name}: of {answered} connections {took_up} resumed a session, and {failed} failed")
    return answered, answered / seconds
