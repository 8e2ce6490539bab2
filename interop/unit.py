"""The unit files of systemd: sound by systemd's own word, as well locked as the documentation says, and hookward does all its
work under them. There the shipped configuration runs, with a socket and credentials as systemd gives them, and tells how it is."""
import ctypes
import hashlib
import hmac
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib

from handover import PR_SET_CHILD_SUBREAPER, ended
from harness import BINARY, ROOT, App, Count, fetch, free_port, leave_nothing
from repeats import SECRET, Connection, Signed
from unit_sandbox import USER, settings

FILES = os.path.join(ROOT, "conf/systemd")
SERVICE, SOCKET, CONFIG = (os.path.join(FILES, name) for name in ("hookward.service", "hookward.socket", "hookward.toml"))
SANDBOX = os.path.join(ROOT, "interop/unit_sandbox.py")
LIMIT = 60


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def files():
    """What can be said of them without running anything."""
    count = Count("unit files")
    with tempfile.TemporaryDirectory() as folder:
        # The program has to be there.
        for path in (SERVICE, SOCKET):
            write(os.path.join(folder, os.path.basename(path)), re.sub(r"(?m)^(Exec\w+=)hookward ", rf"\1{BINARY} ", read(path)))
        units = [os.path.join(folder, os.path.basename(path)) for path in (SERVICE, SOCKET)]
        verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
        count.check(verified.returncode == 0 and not verified.stderr, "systemd-analyze verify", verified.stderr)
    judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", SERVICE], capture_output=True, text=True).stdout
    said = re.search(r"exposure level of (\d+\.\d)", read(ROOT, "docs/systemd.md"))
    found = re.search(r"exposure level for hookward.service: (\d+\.\d)", judged)
    count.check(said and found and float(found[1]) <= float(said[1]), "the exposure level is at most what docs/systemd.md says",
                (said and said[1], found and found[1]))
    streams = sorted(settings(SOCKET)["ListenStream"])
    count.check(sorted(tomllib.loads(read(CONFIG))["server"]["listen"]) == streams, "the socket has the addresses of the configuration", streams)
    grace = tomllib.loads(read(ROOT, "conf/hookward.toml"))["server"]["shutdown_grace"]
    stop = settings(SERVICE)["TimeoutStopSec"][-1]
    count.check(int(stop.rstrip("s")) >= int(grace.rstrip("s")) + 10, "there is time to stop in", (grace, stop))
    return count


