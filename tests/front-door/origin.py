"""An origin for slow visitors: takes content to its last byte, and has a page that is too long for any socket's buffer."""
import http.server
import sys

LARGE = b"." * (32 << 20)


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = LARGE if self.path.startswith("/large") else b"hello\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        taken = self.rfile.read(length)
        self.send_response(200 if len(taken) == length else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
print(server.server_address[1], flush=True)
sys.stdout.close()
server.serve_forever()
