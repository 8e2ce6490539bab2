"""What is in the Redis, who may see it, who is asked, and who is not."""
import concurrent.futures
import os
import re
import tempfile
import time

from certificates import Authority
from harness import ROOT, App, Count, Hookward
from redis_servers import PASSWORD, Client, Cluster, Liar, Redis, Relay, Sentinels, wait_until
from repeats import SECRET, Signed, route, sent
from replay_kit import FAILED, answers_until, change, judge_log, ready, store, total, url_of


def keys_of(client):
    return {key: client.ask("GET", key) for key in client.ask("KEYS", "*")}


def judge_keys(count, what, client, requests, prefix, longest):
    """What the Redis has says nothing of the requests, and is gone with them."""
    found = keys_of(client)
    names_are_right = all(key.startswith(prefix) and len(key) == len(prefix) + 32 for key in found)
    count.check(len(found) == len(requests) and names_are_right, f"{what}: the names of the keys", list(found)[:3])
    text = b"\n".join(key + b" " + value for key, value in found.items())
    for request in requests:
        secrets = [request.tag.encode(), bytes.fromhex(request.tag), request.body, SECRET.encode(), request.signed_at.encode()]
        count.check(not any(secret in text for secret in secrets), f"{what}: something of a request is in it", text)
        halves = (request.tag[:32].encode(), request.tag[32:].encode(), bytes.fromhex(request.tag)[:16])
        count.check(not any(half in text for half in halves), f"{what}: a part of a signature is in it", text)
    lives = [client.ask("PTTL", key) for key in found]
    count.check(all(0 < life <= longest for life in lives), f"{what}: how long they live", (lives, longest))


def documented_rights():
    """What the documentation says that a user of Redis needs: for all, and besides for a database, sentinels, a cluster."""
    with open(os.path.join(ROOT, "docs/operations.md"), encoding="utf-8") as file:
        text = file.read()
    for_all = re.search(r"ACL SETUSER hookward on >PASSWORD ~hookward:\* (.*)", text)[1]
    database, sentinel, cluster = (re.search(rf"`([^`]*)` {words}", text)[1]
                                   for words in ("for another database", "with Sentinel", r"with\s+a\s+cluster"))
    return for_all, database, sentinel, cluster


