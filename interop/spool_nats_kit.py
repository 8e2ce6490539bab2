"""What the suites of a spool in NATS share."""
import json
import subprocess

from harness import BINARY
from nats_servers import STREAM
from spool_kit import Spooling, wait_until


def shared(nats, user="", scheme="nats"):
    """The keys of `[spool]` for this server. `user` ends in `@`."""
    return f'store = "nats"\nurl = "{scheme}://{user}127.0.0.1:{nats.port}"\nstream = "{STREAM}"'


def connected(program):
    """Waits until it has its NATS, and knows what is there."""
    wait_until("hookward to have its NATS", lambda: program.number("waiting") is not None)
    return program


def serving(app, nats, **options):
    return connected(Spooling(app, spool=shared(nats), **options).serve())


def command(program, *words):
    """The exit code and what it prints."""
    done = subprocess.run([BINARY, *words, "--config", program.config], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False, env=program.environment())
    return done.returncode, done.stdout + done.stderr


def listed(program):
    code, text = command(program, "spool", "list", "--format", "json")
    return json.loads(text) if code == 0 else None


def attempts_of(app, body=None):
    """The attempts that reached the app, of one event or of all: its id, and the number."""
    with app.lock:
        return [(arrival.delivery, arrival.attempt) for arrival in app.arrivals if arrival.delivery and body in (None, arrival.body)]
