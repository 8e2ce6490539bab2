"""Claims whose end is not told, or not confirmed: what no app took may come again, and what one took may not."""
import collections
import concurrent.futures
import socket
import time

from harness import App, Count, Hookward
from redis_servers import LIMIT, Client, Cluster, Redis, Relay, wait_until
from repeats import Signed, route, sent
from replay_kit import answers_until, bodies, change, judge_log, ready, store, url_of
from replay_store import judge_keys


def unconfirmed():
    """The Redis makes a claim and does not say so: the request that made it may come again."""
    count, app, redis = Count("claims that are not confirmed"), App(), Redis()
    one, other = (ready(Hookward(route(app) + store(url_of(redis)))) for _ in range(2))
    app.take()
    for number in range(3):
        requests = [Signed() for _ in range(10)]
        redis.pause()
        count.check({sent(one, request) for request in requests} == {503}, f"{number}: refused while it is paused")
        redis.go_on()
        same, elsewhere = requests[:5], requests[5:]
        found = [answers_until(one, request) for request in same]
        count.check(found == [200] * 5, f"{number}: the same process forwards it then", found)
        wait_until("the other to be back", lambda: sent(other, Signed()) == 200)
        wait_until("the first to be back", lambda: sent(one, Signed()) == 200)
        time.sleep(1.6)
        found = [answers_until(other, request) for request in elsewhere]
        count.check(found == [200] * 5, f"{number}: another process forwards it a second later", found)
        arrived = bodies(app)
        count.check(all(arrived.count(request.body) == 1 for request in requests), f"{number}: each arrives once")
        found = [answers_until(hookward, request) for hookward in (one, other) for request in requests]
        count.check(found == [409] * 20, f"{number}: and is remembered", found)
    for hookward in (one, other):
        hookward.stop()
        judge_log(count, hookward, "paused")
    lost_answers(count, app, redis)
    held_back(count, app, redis)
    broken_connections(count, app, redis)
    ended_meanwhile(count, redis)
    redis.kill()
    ended_elsewhere(count)
    return [count]


def lost_answers(count, app, redis):
    """The Redis has heard of a claim, and the connection ends before its answer."""
    relay = Relay(redis.port)
    hookward = ready(Hookward(route(app) + store(url_of(relay))))
    app.take()
    for number in range(5):
        request = Signed()
        relay.swallows = "answers"
        count.check(sent(hookward, request) == 503, f"{number}: refused without an answer")
        relay.swallows = None
        count.check(answers_until(hookward, request) == 200, f"{number}: forwarded then")
        count.check(answers_until(hookward, request) == 409, f"{number}: and remembered")
        count.check(bodies(app).count(request.body) == 1, f"{number}: it arrives once")
    # Many at once come back while the Redis is told that they were not confirmed.
    for number in range(5):
        requests = [Signed() for _ in range(40)]
        relay.swallows = "answers"
        with concurrent.futures.ThreadPoolExecutor(40) as senders:
            found = collections.Counter(senders.map(lambda request: sent(hookward, request), requests))
            count.check(found == {503: 40}, f"{number}: many refused without an answer", found)
            relay.swallows = None
            found = collections.Counter(senders.map(lambda request: answers_until(hookward, request), requests))
            count.check(found == {200: 40}, f"{number}: many forwarded then", found)
        arrived = bodies(app)
        count.check(all(arrived.count(request.body) == 1 for request in requests), f"{number}: each of many arrives once")
    # A Redis that is too slow for the time limit: what it does comes too late to count.
    relay.delay = 0.2
    slow = [Signed() for _ in range(5)]
    count.check({sent(hookward, request) for request in slow} == {503}, "refused while it is slow")
    count.check(not app.take(), "nothing of that arrives")
    relay.delay = 0
    found = [answers_until(hookward, request) for request in slow]
    count.check(found == [200] * 5, "forwarded when it is quick again", found)
    hookward.stop()
    judge_log(count, hookward, "answers that are lost")


def held_back(count, app, redis):
    """A claim comes to the Redis long after it was given up: it refuses nobody for longer than a moment."""
    relay = Relay(redis.port)
    hookward, other = ready(Hookward(route(app) + store(url_of(relay)))), ready(Hookward(route(app) + store(url_of(redis))))
    app.take()
    for seconds in (1.6, 3, 5):
        request, came = Signed(), relay.came
        relay.holds = seconds
        count.check(sent(hookward, request) == 503, f"held back for {seconds} s: refused")
        relay.holds = 0
        wait_until("the connection to be another", lambda: sent(hookward, Signed()) == 200)
        wait_until("it to come", lambda: relay.came > came)
        wait_until("the same request to pass elsewhere", lambda: sent(other, request) == 200)
        count.check(bodies(app).count(request.body) == 1, f"held back for {seconds} s: it arrives once")
    for one in (hookward, other):
        one.stop()
        judge_log(count, one, "held back")


