"""Real HTTP clients and proxies as senders: curl, Node, httpx, Java, and nginx and HAProxy in front.

Frames and handshakes written for a test show what is right by the book; these show that what people run is served,
with TLS that verifies our certificate, over HTTP/1.1 and HTTP/2. Each sends good requests among forged ones. A good
one must arrive, once, with its very bytes and our word on who sent it; a forged one never, and it must not take a
good one with it, least of all on a connection that both share.

nginx as Debian 12 has it speaks HTTP/2 to a server as gRPC alone, so it does that too: a webhook passes that way.
"""
import asyncio
import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import queue
import re
import ssl
import subprocess
import tempfile
import threading
import time

import httpx

from certificates import Authority
from harness import ROOT, App, Count, Hookward, free_port, wait_for_port

SECRET = "a secret for the tests with real senders"
PUBLIC_HOST = "hooks.example.com"
PROXY = "127.0.0.2"
numbers, moments = itertools.count(1), itertools.count(int(time.time() * 1000))
# The first two are found out by their whole body, the last by its head.
FORGERIES = ["another body", "another secret", "no signature"]


class Request:
    """A request as a provider signs it, or one that somebody made of it. Its number goes with it to the app."""

    def __init__(self, scheme, host, body=b"{}", forgery=None):
        self.number, self.forgery, self.scheme = str(next(numbers)), forgery, scheme
        self.target = f"/{scheme}?number={self.number}&a=%40b"
        self.body, signed = body, body if forgery != "another body" else body + b" "
        secret = (SECRET if forgery != "another secret" else "what somebody guessed").encode()
        # No two have the same: an empty body's signature would be a replay.
        self.now = str(next(moments))
        if scheme == "twenty":
            tag = hmac.new(secret, self.now.encode() + b":" + signed, hashlib.sha256).hexdigest()
            signature = [("X-Twenty-Webhook-Timestamp", self.now), ("X-Twenty-Webhook-Signature", tag)]
        else:
            url = f"https://{host}{self.target}".replace("%40", "@")
            text = b"POST" + url.encode() + signed + self.now.encode()
            tag = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
            signature = [("X-HubSpot-Request-Timestamp", self.now), ("X-HubSpot-Signature-v3", tag)]
        if forgery == "no signature":
            del signature[1]
        self.headers = [("X-Number", self.number), ("Content-Type", "application/json"),
                        ("X-Hookward-Verified", "forged"), ("X_Hookward_Route", "forged"), *signature]

    def __repr__(self):
        return f"{self.scheme} {self.number} of {len(self.body)} bytes, {self.forgery or 'good'}"

    def line(self):
        """As the senders in other languages read it."""
        fields = [text for header in self.headers for text in header]
        return "\t".join([self.target, base64.b64encode(self.body).decode(), *fields])

    def identity(self):
        """What the app is to be told."""
        verified = {"twenty": "twenty", "hubspot": "hubspot-v3"}[self.scheme]
        return {"x-hookward-verified": verified, "x-hookward-route": self.scheme, "x-hookward-secret": "s",
                "x-hookward-signed-at": self.now, "x-hookward-rejection": None, "x_hookward_route": None}


def mixed(host, sizes, rounds=1):
    """Requests of both providers, good ones between forged ones."""
    requests, forgeries = [], itertools.cycle(FORGERIES)
    for _, size, scheme in itertools.product(range(rounds), sizes, ["twenty", "hubspot"]):
        forgery = next(forgeries)
        requests.append(Request(scheme, host, os.urandom(size)))
        requests.append(Request(scheme, host, os.urandom(size), forgery))
    return requests


