"""A hookward with a spool, on disk unless it is told otherwise, which is killed and started again, and what is looked at in
its directory."""
import http.client
import json
import os
import signal
import sqlite3
import stat
import subprocess
import tempfile
import time

from harness import BINARY, free_port, leave_nothing, metrics, wait_for_port
from repeats import SECRET, route

LIMIT = 60
UPSTREAM_TIMEOUT = "300ms"


def wait_until(what, is_so, seconds=LIMIT):
    """Returns what it says once that is true, and how long it took."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if found := is_so():
            return found, time.monotonic() - began
        time.sleep(0.02)
    raise SystemExit(f"waited in vain for {what}")


def spooling(app, mode, name=None, keys=""):
    """A route that spools, called as its way to do so if it has no other name."""
    return route(app, name or mode, f'spool = "{mode}"\nupstream_timeout = "{UPSTREAM_TIMEOUT}"\n{keys}')


class Spooling:
    """The real program, with one route for each way to spool, unless it is given others. It has the same ports and files
    whenever it is started."""

    def __init__(self, app, directory=None, env=None, max_bytes="1GiB", spool=None, routes=None):
        self.folder = tempfile.TemporaryDirectory()
        self.directory = directory or os.path.join(self.folder.name, "spool")
        self.port, self.admin, self.env = free_port(), free_port(), env
        self.config, self.log_file = (os.path.join(self.folder.name, name) for name in ("hookward.toml", "log"))
        spool = spool or f'store = "disk"\ndirectory = "{self.directory}"\nmax_bytes = "{max_bytes}"'
        routes = routes or "".join(spooling(app, mode) for mode in ("on-failure", "always"))
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f'[server]\nlisten = ["127.0.0.1:{self.port}"]\n[admin]\nlisten = "127.0.0.1:{self.admin}"\n'
                       f'[spool]\n{spool}\n{routes}')
        self.database = os.path.join(self.directory, "spool.db")

    def environment(self):
        return {**os.environ, **(self.env or {})}

    def start(self):
        """Returns at once."""
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([BINARY, "run", "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment(), start_new_session=True)
        leave_nothing(self.process)
        return self

    def serve(self):
        """Returns once it serves."""
        self.start()
        wait_for_port(self.port, self.process)
        return self

    def kill(self):
        """At once, and all that it may have started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # It has ended by itself, which the exit code shows.
        return self.process.wait(LIMIT)

    def stop(self):
        self.process.terminate()
        return self.process.wait(LIMIT)

    def log(self):
        with open(self.log_file, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.startswith("{")]

    def events(self, name):
        return [event for event in self.log() if event["event"] == name]

    def text(self):
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()

    def metrics(self):
        return metrics(self.admin)

    def number(self, state):
        """How many events are waiting, or dead; None while nobody can say."""
        try:
            found = [value for series, value in self.metrics().items() if series.startswith("hookward_spool_events{") and f'"{state}"' in series]
        except (OSError, http.client.HTTPException):
            return None
        return int(sum(found)) if found else None

    def drain(self, seconds=LIMIT):
        """Returns how long it takes until nothing waits any more."""
        return wait_until("the spool to be empty", lambda: self.number("waiting") == 0, seconds)[1]


def judge_log(count, program):
    text = program.text()
    count.check("panicked" not in text, "it panics", [line for line in text.splitlines() if "panicked" in line][:1])
    count.check(SECRET not in text and '{"number"' not in text, "a secret or a body in the log")


def judge_database(count, program, is_empty=True):
    """What is on the disk once the program has ended: sound, its sums right, and for its owner alone."""
    modes = {name: oct(stat.S_IMODE(os.stat(os.path.join(program.directory, name)).st_mode)) for name in os.listdir(program.directory)}
    open_to_others = {name: mode for name, mode in modes.items() if mode != "0o600"}
    count.check(not open_to_others, "files that others can read", open_to_others)
    connection = sqlite3.connect(f"file:{program.database}?mode=ro", uri=True)
    found = connection.execute("PRAGMA integrity_check").fetchall()
    count.check(found == [("ok",)], "the database is sound", found[:5])
    sums = sorted(connection.execute("SELECT route, state, count(*), sum(bytes) FROM events GROUP BY route, state"))
    totals = sorted(connection.execute("SELECT route, state, events, bytes FROM totals"))
    count.check(sums == totals, "the sums are those of the events", (sums, totals))
    without = connection.execute("SELECT count(*) FROM events LEFT JOIN requests USING (seq) WHERE requests.seq IS NULL").fetchone()
    orphans = connection.execute("SELECT count(*) FROM requests LEFT JOIN events USING (seq) WHERE events.seq IS NULL").fetchone()
    count.check(without == orphans == (0,), "each event has its request, and each request its event", (without, orphans))
    if is_empty:
        count.check(not sums, "nothing is left", sums)
    connection.close()