def keys_and_rights():
    count, app, authority = Count("keys, TLS, users"), App(), Authority()
    pair_of_files = authority.server("localhost", "127.0.0.1")
    rights = documented_rights()
    users = [f"{name} on >{PASSWORD} resetchannels ~mine:* {rights[0]} {more}"
             for name, more in zip(("sidecar", "of-a-database", "of-sentinels", "of-a-cluster"), ("", *rights[1:]))]
    users.append(f"reader on >{PASSWORD} ~mine:* +get +ping")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "redis.sock")
        # The port with TLS is the one that clients of the tests do not use.
        redis = Redis(unixsocket=path, user=users, tls_port=0)
        tls = Redis(user=users)
        tls.kill()
        tls_port = tls.port
        tls = Redis(user=users, tls_port=tls_port, tls_cert_file=pair_of_files.cert, tls_key_file=pair_of_files.key,
                    tls_ca_cert_file=authority.root, tls_auth_clients="no")
        with_tls, trusting = f"localhost:{tls_port}", {**os.environ, "SSL_CERT_FILE": authority.root}
        ways = [
            ("a database", redis, f"redis://:{PASSWORD}@127.0.0.1:{redis.port}/3", 3, None),
            ("a Unix socket", redis, f"unix://{path}?db=4&pass={PASSWORD}", 4, None),
            ("a user", redis, f"redis://sidecar:{PASSWORD}@127.0.0.1:{redis.port}", 0, None),
            ("a user of a database", redis, f"redis://of-a-database:{PASSWORD}@127.0.0.1:{redis.port}/5", 5, None),
            ("TLS", tls, f"rediss://:{PASSWORD}@{with_tls}/0", 0, trusting),
            ("TLS and a user", tls, f"rediss://sidecar:{PASSWORD}@{with_tls}", 0, trusting),
        ]
        for what, server, url, database, env in ways:
            server.ask("FLUSHALL")
            hookward = Hookward(route(app) + store(url, prefix="mine:", keys='timeout = "5s"'), env=env)
            wait_until(f"{what}: a connection", lambda: sent(hookward, Signed()) == 200)
            server.ask("FLUSHALL")
            app.take()
            now = int(time.time() * 1000)
            requests = [Signed(str(now)), Signed(str(now - 200_000)), Signed(str(now + 250_000))]
            found = [sent(hookward, request) for request in requests for _ in range(2)]
            count.check(found == [200, 409] * 3 and len(app.take()) == 3, f"{what}: each once", found)
            client = Client(server.port)
            client.ask("SELECT", database)
            # max_age and max_skew are five minutes each.
            judge_keys(count, what, client, requests, b"mine:", 600_000 + 2_000)
            client.ask("SELECT", 0 if database else 1)
            count.check(not keys_of(client), f"{what}: nothing elsewhere")
            client.close()
            hookward.stop()
            judge_log(count, hookward, what)
        refused = [
            ("a wrong password", f"redis://:not-{PASSWORD}@127.0.0.1:{redis.port}", None),
            ("no password", f"redis://127.0.0.1:{redis.port}", None),
            ("a user that may not write", f"redis://reader:{PASSWORD}@127.0.0.1:{redis.port}", None),
            ("a prefix that is not the user's", f"redis://sidecar:{PASSWORD}@127.0.0.1:{redis.port}", "another:"),
            ("TLS by nobody's authority", f"rediss://:{PASSWORD}@{with_tls}", None),
            ("TLS where there is none", f"rediss://:{PASSWORD}@127.0.0.1:{redis.port}", None),
            ("no TLS where there is some", f"redis://:{PASSWORD}@127.0.0.1:{tls_port}", None),
            ("a database that is not there", f"redis://:{PASSWORD}@127.0.0.1:{redis.port}/99", None),
        ]
        for what, url, prefix in refused:
            for mode, status in (("reject", 503), ("allow", 200)):
                hookward = Hookward(route(app) + store(url, mode, prefix=prefix or "mine:"))
                request = Signed()
                found = [sent(hookward, request) for _ in range(2)]
                count.check(found == [status] * 2, f"{what}, {mode}", found)
                count.check(len(app.take()) == (2 if mode == "allow" else 0), f"{what}, {mode}: what arrives")
                failed = total([hookward], "hookward_replay_claims_total", 'result="failed"')
                count.check(failed == 2, f"{what}, {mode}: counted", failed)
                hookward.stop()
                lines = judge_log(count, hookward, what)
                count.check(lines >= 1, f"{what}, {mode}: it is told")
                told = [event["error"] for event in hookward.log if event["event"] == FAILED]
                count.check(not any(f"not-{PASSWORD}" in error for error in told), f"{what}: the password is told", told)
        redis.kill()
        tls.kill()
    with concurrent.futures.ThreadPoolExecutor() as makers:
        made = list(makers.map(lambda make: make(user=users), (Sentinels, Cluster)))
    for what, made, user in zip(("sentinels", "a cluster"), made, ("of-sentinels", "of-a-cluster")):
        url = made.url().replace(f"://:{PASSWORD}", f"://{user}:{PASSWORD}")
        hookward = Hookward(route(app) + store(url, prefix="mine:", keys='timeout = "5s"'))
        wait_until(f"a user of {what}", lambda hookward=hookward: sent(hookward, Signed()) == 200)
        app.take()
        requests = [Signed() for _ in range(20)]
        found = [sent(hookward, request) for request in requests for _ in range(2)]
        count.check(found == [200, 409] * 20 and len(app.take()) == 20, f"a user of {what}: each once", found)
        hookward.stop()
        judge_log(count, hookward, f"a user of {what}")
        for server in made.servers():
            server.kill()
    return [count]


