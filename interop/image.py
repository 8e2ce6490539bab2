"""The container image, as it was built twice: both builds are the same, it holds what it has to and nothing else, and the
program in it serves from its own root, which cannot be written to, as its own user.

    tools/image-test

What the image says of itself (its user, what it starts) is read from it, as a container engine does.
"""
import gzip
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

from harness import ROOT, App, Count, free_port, leave_nothing, moment

MEGABYTES = 30
LIMIT = 30
SECRET = "a secret for the tests of the image"
DOC = "usr/share/doc"


class Image:
    """An image in the layout of OCI, with one manifest."""

    def __init__(self, layout):
        self.layout = layout
        with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
            descriptor, = json.load(file)["manifests"]
        self.digest = descriptor["digest"]
        self.manifest = json.loads(self.blob(self.digest))
        whole = json.loads(self.blob(self.manifest["config"]["digest"]))
        self.config = whole["config"]
        self.packed = sum(layer["size"] for layer in self.manifest["layers"])

    def blob(self, digest):
        with open(os.path.join(self.layout, "blobs", *digest.split(":")), "rb") as file:
            return file.read()

    def layers(self):
        for layer in self.manifest["layers"]:
            path = os.path.join(self.layout, "blobs", *layer["digest"].split(":"))
            opened = gzip.open(path) if layer["mediaType"].endswith("gzip") else open(path, "rb")
            with opened as stream, tarfile.open(fileobj=stream) as archive:
                yield archive

    def files(self):
        """What is said of each file, and a digest of what is in it."""
        found = {}
        for archive in self.layers():
            for member in archive:
                content = archive.extractfile(member).read() if member.isreg() else b""
                found[member.name.strip("/")] = (member.type, oct(member.mode), member.uid, member.gid, member.mtime, member.linkname,
                                                 len(content), hashlib.sha256(content).hexdigest())
        return found

    def unpack(self, folder):
        for archive in self.layers():
            archive.extractall(folder, numeric_owner=True)


def differences(first, second):
    first, second = first.files(), second.files()
    names = sorted(first.keys() | second.keys())
    return [(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)][:10]


def is_program(path):
    """Whether it can be started: the libraries, which may be marked as if they could, are not counted."""
    name = os.path.basename(path)
    return os.path.isfile(path) and not os.path.islink(path) and os.stat(path).st_mode & 0o111 and ".so" not in name


def holds(count, image, root):
    """What is in it, and what is not."""
    # So no layer hides what is in another.
    count.check(len(image.manifest["layers"]) == 1, "it is one layer", image.manifest["layers"])
    files = image.files()
    size = sum(fields[6] for fields in files.values())
    count.check(0 < size < MEGABYTES * 10**6, f"less than {MEGABYTES} MB", size)
    everything = [os.path.join(at, name) for at, _, names in os.walk(root) for name in names]
    programs = [path[len(root):] for path in everything if is_program(path)]
    # Neither a shell nor a package manager nor anything else to start.
    count.check(programs == image.config["Entrypoint"], "its program is all that can be started", programs)
    special = [name for name, fields in files.items() if int(fields[1], 8) & 0o7000]
    count.check(not special, "no file lends its owner's rights", special)
    open_to_all = [name for name, fields in files.items() if int(fields[1], 8) & 0o002 and fields[0] != tarfile.SYMTYPE]
    count.check(not open_to_all, "no file can be written to by everybody", open_to_all)

    user, group = owner(image)
    count.check(user > 0 and group > 0, "its user is not root", image.config.get("User"))
    own = sorted(name for name, fields in files.items() if user in fields[2:3] or group in fields[3:4])
    count.check(own == ["var/lib/hookward"], "what its user may write to", own)

    for name in ("LICENSE-APACHE", "LICENSE-MIT"):
        with open(os.path.join(ROOT, name), "rb") as file:
            expected = hashlib.sha256(file.read()).hexdigest()
        count.check(files.get(f"{DOC}/hookward/{name}", (None,))[-1] == expected, name)
    with open(os.path.join(root, DOC, "hookward/THIRD-PARTY.txt"), encoding="utf-8") as file:
        text = file.read()
    lacking = [name for name in ("pingora", "ring", "rustls", "tokio") if not re.search(rf"\b{name}\b", text)]
    count.check(not lacking, "licences of what is linked into the program", lacking)
    for package in ("libc6", "libgcc-s1"):
        count.check(files.get(f"{DOC}/{package}/copyright", (0,) * 7)[6] > 0, f"the licence of {package}")
    with open(os.path.join(root, "etc/ssl/certs/ca-certificates.crt"), encoding="utf-8") as file:
        count.check(file.read().count("BEGIN CERTIFICATE") > 50, "certificates of authorities")

    with open(os.path.join(ROOT, "Cargo.toml"), encoding="utf-8") as file:
        version = re.search(r'^version = "(.*)"', file.read(), re.M)[1]
    labels = image.config.get("Labels", {})
    count.check(labels.get("org.opencontainers.image.version") == version, "its version", labels)
    count.check(labels.get("org.opencontainers.image.licenses") == "MIT OR Apache-2.0", "its licence", labels)
    return size


def owner(image):
    """The user and group that a container engine takes: numbers, because the image has no list of names."""
    user, _, group = image.config["User"].partition(":")
    return int(user), int(group)


