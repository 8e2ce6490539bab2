"""The public URL behind a real nginx that ends TLS and keeps, rewrites or normalises the path."""
import base64
import hashlib
import hmac
import socket
import ssl
import subprocess
import tempfile

from harness import App, Count, Hookward, free_port, moment, wait_for_port

SECRET = "a secret for the public URL tests"


class Nginx:
    def __init__(self, hookward_port):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        path = self.folder.name
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", f"{path}/key.pem", "-out", f"{path}/cert.pem"], check=True, capture_output=True)
        # It connects from 127.0.0.2, the one address that hookward trusts.
        common = f"proxy_bind 127.0.0.2; proxy_http_version 1.1; proxy_set_header Connection '';"
        reported = ("proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;"
                    " proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;")
        standard = ('proxy_set_header Forwarded "$http_forwarded, for=$remote_addr;proto=$scheme;host=\\"$http_host\\"";'
                    " proxy_set_header Host inner.example;")
        upstream = f"http://127.0.0.1:{hookward_port}"
        with open(f"{path}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(f"""
daemon off; master_process off; pid {path}/nginx.pid; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {path}/b; proxy_temp_path {path}/p;
  fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;
  server {{
    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {path}/cert.pem; ssl_certificate_key {path}/key.pem;
    {common}
    location /keep {{ proxy_pass {upstream}; }}
    location /outside/ {{ proxy_pass {upstream}/inside/; }}
    location /reported/ {{ {reported} proxy_pass {upstream}; }}
    location /standard/ {{ {standard} proxy_pass {upstream}; }}
  }}
}}
""")
        self.process = subprocess.Popen(["nginx", "-p", path, "-c", f"{path}/nginx.conf"], stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def send(self, target, headers, body=b"{}"):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.port)) as raw, context.wrap_socket(raw) as stream:
            return exchange(stream, "hooks.example.com", target, headers, body)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def exchange(stream, host, target, headers, body):
    head = f"POST {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers)
    stream.sendall(head.encode() + b"\r\n" + body)
    return int(stream.makefile("rb").readline().split()[1])


def v3(url, body=b"{}"):
    now = moment()
    tag = hmac.new(SECRET.encode(), b"POST" + url.encode() + body + now.encode(), hashlib.sha256).digest()
    return [("X-HubSpot-Signature-v3", base64.b64encode(tag).decode()), ("X-HubSpot-Request-Timestamp", now)]


def v2(url, body=b"{}"):
    tag = hashlib.sha256(SECRET.encode() + b"POST" + url.encode() + body).hexdigest()
    return [("X-HubSpot-Signature", tag), ("X-HubSpot-Signature-Version", "v2")]


def route(app, name, path, public_url=None):
    public = f'public_url = "{public_url}"' if public_url else ""
    return f'''[[route]]
name = "{name}"
path = "{path}"
upstream = "http://127.0.0.1:{app.port}"
{public}
[route.verify]
scheme = "hubspot"
versions = ["v2", "v3"]
secrets = [{{ id = "s", value = "{SECRET}" }}]
'''


def run():
    app = App()
    routes = [
        route(app, "keep", "/keep/*", "https://hooks.example.com"),
        route(app, "rewritten", "/inside/*", "https://hooks.example.com/outside"),
        route(app, "reported", "/reported/*"),
    ]
    trust = 'trusted_proxies = ["127.0.0.2/32"]\npublic_hosts = ["hooks.example.com"]\n'
    x_forwarded = Hookward("".join(routes), trust)
    standard = Hookward(route(app, "standard", "/standard/*"), trust + 'forwarding = "forwarded"\n')
    fronts = {"x": Nginx(x_forwarded.ports["server"]), "f": Nginx(standard.ports["server"])}
    count = Count("public URL behind nginx (TLS)")
    public = "https://hooks.example.com"

    def through(front, target, signed, extra=(), expected=200, what=""):
        status = fronts[front].send(target, list(extra) + signed)
        seen = app.take()
        is_right = status == expected and len(seen) == (expected == 200)
        count.check(is_right, f"{what or 'POST'} {target}", (status, len(seen)))
        return seen

    # Kept as it came: both versions, with a query, escapes and empty segments.
    for target in ("/keep/a", "/keep/a?b=1&a=%40", "/keep/a%20b?c=+", "/keep//a?x=%2F", "/keep/a%40b"):
        through("x", target, v3(public + target))
        through("x", target, v2(public + target))
        through("x", target, v3(public + target + "x"), expected=401, what="another URL")
        through("x", target, v3("http://hooks.example.com" + target), expected=401, what="signed with http")
    # Rewritten: the path of public_url stands in for the route's.
    for tail in ("a", "a/b?c=%40&d", ""):
        through("x", f"/outside/{tail}", v3(f"{public}/outside/{tail}"))
        through("x", f"/outside/{tail}", v2(f"{public}/outside/{tail}"))
        through("x", f"/outside/{tail}", v2(f"{public}/inside/{tail}"), expected=401, what="the inner path")
    # Normalised: nginx decodes the path it rewrites. HubSpot's v3 signs the decoded spelling, so it
    # still verifies; v2 signs what HubSpot called, which no longer arrives: it cannot.
    through("x", "/outside/a%40b", v3(f"{public}/outside/a@b"), what="v3 of a normalised path")
    through("x", "/outside/a%40b", v2(f"{public}/outside/a%40b"), expected=401, what="v2 of a normalised path")
    # Reported by a trusted proxy, in either family.
    for front, path in (("x", "/reported/a?b=%21"), ("f", "/standard/a?b=%21")):
        through(front, path, v3(public + path))
        through(front, path, v2(public + path))
        through(front, path, v2("https://evil.example" + path), expected=401, what="another host")
        # A client that forges either family, through the proxy: nothing changes.
        forged = [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-For", "6.6.6.6"),
                  ("Forwarded", 'host=evil.example;proto=http;for="6.6.6.6"')]
        seen = through(front, path, v3(public + path), forged, what="forged forwarding headers through the proxy")
        values = [value for values in seen[0][2].values() for value in values] if seen else []
        if front == "x":
            count.check("forwarded" not in (seen[0][2] if seen else {}), "the other family is removed", values)
        else:
            forwarded_for = seen[0][2].get("x-forwarded-for") if seen else None
            count.check(forwarded_for == ["127.0.0.2"], "the other family is removed", forwarded_for)
        through(front, path, v3("http://evil.example" + path), forged, expected=401, what="signed for the forged host")
    # And past it, straight to hookward from an address that is not trusted.
    for hookward, path in ((x_forwarded, "/reported/a"), (standard, "/standard/a")):
        for host, expected in (("hooks.example.com", 401), ("evil.example", 400)):
            headers = [("X-Forwarded-Host", "hooks.example.com"), ("X-Forwarded-Proto", "https"),
                       ("Forwarded", "host=hooks.example.com;proto=https")] + v3(public + path)
            with socket.create_connection(("127.0.0.1", hookward.ports["server"])) as stream:
                status = exchange(stream, host, path, headers, b"{}")
            count.check(status == expected and not app.take(), f"past the proxy as {host} {path}", status)
    for running in (*fronts.values(), x_forwarded, standard):
        running.stop()
    return [count]
