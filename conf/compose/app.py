"""The app of compose.yaml: prints what it receives, and answers 200. It trusts X-Hookward-Verified because no other container
than hookward reaches it: its network has these two alone, and none of its ports is published.
"""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Longer than hookward keeps an idle connection.
    timeout = 30

    def do_GET(self):
        self.answer(b"ok\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        print(self.headers.get("X-Hookward-Route"), self.headers.get("X-Hookward-Verified"), self.path, body.decode(errors="replace"),
              flush=True)
        self.answer(b"taken\n")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("0.0.0.0", 3000), App).serve_forever()
