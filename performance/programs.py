"""The programs that are measured, and what the system says of them."""
import base64
import hashlib
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = os.path.join(ROOT, "performance/peers")
HOOKWARD = os.environ.get("HOOKWARD", os.path.join(ROOT, "target/release/hookward"))
TOOLS = os.path.join(ROOT, "target/performance/release")
MODULES = "/usr/lib/nginx/modules"
SECRET = "a-secret-for-measuring-alone"
TICK = os.sysconf("SC_CLK_TCK")


def free_ports(count):
    """Ports that are free now, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Program:
    """One process, or one that has workers, with the ports it serves: `h2c_port` is that of HTTP/2 without TLS."""

    def __init__(self, name, port, process, workers=(), tls_port=None, h2c_port=None, certificate=None, admin=None):
        self.name, self.port, self.process = name, port, process
        self.pids = list(workers) or [process.pid]
        self.pid = self.pids[0]
        self.tls_port, self.h2c_port = tls_port, h2c_port or port
        self.certificate, self.admin = certificate, admin

    def cpu_seconds(self):
        """User and system time so far, of every process that serves."""
        times = [self._times(pid) for pid in self.pids]
        return tuple(sum(column) for column in zip(*times))

    @staticmethod
    def _times(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICK, int(fields[12]) / TICK

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024


class HashAlone:
    """SHA-256 and nothing else, in the place of a program: the limit of whoever verifies."""

    name = "SHA-256 alone"

    def cpu_a_request(self, size):
        """CPU microseconds by the fastest library: those in Rust, and OpenSSL."""
        out = subprocess.run([os.path.join(TOOLS, "hash_speed"), str(size)], capture_output=True, text=True, check=True)
        micros = [int(line.split()[1]) / 1000 for line in out.stdout.splitlines()]
        return min(*micros, self.openssl(size))

    @staticmethod
    def openssl(size):
        """Python's hashlib is OpenSSL's SHA-256 with a little around it."""
        body, calls, rounds = b"a" * size, max(1, 20_000_000 // size), []
        for _ in range(15):
            began = time.process_time()
            for _ in range(calls):
                hashlib.sha256(body).digest()
            rounds.append((time.process_time() - began) / calls * 1e6)
        return statistics.median(rounds)


class Programs:
    """Starts programs in a folder of their own and ends them all. Its nginx has so many worker processes, and its
    HAProxy so many threads."""

    def __init__(self, workers=1):
        self.workers = workers
        self.folder = tempfile.TemporaryDirectory()
        self.processes = []
        names = ["APP", "NGINX", "NJS", "LUA", "LUA_TLS", "LUA_H2C",
                 "HAPROXY_FORWARD", "HAPROXY", "HAPROXY_TLS", "HAPROXY_H2C", "BARE"]
        self.ports = dict(zip(names, free_ports(len(names))))
        os.mkdir(self.path("tmp"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:  # a bare Pingora would wait for minutes
                process.kill()
                process.wait()
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def fill(self, name):
        """A file of peers/ with its placeholders filled in."""
        with open(os.path.join(PEERS, name), encoding="utf-8") as file:
            text = file.read()
        values = {key: str(port) for key, port in self.ports.items()}
        values |= {"SECRET": SECRET, "SECRET_BASE64": base64.b64encode(SECRET.encode()).decode()}
        values["WORKERS"] = str(self.workers)
        values |= {"MODULES": MODULES, "PEERS": self.folder.name, "SOCKET": self.path("app.sock")}
        text = re.sub(r"@([A-Z_0-9]+)@", lambda found: values[found.group(1)], text)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, arguments, port, log):
        with open(self.path(log), "wb") as file:
            process = subprocess.Popen(arguments, stdout=file, stderr=file, cwd=self.folder.name)
        self.processes.append(process)
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return process
            except ConnectionRefusedError:
                time.sleep(0.02)
        with open(self.path(log), encoding="utf-8", errors="replace") as file:
            raise SystemExit(f"{arguments[0]} does not listen:\n{file.read()}")

    def app(self):
        return Program("app", self.ports["APP"], self._nginx("app.conf", self.ports["APP"]))

    def _nginx(self, name, port):
        arguments = ["nginx", "-p", self.folder.name, "-c", self.fill(name), "-g", "daemon off;"]
        return self.start(arguments, port, f"{name}.log")

    def peers(self):
        """Everything that hookward is compared with."""
        ports, certificate = self.ports, self.certificate()
        self.fill("verify.js")
        nginx = self._nginx("nginx.conf", ports["NGINX"])
        with open(f"/proc/{nginx.pid}/task/{nginx.pid}/children", encoding="ascii") as file:
            workers = [int(pid) for pid in file.read().split()]
        haproxy = self.start(["haproxy", "-f", self.fill("haproxy.cfg")], ports["HAPROXY"], "haproxy.log")
        return {
            "nginx + Lua": Program("nginx + Lua", ports["LUA"], nginx, workers, tls_port=ports["LUA_TLS"],
                                   h2c_port=ports["LUA_H2C"], certificate=certificate),
            "nginx + njs": Program("nginx + njs", ports["NJS"], nginx, workers),
            "HAProxy": Program("HAProxy", ports["HAPROXY"], haproxy, tls_port=ports["HAPROXY_TLS"],
                               h2c_port=ports["HAPROXY_H2C"], certificate=certificate),
            "nginx, forwarding": Program("nginx, forwarding", ports["NGINX"], nginx, workers),
            "HAProxy, forwarding": Program("HAProxy, forwarding", ports["HAPROXY_FORWARD"], haproxy),
            "bare Pingora": self.bare(),
        }

    def bare(self):
        address = f"127.0.0.1:{self.ports['BARE']}"
        arguments = [os.path.join(TOOLS, "bare_pingora"), address, f"127.0.0.1:{self.ports['APP']}"]
        return Program("bare Pingora", self.ports["BARE"], self.start(arguments, self.ports["BARE"], "bare.log"))

    def redis(self):
        """The port of a Redis that keeps nothing."""
        [port] = free_ports(1)
        self.start(["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"], port, "redis.log")
        return port

    def certificate(self):
        """The file of a certificate for the name that the load calls, made when it is first asked for; its key is in
        key.pem, and HAProxy takes them in one file."""
        path = self.path("certificate.pem")
        if not os.path.exists(path):
            subject = ["-subj", "/CN=hooks.example.com", "-addext", "subjectAltName=DNS:hooks.example.com"]
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-days", "30", "-keyout", self.path("key.pem"), "-out", path, *subject],
                           check=True, capture_output=True)
            os.chmod(self.path("key.pem"), 0o600)
            with open(os.open(self.path("both.pem"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as both:
                for part in (path, self.path("key.pem")):
                    with open(part, "rb") as file:
                        both.write(file.read())
        return path

    def hookward(self, name="hookward", secrets=1, routes=1, threads=1, upstream=None, server="", command=(HOOKWARD,),
                 tls=False, replay=None, spool=None, route=""):
        """hookward with routes for both providers; the load's secret is the last of those it has, and
        `server` more lines of its [server]. With `tls`, it also listens with it, and takes HTTP/2 without. `replay` are
        the lines of [replay]; without them, requests may come again, as most loads have them. `spool` is that of its
        routes, on the disk, and `route` more lines of each."""
        port, admin, tls_port = free_ports(3)
        certificate = self.certificate() if tls else None
        if tls:
            server += (f'\nh2c = true\ntrusted_proxies = ["127.0.0.1"]\n[server.tls]\nlisten = ["127.0.0.1:{tls_port}"]\n'
                       f'certificates = [{{ cert = "{certificate}", key = "{self.path("key.pem")}" }}]\n')
        listed = []
        for index in range(secrets):
            value = SECRET if index == secrets - 1 else f"another-secret-number-{index}"
            path = self.path(f"secret-{index}-of-{secrets}")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
                file.write(value)
            listed.append(f'{{ id = "s{index}", file = "{path}" }}')
        upstream = upstream or f"http://127.0.0.1:{self.ports['APP']}"
        once = "" if replay is not None else ", replay = false"
        verify = {
            "hubspot": f'{{ scheme = "hubspot", versions = ["v3"], secrets = [{", ".join(listed)}]{once} }}',
            "twenty": f'{{ scheme = "twenty", secrets = [{", ".join(listed)}]{once} }}',
        }
        stores = f'[spool]\ndirectory = "{self.path(name.replace(" ", "-"))}.spool"\n' if spool else ""
        text = [f'[server]\nlisten = ["127.0.0.1:{port}"]\nthreads = {threads}\nmax_body_bytes = "10MiB"\n'
                f'{server}\n'
                f'[admin]\nlisten = "127.0.0.1:{admin}"\n{replay or ""}\n{stores}']
        names = [("hubspot", "hubspot"), ("twenty", "twenty")]
        names += [(f"other-{index}", "hubspot") for index in range(routes - 1)]
        for label, provider in names:
            text.append(f'[[route]]\nname = "{label}"\npath = "/{label}"\nupstream = "{upstream}"\n'
                        f'public_url = "https://hooks.example.com"\nspool = "{spool or "off"}"\n{route}\n'
                        f'verify = {verify[provider]}\n')
        path = self.path(f"{name.replace(' ', '-')}.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(text)
        # The address that it takes last.
        process = self.start([*command, "run", "--config", path], admin, f"{name}.log")
        return Program(name, port, process, tls_port=tls_port, certificate=certificate, admin=admin)