class Container:
    """The root of an image, and once all is mounted as a container engine with --read-only gives it to the program: with a
    configuration and a volume."""

    def __init__(self, image, root):
        self.image, self.root = image, root
        self.user, self.group = owner(image)
        self.folder = tempfile.TemporaryDirectory(prefix="hookward-image-")
        os.chmod(self.folder.name, 0o755)

    def mount_all(self, config):
        """`config`: the files in /etc/hookward."""
        for name, text in config.items():
            with open(os.path.join(self.folder.name, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.mount("--bind", self.root, "/")
        self.mount("--bind", self.folder.name, "/etc/hookward")
        self.mount("-t", "proc", "proc", "/proc")
        # As an engine makes a new volume: with the owner of the folder that it is mounted over.
        state = os.stat(self.path("/var/lib/hookward"))
        self.mount("-t", "tmpfs", "-o", f"uid={state.st_uid},gid={state.st_gid},mode={state.st_mode & 0o777:o}", "volume", "/var/lib/hookward")
        for path in ("/etc/hookward", "/"):
            subprocess.run(["mount", "-o", "remount,bind,ro", self.path(path)], check=True)

    def path(self, path):
        return self.root + path.rstrip("/")

    def mount(self, *arguments):
        """Its last argument is a path in the root. In a mount namespace of our own, so it ends with us."""
        *options, path = arguments
        subprocess.run(["mount", *options, self.path(path)], check=True)

    def command(self, *arguments):
        # The environment is the image's, in which the commands that lead there are not to be found.
        return [shutil.which("setpriv"), "--no-new-privs", shutil.which("chroot"), f"--userspec={self.user}:{self.group}",
                "--groups=", self.root, *self.image.config["Entrypoint"], *arguments]

    def options(self):
        return {"env": dict(entry.split("=", 1) for entry in self.image.config.get("Env", [])) | {"LC_ALL": "C"},
                "stdin": subprocess.DEVNULL, "text": True}

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self.options())

    def start(self):
        process = subprocess.Popen(self.command(*self.image.config["Cmd"]), stderr=subprocess.PIPE, **self.options())
        leave_nothing(process)
        return process


def send(port, body, tag, now):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    headers = {"X-Twenty-Webhook-Timestamp": now, "X-Twenty-Webhook-Signature": tag}
    connection.request("POST", "/twenty", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def serves(count, image, root):
    container = Container(image, root)
    said = container.run("check", "--skip-secrets")
    count.check(said.returncode == 0, "nothing is wrong with the configuration that it brings", said.stdout)

    app, port, admin = App(), free_port(), free_port()
    config = (f'[server]\nlisten = ["127.0.0.1:{port}"]\n[admin]\nlisten = "127.0.0.1:{admin}"\n'
              '[spool]\ndirectory = "/var/lib/hookward"\n'
              f'[[route]]\nname = "twenty"\npath = "/twenty"\nupstream = "http://127.0.0.1:{app.port}"\nspool = "on-failure"\n'
              '[route.verify]\nscheme = "twenty"\nsecrets = [{ id = "only", file = "/etc/hookward/secret" }]\n')
    container.mount_all({"hookward.toml": config, "secret": SECRET + "\n"})
    count.check(os.statvfs(root).f_flag & os.ST_RDONLY, "its root is read-only")
    count.check(container.run("health").returncode == 1, "it is not well before it runs")
    process = container.start()
    log = []
    reader = threading.Thread(target=lambda: log.extend(process.stderr), daemon=True)
    reader.start()
    deadline = time.monotonic() + LIMIT
    while (health := container.run("health")).returncode != 0 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    count.check(health.returncode == 0, "it is well", (health.stdout, log))
    if health.returncode == 0:
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        count.check(set(status["Uid"].split()) == {str(container.user)}, "it runs as its user", status["Uid"])
        count.check(int(status["CapEff"], 16) == 0, "it has no capability", status["CapEff"])
        now, body = moment(), b'{"eventName":"person.created"}'
        tag = hmac.new(SECRET.encode(), now.encode() + b":" + body, hashlib.sha256).hexdigest()
        count.check(send(port, body, tag, now) == 200, "a signed request")
        count.check(send(port, body + b" ", tag, now) == 401, "a changed one")
        count.check([request[3] for request in app.take()] == [body], "what the app got")
    process.terminate()
    count.check(process.wait(LIMIT) == 0, "it stops")
    reader.join(LIMIT)


def run(first, second):
    count = Count("the container image")
    first, second = Image(first), Image(second)
    is_same = first.digest == second.digest
    count.check(is_same, "two builds have one digest", None if is_same else (first.digest, second.digest, differences(first, second)))
    with tempfile.TemporaryDirectory(prefix="hookward-image-") as root:
        # It was made for its owner alone, and is the / of others too.
        os.chmod(root, 0o755)
        first.unpack(root)
        # Where container engines mount it, they make the folder.
        os.makedirs(os.path.join(root, "proc"), exist_ok=True)
        size = holds(count, first, root)
        serves(count, first, root)
        subprocess.run(["umount", "--recursive", root], check=False)
    print(f"{first.digest}\n{size / 10**6:.1f} MB, {first.packed / 10**6:.1f} MB packed, user {first.config['User']}")
    return [count]


if __name__ == "__main__":
    counts = run(*sys.argv[1:])
    for count in counts:
        print(f"{count.title:34} {count.passed:5} passed, {count.failed} failed")
    sys.exit(any(count.failed for count in counts))
