"""The Debian package on a Debian that has nothing else: it installs by the steps of docs/install.md, as they stand there,
serves, is upgraded under load without a lost request, serves on where an upgrade cannot succeed, is removed and purged.

    tools/deb-test [FOLDER]      FOLDER: a root made by debootstrap, which is copied; else one is made

The root has no service manager, so the process is started as its unit would start it, as the user of the package.
"""
import ctypes
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import handover
import http2
from harness import ROOT, App, Count, free_port, leave_nothing
from load import Load, Place

CONFIG = "/etc/hookward/hookward.toml"
SECRETS = "/etc/hookward/secrets"
UNIT = "/usr/lib/systemd/system/hookward.service"
PAGE = os.path.join(ROOT, "docs/install.md")
# Where the reader of that page is.
SOURCE = "/src"
# Nobody answers there, and the archive is not asked.
APT = 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n'
# What that root has no use for, or does not have.
STANDS_IN = """
sudo() { "$@"; }
make() { :; }
editor() { test -w "$1"; }
systemctl() { :; }
"""
PID_FILE = "/run/hookward/hookward.pid"


class Root:
    """A folder that is a Debian, to be looked at with paths of its own."""

    def __init__(self, base):
        self.folder = tempfile.mkdtemp(prefix="hookward-deb-")
        if base:
            subprocess.run(["cp", "-a", f"{base}/.", self.folder], check=True)
        else:
            command = ["debootstrap", "--variant=minbase", "bookworm", self.folder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        # It was made for its owner alone, and is the / of others too.
        os.chmod(self.folder, 0o755)
        # The process finds its own program there. In a mount namespace of our own, so it ends with us.
        subprocess.run(["mount", "-t", "proc", "proc", self.path("/proc")], check=True)

    def path(self, path):
        return self.folder + path

    def run(self, *command):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        return subprocess.run(["chroot", self.folder, *command], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def dpkg(self, action, package):
        if package.endswith(".deb"):
            shutil.copy(package, self.path("/tmp/package.deb"))
            package = "/tmp/package.deb"
        return self.run("dpkg", action, package)

    def stat(self, path):
        """Owner, group and mode as the root's own names have them; None where there is nothing."""
        said = self.run("stat", "-c", "%U:%G %a", path)
        return said.stdout.strip() if said.returncode == 0 else None

    def pid(self):
        try:
            with open(self.path(PID_FILE), encoding="utf-8") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return None

    def wait_for_other_than(self, before):
        deadline = time.monotonic() + handover.LIMIT
        while time.monotonic() < deadline and self.pid() in (None, before):
            time.sleep(0.01)
        return self.pid()

    def program_of(self, pid):
        return os.readlink(f"/proc/{pid}/exe")

    def remove(self):
        """With the process that serves there, where an exception kept it from being stopped."""
        pid = self.pid()
        if pid is not None and os.path.exists(f"/proc/{pid}") and self.program_of(pid).startswith(self.folder):
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["umount", self.path("/proc")], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def configuration(app, port, admin):
    return (f'[server]\nlisten = ["127.0.0.1:{port}"]\npid_file = "{PID_FILE}"\nupgrade_socket = "/run/hookward/upgrade.sock"\n'
            f'{handover.TRUST}[admin]\nlisten = "127.0.0.1:{admin}"\n[spool]\ndirectory = "/var/lib/hookward"\n{http2.routes(app)}')


def steps():
    """What docs/install.md has for the package."""
    with open(PAGE, encoding="utf-8") as file:
        return re.search(r"^## As a Debian package\n.*?^```sh\n(.*?)^```", file.read(), re.S | re.M)[1]


def installs(count, root, package):
    os.makedirs(root.path(f"{SOURCE}/target/dist"))
    shutil.copy(package, root.path(f"{SOURCE}/target/dist/hookward_VERSION_amd64.deb"))
    for path, text in {f"{SOURCE}/twenty-secret.txt": "the secret of a webhook\n", "/etc/apt/apt.conf.d/90test": APT}.items():
        with open(root.path(path), "w", encoding="utf-8") as file:
            file.write(text)
    said = root.run("sh", "-c", f"{STANDS_IN}\ncd {SOURCE}\nset -ex\n{steps()}")
    count.check(said.returncode == 0, "it is installed by the steps of docs/install.md", said.stdout)
    count.check("systemctl enable --now hookward" in said.stdout, "it says how to go on", said.stdout)
    gives_credentials(root)
    said = root.run("setpriv", "--reuid=hookward", "--regid=hookward", "--clear-groups", "hookward", "check")
    count.check(said.returncode == 0, "the service can read its configuration and the secret", said.stdout)
    for path, expected in {CONFIG: "root:hookward 640", SECRETS: "root:hookward 750", f"{SECRETS}/twenty": "root:root 600", "/var/lib/hookward": "hookward:hookward 700", "/usr/bin/hookward": "root:root 755",
                           UNIT: "root:root 644", "/usr/share/man/man1/hookward.1.gz": "root:root 644",
                           "/usr/share/bash-completion/completions/hookward": "root:root 644", "/usr/share/doc/hookward/copyright": "root:root 644",
                           "/usr/share/doc/hookward/THIRD-PARTY.txt": "root:root 644"}.items():
        count.check(root.stat(path) == expected, path, root.stat(path))
    broken = list(broken_links(root.path("/usr/share/doc/hookward")))
    count.check(not broken, "links of its pages lead somewhere", broken)
    said = root.run("hookward", "check", "--skip-secrets")
    count.check(said.returncode == 0, "nothing is wrong with the configuration that it brings", said.stdout)
    count.check(not glob.glob(root.path("/etc/systemd/system/*.wants/hookward*")), "it is not enabled")
    said = root.run("dpkg", "--verify", "hookward")
    count.check(said.stdout == "", "its files are as they were packed", said.stdout)


def broken_links(folder):
    """Links to files that are not there, of pages in a folder."""
    for page in glob.glob(f"{folder}/**/*.md", recursive=True):
        with open(page, encoding="utf-8") as file:
            for link in re.findall(r"\]\(([^)#:\s]+)[^):]*\)", file.read()):
                if not os.path.exists(os.path.join(os.path.dirname(page), link)):
                    yield os.path.relpath(page, folder), link


def gives_credentials(root):
    """As systemd does for the unit: copies of the files in a folder, for its user alone."""
    credentials = "/run/credentials/hookward.service"
    os.makedirs(root.path(credentials))
    with open(root.path(UNIT), encoding="utf-8") as file:
        folders = re.findall(r"^LoadCredential=(\w+):(.*)$", file.read(), re.M)
    for name, folder in folders:
        for file in os.listdir(root.path(folder)):
            root.run("install", "-o", "hookward", "-m", "400", f"{folder}/{file}", f"{credentials}/{name}_{file}")


def start(root):
    """As the unit does: as its user, with the directory that systemd would make."""
    user, group = (int(root.run("id", option, "hookward").stdout) for option in ("-u", "-g"))
    os.makedirs(root.path("/run/hookward"), exist_ok=True)
    os.chown(root.path("/run/hookward"), user, group)
    process = subprocess.Popen(["chroot", f"--userspec={user}:{group}", root.folder, "/usr/bin/hookward", "run"],
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    leave_nothing(process)
    listening = 0
    for line in process.stderr:
        listening += json.loads(line)["event"] == "listening"
        if listening == 2:
            break
    else:
        raise SystemExit("hookward did not start")
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return process


def run(package, next_package, base=None):
    # Successors are started by their predecessors: once these have ended, they are ours to wait for.
    ctypes.CDLL(None).prctl(handover.PR_SET_CHILD_SUBREAPER, 1)
    count, app = Count("the Debian package"), App(pause=handover.pause)
    root = Root(base)
    try:
        installs(count, root, package)
        port, admin = free_port(), free_port()
        with open(root.path(CONFIG), "w", encoding="utf-8") as file:
            file.write(configuration(app, port, admin))
        process = start(root)
        count.check(root.run("hookward", "health").returncode == 0, "health")
        load = Load(Place(port))
        count.check(load.goes_on(handover.BETWEEN), "requests before the upgrade")

        before = root.pid()
        count.check(before is not None, "a process id")
        said = root.dpkg("--install", next_package)
        count.check(said.returncode == 0, "it is upgraded", said.stdout)
        after = root.wait_for_other_than(before)
        count.check(after not in (None, before), "a successor", said.stdout)
        if after in (None, before):
            return [count]
        count.check(process.wait(handover.LIMIT) == 0, "the old process ends well")
        count.check(root.program_of(after) == root.path("/usr/bin/hookward"), "the program is the new one", root.program_of(after))
        count.check(load.goes_on(handover.BETWEEN), "requests after the upgrade")

        with open(root.path(CONFIG), "a", encoding="utf-8") as file:
            file.write("[no_such_table]\n")
        said = root.dpkg("--install", next_package)
        count.check(said.returncode == 0 and "serves on" in said.stdout, "an upgrade with a broken configuration", said.stdout)
        count.check(root.pid() == after, "the old process serves on", (root.pid(), after))
        count.check(root.run("hookward", "health").returncode == 0, "health with a broken configuration")
        count.check(load.goes_on(handover.BETWEEN), "requests after that")
        handover.judge(count, load, app, may_be_turned_away=False)

        os.kill(after, handover.STOP)
        count.check(handover.ended(after) == 0, "it stops")
        said = root.dpkg("--remove", "hookward")
        count.check(said.returncode == 0, "it is removed", said.stdout)
        count.check(root.stat("/usr/bin/hookward") is None, "the program is gone")
        count.check(root.stat(CONFIG) == "root:hookward 640", "the configuration stays", root.stat(CONFIG))
        count.check(root.stat("/var/lib/hookward") is not None, "what waits stays")
        said = root.dpkg("--purge", "hookward")
        count.check(said.returncode == 0, "it is purged", said.stdout)
        for path in (CONFIG, "/var/lib/hookward", "/usr/share/doc/hookward"):
            count.check(root.stat(path) is None, f"{path} is gone")
        count.check(root.stat(f"{SECRETS}/twenty") is not None, "secrets stay")
    finally:
        root.remove()
    return [count]


if __name__ == "__main__":
    began = time.monotonic()
    counts = run(*(os.path.join(ROOT, argument) for argument in sys.argv[1:]))
    for count in counts:
        print(f"{count.title:34} {count.passed:5} passed, {count.failed} failed")
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(any(count.failed for count in counts))
