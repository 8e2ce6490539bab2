"""Apps behind hookward that report every request as they read it: two real servers, and one that reads strictly."""
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time

from harness import ROOT, free_port, leave_nothing, wait_for_port


class RawApp:
    """Reads requests in the one form that hookward writes; whatever else comes is reported as unreadable."""
    name = "a strict reader"
    LINE = re.compile(r"([A-Z]+) (/[!-~]*) HTTP/1\.1")
    FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~\x80-\xff]*)")

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port, self.seen = self.listener.getsockname()[1], []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        except OSError:
            pass  # It was closed.

    def _serve(self, connection):
        stream, head = connection.makefile("rb"), b""
        try:
            while piece := stream.readline():
                head += piece
                if piece in (b"\r\n", b"\n"):
                    self.seen.append(self._read(head.decode("latin-1"), stream))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    head = b""
        except OSError:
            pass
        if head:
            self.seen.append({"unreadable": head.decode("latin-1")})

    def _read(self, head, stream):
        line, *fields = head[:-4].split("\r\n")
        line, fields = self.LINE.fullmatch(line), [self.FIELD.fullmatch(field) for field in fields]
        if not line or not all(fields):
            return {"unreadable": head}
        fields = [(field[1].lower(), field[2]) for field in fields]
        lengths = [value for name, value in fields if name == "content-length"]
        if len(lengths) != 1 or not lengths[0].isdecimal() or any(name == "transfer-encoding" for name, _ in fields):
            return {"unreadable": head}
        verified = [value for name, value in fields if name == "x-hookward-verified"]
        return {"method": line[1], "target": line[2], "verified": ", ".join(verified), "headers": fields,
                "body": stream.read(int(lengths[0])).decode("latin-1")}

    def requests(self):
        return list(self.seen)

    def stop(self):
        self.listener.close()


class NodeApp:
    """Node's own HTTP server."""
    name = "Node http"

    def __init__(self):
        command = ["node", os.path.join(ROOT, "interop/node/app.js")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        leave_nothing(self.process)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.seen = []
        threading.Thread(target=lambda: self.seen.extend(map(json.loads, self.process.stdout)), daemon=True).start()

    def requests(self):
        return list(self.seen)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


class NginxApp:
    """nginx: one server reads requests whole and logs them, another answers."""
    name = "nginx"

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.port, inner, path = free_port(), free_port(), self.folder.name
        with open(f"{path}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(f"""
daemon off; master_process off; pid {path}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  log_format seen escape=json '{{"method":"$request_method","target":"$request_uri",'
    '"verified":"$http_x_hookward_verified","smuggled":"$http_x_smuggled","body":"$request_body","status":"$status","line":"$request"}}';
  client_body_temp_path {path}/b; proxy_temp_path {path}/p; client_body_buffer_size 1m;
  fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;
  server {{
    listen 127.0.0.1:{self.port}; access_log {path}/seen.log seen; merge_slashes off;
    location / {{ proxy_pass http://127.0.0.1:{inner}; }}
  }}
  server {{ listen 127.0.0.1:{inner}; access_log off; location / {{ return 200 "ok"; }} }}
}}
""")
        self.log = f"{path}/seen.log"
        self.process = subprocess.Popen(["nginx", "-p", path, "-c", f"{path}/nginx.conf"], stderr=subprocess.DEVNULL)
        leave_nothing(self.process)
        wait_for_port(self.port, self.process)

    def requests(self):
        with open(self.log, encoding="utf-8") as file:
            seen = [json.loads(line) for line in file if line.endswith("\n")]
        # A connection that was opened and closed without a byte is logged as 400 without a line.
        return [request for request in seen if request["line"]]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def settled(app, sentinel, seconds=30):
    """Everything seen before the request with this body, which was sent last."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        requests = app.requests()
        if any(request.get("body") == sentinel for request in requests):
            return [request for request in requests if request.get("body") != sentinel]
        time.sleep(0.02)
    raise SystemExit(f"{app.name} did not see the last request")
