"""The unit files under a real systemd, which is booted in a container of its own from this machine's /usr: that hookward serves
after the steps of docs/systemd.md, as they stand there, that systemd knows what hookward tells it, and that no request is lost
while it restarts and upgrades hookward. As root, which booting takes."""
import collections
import contextlib
import ctypes
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from harness import BINARY, ROOT, App, Count, leave_nothing
from repeats import SECRET, Connection, Signed
from unit import FILES, read, write

LIMIT = 60
CLONE_NEWNET = 0x40000000
# Requests that are answered from one change to the next, at least.
BETWEEN = 200
USERS = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"
PAGE = os.path.join(ROOT, "docs/systemd.md")
# Where the reader of that page is: the folder of a tarball that was unpacked.
TARBALL = "/root/hookward"


def wait_until(is_so):
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if found := is_so():
            return found
        time.sleep(0.02)
    return None


def child_of(parent):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(read("/proc", pid, "stat").rpartition(")")[2].split()[1]) == parent:
                return int(pid)
    return None


class Machine:
    """A systemd, and beside it what a tarball has of hookward. Nothing is installed."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        root, local = (os.path.join(self.folder.name, name) for name in ("root", "local"))
        tarball = root + TARBALL
        for folder in ("usr", "var", "run", "proc", "sys", "dev", "tmp", "etc/systemd/system"):
            os.makedirs(os.path.join(root, folder))
        os.makedirs(os.path.join(local, "bin"))
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink(f"usr/{name}", os.path.join(root, name))
        for name, text in {"os-release": read("/etc/os-release"), "machine-id": "", "passwd": USERS, "group": GROUPS,
                           "hosts": "127.0.0.1 localhost\n"}.items():
            write(os.path.join(root, "etc", name), text)
        shutil.copytree(FILES, os.path.join(tarball, "conf/systemd"))
        shutil.copy(BINARY, os.path.join(tarball, "hookward"))
        write(os.path.join(tarball, "twenty-secret.txt"), SECRET)
        self.config = os.path.join(root, "etc/hookward/hookward.toml")
        self.log = os.path.join(self.folder.name, "log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", f"--directory={root}", "--bind-ro=/usr", f"--bind={local}:/usr/local", "--private-network", "--register=no",
                 "--keep-unit", "--console=pipe", f"--machine=hookward-{os.getpid()}", "--boot", "systemd.unit=sysinit.target"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
        leave_nothing(self.process)
        self.leader = None

    def run(self, *command):
        return subprocess.run(["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", *command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * LIMIT)

    def systemctl(self, *words):
        return self.run("systemctl", *words)

    def show(self, what):
        return self.systemctl("show", "hookward.service", f"--property={what}", "--value").stdout.strip()

    def has_booted(self):
        def is_so():
            # The first child is not yet the one that stays.
            self.leader = child_of(self.process.pid)
            running = self.leader and self.systemctl("is-system-running").stdout.strip() in ("running", "degraded")
            return running or self.process.poll() is not None

        return wait_until(is_so) and self.process.poll() is None

    def end(self):
        with contextlib.suppress(ProcessLookupError, TypeError):
            # Powers it off.
            os.kill(self.leader, signal.SIGRTMIN + 4)
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Senders:
    """Each request comes on a connection of its own, so that there are newcomers all the time."""

    def __init__(self):
        self.answers, self.lock, self.is_over = collections.Counter(), threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._send, daemon=True) for _ in range(6)]
        for thread in self.threads:
            thread.start()

    def _send(self):
        while not self.is_over.wait(0.005):
            connection = Connection(8080)
            try:
                connection.send(Signed().raw("/twenty"))
                answer = connection.status()
            except OSError as error:
                answer = repr(error)
            connection.close()
            with self.lock:
                self.answers[answer] += 1

    def go_on(self):
        before = self.answers[200]
        return wait_until(lambda: self.answers[200] >= before + BETWEEN)

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(LIMIT)
        return dict(self.answers)


def changes(count, machine):
    """What an operator does while requests come."""
    def done(what, *command):
        found = machine.run(*command)
        count.check(found.returncode == 0, what, found.stderr[-500:])
        count.check(senders.go_on(), f"requests after it: {what}")

    app, senders = App(port=3000), Senders()
    count.check(senders.go_on(), "requests")
    restart, upgrade, reload = ("systemctl", "restart", "hookward"), ("hookward", "upgrade"), ("systemctl", "reload", "hookward")
    done("a restart", *restart)
    before = machine.show("MainPID")
    done("an upgrade", *upgrade)
    count.check(machine.show("MainPID") not in (before, "0"), "systemd knows the successor", (before, machine.show("MainPID")))
    done("a reload after an upgrade", *reload)
    # The successor is no child of systemd's.
    done("a restart after an upgrade", *restart)
    done("another upgrade", *upgrade)
    done("and one after that", *upgrade)
    whole = read(machine.config)
    write(machine.config, whole.replace("diagnose", "diagnoze"))
    count.check(machine.systemctl("reload", "hookward").returncode != 0, "a reload of a broken configuration fails")
    count.check(senders.go_on(), "and changes nothing")
    write(machine.config, whole)
    answers = senders.end()
    count.check(set(answers) == {200}, "each request is answered 200", answers)
    count.check(len(app.take()) == answers[200], "the app saw each once")


def steps():
    """What docs/systemd.md has its reader do until hookward serves, and the same in the file that a tarball has."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", read(PAGE), re.S | re.M)
    page = [line.strip() for block in blocks for line in block.splitlines()]
    page = page[:page.index("systemctl status hookward") + 1]
    file = re.findall(r"^    (.*)$", read(ROOT, "tools/INSTALL.txt").partition("Run it under systemd")[2], re.M)
    return page, file[:file.index("systemctl enable --now hookward.socket hookward.service") + 1]


