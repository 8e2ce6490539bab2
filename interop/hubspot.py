"""HubSpot: what its official SDKs compute is what hookward accepts, and one flipped bit is refused."""
import base64
import json
import os
import re
import subprocess
import time

from harness import ROOT, App, Count, Hookward, moment

SECRET = "4c7d1f0e-3b7e-4b52-9f6d-0f1f6a6f2d11"
PUBLIC = "https://hooks.example.com"
ESCAPES = {"3A": ":", "2F": "/", "3F": "?", "40": "@", "21": "!", "24": "$", "27": "'", "28": "(", "29": ")",
           "2A": "*", "2C": ",", "3B": ";"}
TARGETS = ["/h/x", "/h/x?", "/h/x?a=1&b=2&a=3", "/h/x?b=2&a=1", "/h/x?q=a+b", "/h/x?q=a%20b", "/h/x?q=%C3%A9%F0%9F%9A%80",
           "/h/x?q=%26%3D%23%25", "/h/x?q=%2540", "/h/x/", "/h//x", "/h/x;v=1?y", "/h/x?a=/../b", "/h/a%40b%3Ac%24?d",
           "/h/x?redirect=https%3A%2F%2Fa.example%2F%3Fb"]
TARGETS += [f"/h/x?q=a%{spelt}b" for escape in ESCAPES for spelt in sorted({escape, escape.lower()})]
BODIES = {"empty": "", "JSON": '[{"eventId":1,"objectId":123}]', "UTF-8": '{"name":"Žluťoučký 🐎 ﷽"}',
          "escapes": '{"a":"\\u00e9\\n\\"\\/"}', "spaces": '{ "a" : 1.0 }\r\n', "1 MiB": "x" * (1 << 20)}


def decoded(url):
    """HubSpot's twelve escapes decoded once, as its documentation says and its SDKs do not."""
    return re.sub("%([0-9A-Fa-f]{2})", lambda escape: ESCAPES.get(escape[1].upper(), escape[0]), url)


def cases():
    wanted = [("POST", target, "JSON") for target in TARGETS]
    wanted += [("GET", target, "empty") for target in TARGETS]
    wanted += [("PUT", "/h/x?a=1", "JSON"), ("POST", "/h/x?a=1", "JSON")]
    wanted += [("POST", "/h/x", body) for body in BODIES]
    for version in ("v1", "v2", "v3"):
        for offset in ([0] if version != "v3" else [0, -240_000, 240_000]):
            for method, target, body in wanted:
                if offset and body != "JSON":
                    continue
                yield {"version": version, "secret": SECRET, "method": method, "target": target, "url": PUBLIC + target,
                       "body": BODIES[body], "timestamp": str(int(moment()) + offset)}


