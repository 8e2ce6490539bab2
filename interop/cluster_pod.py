"""hookward as in its pod on Kubernetes: what the container is started with, what the kubelet asks it, and files that change as the
kubelet exchanges them."""
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from harness import BINARY, App, Count, fetch, free_port, leave_nothing, moment, wait_for_port
from repeats import Connection
from unit import SANDBOX, SERVICE, read, write
from unit_sandbox import USER

LIMIT = 60


class Volume:
    """A directory whose files are exchanged as the kubelet does: all at once, by the link `..data`."""

    def __init__(self, path, files):
        self.path, self.number = path, 0
        os.mkdir(path)
        self.exchange(files)
        for name in files:
            os.symlink(os.path.join("..data", name), os.path.join(path, name))

    def exchange(self, files):
        before, self.number = self.number, self.number + 1
        folder = os.path.join(self.path, f"..{self.number}")
        os.mkdir(folder)
        for name, text in files.items():
            write(os.path.join(folder, name), text)
            if os.geteuid() == 0:
                os.chown(os.path.join(folder, name), 0, USER)
            os.chmod(os.path.join(folder, name), 0o440)
        os.symlink(f"..{self.number}", os.path.join(self.path, "..data_tmp"))
        os.rename(os.path.join(self.path, "..data_tmp"), os.path.join(self.path, "..data"))
        if before:
            shutil.rmtree(os.path.join(self.path, f"..{before}"))


def wait_for_reloads(port, number):
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if re.search(rf'^hookward_config_reloads_total{{result="applied"}} {number}$', fetch(port, "/metrics")[1], re.M):
            return True
        time.sleep(0.05)
    return False


def send(port, path, secret):
    now, body = moment(), b'{"n":1}'
    tag = hmac.new(secret.encode(), now.encode() + b":" + body, hashlib.sha256).hexdigest()
    connection = Connection(port)
    connection.send(f"POST {path} HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Length: {len(body)}\r\nX-Twenty-Webhook-Timestamp: {now}\r\n"
                    f"X-Twenty-Webhook-Signature: {tag}\r\n\r\n".encode() + body)
    status = connection.status()
    connection.close()
    return status


def in_the_pod(objects):
    """Served with a file system that is read-only, by a user without an account, without capabilities."""
    count, app = Count("hookward in its pod"), App()
    old, new = "the first secret of the pod", "the second secret of the pod"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        port, admin, program = free_port(), free_port(), os.path.join(folder, "hookward")
        shutil.copy(BINARY, program)
        text = objects.config
        for shipped, here in {"0.0.0.0:8080": f"127.0.0.1:{port}", "0.0.0.0:9464": f"127.0.0.1:{admin}", "127.0.0.1:3000": f"127.0.0.1:{app.port}",
                              "/run/secrets/hookward": f"{folder}/secrets"}.items():
            count.check(shipped in text, f"the configuration has {shipped}")
            text = text.replace(shipped, here)
        config = Volume(os.path.join(folder, "etc"), {"hookward.toml": text})
        secrets = Volume(os.path.join(folder, "secrets"), {"twenty": old, "hubspot": old})
        # The arguments of the container.
        arguments = [argument.replace("/etc/hookward", config.path) for argument in objects.sidecar["args"]]
        log = open(os.path.join(folder, "log"), "w", encoding="utf-8")
        process = subprocess.Popen([sys.executable, SANDBOX, SERVICE, "", program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        leave_nothing(process)
        wait_for_port(admin, process)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = objects.sidecar[probe]["httpGet"]["path"]
            count.check(fetch(admin, path)[0] == 200, f"{probe}: {path}")
        name = "hookward-admin.webhooks.svc"
        count.check(fetch(admin, "/metrics", name)[0] == 200, "metrics by the Service's name")
        count.check(fetch(admin, "/", name)[0] == 421, "no status page by a name")
        count.check(send(port, "/twenty", old) == 200, "a request is passed on")
        secrets.exchange({"twenty": new, "hubspot": new})
        count.check(wait_for_reloads(admin, 1), "exchanged secrets are noticed")
        count.check((send(port, "/twenty", new), send(port, "/twenty", old)) == (200, 401), "and are those in use")
        config.exchange({"hookward.toml": text.replace('path = "/twenty"', 'path = "/changed"')})
        count.check(wait_for_reloads(admin, 2), "an exchanged configuration is noticed")
        count.check(send(port, "/changed", new) == 200, "and is that in use")
        process.terminate()
        code = process.wait(LIMIT)
        count.check(code == 0, "it ends well", (code, read(log.name)[-300:]))
    return count