def installs(count, machine):
    page, file = steps()
    # The program is in its place by then.
    left_out = {"install -m 755 hookward /usr/local/bin/", "systemctl status hookward"}
    count.check([step for step in page if step not in left_out] == file, "tools/INSTALL.txt has the steps of docs/systemd.md", file)
    done = machine.run("sh", "-c", f"cd {shlex.quote(TARBALL)} && set -ex\n" + "\n".join(page))
    count.check(done.returncode == 0 and "Active: active (running)" in done.stdout, "it is installed and serves by the steps of docs/systemd.md",
                done.stdout[-1000:] + done.stderr[-1000:] + machine.run("journalctl", "-u", "hookward", "--no-pager").stdout[-1000:])
    checked = machine.run("hookward", "check")
    count.check(checked.returncode == 0 and "route.verify.secrets" not in checked.stderr, "root can check the secrets that it was given",
                checked.stderr[-1000:])


def under_systemd(count):
    machine = Machine()
    count.check(machine.has_booted(), "systemd boots", read(machine.log)[-500:])
    if count.failed:
        machine.end()
        return
    # For this thread, and those that it starts, which so are where hookward is.
    with open(f"/proc/{machine.leader}/ns/net", "rb") as network:
        if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    installs(count, machine)
    if not count.failed:
        changes(count, machine)
        machine.run("sh", "-c", f"kill -KILL {machine.show('MainPID')}")
        count.check(wait_until(lambda: machine.show("NRestarts") == "1" and machine.show("ActiveState") == "active"), "a killed one is started again")
        count.check(machine.run("hookward", "upgrade").returncode == 0, "the last upgrade")
        machine.systemctl("stop", "hookward.socket", "hookward.service")
        ended = machine.show("Result"), machine.show("ExecMainStatus"), machine.show("ActiveState")
        count.check(ended == ("success", "0", "inactive"), "what an upgrade has started is stopped, not killed", ended)
        journal = machine.run("journalctl", "--unit=hookward", "--no-pager", "--output=cat").stdout
        drained = re.findall(r'"event":"stopped".*"is_drained":(\w+)', journal)
        # Of each restart and each upgrade, and at last of the stop.
        count.check(drained == ["true"] * 7, "all have ended what they had begun", drained)
    machine.end()


def run():
    if os.geteuid() != 0:
        print("under systemd: not run, it takes root")
        return []
    count, failed = Count("hookward under systemd"), []

    def guarded():
        try:
            under_systemd(count)
        except BaseException as error:
            failed.append(error)

    # What enters the machine's network does not come back.
    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    count.check(not failed, "the test goes through", failed)
    return [count]


if __name__ == "__main__":
    counts = run()
    for one in counts:
        print(f"{one.title:34} {one.passed:5} passed, {one.failed} failed")
    sys.exit(any(one.failed for one in counts))