class Manager:
    """Does what systemd does for the unit: has its socket, makes its directories and credentials, and is told how it is."""

    def __init__(self, app):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o755)
        state, run, secrets, own = (os.path.join(self.folder.name, name) for name in ("state", "run", "credentials", "own"))
        for folder in (state, run, secrets, own):
            os.mkdir(folder)
        self.state, self.admin, self.main = state, free_port(), None
        # The credential's name, and that of the file.
        secret = os.path.join(secrets, "secret_twenty")
        write(secret, SECRET)
        self.program, self.config = os.path.join(own, "hookward"), os.path.join(own, "hookward.toml")
        # Wherever this tree is, the unit's user can run it there.
        shutil.copy(BINARY, self.program)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        places = {"127.0.0.1:8080": f"127.0.0.1:{self.port}", "127.0.0.1:9464": f"127.0.0.1:{self.admin}", "/run/hookward": run,
                  "/var/lib/hookward": state, "/run/credentials/hookward.service": secrets,
                  # A name, so that one is looked up.
                  "127.0.0.1:3000": f"localhost:{app.port}"}
        text = read(CONFIG)
        for shipped, here in places.items():
            if shipped not in text:
                raise SystemExit(f"{CONFIG} does not have {shipped}")
            text = text.replace(shipped, here)
        write(self.config, text)
        if os.geteuid() == 0:
            for path in (state, run, secrets, secret):
                os.chown(path, USER, USER)
        os.chmod(secret, 0o400)
        notified = os.path.join(self.folder.name, "notify")
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(notified)
        self.notified.settimeout(0.1)
        os.chmod(notified, 0o777)
        self.environment = {**os.environ, "NOTIFY_SOCKET": notified, "LISTEN_FDS": "1"}
        self.writable = f"{state}:{run}"

    def start(self):
        self.log = open(os.path.join(self.folder.name, "log"), "w", encoding="utf-8")
        spare = os.dup(self.listener.fileno())
        command = [sys.executable, SANDBOX, SERVICE, self.writable, self.program, "run", "--config", self.config]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment,
                                        preexec_fn=lambda: os.dup2(spare, 3), pass_fds=(3,))
        os.close(spare)
        leave_nothing(self.process)

    def told(self, what):
        """Whether it is told so, as long as there is somebody to tell it. What it is told before that is passed over."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            try:
                lines = self.notified.recv(4096).decode().splitlines()
            except TimeoutError:
                if self.main is None and self.process.poll() is not None:
                    return False
                continue
            for name, _, value in (line.partition("=") for line in lines):
                if name == "MAINPID":
                    self.main = int(value)
            if any(line.startswith(what) for line in lines):
                return True
        return False

    def wait_for_metric(self, pattern):
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            if re.search(pattern, fetch(self.admin, "/metrics")[1], re.M):
                return True
            time.sleep(0.05)
        return False


def send(port, count, number, expected, change=lambda request: None):
    """So many requests on one connection, each with this status."""
    connection, statuses = Connection(port), set()
    for _ in range(number):
        request = Signed()
        change(request)
        connection.send(request.raw("/twenty"))
        statuses.add(connection.status())
    connection.close()
    count.check(statuses == {expected}, f"{number} requests are answered {expected}", statuses)


def forge(request):
    """Signed for another body, which is found out beside the request."""
    tag = hmac.new(SECRET.encode(), request.signed_at.encode() + b":" + request.body + b"\n", hashlib.sha256).hexdigest()
    request.headers = [("x-twenty-webhook-timestamp", request.signed_at), ("x-twenty-webhook-signature", tag)]


def work(count, manager, status):
    """All that the configuration has: passing on, storing and delivering, refusing, keeping and examining, telling."""
    port = manager.port
    send(port, count, 50, 200)
    status[0] = 500
    send(port, count, 5, 202)
    status[0] = 200
    count.check(manager.wait_for_metric(r'^hookward_spool_events\{.*"waiting".*\} 0$'), "what was stored is delivered")
    send(port, count, 3, 401, forge)
    count.check(manager.wait_for_metric(r'^hookward_mismatch_findings_total\{finding="body_newline".*\} [1-9]'), "mismatches are examined")
    count.check(manager.wait_for_metric(r'^hookward_recordings_total\{result="kept"\} [1-9]'), "refused requests are kept")
    for path in ("/", "/status.json", "/healthz", "/readyz"):
        count.check(fetch(manager.admin, path)[0] == 200, path)
    count.check(manager.wait_for_metric(r"^process_start_time_seconds [1-9]"), "the process is measured")


def under_the_unit():
    count, status = Count("hookward under its unit"), [200]
    app = App(status=lambda: status[0])
    manager = Manager(app)
    manager.start()
    if not manager.told("READY=1"):
        count.check(False, "it starts", (manager.process.poll(), read(manager.log.name)[-300:]))
        return count
    work(count, manager, status)
    manager.process.send_signal(signal.SIGHUP)
    heard = manager.told("RELOADING=1") and manager.told("READY=1")
    count.check(heard, "it tells of a reload")
    first = manager.process.pid
    asked = subprocess.run([manager.program, "upgrade", "--config", manager.config], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=2 * LIMIT)
    count.check(asked.returncode == 0, "hookward upgrade", asked.stderr)
    # In this order, so that NotifyAccess=main lets the second pass.
    heard = manager.told("MAINPID") and manager.told("READY=1")
    count.check(heard and manager.main != first, "it tells of its successor", manager.main)
    count.check(manager.process.wait(LIMIT) == 0, "the first one ends well", manager.process.returncode)
    work(count, manager, status)
    os.kill(manager.main, signal.SIGTERM)
    count.check(manager.told("STOPPING=1"), "it tells that it stops")
    code = ended(manager.main)
    count.check(code == 0, "it ends well", code)
    log = read(manager.log.name)
    count.check("socket_unused" not in log, "the socket is used")
    kept = os.listdir(os.path.join(manager.state, "refused"))
    count.check(len(kept) == 6, "refused requests are where the unit has room for them", kept)
    return count


def run():
    # The successor is started by its predecessor: once that has ended, it is ours to wait for.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    return [files(), under_the_unit()]


if __name__ == "__main__":
    counts = run()
    for one in counts:
        print(f"{one.title:34} {one.passed:5} passed, {one.failed} failed")
    sys.exit(any(one.failed for one in counts))
