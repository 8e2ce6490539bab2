"""Replay protection with a Redis that several processes share: what one has forwarded, none forwards again, whatever
becomes of the Redis; and what no app took may come again.

    ROUNDS=1000 python interop/replay.py [PART...]
"""
import collections
import os
import sys
import time

from frames import DATA, END_HEADERS, END_STREAM, HEADERS, Peer, block, frame
from harness import App, Count, Hookward
from redis_servers import Redis
from repeats import Crowd, Signed, route
from replay_claims import acknowledged, replaced, stopped, unconfirmed
from replay_faults import faults
from replay_kit import ready, store, url_of
from replay_store import keys_and_rights, liars, nobody_is_asked

ROUNDS = int(os.environ.get("ROUNDS", "10"))
CROWD = 200


class Crowd2:
    """The same as `Crowd` over HTTP/2: some connections, with many streams on each."""

    CONNECTIONS = 8

    def __init__(self, ports, size):
        self.peers = [Peer(ports[number % len(ports)]) for number in range(self.CONNECTIONS)]
        self.each, self.next = size // self.CONNECTIONS, 1

    def send(self, request):
        streams = range(self.next, self.next + 2 * self.each, 2)
        self.next += 2 * self.each
        fields = block([(":method", "POST"), (":scheme", "http"), (":path", "/t"), (":authority", "hooks.example.com"), *request.headers])
        for peer in self.peers:
            peer.send(b"".join(frame(HEADERS, END_HEADERS, stream, fields) for stream in streams))
        for peer in self.peers:
            peer.send(b"".join(frame(DATA, END_STREAM, stream, request.body) for stream in streams))
        return [outcome for peer in self.peers for outcome in peer.outcomes(*streams)]


def at_once():
    """Two processes that share one Redis."""
    counts, redis, app = [], Redis(), App()
    # Whoever has to wait for his turn is not to be told that the store is slow.
    table = store(url_of(redis), keys='timeout = "10s"')
    trust = 'h2c = true\ntrusted_proxies = ["127.0.0.1/32"]\n'
    hookwards = [ready(Hookward(route(app) + table, trust)) for _ in range(2)]
    app.take()
    ports = [hookward.ports["server"] for hookward in hookwards]
    for protocol, of in (("HTTP/1", Crowd), ("HTTP/2", Crowd2)):
        count, crowd = Count(f"{CROWD} at once, two processes, {protocol}"), of(ports, CROWD)
        counts.append(count)
        others = collections.Counter()
        for number in range(ROUNDS):
            request = Signed()
            found = collections.Counter(crowd.send(request))
            seen = [body for *_, body in app.take()]
            is_right = found == {200: 1, 409: CROWD - 1} and seen == [request.body]
            count.check(is_right, f"round {number}", (found, len(seen)))
            others += found
        print(f"{count.title}: {ROUNDS} rounds, answered {dict(others)}, one of each forwarded: {not count.failed}", flush=True)
    for hookward in hookwards:
        count.check(hookward.stop() == 0, "it ends well")
    redis.kill()
    return counts


PARTS = {part.__name__: part for part in (at_once, faults, unconfirmed, acknowledged, keys_and_rights, nobody_is_asked, liars,
                                         replaced, stopped)}


def run(names=tuple(PARTS)):
    counts = []
    for name in names:
        began = time.monotonic()
        counts += PARTS[name]()
        print(f"replay: {name}, {time.monotonic() - began:.0f} s", flush=True)
    return counts


if __name__ == "__main__":
    started = time.monotonic()
    results = run(sys.argv[1:] or PARTS)
    for result in results:
        print(f"{result.title:44} {result.passed:5} passed, {result.failed} failed")
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(any(result.failed for result in results))
