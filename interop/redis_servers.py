"""Redis servers of the tests' own: alone, with a replica, watched by sentinels, or as a cluster.

Each is on a free port of 127.0.0.1 and has a temporary folder, stores nothing on disk unless it is asked to, and ends
with the test. A Redis that runs already is never used.
"""
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

from harness import free_port, leave_nothing

PASSWORD = "the-password-that-no-log-shows"
LIMIT = 60
# How soon a server counts as gone, in milliseconds.
DOWN_AFTER = 400
SLOTS = 16384


class Error(Exception):
    """A server says no."""


class Client:
    """A plain client."""

    def __init__(self, port, password=PASSWORD, timeout=5):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.stream = self.socket.makefile("rb")
        if password:
            self.ask("AUTH", password)

    def ask(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(parts))
        answer = self._read()
        if isinstance(answer, Error):
            raise answer
        return answer

    def _read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server has gone")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Error(rest.decode())
        if kind == b":":
            return int(rest)
        if int(rest) < 0:
            return None
        if kind == b"$":
            return self.stream.read(int(rest) + 2)[:-2]
        return [self._read() for _ in range(int(rest))]

    def close(self):
        self.socket.close()


def asked(port, *words, password=PASSWORD):
    """The answer to one command on a connection of its own."""
    client = Client(port, password)
    try:
        return client.ask(*words)
    finally:
        client.close()


def wait_until(what, condition, seconds=LIMIT):
    """Asks again and again; a server that is not there yet says no."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = condition()
        except (OSError, Error):
            found = None
        if found:
            return found
        time.sleep(0.01)
    raise SystemExit(f"waited too long for {what}")


class Redis:
    """A server. Options are lines of its configuration; a list of values makes as many lines."""

    def __init__(self, port=None, password=PASSWORD, **options):
        self.port = port or free_port()
        self.folder = tempfile.TemporaryDirectory()
        self.password = password
        self.options = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder.name, "save": '""', "appendonly": "no",
                        "loglevel": "warning", "logfile": self.path("log"), "repl-diskless-sync-delay": 0}
        if password:
            self.options |= {"requirepass": password, "masterauth": password}
        self.options |= {name.replace("_", "-"): value for name, value in options.items()}
        self.process = None
        self.start()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def _write(self):
        with open(self.path("redis.conf"), "w", encoding="utf-8") as file:
            for name, values in self.options.items():
                for value in values if isinstance(values, list) else [values]:
                    file.write(f"{name} {value}\n")

    def start(self, *arguments):
        self._write()
        command = ["redis-server", self.path("redis.conf"), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        leave_nothing(self.process)
        wait_until("a Redis server", self.is_there)

    def is_there(self):
        if self.process.poll() is not None:
            raise SystemExit(f"redis-server ended: {self.process.returncode}")
        try:
            return self.ask("PING") == "PONG"
        except Error as error:
            return "LOADING" not in str(error)

    def ask(self, *words):
        return asked(self.port, *words, password=self.password)

    def kill(self):
        self.process.kill()
        self.process.wait(LIMIT)

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT)

    def pause(self):
        """Until it goes on, it takes connections and bytes, and does nothing."""
        self.process.send_signal(signal.SIGSTOP)
        # The signal is sent, and not necessarily delivered.
        wait_until("the server to stop", lambda: self._state() == "T")

    def _state(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def info(self, section):
        lines = self.ask("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def writes(self):
        """Whether it takes a write from a plain client."""
        try:
            return self.ask("DEL", "a key that is not there") == 0
        except (OSError, Error):
            return False


def replica_of(master, **options):
    """A server that follows another, and has all that it has."""
    replica = Redis(replicaof=f"127.0.0.1 {master.port}", **options)
    wait_until("the replica to follow", lambda: replica.info("replication")["master_link_status"] == "up")
    return replica


class Sentinels:
    """Three sentinels that watch a server and its replica, and know each other."""

    def __init__(self, name="main", **options):
        self.name, self.master = name, Redis(**options)
        self.replica = replica_of(self.master, **options)
        self.watchers = [self._watcher() for _ in range(3)]
        for watcher in self.watchers:
            wait_until("the sentinels to know each other", lambda watcher=watcher: self._knows_all(watcher))

    def _watcher(self):
        watcher = Redis.__new__(Redis)
        watcher.port, watcher.password, watcher.folder = free_port(), None, tempfile.TemporaryDirectory()
        watcher.options = {
            "port": watcher.port, "bind": "127.0.0.1", "dir": watcher.folder.name, "logfile": watcher.path("log"),
            "sentinel": [f"monitor {self.name} 127.0.0.1 {self.master.port} 2", f"auth-pass {self.name} {PASSWORD}",
                         f"down-after-milliseconds {self.name} {DOWN_AFTER}", f"failover-timeout {self.name} 5000"]}
        watcher.start("--sentinel")
        return watcher

    def _knows_all(self, watcher):
        told = watcher.ask("SENTINEL", "MASTER", self.name)
        known = dict(zip(told[::2], told[1::2]))
        return known[b"num-other-sentinels"] == b"2" and known[b"num-slaves"] == b"1" and known[b"flags"] == b"master"

    def url(self):
        hosts = ",".join(f"127.0.0.1:{watcher.port}" for watcher in self.watchers)
        return f"redis+sentinel://:{PASSWORD}@{hosts}/{self.name}/0"

    def current(self):
        """The port of the server that the sentinels name."""
        for watcher in self.watchers:
            try:
                return int(watcher.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)[1])
            except (OSError, Error):
                continue
        return None

    def writes(self):
        try:
            return asked(self.current(), "DEL", "a key that is not there") == 0
        except (OSError, Error, TypeError):
            return False

    def servers(self):
        return [self.master, self.replica, *self.watchers]


class Cluster:
    """Three masters that share the slots, each with a replica if it is asked for. Where one of them is gone without
    a replica, the others serve what is theirs if `is_partial`, and nothing else."""

    def __init__(self, has_replicas=False, is_partial=True, **options):
        options |= {"cluster_enabled": "yes", "cluster_node_timeout": DOWN_AFTER, "cluster_replica_validity_factor": 0,
                   "cluster_require_full_coverage": "no" if is_partial else "yes"}
        self.nodes = [Redis(cluster_port=free_port(), **options) for _ in range(6 if has_replicas else 3)]
        self.masters, self.replicas = self.nodes[:3], self.nodes[3:]
        first = self.nodes[0]
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            first.ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.options["cluster-port"])
        for number, node in enumerate(self.masters):
            node.ask("CLUSTER", "ADDSLOTSRANGE", SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1)
        for node in self.nodes:
            wait_until("the nodes to know each other", lambda node=node: self._knows_all(node))
        for replica, master in zip(self.replicas, self.masters):
            replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID"))
        for replica in self.replicas:
            wait_until("the replicas to follow", lambda replica=replica: replica.info("replication").get("master_link_status") == "up")
        for node in self.nodes:
            wait_until("the cluster", lambda node=node: self._is_ok(node))

    def _told(self, node):
        return dict(line.split(":", 1) for line in node.ask("CLUSTER", "INFO").decode().split("\r\n") if line)

    def _knows_all(self, node):
        return self._told(node)["cluster_known_nodes"] == str(len(self.nodes))

    def _is_ok(self, node):
        return self._told(node)["cluster_state"] == "ok"

    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://:{PASSWORD}@{hosts}"

    def owner(self, key):
        """The port of the node that a living one names as the owner of a key."""
        slot = slot_of(key)
        for node in self.nodes:
            try:
                for first, last, master, *_ in node.ask("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        return master[1]
            except (OSError, Error):
                continue
        return None

    def writes(self):
        """Whether a plain client can write to every third."""
        try:
            return all(asked(self.owner(key), "DEL", key) == 0 for key in KEYS_OF_THIRDS)
        except (OSError, Error, TypeError):
            return False

    def servers(self):
        return self.nodes


def slot_of(key):
    """CRC16 of XMODEM, as the cluster's specification says."""
    crc = 0
    for byte in key.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc % SLOTS