def judge(count, title, app, requests, answers, told, version=None):
    """Compares what senders and app saw with what they should have. An answer is a status and a version."""
    seen = {}
    for request in app.take():
        seen.setdefault(request[2].get("x-number", [""])[0], []).append(request)
    good = [request for request in requests if not request.forgery]
    answers = dict(zip((request.number for request in requests), answers, strict=True))

    def check(what, wrong):
        count.check(not wrong, f"{title}: {what}", wrong[:5])

    check("good ones are served", [(request, answers[request.number]) for request in good if answers[request.number][0] != "200"])
    check("and arrive once", [(request, len(seen.get(request.number, []))) for request in good if len(seen.get(request.number, [])) != 1])
    arrived = [(request, *one) for request in good for one in seen.pop(request.number, [])]
    check("with their method, target and bytes", [
        request for request, method, target, _, body in arrived
        if (method, target, body) != ("POST", request.target, request.body)])
    check("and who sent them", [
        (request, name, headers.get(name)) for request, _, _, headers, _ in arrived
        for name, value in {**request.identity(), **told}.items() if headers.get(name) != (value and [value])])
    check("forged ones are refused", [
        (request, answers[request.number]) for request in requests
        if request.forgery and answers[request.number][0] != "401"])
    check("and none arrives", list(seen))
    if version:
        check(f"by HTTP/{version}", [
            (request, answers[request.number]) for request in requests
            if answers[request.number][0] in ("200", "401") and answers[request.number][1] != version])


def curl(url, requests, *options):
    """Sends them by one curl, which keeps its connections. An option is a line of curl's configuration."""
    with tempfile.TemporaryDirectory() as folder:
        sections = []
        for request in requests:
            body = os.path.join(folder, request.number)
            with open(body, "wb") as file:
                file.write(request.body)
            quoted = [f'header = "{name}: {value}"' for name, value in request.headers]
            sections.append("\n".join([
                f'url = "{url}{request.target}"', f'data-binary = "@{body}"', "silent", "max-time = 40", *quoted, *options,
                'output = "/dev/null"', f'write-out = "{request.number} %{{http_code}} %{{http_version}} %{{size_upload}}\\n"']))
        command = ["curl", "--disable", "--config", "-", "--verbose"]
        done = subprocess.run(command, input="\nnext\n".join(sections), capture_output=True, text=True, timeout=120)
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    return [told.get(request.number, "none none 0").split() for request in requests], done.stderr


def told_by(command, requests):
    """Sends them by a program that reads and answers lines."""
    text = "".join(f"{request.line()}\n" for request in requests)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
    answers = [line.split() for line in done.stdout.splitlines()]
    return answers if len(answers) == len(requests) else [(done.stderr[-300:], "none")] * len(requests)


def by_httpx(url, root, requests, is_http2):
    async def send_all():
        limits = httpx.Limits(max_connections=1 if is_http2 else 8)
        context = ssl.create_default_context(cafile=root)
        async with httpx.AsyncClient(http2=is_http2, verify=context, timeout=40, limits=limits, trust_env=False) as client:
            async def send(request):
                try:
                    answer = await client.post(url + request.target, content=request.body, headers=request.headers)
                except httpx.HTTPError as error:
                    return repr(error), "none"
                return str(answer.status_code), answer.http_version.removeprefix("HTTP/").removesuffix(".0")
            return await asyncio.gather(*map(send, requests))
    return asyncio.run(send_all())


