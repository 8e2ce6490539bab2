"""docs/getting-started.md, run as it stands: its blocks in one shell, one after the other, with nginx in front.

What a reader has of it is another machine, so here are other ports, and the program that was built for the suite.
"""
import os
import re
import shutil
import subprocess
import tempfile
import time

from harness import BINARY, ROOT, Count, free_port

PAGE = os.path.join(ROOT, "docs/getting-started.md")
PORTS = ("3000", "8080", "8443", "9464")


def script(blocks, ports):
    """The blocks, each behind a line that says when it begins; that of the build has nothing to do here."""
    lines = ["set -e", "trap 'kill $(jobs -p) 2>kill.log || true' EXIT"]
    for number, block in enumerate(blocks):
        for port in PORTS:
            block = re.sub(rf"\b{port}\b", str(ports[port]), block)
        lines += [f"echo '=== {number}'", ":" if "make release" in block else block]
    return "\n".join(lines)


def run():
    count = Count("getting started, as written")
    with open(PAGE, encoding="utf-8") as file:
        blocks = re.findall(r"^```sh\n(.*?)^```", file.read(), re.S | re.M)
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
            ("the same once more is not", r"^409$")):
        count.check(any(re.search(expected, text, re.M) for text in all_said), what, done.stdout[-1500:])
    print(f"docs/getting-started.md: {len(blocks)} blocks in {took:.1f} s")
    return [count]
