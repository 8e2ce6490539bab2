"""Signed requests, and the loads that are made of them. The signatures come from Python's hmac."""
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import tempfile
import time

from programs import SECRET, TOOLS


def body_of(size):
    head, tail = '{"subscriptionType":"contact.propertyChange","objectId":123,"value":"', '"}'
    return head + "a" * (size - len(head) - len(tail)) + tail


def fresh_millis():
    """The time in milliseconds; never the same twice, so that no two signatures are alike."""
    global last_millis
    last_millis = max(int(time.time() * 1000), last_millis + 1)
    return last_millis


last_millis = 0


def signed(provider, size, kind="good"):
    """Path, headers and body of a request: good, forged (its signature is another's) or expired."""
    now = fresh_millis() - (3_600_000 if kind == "expired" else 0)
    return signed_at(provider, body_of(size), now, SECRET if kind != "forged" else "not-the-secret")


def signed_at(provider, body, now, secret):
    """Path, headers and body of a request that was signed at that time in milliseconds."""
    if provider == "hubspot":
        message = f"POSThttps://hooks.example.com/hubspot{body}{now}"
        tag = hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()
        headers = {"X-HubSpot-Signature-v3": base64.b64encode(tag).decode(),
                   "X-HubSpot-Request-Timestamp": str(now)}
    else:
        tag = hmac.new(secret.encode(), f"{now}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Twenty-Webhook-Signature": tag, "X-Twenty-Webhook-Timestamp": str(now),
                   "X-Twenty-Webhook-Nonce": "0123456789abcdef0123456789abcdef"}
    return f"/{provider}", {"Content-Type": "application/json"} | headers, body


def raw(provider, size, kind="good"):
    """A whole request as bytes."""
    return raw_of(*signed(provider, size, kind))


def raw_of(path, headers, body):
    """A request with this path, headers and body as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: hooks.internal", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def wrk_script(requests):
    """A wrk script that sends these requests in turn."""
    lines = ["local requests = {}"]
    for path, headers, body in requests:
        fields = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items())
        formatted = f'wrk.format("POST", {json.dumps(path)}, {{{fields}}}, {json.dumps(body)})'
        lines.append(f"requests[#requests + 1] = function() return {formatted} end")
    lines += ["local built, next_one = {}, 0",
              "function init() for i, build in ipairs(requests) do built[i] = build() end end",
              "function request() next_one = next_one % #built + 1 return built[next_one] end"]
    return "\n".join(lines) + "\n"


class Unique:
    """So many good requests of one size, no two of them alike, in a file."""

    def __init__(self, provider, size, count):
        body, length = body_of(size), None
        now = int(time.time() * 1000)
        self.count, self.file = count, tempfile.NamedTemporaryFile()
        for number in range(count):
            # The number takes the place of as many characters of the body.
            unique = body[:-14] + f"{number:012}" + body[-2:]
            request = raw_of(*signed_at(provider, unique, now, SECRET))
            length = length or len(request)
            if len(request) != length:
                raise SystemExit("the requests differ in length")
            self.file.write(request)
        self.file.flush()
        self.length = length

    def script(self):
        """A wrk script that sends each of them once."""
        return f"""local file = io.open({json.dumps(self.file.name)}, "rb")
local all, sent = file:read("*a"), 0
file:close()
function request()
  if sent == {self.count} then error("all requests are sent") end
  sent = sent + 1
  return all:sub((sent - 1) * {self.length} + 1, sent * {self.length})
end
"""


def closed_loop(program, requests, seconds, connections, refused=False):
    """Requests as fast as they are answered. Returns how many there were, and a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(requests.script() if isinstance(requests, Unique) else wrk_script(requests))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script.name,
                   f"http://127.0.0.1:{program.port}"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    count, took = re.search(r"(\d+) requests in ([\d.]+)s", out).groups()
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if (int(other.group(1)) if other else 0) != (int(count) if refused else 0) or "Socket errors" in out:
        raise SystemExit(f"{program.name}: unexpected answers\n{out}")
    return int(count), int(count) / float(took)


def cpu_a_request(program, requests, seconds, connections=32, refused=False):
    """CPU microseconds a request (all, and of them in the program itself), and requests a second."""
    user, system = program.cpu_seconds()
    count, rate = closed_loop(program, requests, seconds, connections, refused)
    user_after, system_after = program.cpu_seconds()
    user, system = user_after - user, system_after - system
    return (user + system) / count * 1e6, user / count * 1e6, rate


class Times:
    """What a steady load saw, in milliseconds at the 50th, 99th and 99.9th percentile: the times of requests, and by how
    much the load itself was late in sending them."""

    def __init__(self, micros, late_micros):
        self.millis = [value / 1000 for value in micros]
        self.late_millis = [value / 1000 for value in late_micros]


def steady(program, request, rate, seconds):
    """Requests when they are due."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(request)
        file.flush()
        command = [os.path.join(TOOLS, "steady"), f"127.0.0.1:{program.port}", file.name, str(rate), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        first_in_line(process.pid)
        out = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{program.name}: the steady load failed")
    count, refused, *figures, _ = map(int, out.split())
    if refused:
        print(f"{program.name}: {refused} of {count} requests were not answered with 2xx", flush=True)
    return Times(figures[:3], figures[4:7])


def first_in_line(pid):
    """Has the system run this process as soon as it wakes, where it lets us: it does little at a time, and would wait for
    the programs that it measures otherwise."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("not allowed to run the steady load first: it will be late more often", flush=True)
