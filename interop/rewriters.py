"""Other people's programs that write a body anew: Express, Flask, PHP, Ruby and what is like them.

Each gives the words that are right, what was done, the body that was signed and the one that arrives.
"""
import base64
import gzip
import json
import os
import subprocess
import urllib.request

import harness

NODE = os.path.join(harness.ROOT, "interop/node")

HUBSPOT = ('[{"eventId":100,"subscriptionId":12345,"portalId":62515,"occurredAt":1795289460424,'
           '"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeFlag":"CREATED"}]')
TWENTY = ('{"targetUrl":"https://hooks.example.com/hooks/twenty","eventName":"person.updated",'
          '"objectMetadata":{"id":"37","nameSingular":"person"},"workspaceId":"87","webhookId":"90",'
          '"eventDate":"2026-03-14T09:26:53.500Z","record":{"id":"0d","name":{"firstName":"Žluťoučký","lastName":"<b> & \'x\'"},'
          '"emails":{"primaryEmail":"ada@example.com","additionalEmails":[]},"position":1.5,"deletedAt":null},"event":{"properties":{}},'
          '"updatedFields":["jobTitle"]}')


class Express:
    """Express, with one path for each thing that apps do to a body."""

    def __enter__(self):
        self.process = subprocess.Popen(["node", "forwarder.js"], cwd=NODE, stdout=subprocess.PIPE, text=True)
        harness.leave_nothing(self.process)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def __call__(self, path, body, **headers):
        headers = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()


def filtered(command, body):
    return subprocess.run(command, input=body, capture_output=True, timeout=60, check=True).stdout


def php(program, body):
    return filtered(["php", "-r", f"$in = stream_get_contents(STDIN); echo {program};"], body)


def ruby(program, body):
    return filtered(["ruby", "-Ku", "-rjson", "-e", f"$stdin.set_encoding('UTF-8'); input = $stdin.read; print({program})"], body)


def by_flask():
    """Flask's own JSON, as a view that passes on what it got has it."""
    import flask
    app = flask.Flask("forwarder")

    @app.post("/<how>")
    def forward(how):
        value = flask.request.get_json(force=True)
        return {
            "dumps": lambda: json.dumps(value),
            "utf8": lambda: json.dumps(value, ensure_ascii=False),
            "sorted": lambda: json.dumps(value, sort_keys=True),
            "compact": lambda: json.dumps(value, separators=(",", ":"), sort_keys=True),
            "indented": lambda: json.dumps(value, indent=4, ensure_ascii=False),
            "jsonify": lambda: flask.jsonify(value).data,
            "text": lambda: json.dumps(flask.request.get_data(as_text=True)),
        }[how]()

    client = app.test_client()
    return lambda how, body: client.post(f"/{how}", data=body, content_type="application/json").data


def by_python():
    """Python on both sides, and Python's senders before what is not Python."""
    flask = by_flask()
    for name, text in (("HubSpot's", HUBSPOT), ("Twenty's", TWENTY)):
        body = text.encode()
        for how in ("dumps", "utf8", "sorted", "compact", "indented"):
            yield {"body_reserialized"}, f"Flask, {how}, {name}", body, flask(how, body)
        # Its line end goes with the rest: a serializer's body has none.
        yield {"body_reserialized"}, f"Flask, jsonify, {name}", body, flask("jsonify", body)
        yield {"body_stringified"}, f"Flask, json.dumps(get_data()), {name}", body, flask("text", body)


def sent_by_python(value, **options):
    return json.dumps(value, **options).encode()


def by_express():
    """Express, behind senders that are not written in JavaScript."""
    with Express() as express:
        order = {"name": "Zoë", "amount": 1.0, "count": 3, "price": 2.0}
        keys = {"name": "Zoë", "2": "b", "10": "c", "city": "Brno", "age": 30, "zip": "60200"}
        for what, signed in (("requests", sent_by_python(order)), ("httpx", sent_by_python(order, separators=(",", ":"), ensure_ascii=False))):
            yield {"body_reserialized"}, f"Express loses 1.0 of {what}", signed, express("/json", signed)
        yield {"body_reserialized"}, "Express sorts integers", sent_by_python(keys), express("/json", sent_by_python(keys))
        swapped = sent_by_python({"b": 1, "10": 2, "a": 3, "9": 4}, sort_keys=True)
        yield {"body_reserialized"}, "Express sorts integers of sort_keys", swapped, express("/json", swapped)
        for name, text in (("HubSpot's", HUBSPOT), ("Twenty's", TWENTY)):
            body = text.encode()
            yield {"body_reserialized"}, f"Express, indented, {name}", body, express("/pretty", body)
            yield {"body_stringified"}, f"Express, twice, {name}", body, express("/twice", body)
            yield {"body_stringified"}, f"Express, text, {name}", body, express("/text", body)
            yield {"body_empty"}, f"Express without a parser, {name}", body, express("/nothing", body)
            yield {"body_empty"}, f"Express after a parser, {name}", body, express("/consumed", body)
            packed = gzip.compress(body, mtime=0)
            yield {"body_compressed"}, f"Express inflates, {name}", packed, express("/raw", packed, Content_Encoding="gzip")
        yield {"body_reserialized"}, "Express, as a form", HUBSPOT.encode(), express("/form", HUBSPOT.encode())
        yield {"body_charset"}, "Express, latin1", TWENTY.encode(), express("/latin", TWENTY.encode())
        pretty = sent_by_python(json.loads(TWENTY), indent=2, ensure_ascii=False)
        yield {"body_reserialized"}, "Express, of what was indented", pretty, express("/json", pretty)