class Crowd:
    """Sends requests to a proxy in front, by a few threads, each request on a connection of its own."""

    def __init__(self, port, requests, threads=8):
        self.port, self.answers, self.waiting = port, {}, queue.SimpleQueue()
        for request in requests:
            self.waiting.put(request)
        threads = [threading.Thread(target=self._work) for _ in range(threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.answers = [(self.answers[request.number], "1.1") for request in requests]

    def _work(self):
        while True:
            try:
                request = self.waiting.get_nowait()
            except queue.Empty:
                return
            # A connection of its own: what the proxy closes beside an answer must not cost the next request.
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
            headers = {**dict(request.headers), "Host": PUBLIC_HOST}
            try:
                try:
                    connection.request("POST", request.target, request.body, headers)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # It has answered before it read all of the body.
                self.answers[request.number] = str(connection.getresponse().status)
            except (OSError, http.client.HTTPException) as error:
                self.answers[request.number] = repr(error)
            connection.close()


class Front:
    """A proxy in front, started with a configuration, which comes from the one address that is trusted."""

    def __init__(self, count_of_ports, configuration, command):
        self.folder = tempfile.TemporaryDirectory()
        self.ports = [free_port() for _ in range(count_of_ports)]
        path = os.path.join(self.folder.name, "front.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(configuration(self.folder.name, *self.ports))
        log = open(os.path.join(self.folder.name, "log"), "wb")
        with log:
            self.process = subprocess.Popen([*command, path], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for port in self.ports:
            wait_for_port(port, self.process)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def nginx(hookward, authority, stranger):
    """Its servers: HTTP/1.1 over TLS with kept connections, with another authority, and HTTP/2 with and without TLS."""
    def configuration(path, *ports):
        def server(port, scheme, upstream, root=authority.root):
            kind = "grpc" if scheme.startswith("grpc") else "proxy"
            tls = f"{kind}_ssl_verify on; {kind}_ssl_trusted_certificate {root}; {kind}_ssl_name localhost; {kind}_ssl_server_name on;"
            one = "proxy_http_version 1.1; proxy_set_header Connection '';" if kind == "proxy" else ""
            return f"""server {{
    listen 127.0.0.1:{port}; location / {{
      {kind}_pass {scheme}://{upstream}; {kind}_bind {PROXY}; {kind}_set_header Host $http_host; {one} {tls}
      {kind}_set_header X-Forwarded-For $proxy_add_x_forwarded_for; {kind}_set_header X-Forwarded-Proto https;
    }}
  }}"""
        return f"""
daemon off; master_process off; pid {path}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 8m; client_body_temp_path {path}/b; proxy_temp_path {path}/p;
  fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s; underscores_in_headers on;
  upstream tls {{ server 127.0.0.1:{hookward.ports["server.tls"]}; keepalive 16; }}
  upstream tls2 {{ server 127.0.0.1:{hookward.ports["server.tls"]}; keepalive 16; }}
  upstream plain {{ server 127.0.0.1:{hookward.ports["server"]}; keepalive 16; }}
  {server(ports[0], "https", "tls")}
  {server(ports[1], "https", f'127.0.0.1:{hookward.ports["server.tls"]}', stranger.root)}
  {server(ports[2], "grpcs", "tls2")}
  {server(ports[3], "grpc", "plain")}
}}
"""
    return Front(4, configuration, ["nginx", "-c"])


def haproxy(hookward, authority, stranger):
    """Its servers: HTTP/2 over TLS, without, and with another authority. One thread, so that connections are shared."""
    tls = f'127.0.0.1:{hookward.ports["server.tls"]} ssl verify required verifyhost localhost sni str(localhost) alpn h2 ca-file '

    def configuration(_, *ports):
        servers = [tls + authority.root, f'127.0.0.1:{hookward.ports["server"]} proto h2', tls + stranger.root]
        pairs = "".join(f"""
listen front-{number}
  bind 127.0.0.1:{port}
  http-request set-header X-Forwarded-Proto https
  server hookward {server} source {PROXY}
""" for number, (port, server) in enumerate(zip(ports, servers)))
        return f"""
global
  nbthread 1
  maxconn 200
defaults
  mode http
  timeout connect 20s
  timeout client 40s
  timeout server 40s
  option forwardfor
  http-reuse always
{pairs}"""
    return Front(3, configuration, ["haproxy", "-db", "-f"])


def handshakes(hookward):
    return hookward.metrics()['hookward_tls_handshakes_total{result="made"}']


def clients(app, hookward, authority):
    counts = [Count(f"{name} as sender") for name in ("curl", "Node http2", "httpx", "Java HttpClient")]
    of_curl, of_node, of_httpx, of_java = counts
    host = f'localhost:{hookward.ports["server.tls"]}'
    url, plain_url = f"https://{host}", f'http://127.0.0.1:{hookward.ports["server"]}'
    direct = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "x-forwarded-host": host, "host": host}
    sizes, big = [0, 1, 2_000, 70_000], [3_000_000]
    trust = f'cacert = "{authority.root}"'

    for option, version in (("http1.1", "1.1"), ("http2", "2")):
        requests = mixed(host, sizes + big)
        answers, _ = curl(url, requests, trust, option)
        judge(of_curl, option, app, requests, answers, direct, version)
    # Without TLS, HTTP/2 is for the trusted address alone.
    h2c = ["http2-prior-knowledge", f'header = "Host: {PUBLIC_HOST}"', 'header = "X-Forwarded-Proto: https"']
    through = {"x-forwarded-for": PROXY, "x-forwarded-host": PUBLIC_HOST, "host": PUBLIC_HOST}
    requests = mixed(PUBLIC_HOST, sizes + big)
    # curl 7.88 cannot use such a connection twice.
    answers = [curl(plain_url, [request], f'interface = "{PROXY}"', *h2c)[0][0] for request in requests]
    judge(of_curl, "h2c", app, requests, answers, through, "2")
    answers, _ = curl(plain_url, mixed(PUBLIC_HOST, [10]), *h2c)
    of_curl.check(all(answer[0] == "000" for answer in answers), "h2c from an address that is not trusted", answers)
    of_curl.check(not app.take(), "and none arrives")
    answers, _ = curl(url, mixed(host, [10]), f'cacert = "{Authority().root}"')
    of_curl.check(all(answer[0] == "000" for answer in answers) and not app.take(), "our certificate is verified", answers)

    for option, version in (("http1.1", "1.1"), ("http2", "2")):
        expecting = [trust, option, 'header = "Expect: 100-continue"', "expect100-timeout = 30"]
        for forgery in (None, "another body", "no signature"):
            requests = [Request("twenty", host, os.urandom(100_000), forgery)]
            answers, trace = curl(url, requests, *expecting)
            judge(of_curl, f"Expect, {option}, {forgery or 'good'}", app, requests, answers, direct, version)
            is_asked_for = bool(re.search(r"^< HTTP/[\d.]+ 100", trace, re.M))
            uploaded = 0 if forgery == "no signature" else 100_000
            of_curl.check((is_asked_for, answers[0][2]) == (bool(uploaded), str(uploaded)), f"Expect, {option}: the body is asked for", (is_asked_for, answers))
        for method, expected in (("head", "200"), ("get", "200")):
            asked = ["curl", "--disable", "--silent", "--max-time", "40", "--cacert", authority.root, f"--{option}", f"--{method}",
                     "--write-out", "%{http_code} %{http_version} %{size_download}", "--output", "/dev/null", f"{url}/_health"]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
            size = done.stdout.split()[-1] if method == "get" else "0"
            of_curl.check(done.stdout.split()[:2] == [expected, version] and size == "0", f"health_path by {method}, {option}", done.stdout)

    # One connection, 32 at once.
    requests = mixed(host, sizes, rounds=8) + mixed(host, [*big, 5_000_000])
    made = handshakes(hookward)
    answers = told_by(["node", os.path.join(ROOT, "interop/node/sender.js"), url, authority.root], requests)
    judge(of_node, "one connection", app, requests, answers, direct, "2")
    of_node.check(handshakes(hookward) == made + 1, "it was one", handshakes(hookward) - made)

    for is_http2 in (False, True):
        requests = mixed(host, sizes + big)
        answers = by_httpx(url, authority.root, requests, is_http2)
        version = "2" if is_http2 else "1.1"
        judge(of_httpx, f"HTTP/{version}", app, requests, answers, direct, version)

    java = ["java", os.path.join(ROOT, "interop/java/Sender.java")]
    for version in ("1.1", "2"):
        requests = mixed(host, sizes + big)
        answers = told_by([*java, url, f"h{version[0]}", authority.root], requests)
        judge(of_java, f"HTTP/{version}", app, requests, answers, direct, version)
    # Without TLS it offers an upgrade, which we do not take.
    requests = [request for request in mixed(host, sizes) if request.scheme == "twenty"]
    answers = told_by([*java, plain_url, "h2", authority.root], requests)
    plain = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "host": plain_url.removeprefix("http://")}
    judge(of_java, "an offer to upgrade", app, requests, answers, plain, "1.1")
    return counts


def fronts(app, hookward, authority):
    stranger = Authority("hookward stranger")
    told = {"x-forwarded-for": f"127.0.0.1, {PROXY}", "x-forwarded-host": PUBLIC_HOST, "host": PUBLIC_HOST}
    sizes = [0, 1, 300, 17_000, 70_000]
    counts = []
    for title, start, ways in [
        ("nginx in front", nginx, [("HTTP/1.1 over TLS", 0, True), ("HTTP/2 over TLS", 2, True), ("HTTP/2", 3, False)]),
        ("HAProxy in front", haproxy, [("HTTP/2 over TLS", 0, True), ("HTTP/2", 1, False)]),
    ]:
        count, front = Count(title), start(hookward, authority, stranger)
        counts.append(count)
        for what, number, is_tls in ways:
            made, begin = handshakes(hookward), mixed(PUBLIC_HOST, sizes, rounds=4)
            # Over HTTP/1 a refusal by the head ends the connection.
            requests = [request for request in begin if request.forgery != "no signature"]
            judge(count, f"{what}, first", app, requests, Crowd(front.ports[number], requests).answers, told)
            made = handshakes(hookward) - made
            count.check(0 < made <= 16 if is_tls else made == 0, f"{what}: connections are kept", made)
            requests = mixed(PUBLIC_HOST, sizes, rounds=12) + mixed(PUBLIC_HOST, [2_000_000], rounds=3)
            requests += mixed(PUBLIC_HOST, sizes, rounds=5)
            crowd = Crowd(front.ports[number], requests)
            judge(count, what, app, requests, crowd.answers, told)
        # A proxy that does not trust our certificate does not send anything.
        number = ways[0][1] + (1 if start is nginx else 2)
        requests = mixed(PUBLIC_HOST, [10])
        answers = Crowd(front.ports[number], requests).answers
        count.check({status for status, _ in answers} <= {"502", "503"} and not app.take(), "our certificate is verified", answers)
        front.stop()
    return counts


def routes(app):
    return "".join(f'''[[route]]
name = "{scheme}"
path = "/{scheme}"
upstream = "http://127.0.0.1:{app.port}"
[route.verify]
scheme = "{scheme}"
{'versions = ["v3"]' if scheme == "hubspot" else ""}
secrets = [{{ id = "s", value = "{SECRET}" }}]
''' for scheme in ("twenty", "hubspot"))


def run():
    app, authority, port = App(), Authority(), free_port()
    # The port is part of the URL that HubSpot signs, so it must be known before.
    hookward = Hookward(routes(app), f'''h2c = true
trusted_proxies = ["{PROXY}/32"]
public_hosts = ["{PUBLIC_HOST}", "localhost:{port}"]
health_path = "/_health"
[server.tls]
listen = ["127.0.0.1:{port}"]
certificates = [{authority.server("localhost", "127.0.0.1").entry()}]
''')
    counts = clients(app, hookward, authority) + fronts(app, hookward, authority)
    ended = Count("real senders: the end")
    # What stays open is idle, and holds nobody up.
    ended.check(hookward.stop() == 0, "it stops well")
    return counts + [ended]
