"""Mistakes made for real, and whether `hookward explain` names them.

Each capture is a request that was signed by Python's hmac and then went through what alters requests: a proxy that is
nginx, a framework's parser, a shell, another library's JSON. What is expected is the word for that, or one that cannot
be told apart from it. Wrong secrets and forgeries must give no cause.
"""
import base64
import gzip
import hashlib
import hmac
import json
import os
import random
import subprocess
import tempfile
import threading
import time
import urllib.parse
import zlib

import harness
import rewriters
from harness import Count, free_port, wait_for_port

SECRET = "0b3f4f3a-1c52-4b2a-9a54-1f2ad6c1a7e9"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
HEX = "5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b5aa765d61d8327deb882cf99"
HOST, PATH, QUERY = "hooks.example.com", "/hooks/hubspot", "portal=62515&name=J%C3%BCrgen%20B&at=a%40b"
BODY = ('[{"eventId":1,"subscriptionId":12345,"portalId":62515,"appId":54321,"occurredAt":1795289460424,'
        '"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
        '"propertyName":"firstname","propertyValue":"Zoë / Žluťoučký"}]').encode()


class Signed:
    """A request as the provider sends it: method, target, header lines and body."""

    def __init__(self, scheme="hubspot-v3", secret=SECRET, body=BODY, url=f"https://{HOST}{PATH}?{QUERY}", method="POST",
                 timestamp=None, key=None):
        self.method, self.body = method, body
        self.target = url.split(HOST, 1)[1].lstrip("0123456789:") if HOST in url else urllib.parse.urlsplit(url).path
        now = timestamp or str(int(time.time() * 1000))
        key = key if key is not None else secret.encode()
        signed_url = url
        for escape in ("%3A", "%2F", "%3F", "%40", "%21", "%24", "%27", "%28", "%29", "%2A", "%2C", "%3B"):
            signed_url = signed_url.replace(escape, urllib.parse.unquote(escape))
        self.headers = [("Host", HOST), ("Content-Type", "application/json")]
        if scheme == "twenty":
            self.target = "/hooks/twenty"
            tag = hmac.new(key, now.encode() + b":" + body, hashlib.sha256).hexdigest()
            self.headers += [("X-Twenty-Webhook-Timestamp", now), ("X-Twenty-Webhook-Signature", tag)]
        elif scheme == "hubspot-v3":
            message = method.encode() + signed_url.encode() + body + now.encode()
            tag = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
            self.headers += [("X-HubSpot-Signature-v3", tag), ("X-HubSpot-Request-Timestamp", now)]
        else:
            message = {"hubspot-v1": body, "hubspot-v2": method.encode() + url.encode() + body}[scheme]
            tag = hashlib.sha256(key + message).hexdigest()
            self.headers += [("X-HubSpot-Signature", tag), ("X-HubSpot-Signature-Version", scheme[-2:])]

    def change(self, **values):
        for name, value in values.items():
            setattr(self, name, value)
        return self

    def header(self, name, change):
        self.headers = [(other, change(value) if other.lower() == name.lower() else value) for other, value in self.headers]
        return self

    def renamed(self, name, new):
        self.headers = [(new if other == name else other, value) for other, value in self.headers if not (other == name and new is None)]
        return self

    def raw(self):
        head = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        if not any(name.lower() == "content-length" for name, _ in self.headers):
            head.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + self.body


