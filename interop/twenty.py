"""Twenty: events signed as it signs them and sent by the client it sends with, axios."""
import base64
import json
import os
import subprocess

from harness import ROOT, App, Count, Hookward

SECRET = "9f2c8b1e4d6a70f3b5c9e2d18a47f60c3b7e915d2af84c06e1b3975d8f20a4c6"
VERSIONS = ["axios-1.12", "axios-1.18", "axios-1.21"]
# From axios 1.13.6 on, keys of this name vanish from nested objects after the signature was made.
DROPS_KEYS = {"axios-1.18", "axios-1.21"}


def run():
    app = App()
    hookward = Hookward(f'''[[route]]
name = "t"
path = "/twenty"
upstream = "http://127.0.0.1:{app.port}"
[route.verify]
scheme = "twenty"
secrets = [{{ id = "old", value = "an older one" }}, {{ id = "current", value = "{SECRET}" }}]
''')
    url = f'http://127.0.0.1:{hookward.ports["server"]}/twenty'
    counts = []
    for version in VERSIONS:
        count = Count(f"{version} (npm)")
        counts.append(count)
        sender = os.path.join(ROOT, "interop/node/twenty.js")
        output = subprocess.run(["node", sender, url, SECRET, version], capture_output=True, text=True, check=True)
        events = [json.loads(line) for line in output.stdout.splitlines()]
        for event in events:
            is_lost = event["name"] == "dropped keys" and version in DROPS_KEYS
            expected = 401 if is_lost else 200
            count.check(event["status"] == expected, f'{event["name"]}: {expected}', event["status"])
            count.check(event["forged"] == 401, f'{event["name"]}: a flipped bit', event["forged"])
        arrived = [base64.b64encode(request[3]).decode() for request in app.take()]
        signed = [event["signed"] for event in events if event["status"] == 200]
        count.check(arrived == signed, "the app got the signed bytes, and those alone", (len(arrived), len(signed)))
    hookward.stop()
    return counts