KEYS_OF_THIRDS = [next(str(number) for number in range(SLOTS) if slot_of(str(number)) * 3 // SLOTS == third) for third in range(3)]


class Relay:
    """Between a client and a server: passes on what is said, after a delay. It hangs up instead at the next question or
    the next answer if it is told to swallow those, and when it is cut off. Questions that it is told to hold back come
    to the server later, also when the client has gone. Counts connections, and what was held back and has come."""

    def __init__(self, port):
        self.target, self.swallows, self.delay, self.connections = port, None, 0, 0
        self.is_cut, self.ends = False, []
        self.holds, self.came = 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            inner, _ = self.listener.accept()
            self.connections += 1
            try:
                if self.is_cut:
                    raise ConnectionError
                outer = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                inner.close()
                continue
            self.ends += [inner, outer]
            for source, sink, what in ((inner, outer, "questions"), (outer, inner, "answers")):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(source, sink, what), daemon=True).start()

    def _pass(self, source, sink, what):
        try:
            while data := source.recv(65536):
                if self.swallows == what:
                    break
                if what == "answers" and self.delay:
                    time.sleep(self.delay)
                held = self.holds if what == "questions" else 0
                time.sleep(held)
                sink.sendall(data)
                self.came += 1 if held else 0
        except OSError:
            pass
        hang_up(source, sink)

    def cut(self):
        """From now on, and until it is joined, nobody hears anything of the other."""
        self.is_cut = True
        hang_up(*self.ends)
        self.ends = []

    def join(self):
        self.is_cut = False


def hang_up(*ends):
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Liar:
    """A server that answers every command with the same bytes."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while line := stream.readline():
                for _ in range(int(line[1:])):
                    stream.read(int(stream.readline()[1:]) + 2)
                connection.sendall(self.answer)
        except (OSError, ValueError):
            pass
