"""docs/getting-started.md, run as it stands: its blocks in one shell, one after the other, with nginx in front.

What a reader has of it is another machine, so here are other ports, and the program that was built for the suite. What
docs/deployment.md says for nginx is read by nginx.
"""
import os
import re
import shutil
import subprocess
import tempfile
import time

from harness import BINARY, ROOT, Count, free_port

PAGE = os.path.join(ROOT, "docs/getting-started.md")
DEPLOYMENT = os.path.join(ROOT, "docs/deployment.md")
PORTS = ("3000", "8080", "8443", "9464")


def blocks_of(path, language):
    with open(path, encoding="utf-8") as file:
        return re.findall(rf"^```{language}\n(.*?)^```", file.read(), re.S | re.M)


def script(blocks, ports):
    """The blocks, each behind a line that says when it begins; that of the build has nothing to do here."""
    lines = ["set -e", "trap 'kill $(jobs -p) 2>kill.log || true' EXIT"]
    for number, block in enumerate(blocks):
        for port in PORTS:
            block = re.sub(rf"\b{port}\b", str(ports[port]), block)
        lines += [f"echo '=== {number}'", ":" if "make build" in block else block]
    return "\n".join(lines)


def run():
    count = Count("getting started, as written")
    blocks = blocks_of(PAGE, "sh")
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/bin")
        shutil.copy(BINARY, f"{folder}/bin/hookward")
        environment = dict(os.environ, HOME=folder, PATH=f"{folder}/bin:{os.environ['PATH']}")
        ports = {port: free_port() for port in PORTS}
        began = time.monotonic()
        done = subprocess.run(["bash", "-c", script(blocks, ports)], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        took = time.monotonic() - began
    said = dict(re.findall(r"^=== (\d+)\n(.*?)(?=^=== |\Z)", done.stdout, re.S | re.M))
    all_said = list(said.values())
    count.check(done.returncode == 0 and len(all_said) == len(blocks), "every block succeeds", done.stdout[-500:])
    for what, expected in (
            ("the program is there", r"hookward \d+\.\d+"), ("the configuration is valid", r": ok, "),
            ("it is ready", r"^ready"), ("a signed event is taken", r"(?s)200 OK.*/hubspot hubspot-v3 "),
            ("a forged one is refused", r"(?s)^401\n.*missing_signature"),
            ("a signed event is taken through nginx", r'(?s)^200\n.*/hubspot hubspot-v3 \[\{"eventId":2,'),
            ("the same once more is not", r"(?s)^409\n.*replayed"),
            ("another body behind its signature is not", r"(?s)^401\n.*signature_mismatch")):
        count.check(any(re.search(expected, text, re.M) for text in all_said), what, done.stdout[-1500:])
    print(f"docs/getting-started.md: {len(blocks)} blocks in {took:.1f} s")
    for block in blocks_of(DEPLOYMENT, "nginx"):
        nginx_takes(block, count)
    return [count]


def nginx_takes(block, count):
    """Whether nginx can read the block, with files that are there."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=hooks.example.com", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"],
                       check=True, stderr=subprocess.DEVNULL)
        block = block.replace("/etc/nginx/", f"{folder}/").replace("/var/log/nginx/", f"{folder}/")
        block = block.replace("listen 443 ", f"listen {free_port()} ")
        with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(f"pid {folder}/pid; events {{}} http {{\n{block}\n}}\n")
        done = subprocess.run(["nginx", "-t", "-e", f"{folder}/error.log", "-p", folder, "-c", f"{folder}/nginx.conf"],
                              capture_output=True, text=True)
        count.check(done.returncode == 0, "nginx reads what docs/deployment.md has for it", done.stderr)