def nobody_is_asked():
    count, app, redis = Count("no Redis"), App(), Redis()
    relay = Relay(redis.port)
    memory = '[replay]\nstore = "memory"\n'
    hookward = Hookward(route(app) + memory)
    request = Signed()
    found = [sent(hookward, request) for _ in range(2)]
    count.check(found == [200, 409], "in memory", found)
    sockets = remote_ports(hookward)
    count.check(sockets <= {app.port}, "in memory, nobody is connected to but the app", sockets)
    # A reload to a Redis, and back.
    change(hookward, store(url_of(relay)))
    ready(hookward)
    count.check(relay.connections >= 1 and relay.port in remote_ports(hookward), "after a reload, the Redis is asked")
    change(hookward, memory)
    wait_until("the connection to end", lambda: relay.port not in remote_ports(hookward))
    so_far = relay.connections
    found = [sent(hookward, request) for request in [Signed()] * 2]
    time.sleep(1.2)
    count.check(found == [200, 409] and relay.connections == so_far, "and no more after another", (found, relay.connections))
    hookward.stop()
    app.take()
    # A Redis that is not there.
    port = redis.port
    redis.kill()
    routes = route(app) + route(app, "open", verify="replay = false")
    for mode, status in (("reject", 503), ("allow", 200)):
        hookward = Hookward(routes + store(url_of(redis), mode))
        found = [sent(hookward, Signed()), sent(hookward, Signed(), "/open")]
        count.check(found == [status, 200], f"it starts without its Redis, {mode}", found)
        unforced = Hookward(route(app, keys="enforce = false") + store(url_of(redis), mode))
        app.take()
        found = sent(unforced, Signed())
        headers = [headers for _, _, headers, _ in app.take()]
        rejection = [fields.get("x-hookward-rejection") for fields in headers]
        expected = [["replay_store_unavailable"]] if mode == "reject" else [None]
        count.check((found, rejection) == (200, expected), f"without its Redis and enforcement, {mode}", (found, rejection))
        count.check([bool(fields.get("x-hookward-verified")) for fields in headers] == [mode == "allow"], f"what it tells the app, {mode}")
        redis.start()
        claims = 'hookward_replay_claims_total{result="new"}'
        wait_until("it to find its Redis", lambda hookward=hookward: sent(hookward, Signed()) and hookward.metrics()[claims])
        request = Signed()
        found = [answers_until(hookward, request) for _ in range(2)]
        count.check(found == [200, 409], f"it finds it when it is there, {mode}", found)
        redis.kill()
        for process in (hookward, unforced):
            process.stop()
            judge_log(count, process, f"no Redis, {mode}")
    count.check(port == redis.port, "the same port")
    return [count]


def remote_ports(hookward):
    """To which ports of TCP a process is connected, or is about to be, that are not its senders'."""
    folder, inodes = f"/proc/{hookward.process.pid}/fd", set()
    for name in os.listdir(folder):
        try:
            inodes.add(os.readlink(f"{folder}/{name}"))
        except OSError:
            pass
    own, found = set(hookward.ports.values()), set()
    with open(f"/proc/{hookward.process.pid}/net/tcp", encoding="ascii") as file:
        for line in list(file)[1:]:
            fields = line.split()
            local, remote = (int(address.split(":")[1], 16) for address in fields[1:3])
            if f"socket:[{fields[9]}]" in inodes and remote and local not in own:
                found.add(remote)
    return found


def liars():
    """Answers that no Redis gives, or that say no."""
    count = Count("a Redis that lies")
    answers = {"OK to everything": b"+OK\r\n", "nothing to everything": b"$-1\r\n", "a number": b":1\r\n", "text": b"$2\r\nxx\r\n",
               "no memory": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", "loading": b"-LOADING Redis is loading\r\n",
               "busy": b"-BUSY Redis is busy\r\n", "no error code": b"-\r\n", "read-only": b"-READONLY You can't write\r\n",
               "not a protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n", "silence": b"", "moved": b"-MOVED 1 127.0.0.1:1\r\n",
               "many answers": b"+OK\r\n" * 5, "a huge length": b"$9999999999\r\n", "nesting": b"*1\r\n" * 500 + b":1\r\n"}

    def believe(name, answer):
        liar, app = Liar(answer), App()
        for mode in ("reject", "allow"):
            hookward = Hookward(route(app) + store(f"redis://127.0.0.1:{liar.port}", mode))
            request = Signed()
            found = [sent(hookward, request) for _ in range(3)]
            seen = len(app.take())
            is_right = (found, seen) == ([503] * 3, 0) if mode == "reject" else (found, seen) == ([200] * 3, 3)
            count.check(is_right, f"{name}, {mode}", (found, seen))
            hookward.stop()
            judge_log(count, hookward, name)

    with concurrent.futures.ThreadPoolExecutor(4) as believers:
        for believed in [believers.submit(believe, *lie) for lie in answers.items()]:
            believed.result()
    return [count]