def broken_connections(count, app, redis):
    """A Redis that is there ends the connection: no request is refused for that, and none is let through."""
    client = Client(redis.port)
    for mode in ("reject", "allow"):
        hookward = ready(Hookward(route(app) + store(url_of(redis), mode, keys='timeout = "2s"')))
        app.take()
        for number in range(30):
            request = Signed()
            found = []
            for _ in range(3):
                client.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                found.append(sent(hookward, request))
            count.check(found == [200, 409, 409], f"{mode}, {number}: the connection ends before each of three", found)
            count.check(bodies(app) == [request.body], f"{mode}, {number}: it arrives once")
        hookward.stop()
        judge_log(count, hookward, f"broken connections, {mode}")


def ended_meanwhile(count, redis):
    """An app says no while the Redis hears nothing: once it hears again, the same request may come again."""
    statuses = {"now": 500}
    app = App(pause=lambda: 0.3 if statuses["now"] == 500 else 0, status=lambda: statuses["now"])
    relay = Relay(redis.port)
    hookward = Hookward(route(app) + store(url_of(relay), keys='timeout = "300ms"'))
    wait_until("hookward to have its Redis", lambda: sent(hookward, Signed()) == 500)

    def swallow(what):
        relay.swallows = what

    for how, begin, end in (("cut off", relay.cut, relay.join), ("not heard", lambda: swallow("questions"), lambda: swallow(None)),
                            ("paused", redis.pause, redis.go_on), ("killed", redis.kill, redis.start)):
        for number in range(3):
            statuses["now"] = 500
            wait_until("hookward to have its Redis", lambda: sent(hookward, Signed()) == 500)
            app.take()
            request = Signed()
            waiting = socket.create_connection(("127.0.0.1", hookward.ports["server"]), timeout=LIMIT)
            waiting.sendall(request.raw())
            wait_until("the app to have it", lambda: bodies(app) == [request.body])
            begin()
            count.check(waiting.recv(4096).startswith(b"HTTP/1.1 500 "), f"{how}, {number}: the app's answer")
            waiting.close()
            statuses["now"] = 200
            if how != "not heard":
                count.check(sent(hookward, request) == 503, f"{how}, {number}: nobody knows")
            end()
            found = answers_until(hookward, request)
            count.check(found == 200 and bodies(app) == [request.body], f"{how}, {number}: it may come again", found)
            count.check(answers_until(hookward, request) == 409, f"{how}, {number}: and is remembered then")
    hookward.stop()
    judge_log(count, hookward, "an app that says no meanwhile")


def ended_elsewhere(count):
    """An app says no while a cluster has lost a node: what the other nodes know of may come again."""
    statuses, cluster = {"now": 200}, Cluster()
    app = App(status=lambda: statuses["now"])
    hookward = ready(Hookward(route(app) + store(cluster.url())))
    cluster.masters[0].kill()
    wait_until("a node to be missed", lambda: sent(hookward, Signed()) == 503)
    found = collections.Counter()
    for _ in range(30):
        request = Signed()
        statuses["now"] = 500
        first = sent(hookward, request)
        statuses["now"] = 200
        found[first, sent(hookward, request)] += 1
    count.check(set(found) == {(503, 503), (500, 200)}, "a cluster that has lost a node", found)
    hookward.stop()
    judge_log(count, hookward, "a cluster that has lost a node")
    for node in cluster.nodes:
        node.kill()


def acknowledged():
    """What one process had taken, the other acknowledges; what is on its way, it refuses."""
    count, app, redis = Count("acknowledged by another process"), App(), Redis()
    table = store(url_of(redis), prefix="mine:", keys='timeout = "5s"')
    one, other = (ready(Hookward(route(app, verify='on_replay = "acknowledge"') + table)) for _ in range(2))
    redis.ask("FLUSHALL")
    app.take()
    app.pause = lambda: 0.5
    request = Signed()
    waiting = socket.create_connection(("127.0.0.1", one.ports["server"]), timeout=LIMIT)
    waiting.sendall(request.raw())
    wait_until("the app to have it", lambda: app.requests)
    count.check(sent(other, request) == 409, "on its way")
    count.check(waiting.recv(4096).startswith(b"HTTP/1.1 200 "), "it is taken")
    waiting.close()
    # Nobody waits for the Redis to learn of it.
    wait_until("the other to know", lambda: sent(other, request) == 200)
    found = [sent(hookward, request) for hookward in (one, other)]
    count.check(found == [200, 200] and bodies(app) == [request.body], "taken", found)
    client = Client(redis.port)
    judge_keys(count, "taken", client, [request], b"mine:", 300_000 + 1_000 + 5_000)
    client.close()
    for hookward in (one, other):
        hookward.stop()
    redis.kill()
    return [count]