class Explainer:
    """Runs the program on captures."""

    def __init__(self, folder):
        self.folder = folder
        for name, text in (("secret", SECRET), ("other", OTHER), ("hex", HEX), ("quoted", f'"{SECRET}"'), ("blank", f"{SECRET} ")):
            with open(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(text)

    def config(self, public_url=f"https://{HOST}", secret="secret", versions='["v3"]', path=PATH, twenty="secret", more=""):
        if public_url is None:
            server = f'public_hosts = ["{HOST}"]\ntrusted_proxies = ["127.0.0.1/32"]\n'
            public_url = ""
        else:
            server, public_url = "", f'public_url = "{public_url}"'
        text = f'''[server]
listen = ["127.0.0.1:0"]
{server}[admin]
listen = "127.0.0.1:0"
[[route]]
name = "hubspot"
path = "{path}"
upstream = "http://127.0.0.1:9"
{public_url}
[route.verify]
scheme = "hubspot"
versions = {versions}
secrets = [{{ id = "s", file = "{self.folder}/{secret}" }}{more}]
[[route]]
name = "twenty"
path = "/hooks/twenty"
upstream = "http://127.0.0.1:9"
[route.verify]
scheme = "twenty"
secrets = [{{ id = "s", file = "{self.folder}/{twenty}" }}]
[[route]]
name = "other"
path = "/hooks/other"
upstream = "http://127.0.0.1:9"
[route.verify]
scheme = "twenty"
secrets = [{{ id = "o", file = "{self.folder}/other" }}]
'''
        path = os.path.join(self.folder, "hookward.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def explain(self, capture, *options, **settings):
        """The words, the verdict and the whole output."""
        file = os.path.join(self.folder, "capture")
        with open(file, "wb") as out:
            out.write(capture)
        command = [harness.BINARY, "explain", "--config", self.config(**settings), "--request", file, "--format", "json", *options]
        done = subprocess.run(command, capture_output=True, timeout=60)
        try:
            answer = json.loads(done.stdout)
        except json.JSONDecodeError:
            return [f"no answer: {done.stderr.decode()[:300]}"], "", done
        return [found["finding"] for found in answer["findings"]], answer["reason"], done


def node(program, body):
    return subprocess.run(["node", "-e", program], input=body, capture_output=True, timeout=60, check=True).stdout


def by_flask(body):
    """What an app forwards that reads JSON with Flask and sends it on with requests."""
    import flask
    app = flask.Flask("forwarder")

    @app.post("/")
    def forward():
        return json.dumps(flask.request.get_json(force=True)).encode()

    return app.test_client().post("/", data=body, content_type="application/json").data


READ = "let t='';process.stdin.on('data',d=>t+=d).on('end',()=>{"


def bodies():
    """What happens to bodies: words, what was done, the body that arrives."""
    text = BODY.decode()
    parsed = json.loads(BODY)
    yield "body_reserialized", "Flask and json.dumps", by_flask(BODY)
    yield "body_reserialized", "json.dumps with indent=2", json.dumps(parsed, indent=2).encode()
    yield "body_reserialized", "json.dumps with indent=4, ensure_ascii=False", json.dumps(parsed, indent=4, ensure_ascii=False).encode()
    yield "body_reserialized", "JSON.stringify(value, null, 2)", node(READ + "process.stdout.write(JSON.stringify(JSON.parse(t),null,2))})", BODY)
    yield "body_reserialized", "compact json.dumps", json.dumps(parsed, separators=(",", ":")).encode()
    yield "body_reserialized", "PHP's slashes", text.replace("/", "\\/").encode()
    yield "body_stringified", "JSON.stringify twice", node(READ + "process.stdout.write(JSON.stringify(t))})", BODY)
    yield "body_newline", "echo", subprocess.run(["sh", "-c", 'echo "$(cat)"'], input=BODY, capture_output=True, check=True).stdout
    yield "body_newline", "an editor's CRLF", BODY + b"\r\n"
    yield "body_charset", "Latin-1 read as UTF-8 again", BODY.decode("latin-1").encode("utf-8")
    yield "body_charset", "a byte-order mark", b"\xef\xbb\xbf" + BODY
    yield "body_charset", "UTF-16", text.encode("utf-16")
    yield "body_base64", "AWS Lambda", base64.b64encode(BODY)
    yield "body_compressed", "gzip", gzip.compress(BODY)
    yield "body_compressed", "deflate", zlib.compress(BODY)
    yield "body_empty", "a parser consumed it", b""
    yield "body_truncated", "cut off", BODY[:200]


def targets():
    """What happens to URLs: words, what was done, the target that arrives."""
    url = f"{PATH}?{QUERY}"
    yield "query_missing", "the query was dropped", PATH, [("X-Original-URI", url)]
    yield "query_order", "the query was sorted", PATH + "?" + "&".join(sorted(QUERY.split("&"))), []
    yield "query_encoded", "blanks as plus", url.replace("%20", "+"), []
    yield "query_encoded", "small hex digits", url.replace("%C3%BC", "%c3%bc"), []
    yield "query_encoded", "escaped again", url.replace("%", "%25"), []


def cases(explainer):
    """Each: words that are right, what was done, and what the program says of it."""
    def said(signed, *options, **settings):
        return explainer.explain(signed.raw(), *options, **settings)

    for scheme in ("hubspot-v3", "twenty"):
        for word, what, body in bodies():
            yield {word}, f"{scheme}: {what}", said(Signed(scheme).change(body=body))
    for word, what, target, headers in targets():
        signed = Signed().change(target=target)
        signed.headers += headers
        yield {word}, what, said(signed)
    yield {"url_scheme"}, "http in public_url", said(Signed(), public_url=f"http://{HOST}")
    yield {"url_host"}, "an inner host in public_url", said(Signed(), public_url="https://app.internal")
    yield {"url_host"}, "www.", said(Signed(), public_url=f"https://www.{HOST}")
    yield {"url_port"}, "a port in public_url", said(Signed(), public_url=f"https://{HOST}:8443")
    yield {"url_path_prefix"}, "a prefix in public_url", said(Signed(), public_url=f"https://{HOST}/api")
    yield {"url_trailing_slash"}, "a slash at the end", said(Signed(url=f"https://{HOST}{PATH}/?{QUERY}").change(target=f"{PATH}?{QUERY}"))
    yield {"url_path_case"}, "capitals", said(Signed(url=f"https://{HOST}{PATH}?{QUERY}").change(target=f"/Hooks/HubSpot?{QUERY}"), path="/Hooks/HubSpot")
    yield {"method"}, "an override", said(Signed(method="PUT").change(method="POST"))
    yield {"secret_quotes"}, "quotes in the file", said(Signed(), secret="quoted")
    yield {"secret_blanks"}, "a blank in the file", said(Signed(), secret="blank")
    yield {"secret_of_other_route"}, "another route's", said(Signed("twenty"), twenty="other")
    yield {"secret_of_other_route"}, "another route's", said(Signed("twenty", secret=OTHER))
    yield {"secret_decoded"}, "decoded from hex by the signer", said(Signed("twenty", key=bytes.fromhex(HEX)), twenty="hex")
    yield {"secret_expired"}, "an old secret", said(
        Signed(secret=OTHER), more=f', {{ id = "old", file = "{explainer.folder}/other", not_after = 2020-01-01T00:00:00Z }}')
    yield {"version"}, "v1 where v3 is accepted", said(Signed("hubspot-v1"))
    yield {"version"}, "v2 labelled v1", said(Signed("hubspot-v2").header("X-HubSpot-Signature-Version", lambda _: "v1"), versions='["v1"]')
    v3 = "X-HubSpot-Signature-v3"
    yield {"signature_encoding"}, "hex", said(Signed().header(v3, lambda value: base64.b64decode(value).hex()))
    yield {"signature_encoding"}, "URL-safe", said(Signed().header(v3, lambda value: value.replace("+", "-").replace("/", "_").rstrip("=")))
    yield {"signature_encoding"}, "a prefix", said(Signed("twenty").header("X-Twenty-Webhook-Signature", lambda value: f"sha256={value}"))
    yield {"signature_encoding"}, "capitals", said(Signed("twenty").header("X-Twenty-Webhook-Signature", str.upper))
    yield {"header_renamed"}, "underscores", said(Signed().renamed(v3, "X_HubSpot_Signature_v3"))
    yield {"header_renamed"}, "X-Original-", said(Signed().renamed(v3, "X-Original-HubSpot-Signature-v3"))
    yield {"header_missing"}, "dropped", said(Signed().renamed(v3, None))
    doubled = Signed()
    doubled.headers += [header for header in doubled.headers if header[0] == v3]
    yield {"header_doubled"}, "twice", said(doubled)
    time_header = "X-HubSpot-Request-Timestamp"
    yield {"timestamp_unit"}, "seconds", said(Signed(timestamp=str(int(time.time())) + "000").header(time_header, lambda value: value[:-3]))
    yield {"timestamp_unit"}, "a float", said(Signed().header(time_header, lambda value: value + ".0"))
    yield {"timestamp_missing"}, "dropped", said(Signed().renamed(time_header, None))
    hours = str(int(time.time() * 1000) - 2 * 3_600_000)
    yield {"clock"}, "two hours", said(Signed(timestamp=hours))
    dropped = json.dumps({"targetUrl": "https://x", "eventName": "person.updated", "record": {"id": "1", "data": {"constructor": "a", "b": 1}}, "updatedFields": ["data"]}, separators=(",", ":"))
    yield {"axios_dropped_keys", "unknown"}, "axios", said(Signed("twenty", body=dropped.encode()).change(body=dropped.replace('"constructor":"a",', "").encode()))
    yield {"url_path_prefix"}, "no route: a prefix", said(Signed(url=f"https://{HOST}{PATH}").change(target="/api" + PATH))
    yield {"url_trailing_slash"}, "no route: a slash", said(Signed(url=f"https://{HOST}{PATH}").change(target=PATH + "/"))
    # Two at once.
    yield {"url_scheme", "url_host"}, "both of scheme and host", said(Signed(), public_url="http://app.internal")
    yield {"secret_blanks", "body_newline"}, "secret and body", said(Signed().change(body=BODY + b"\n"), secret="blank")
    yield {"url_scheme", "body_reserialized"}, "scheme and body", said(Signed().change(body=by_flask(BODY)), public_url=f"http://{HOST}")
    yield {"body_base64"}, "base64 with a line end", said(Signed().change(body=base64.b64encode(BODY) + b"\n"))
    yield from rewritten(said)


def rewritten(said):
    """Bodies that other people's programs wrote anew, alone and with a mistake of another kind."""
    for words, what, signed, received in rewriters.all_of_them():
        for scheme in ("twenty", "hubspot-v3"):
            yield words, f"{scheme}: {what}", said(Signed(scheme, body=signed).change(body=received))
    text = rewriters.TWENTY.encode()
    written = {
        "json.dumps": json.dumps(json.loads(text)).encode(),
        "PHP": rewriters.php("json_encode(json_decode($in))", text),
        "jq-like": json.dumps(json.loads(text), indent=2, ensure_ascii=False).encode(),
    }
    for what, received in written.items():
        twenty = lambda: Signed("twenty", body=text).change(body=received)
        hubspot = lambda **options: Signed(body=text, **options).change(body=received)
        word = "body_reserialized"
        yield {word, "secret_blanks"}, f"{what} and a blank in the file", said(twenty(), twenty="blank")
        yield {word, "secret_quotes"}, f"{what} and quotes in the file", said(twenty(), twenty="quoted")
        yield {word, "secret_of_other_route"}, f"{what} and another route's", said(twenty(), twenty="other")
        yield {word, "url_scheme"}, f"{what} and http", said(hubspot(), public_url=f"http://{HOST}")
        yield {word, "url_host"}, f"{what} and an inner host", said(hubspot(), public_url="https://app.internal")
        yield {word, "url_path_prefix"}, f"{what} and a prefix taken away", said(
            hubspot(url=f"https://{HOST}/api{PATH}?{QUERY}").change(target=f"{PATH}?{QUERY}"))
        yield {word, "query_missing"}, f"{what} and no query", said(hubspot().renamed("Content-Type", "X-Original-URI").header(
            "X-Original-URI", lambda _: f"{PATH}?{QUERY}").change(target=PATH))
        yield {word}, f"{what} and a line end, which goes with the rest", said(twenty().change(body=received + b"\n"))
        yield {word, "timestamp_unit"}, f"{what} and microseconds", said(
            twenty().header("X-Twenty-Webhook-Timestamp", lambda value: value + "000"))
    yield {"timestamp_unit"}, "cut to seconds and multiplied", said(Signed("twenty").header(
        "X-Twenty-Webhook-Timestamp", lambda value: value[:-3] + "000"))
    stages = ("/prod", "/Prod", "/dev", "/stage", "/default", "/api", "/webhooks", "/hubspot", "/twenty")
    for stage in stages:
        yield {"url_path_prefix"}, f"the stage {stage}", said(Signed(url=f"https://{HOST}{stage}{PATH}?{QUERY}").change(target=f"{PATH}?{QUERY}"))
    decoded = urllib.parse.unquote(QUERY)
    yield {"query_decoded"}, "a blank in the query", said(Signed().change(target=f"{PATH}?{decoded.replace('ü', 'u')}"))
    for scheme, header in (("twenty", "X-Twenty-Webhook-Signature"), ("hubspot-v3", "X-HubSpot-Signature-v3")):
        yield {"header_renamed"}, f"{scheme}: underscores", said(Signed(scheme).renamed(header, header.replace("-", "_")))
        yield {"header_renamed"}, f"{scheme}: X-Forwarded-", said(Signed(scheme).renamed(header, header.replace("X-", "X-Forwarded-")))
        yield {"header_doubled"}, f"{scheme}: joined by a comma", said(Signed(scheme).header(header, lambda value: f"{value}, {value}"))


# Of a location, what nginx does there; the URL that was called; the words, and the settings of the route.
NGINX = (
    ("a prefix stripped by proxy_pass", "location /api/ { proxy_pass http://app/; }",
     f"/api{PATH}?{QUERY}", {"url_path_prefix"}, {}),
    ("a prefix replaced by proxy_pass", "location /api/ { proxy_pass http://app/hooks/; }",
     f"/api/hubspot?{QUERY}", {"url_path_prefix"}, {}),
    ("a prefix stripped by rewrite", "location /prod/ { rewrite ^/prod(/.*)$ $1 break; proxy_pass http://app; }",
     f"/prod{PATH}?{QUERY}", {"url_path_prefix"}, {}),
    ("a prefix stripped, and told", "location /crm/ { proxy_set_header X-Forwarded-Prefix /crm; proxy_pass http://app/; }",
     f"/crm{PATH}?{QUERY}", {"url_path_prefix"}, {}),
    ("the query dropped by $uri, and told", "location /hooks/ { proxy_set_header X-Original-URI $request_uri; proxy_pass http://app$uri; }",
     f"{PATH}?{QUERY}", {"query_missing"}, {}),
    ("the query dropped by rewrite, and told",
     "location /hooks/ { proxy_set_header X-Original-URI $request_uri; rewrite ^(.*)$ $1? break; proxy_pass http://app; }",
     f"{PATH}?{QUERY}", {"query_missing"}, {}),
    ("http told for https", "location /hooks/ { proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto http; proxy_pass http://app; }",
     f"{PATH}?{QUERY}", {"url_scheme"}, {"public_url": None}),
    ("a slash taken away", "location /hooks/ { rewrite ^(.*)/$ $1 break; proxy_pass http://app; }",
     f"{PATH}/?{QUERY}", {"url_trailing_slash"}, {}),
    ("slashes merged", "location /hooks/ { proxy_pass http://app/hooks/; }",
     f"/hooks//hubspot?{QUERY}", {"url_trailing_slash"}, {}),
    ("the method changed", "location /hooks/ { proxy_method POST; proxy_pass http://app; }", f"{PATH}?{QUERY}", {"method"}, {"method": "PUT"}),
    ("the body not passed on", "location /hooks/ { proxy_pass_request_body off; proxy_set_header Content-Length 0; proxy_pass http://app; }",
     f"{PATH}?{QUERY}", {"body_empty"}, {}),
    ("headers not passed on", "location /hooks/ { proxy_pass_request_headers off; proxy_pass http://app; }", f"{PATH}?{QUERY}", {"header_missing"}, {}),
    ("a signature dropped", 'location /hooks/ { proxy_set_header X-HubSpot-Signature-v3 ""; proxy_pass http://app; }',
     f"{PATH}?{QUERY}", {"header_missing"}, {}),
    ("a signature renamed",
     "location /hooks/ { proxy_set_header X_HubSpot_Signature_v3 $http_x_hubspot_signature_v3; "
     'proxy_set_header X-HubSpot-Signature-v3 ""; proxy_pass http://app; }',
     f"{PATH}?{QUERY}", {"header_renamed"}, {}),
    ("a signature doubled",
     "location /hooks/ { proxy_set_header X-HubSpot-Signature-v3 $http_x_hubspot_signature_v3; "
     "proxy_set_header x-hubspot-signature-V3 $http_x_hubspot_signature_v3; proxy_pass http://app; }",
     f"{PATH}?{QUERY}", {"header_doubled"}, {}),
    ("a timestamp dropped", 'location /hooks/ { proxy_set_header X-HubSpot-Request-Timestamp ""; proxy_pass http://app; }',
     f"{PATH}?{QUERY}", {"timestamp_missing"}, {}),
    ("the time by nginx in seconds", "location /hooks/ { proxy_set_header X-HubSpot-Request-Timestamp $msec; proxy_pass http://app; }",
     f"{PATH}?{QUERY}", {"timestamp_unit"}, {}),
    ("two: a prefix and the scheme", "location /api/ { proxy_pass http://app/; }",
     f"/api{PATH}?{QUERY}", {"url_path_prefix", "url_scheme"}, {"public_url": f"http://{HOST}"}),
)


def nginx_in_front(explainer, count):
    """nginx as it is set up wrongly, and what arrives behind it."""
    import http.client
    for what, location, target, words, settings in NGINX:
        settings = dict(settings)
        with tempfile.TemporaryDirectory() as folder:
            front, listener = free_port(), RawApp()
            text = f"""daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
events {{ }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
upstream app {{ server 127.0.0.1:{listener.port}; }}
server {{ listen 127.0.0.1:{front}; {location} }} }}"""
            with open(f"{folder}/conf", "w", encoding="utf-8") as file:
                file.write(text)
            process = subprocess.Popen(["nginx", "-c", f"{folder}/conf"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                wait_for_port(front, process)
                signed = Signed(url=f"https://{HOST}{target}", method=settings.pop("method", "POST"))
                connection = http.client.HTTPConnection("127.0.0.1", front, timeout=30)
                connection.putrequest(signed.method, signed.target, skip_host=True, skip_accept_encoding=True)
                for name, value in [*signed.headers, ("Content-Length", str(len(signed.body)))]:
                    connection.putheader(name, value)
                connection.endheaders(signed.body)
                connection.getresponse().read()
                found, reason, done = explainer.explain(listener.take(), **settings)
                count.check(set(found) == words, f"nginx: {what}: {'+'.join(sorted(words))}", (found, reason, done.stdout[-300:]))
            finally:
                process.terminate()
                process.wait(30)


class RawApp:
    """Keeps the bytes of a request as they came."""

    def __init__(self):
        import socket
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.kept, self.lock = [], threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            connection, _ = self.listener.accept()
            data = b""
            connection.settimeout(30)
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, body = data.split(b"\r\n\r\n", 1)
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
            while len(body) < length:
                body += connection.recv(65536)
            with self.lock:
                self.kept.append(head + b"\r\n\r\n" + body)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.close()

    def take(self):
        with self.lock:
            return self.kept.pop()


def forms(explainer, count):
    """The forms of a capture: each verifies."""
    signed = Signed()
    raw = signed.raw()
    head, body = raw.split(b"\r\n\r\n", 1)
    url = f"https://{HOST}{signed.target}"
    har = {"log": {"version": "1.2", "entries": [
        {"startedDateTime": "2020-01-01T00:00:00Z", "request": {"method": "GET", "url": "https://x/", "headers": []}},
        {"startedDateTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()), "request": {
            "method": "POST", "url": url, "headers": [{"name": name, "value": value} for name, value in signed.headers],
            "postData": {"mimeType": "application/json", "text": BODY.decode()}}}]}}
    import shlex
    curl = " ".join(["curl", shlex.quote(url), "-X", "POST", *(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in signed.headers),
                     "--data-binary", shlex.quote(BODY.decode()), "--compressed"])
    for what, capture, options in (("raw", raw, ()), ("raw with line feeds", head.replace(b"\r\n", b"\n") + b"\n\n" + body, ()),
                                   ("HAR", json.dumps(har).encode(), ("--entry", "2")), ("curl", curl.encode(), ())):
        words, reason, done = explainer.explain(capture, *options)
        count.check((words, reason, done.returncode) == ([], "ok", 0), f"a capture as {what} verifies", (words, reason, done.stderr[:300]))
    words, _, done = explainer.explain(json.dumps(har).encode())
    count.check(done.returncode == 2 and b"--entry" in done.stderr, "a HAR file of several needs --entry", done.stderr)


# How many forgeries are explained: the environment may ask for more.
FORGERIES = int(os.environ.get("FORGERIES", "100"))
VALUES = {
    "hex": lambda chance: chance.randbytes(32).hex(),
    "capitals": lambda chance: chance.randbytes(32).hex().upper(),
    "base64": lambda chance: base64.b64encode(chance.randbytes(32)).decode(),
    "URL-safe": lambda chance: base64.urlsafe_b64encode(chance.randbytes(32)).decode().rstrip("="),
    "short hex": lambda chance: chance.randbytes(20).hex(),
    "long hex": lambda chance: chance.randbytes(64).hex(),
    "short base64": lambda chance: base64.b64encode(chance.randbytes(20)).decode(),
    "long base64": lambda chance: base64.b64encode(chance.randbytes(64)).decode(),
    "a prefix": lambda chance: "sha256=" + chance.randbytes(32).hex(),
    "letters": lambda chance: "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randrange(1, 80))),
}


def forgery(number):
    """A request that was signed with another secret, or not at all."""
    chance = random.Random(number)
    text = "".join(chance.choices("abc é/\\\"{}?", k=chance.randrange(200)))
    body = json.dumps(chance.choice([{"n": number, "text": text}, [{"eventId": number, "propertyValue": text}], text, []])).encode()
    scheme = chance.choice(["hubspot-v1", "hubspot-v2", "hubspot-v3", "twenty"])
    secret = chance.choice([chance.randbytes(16), chance.randbytes(32).hex().encode(), str(chance.randrange(10**8)).encode()])
    signed = Signed(scheme, body=body, key=secret)
    how = chance.choice(["a wrong secret", *VALUES])
    if how in VALUES:
        for name, _ in list(signed.headers):
            if "signature" in name.lower() and not name.endswith("Version"):
                signed.header(name, lambda _: VALUES[how](chance))
    return scheme, how, signed


def forgeries(folder, count):
    """Nothing is told of forgeries but that their cause is unknown; a malformed signature may have no word."""
    from concurrent.futures import ThreadPoolExecutor

    def explained(number):
        scheme, how, signed = forgery(number)
        own = os.path.join(folder, str(number))
        os.mkdir(own)
        versions = f'["{scheme[-2:]}"]' if scheme.startswith("hubspot") else '["v3"]'
        words, reason, _ = Explainer(own).explain(signed.raw(), versions=versions)
        return number, scheme, how, words, reason

    with ThreadPoolExecutor(2) as pool:
        for number, scheme, how, words, reason in pool.map(explained, range(FORGERIES)):
            none_is_right = reason == "malformed_signature"
            is_right = words == ["unknown"] or (none_is_right and words == [])
            count.check(is_right, f"forgery {number} of {scheme}, {how}", (words, reason))


def run():
    causes, forged, shapes = Count("explain: causes"), Count("explain: forgeries"), Count("explain: captures")
    with tempfile.TemporaryDirectory() as folder:
        explainer = Explainer(folder)
        for expected, what, (words, reason, done) in cases(explainer):
            one_of = set(words) == expected or (len(words) == 1 and "unknown" in expected and words[0] in expected)
            causes.check(one_of and done.returncode == 1, f"{what}: {'+'.join(sorted(expected))}", (words, reason))
            shown = done.stdout + done.stderr
            causes.check(SECRET.encode() not in shown, f"{what}: no secret is shown")
        nginx_in_front(explainer, causes)
        forms(explainer, shapes)
        forgeries(folder, forged)
    return causes, forged, shapes