def ask(oracle, cases):
    commands = {
        "node": ["node", os.path.join(ROOT, "interop/node/oracle.js")],
        "python": [os.path.join(ROOT, ".tools/interop/venv/bin/python"), os.path.join(ROOT, "interop/python/oracle.py")],
    }
    answer = subprocess.run(commands[oracle], input=json.dumps(cases), capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def headers(case, signature):
    if case["version"] == "v3":
        return [("X-HubSpot-Signature-v3", signature), ("X-HubSpot-Request-Timestamp", case["timestamp"])]
    return [("X-HubSpot-Signature", signature), ("X-HubSpot-Signature-Version", case["version"])]


def flipped(case, signature):
    """The request with one bit flipped, once in each part that its version signs, and in the signature."""
    if case["version"] == "v3":
        tag = bytearray(base64.b64decode(signature))
        tag[7] ^= 1
        yield "signature", case, base64.b64encode(tag).decode()
    else:
        yield "signature", case, ("1" if signature[0] == "0" else "0") + signature[1:]
    body = bytearray(case["body"].encode())
    if body:
        body[len(body) // 2] ^= 1
        yield "body", {**case, "raw": bytes(body)}, signature
    if case["version"] != "v1":
        yield "target", {**case, "target": case["target"].replace("/h/", "/h/b", 1)}, signature
        other = "PUT" if case["method"] == "POST" else "POST"
        yield "method", {**case, "method": other}, signature
    if case["version"] == "v3":
        last = case["timestamp"][-1]
        yield "timestamp", {**case, "timestamp": case["timestamp"][:-1] + chr(ord(last) ^ 1)}, signature


def route(versions):
    return f'''[[route]]
name = "h"
path = "/h/*"
methods = ["POST", "GET", "PUT"]
upstream = "http://127.0.0.1:{{port}}"
public_url = "{PUBLIC}"
[route.verify]
scheme = "hubspot"
versions = {json.dumps(versions)}
secrets = [{{{{ id = "old", value = "an older secret of this app" }}}}, {{{{ id = "current", value = "{SECRET}" }}}}]
'''


def run():
    app = App()
    hookward = Hookward(route(["v1", "v2", "v3"]).format(port=app.port))
    counts = []
    for oracle, package in (("node", "@hubspot/api-client (npm)"), ("python", "hubspot-api-client (PyPI)")):
        count, asked = Count(package), list(cases())
        counts.append(count)
        for spelling in ("received", "decoded"):
            spelt = [{**case, "url": decoded(case["url"]) if spelling == "decoded" else case["url"]} for case in asked]
            signatures = ask(oracle, spelt)
            for case, signed, signature in zip(asked, spelt, signatures):
                differs = signed["url"] != case["url"]
                if spelling == "decoded" and not differs:
                    continue
                body = case["body"].encode()
                what = f'{case["version"]} {case["method"]} {case["target"]} {len(body)} bytes, URL {spelling}'
                status = hookward.send(case["method"], case["target"], headers(case, signature), body)
                seen = app.take()
                # The SDKs hash the URL they are given. HubSpot itself signs a v3 URL with its twelve
                # escapes decoded, so that is what must verify; the URL as received may verify too. v2
                # is signed as received: over a decoded URL it must not verify. v1 signs no URL.
                if case["version"] == "v2" and differs:
                    count.check(status == 401 and not seen, f"{what}: refused", status)
                    continue
                count.check(status == 200 and [request[3] for request in seen] == [body], what, (status, len(seen)))
                if len(body) > 1000:
                    continue
                for part, forged, tag in flipped(case, signature):
                    raw = forged.get("raw", body)
                    status = hookward.send(forged["method"], forged["target"], headers(forged, tag), raw)
                    count.check(status == 401 and not app.take(), f"{what}: {part} flipped", status)
    counts.append(beyond_the_sdks(app, hookward))
    hookward.stop()
    return counts


def beyond_the_sdks(app, hookward):
    """Where the SDKs are wrong or say nothing, and which rule holds instead."""
    count = Count("HubSpot beyond its SDKs")
    now = int(time.time() * 1000)
    base = {"version": "v3", "secret": SECRET, "method": "POST", "target": "/h/x", "url": PUBLIC + "/h/x", "body": "{}"}

    def sent(timestamp, sdk="python"):
        case = {**base, "timestamp": timestamp}
        return hookward.send("POST", "/h/x", headers(case, ask(sdk, [case])[0]), b"{}")

    # Both SDKs take any time in the future; a clock that far off, or a forged one, is refused here.
    count.check(sent(str(now + 3_600_000)) == 401, "an hour in the future")
    # The Python SDK reads the time as a floating-point number; 13 digits is what HubSpot sends.
    count.check(sent(f"{now}.0") == 401, "a time with a fraction")
    count.check(sent(f"{now}e0") == 401, "a time with an exponent")
    count.check(sent(str(now // 1000)) == 401, "seconds instead of milliseconds")
    # The same bound in the past as the SDKs.
    count.check(sent(str(now - 301_000)) == 401, "older than five minutes")
    # The SDKs hash text; bodies that are no text cannot be given to them. Python's hmac takes bytes.
    import hashlib
    import hmac
    for body in (b"\xff\xfe\x00", b"\xed\xa0\x80", bytes(range(256))):
        message = b"POST" + (PUBLIC + "/h/x").encode() + body + str(now).encode()
        tag = base64.b64encode(hmac.new(SECRET.encode(), message, hashlib.sha256).digest()).decode()
        status = hookward.send("POST", "/h/x", headers({**base, "timestamp": str(now)}, tag), body)
        seen = app.take()
        count.check(status == 200 and seen[0][3] == body, f"a body of bytes {body[:3]!r}", status)
    # No downgrade: beside a v3 header, v1 never decides; alone it does, on a route that accepts it.
    v1 = headers({"version": "v1"}, ask("node", [{**base, "version": "v1", "timestamp": None}])[0])
    count.check(hookward.send("POST", "/h/x", v1, b"{}") == 200, "v1 alone")
    app.take()
    for spoilt in ("", "AAAA", "A" * 43 + "="):
        beside = v1 + [("X-HubSpot-Signature-v3", spoilt), ("X-HubSpot-Request-Timestamp", str(now))]
        count.check(hookward.send("POST", "/h/x", beside, b"{}") == 401, f"v1 beside v3 {spoilt!r}")
    only_v3 = Hookward(route(["v3"]).format(port=app.port))
    count.check(only_v3.send("POST", "/h/x", v1, b"{}") == 401, "v1 where only v3 is accepted")
    count.check(not app.take(), "nothing of that reached the app")
    only_v3.stop()
    # Rotation: the metric and the header tell which secret matched.
    for secret, name in ((SECRET, "current"), ("an older secret of this app", "old")):
        case = {**base, "secret": secret, "timestamp": moment()}
        before = hookward.metrics()
        status = hookward.send("POST", "/h/x", headers(case, ask("node", [case])[0]), b"{}")
        series = f'hookward_secret_matches_total{{route="h",secret="{name}"}}'
        moved = hookward.metrics()[series] - before[series]
        count.check((status, moved, app.take()[0][2]["x-hookward-secret"]) == (200, 1, [name]), f"secret {name}")
    return count
