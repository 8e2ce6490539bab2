#!/usr/bin/env python3
"""Writes vectors.json: signed requests and what a verifier must find, from Python's hmac and hashlib.

usage: tests/vectors/make.py > tests/vectors/vectors.json

Every vector is judged at the time `now`. `expect` is `ok` or the reason of the refusal.
"""
import base64
import hashlib
import hmac
import json
import sys

NOW = 1_760_000_000_000
PUBLIC = "https://hooks.example.com"
SECRET = "8f3a1c52-9d1e-4b7a-a1f0-6b2c5d9e7f01"
vectors = []


def hex_sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def hmac_sha256(secret, *parts):
    return hmac.new(secret.encode(), b"".join(parts), hashlib.sha256).digest()


def add(name, provider, expect, headers, *, method="POST", target="/in", body=b"", secret=SECRET, now=NOW):
    vectors.append({
        "name": name, "provider": provider, "expect": expect, "secret": secret, "now": now,
        "method": method, "public_url": PUBLIC, "target": target, "headers": headers,
        "body_hex": body.hex(),
    })


def v1(secret, body):
    return [["X-HubSpot-Signature-Version", "v1"],
            ["X-HubSpot-Signature", hex_sha256(secret.encode(), body)]]


def v2(secret, method, url, body):
    return [["X-HubSpot-Signature-Version", "v2"],
            ["X-HubSpot-Signature", hex_sha256(secret.encode(), method.encode(), url.encode(), body)]]


def v3(secret, method, url, body, timestamp):
    mac = hmac_sha256(secret, method.encode(), url.encode(), body, timestamp.encode())
    return [["X-HubSpot-Request-Timestamp", timestamp],
            ["X-HubSpot-Signature-v3", base64.b64encode(mac).decode()]]


def twenty(secret, body, timestamp, separator=b":"):
    mac = hmac_sha256(secret, timestamp.encode(), separator, body)
    return [["X-Twenty-Webhook-Timestamp", timestamp],
            ["X-Twenty-Webhook-Signature", mac.hex()],
            ["X-Twenty-Webhook-Nonce", "00112233445566778899aabbccddeeff"]]


ts = str(NOW - 155)
bodies = {
    "empty": b"",
    "crm": b'[{"eventId":1,"subscriptionType":"contact.creation"}]',
    "emoji": '{"name":"Žluťoučký 🐎"}'.encode(),
    "invalid utf-8": b"\xff\xfe\x00\x80",
    "a block": b"a" * 64,
    "over a block": b"b" * 65,
    "4 KiB": bytes(range(256)) * 16,
}
secrets = {"uuid": SECRET, "one byte": "k", "a block": "s" * 64, "over a block": "s" * 65, "200 bytes": "x" * 200,
           "unicode": "pä$$wörd-🔑"}

for name, body in bodies.items():
    add(f"v1 {name}", "hubspot", "ok", v1(SECRET, body), body=body)
    add(f"v2 {name}", "hubspot", "ok", v2(SECRET, "POST", PUBLIC + "/in", body), body=body)
    add(f"v3 {name}", "hubspot", "ok", v3(SECRET, "POST", PUBLIC + "/in", body, ts), body=body)
    add(f"twenty {name}", "twenty", "ok", twenty(SECRET, body, ts), body=body)
for name, secret in secrets.items():
    body = bodies["crm"]
    add(f"v1 secret of {name}", "hubspot", "ok", v1(secret, body), body=body, secret=secret)
    add(f"v3 secret of {name}", "hubspot", "ok", v3(secret, "POST", PUBLIC + "/in", body, ts), body=body, secret=secret)
    add(f"twenty secret of {name}", "twenty", "ok", twenty(secret, body, ts), body=body, secret=secret)