def by_php():
    """PHP, with objects or arrays, and each of the flags that people set."""
    for name, text in (("HubSpot's", HUBSPOT), ("Twenty's", TWENTY)):
        body = text.encode()
        flags = ["0", "JSON_UNESCAPED_SLASHES", "JSON_UNESCAPED_UNICODE", "JSON_PRETTY_PRINT",
                 "JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE", "JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_HEX_QUOT"]
        for flag in flags:
            for as_array in ("", ", true"):
                received = php(f"json_encode(json_decode($in{as_array}), {flag})", body)
                if received != body:
                    yield {"body_reserialized"}, f"PHP, {flag}{as_array}, {name}", body, received
        yield {"body_trimmed"}, f"PHP's trim, {name}", body + b" \n", php("trim($in)", body + b" \n")
        yield {"body_compressed"}, f"PHP's gzdecode, {name}", php("gzencode($in)", body), body
        yield {"body_base64"}, f"PHP's base64_encode, {name}", body, php("base64_encode($in)", body)
    signed = sent_by_python({"amount": 1.0, "name": "Zoë"})
    yield {"body_reserialized"}, "PHP loses 1.0", signed, php("json_encode(json_decode($in))", signed)
    latin = TWENTY.replace("Žluťoučký", "Zoë")
    yield {"body_charset"}, "PHP's iconv to Latin-1", latin.encode(), php("iconv('UTF-8', 'ISO-8859-1', $in)", latin.encode())
    yield {"body_charset"}, "PHP's iconv from Latin-1", latin.encode(), php("iconv('ISO-8859-1', 'UTF-8', $in)", latin.encode())


def by_ruby():
    """Ruby, Rails-like too."""
    signed = sent_by_python(json.loads(TWENTY))
    yield {"body_reserialized"}, "Ruby's to_json, of requests", signed, ruby("JSON.parse(input).to_json", signed)
    for name, text in (("HubSpot's", HUBSPOT), ("Twenty's", TWENTY)):
        body = text.encode()
        yield {"body_reserialized"}, f"Ruby's pretty_generate, {name}", body, ruby("JSON.pretty_generate(JSON.parse(input))", body)
        yield {"body_stringified"}, f"Ruby's to_json of a text, {name}", body, ruby("input.to_json", body)
        yield {"body_trimmed"}, f"Ruby's strip, {name}", body + b"\n\n", ruby("input.strip", body + b"\n\n")
        yield {"body_newline"}, f"Ruby's chomp, {name}", body + b"\n", ruby("input.chomp", body + b"\n")


def by_hand():
    """What programs that are not here do, as their documentation says."""
    body = TWENTY.encode()
    yield {"body_reserialized"}, "Newtonsoft's dates", body, TWENTY.replace("53.500Z", "53.5Z").encode()
    yield {"body_reserialized"}, "Pydantic's dates", body, TWENTY.replace("53.500Z", "53.500000Z").encode()
    indented = json.dumps(json.loads(TWENTY.replace("53.500Z", "53.5Z")), indent=2, ensure_ascii=False).replace("\n", "\r\n")
    yield {"body_reserialized"}, "Newtonsoft's, indented", body, indented.encode()
    go = json.dumps(json.loads(TWENTY), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    go = go.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    yield {"body_reserialized"}, "Go's json.Marshal of a map", body, go.encode()
    lua = TWENTY.replace("[]", "{}")
    yield {"body_reserialized"}, "Lua's cjson", body, lua.encode()
    event = {"body": TWENTY, "isBase64Encoded": False, "headers": {"a": "b"}}
    yield {"body_stringified"}, "AWS Lambda's event", body, json.dumps(event).encode()
    yield {"body_base64"}, "AWS Lambda's body", body, base64.b64encode(body)
    event = {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    yield {"body_base64"}, "AWS Lambda's event in base64", body, json.dumps(event).encode()


def all_of_them():
    for rewriter in (by_python, by_express, by_php, by_ruby, by_hand):
        yield from rewriter()
