"""The status page in a browser: Chromium looks at pages of made-up processes, and at a real one under mixed traffic.

    python interop/status_page.py [URL]

with the URL of a page that is served already, looks at that one alone.
"""
import hashlib
import hmac
import http.client
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from harness import ROOT, App, Count, Hookward, moment

SECRET = "a secret for the status page"
MARKUP = "<img/src=x/onerror=alert(1)>"


def written_pages(folder):
    """Pages of processes in all sorts of states, as the program writes them."""
    subprocess.run(["tools/with-cmake", "cargo", "test", "--quiet", "--lib", "status::page::tests::written", "--", "--ignored"],
                   cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "HOOKWARD_PAGES": folder})


class Pages:
    """Serves them. Some addresses behave: `/changing` has another page from the second time on, `/hanging` never answers
    after the first time, `/upgraded` is of another version from then on; below `/fast` pages refresh themselves often. From
    `/gone` to `/back`, `/dying` answers nothing."""

    def __init__(self, folder):
        with open(f"{folder}/headers.json", encoding="utf-8") as file:
            headers = json.load(file)
        asked, lock, gone = {}, threading.Lock(), threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                with lock:
                    asked[self.path] = times = asked.get(self.path, 0) + 1
                name = self.path.rsplit("/", 1)[1]
                if name in ("gone", "back"):
                    gone.set() if name == "gone" else gone.clear()
                if name == "dying" and gone.is_set():
                    return
                if name == "hanging" and times > 1:
                    time.sleep(30)
                    return
                is_other = name == "upgraded" and times > 1
                if name.startswith("changing"):
                    name = "troubles" if times == 1 else "later"
                path = f"{folder}/{'well' if name in ('dying', 'hanging', 'gone', 'back', 'upgraded') else name}.html"
                if not os.path.exists(path):
                    self.send_error(404)
                    return
                with open(path, encoding="utf-8") as file:
                    html = file.read()
                if self.path.startswith("/fast/"):
                    html = html.replace('data-refresh="5"', 'data-refresh="0.2"')
                if is_other:
                    html = html.replace('data-page="', 'data-page="other')
                self.send_response(200)
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(html.encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{server.server_address[1]}"


def looked_at(count, **where):
    """What Chromium finds there."""
    where["chromium"] = shutil.which("chromium")
    found = subprocess.run(["node", "status_page.js"], cwd=f"{ROOT}/interop/node", input=json.dumps(where), text=True,
                           stdout=subprocess.PIPE)
    count.check(found.returncode == 0, "the browser ran to the end", found.returncode)
    for is_right, what, seen in json.loads(found.stdout or "[]"):
        count.check(is_right, what, seen)
    return count


def signed(body, secret=SECRET):
    now = moment()
    tag = hmac.new(secret.encode(), f"{now}:{body.decode()}".encode(), hashlib.sha256).hexdigest()
    return [("Content-Type", "application/json"), ("X-Twenty-Webhook-Timestamp", now), ("X-Twenty-Webhook-Signature", tag)]


def mixed_traffic():
    """A process that has seen good requests and bad ones, and senders that lie."""
    app = App()
    routes = "".join(f"""
[[route]]
name = "{name}"
path = "/{name}"
upstream = "http://127.0.0.1:{app.port}"
diagnose = true
[route.verify]
scheme = "twenty"
secrets = [{{ id = "2026-11", value = "{SECRET}" }}]
""" for name in ("twenty", "crm-sync", "idle"))
    hookward = Hookward(routes, 'trusted_proxies = ["127.0.0.1/32"]')
    body = b'{"record":{"id":1}}'
    for number in range(30):
        hookward.send("POST", "/twenty", signed(body), body)
        hookward.send("POST", "/crm-sync", signed(body, SECRET if number % 3 else "another secret"), body)
    hookward.send("POST", "/crm-sync", [("X-Forwarded-For", f'"{MARKUP}"'), *signed(body, "another secret")], body)
    hookward.send("POST", f"/{'%3Cscript%3E' * 20}{'x' * 200}", [], body)
    # Where the path has markup as it is, it is refused for that.
    hookward.send("POST", f"/{MARKUP}", [], body)
    return hookward


def serves_page(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/")
    answer = connection.getresponse()
    return answer.status == 200 and answer.getheader("Content-Security-Policy", "").startswith("default-src 'none'")


def run():
    with tempfile.TemporaryDirectory() as folder:
        written_pages(folder)
        yield looked_at(Count("status page: made-up processes"), base=Pages(folder).base)
    hookward, count = mixed_traffic(), Count("status page: a real process")
    count.check(serves_page(hookward.ports["admin"]), "the admin address serves the page with its policy")
    yield looked_at(count, live={"url": f"http://127.0.0.1:{hookward.ports['admin']}/", "texts": [MARKUP, "%3Cscript%3E"]})
    hookward.stop()


if __name__ == "__main__":
    counts = [looked_at(Count("the page"), live={"url": sys.argv[1], "texts": []})] if sys.argv[1:] else list(run())
    for count in counts:
        print(f"{count.title:34} {count.passed:5} passed, {count.failed} failed")
    sys.exit(any(count.failed or not count.passed for count in counts))