targets = ["/in?a=1&b=2&a=3", "/in?q=a+b%20c", "/in?", "/in?q=%C3%A9&r=%26", "/in/", "/in?x=/../y"]
for target in targets:
    add(f"v2 GET {target}", "hubspot", "ok", v2(SECRET, "GET", PUBLIC + target, b""), method="GET", target=target)
    add(f"v3 GET {target}", "hubspot", "ok", v3(SECRET, "GET", PUBLIC + target, b"", ts), method="GET", target=target)

escapes = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(",
           "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";"}
for escape, plain in escapes.items():
    for spelt in {escape, escape.lower()}:
        target = f"/in?q=a{spelt}b%20c"
        decoded = f"/in?q=a{plain}b%20c"
        add(f"v3 decoded {spelt}", "hubspot", "ok", v3(SECRET, "POST", PUBLIC + decoded, b"{}", ts), target=target, body=b"{}")
        add(f"v3 received {spelt}", "hubspot", "ok", v3(SECRET, "POST", PUBLIC + target, b"{}", ts), target=target, body=b"{}")
        add(f"v2 received {spelt}", "hubspot", "ok", v2(SECRET, "POST", PUBLIC + target, b"{}"), target=target, body=b"{}")
        add(f"v2 decoded {spelt}", "hubspot", "signature_mismatch", v2(SECRET, "POST", PUBLIC + decoded, b"{}"), target=target, body=b"{}")
add("v3 decodes once", "hubspot", "signature_mismatch",
    v3(SECRET, "POST", PUBLIC + "/in?q=@", b"{}", ts), target="/in?q=%2540", body=b"{}")
add("v3 decodes all or nothing", "hubspot", "signature_mismatch",
    v3(SECRET, "POST", PUBLIC + "/in?q=@%3A", b"{}", ts), target="/in?q=%40%3A", body=b"{}")
add("v3 decodes nothing else", "hubspot", "signature_mismatch",
    v3(SECRET, "POST", PUBLIC + "/in?q=a b", b"{}", ts), target="/in?q=a%20b", body=b"{}")

body = bodies["crm"]
good3 = v3(SECRET, "POST", PUBLIC + "/in", body, ts)
good1 = v1(SECRET, body)
good20 = twenty(SECRET, body, ts)
mismatch = "signature_mismatch"
add("v1 body changed", "hubspot", mismatch, good1, body=body + b" ")
add("v1 other secret", "hubspot", mismatch, v1("other", body), body=body)
add("v2 method changed", "hubspot", mismatch, v2(SECRET, "POST", PUBLIC + "/in", body), method="PUT", body=body)
add("v2 target changed", "hubspot", mismatch, v2(SECRET, "POST", PUBLIC + "/in?a=1", body), target="/in?a=2", body=body)
add("v2 query dropped", "hubspot", mismatch, v2(SECRET, "POST", PUBLIC + "/in?a=1", body), body=body)
add("v2 http for https", "hubspot", mismatch, v2(SECRET, "POST", "http://hooks.example.com/in", body), body=body)
add("v3 body changed", "hubspot", mismatch, good3, body=body + b" ")
add("v3 method changed", "hubspot", mismatch, good3, method="PUT", body=body)
add("v3 timestamp changed", "hubspot", mismatch,
    [["X-HubSpot-Request-Timestamp", str(NOW)], good3[1]], body=body)
add("v3 hex for base64", "hubspot", "malformed_signature",
    [good3[0], ["X-HubSpot-Signature-v3", base64.b64decode(good3[1][1]).hex()]], body=body)
add("v3 unpadded", "hubspot", "malformed_signature", [good3[0], ["X-HubSpot-Signature-v3", good3[1][1][:-1]]], body=body)
add("v3 empty beside v1", "hubspot", "malformed_signature", good1 + [good3[0], ["X-HubSpot-Signature-v3", ""]], body=body)
add("v3 wrong beside v1", "hubspot", mismatch,
    good1 + v3("other", "POST", PUBLIC + "/in", body, ts), body=body)
add("v3 right beside a wrong v1", "hubspot", "ok", v1("other", body) + good3, body=body)
add("v3 no timestamp", "hubspot", "missing_timestamp", good3[1:], body=body)
add("v1 upper case", "hubspot", "malformed_signature", [good1[0], ["X-HubSpot-Signature", good1[1][1].upper()]], body=body)
add("v1 without version", "hubspot", "unaccepted_version", good1[1:], body=body)
add("v1 as v2", "hubspot", mismatch, [["X-HubSpot-Signature-Version", "v2"], good1[1]], body=body)
add("v1 as v4", "hubspot", "unaccepted_version", [["X-HubSpot-Signature-Version", "v4"], good1[1]], body=body)
add("v1 as V1", "hubspot", "unaccepted_version", [["X-HubSpot-Signature-Version", "V1"], good1[1]], body=body)
add("version alone", "hubspot", "missing_signature", good1[:1], body=body)
add("v1 twice", "hubspot", "duplicate_header", good1 + good1[1:], body=body)
add("v3 twice", "hubspot", "duplicate_header", good3 + good3[1:], body=body)
add("v3 and two versions", "hubspot", "duplicate_header", good3 + good1[:1] * 2, body=body)
add("unsigned", "hubspot", "missing_signature", [], body=body)
for when, expect in [(300_000, "ok"), (300_001, "timestamp_expired"), (-300_000, "ok"), (-300_001, "timestamp_in_future")]:
    at = str(NOW - when)
    add(f"v3 {when} ms old", "hubspot", expect, v3(SECRET, "POST", PUBLIC + "/in", body, at), body=body)
    add(f"twenty {when} ms old", "twenty", expect, twenty(SECRET, body, at), body=body)
for text in ["1760000000", "17600000000000", "1e12", "-1", "+176000000000", "1760000000.00", "0x19a1b2c3d4e", "99999999999999", ""]:
    add(f"twenty timestamp {text!r}", "twenty", "malformed_timestamp", twenty(SECRET, body, text), body=body)
    add(f"v3 timestamp {text!r}", "hubspot", "malformed_timestamp", v3(SECRET, "POST", PUBLIC + "/in", body, text), body=body)
add("v3 body shifted into the timestamp", "hubspot", "malformed_timestamp",
    [["X-HubSpot-Request-Timestamp", "1" + ts], v3(SECRET, "POST", PUBLIC + "/in", b"x1", ts)[1]], body=b"x")
add("twenty body changed", "twenty", mismatch, good20, body=body + b" ")
add("twenty separated by a dot", "twenty", mismatch, twenty(SECRET, body, ts, b"."), body=body)
add("twenty other nonce", "twenty", "ok", good20[:2] + [["X-Twenty-Webhook-Nonce", "f" * 32]], body=body)
add("twenty two nonces", "twenty", "ok", good20 + good20[2:], body=body)
add("twenty hex-decoded secret", "twenty", mismatch,
    [good20[0], ["X-Twenty-Webhook-Signature",
                 hmac.new(bytes.fromhex("9f2c8b1e"), ts.encode() + b":" + body, hashlib.sha256).hexdigest()]],
    body=body, secret="9f2c8b1e")
add("twenty upper case", "twenty", "malformed_signature",
    [good20[0], ["X-Twenty-Webhook-Signature", good20[1][1].upper()]], body=body)
add("twenty two timestamps", "twenty", "duplicate_header", good20 + good20[:1], body=body)
add("twenty unsigned", "twenty", "missing_signature", [], body=body)
add("twenty body prefix as timestamp", "twenty", "malformed_timestamp",
    [["X-Twenty-Webhook-Timestamp", ts + ':{"a"'], twenty(SECRET, b'{"a":1}', ts)[1]], body=b"1}")

json.dump({"vectors": vectors}, fp=sys.stdout, indent=1, ensure_ascii=False)
print()