def stopped():
    """Requests that are cut at the end of a process have let go of their claims by then."""
    count, redis = Count("claims at the end"), Redis()
    for grace, waits in (("500ms", 5), ("20s", 0.5)):
        app = App(pause=lambda waits=waits: waits)
        hookward = Hookward(route(app) + store(url_of(redis)), f'shutdown_grace = "{grace}"\n')
        app.pause = lambda: 0
        ready(hookward)
        app.take()
        redis.ask("FLUSHALL")
        app.pause = lambda waits=waits: waits
        requests, connections = [Signed() for _ in range(20)], []
        for request in requests:
            connection = socket.create_connection(("127.0.0.1", hookward.ports["server"]), timeout=LIMIT)
            connection.sendall(request.raw())
            connections.append(connection)
        wait_until("the app to have them", lambda: len(app.requests) == 20)
        count.check(redis.ask("DBSIZE") == 20, f"{grace}: all are claimed")
        code = hookward.stop()
        is_cut = waits > 1
        count.check(code == (1 if is_cut else 0), f"{grace}: how it ends", code)
        left = redis.ask("DBSIZE")
        count.check(left == (0 if is_cut else 20), f"{grace}: claims that are left", left)
        app.take()
        app.pause = lambda: 0
        successor = ready(Hookward(route(app) + store(url_of(redis))))
        found = collections.Counter(sent(successor, request) for request in requests)
        count.check(found == {200 if is_cut else 409: 20}, f"{grace}: the same requests to another process", found)
        successor.stop()
        for connection in connections:
            connection.close()
    # A Redis that hears nothing does not hold up the end.
    app = App()
    hookward = ready(Hookward(route(app) + store(url_of(redis)), 'shutdown_grace = "200ms"\n'))
    app.take()
    app.pause = lambda: 5
    waiting = socket.create_connection(("127.0.0.1", hookward.ports["server"]), timeout=LIMIT)
    waiting.sendall(Signed().raw())
    wait_until("the app to have it", lambda: app.requests)
    redis.pause()
    began = time.monotonic()
    code = hookward.stop()
    count.check(code == 1 and time.monotonic() - began < 10, "the end without a Redis", (code, time.monotonic() - began))
    waiting.close()
    redis.kill()
    return [count]


def replaced():
    """A reload to another place in the Redis: what is on its way ends where it began."""
    count, redis, statuses = Count("another Redis by a reload"), Redis(), {"now": 500}
    app = App(pause=lambda: 0.5, status=lambda: statuses["now"])
    hookward = Hookward(route(app) + store(url_of(redis), prefix="before:"))
    wait_until("hookward to have its Redis", lambda: sent(hookward, Signed()) == 500)
    app.take()
    for before, after, status in (("before:", "after:", 500), ("after:", "before:", 200)):
        statuses["now"] = status
        redis.ask("FLUSHALL")
        request = Signed()
        waiting = socket.create_connection(("127.0.0.1", hookward.ports["server"]), timeout=LIMIT)
        waiting.sendall(request.raw())
        wait_until("the app to have it", lambda request=request: bodies(app) == [request.body])
        change(hookward, store(url_of(redis), prefix=after))
        count.check(waiting.recv(4096).startswith(b"HTTP/1.1 %d " % status), f"{status}: its answer")
        waiting.close()
        left = [key for key in redis.ask("KEYS", "*") if key.startswith(before.encode())]
        count.check(len(left) == (1 if status == 200 else 0), f"{status}: what is left of its claim", left)
        app.pause, statuses["now"] = (lambda: 0), 200
        wait_until("hookward to have its Redis", lambda: sent(hookward, Signed()) == 200)
        found = sent(hookward, request)
        count.check(found == 200, f"{status}: the other place does not know it", found)
        app.pause = lambda: 0.5
        app.take()
    hookward.stop()
    judge_log(count, hookward, "a reload")
    redis.kill()
    return [count]
