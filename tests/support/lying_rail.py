# SPDX-License-Identifier: Apache-2.0
"""A rail behind HTTP that fails in every way one can, and keeps honest books:
whoever asks it later learns what it did. It moves money once for each key."""

import hashlib
import hmac
import json
import random
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# What becomes of a request. "before" and "after" the rail acts on it.
MOODS = ("ok", "ok", "ok", "close_before", "close_after", "error_before",
         "error_after", "garbage_after", "redirect_before", "busy_before",
         "bare_404", "late", "another_after")


class LyingRail:
    def __init__(self, secret, seed=0, moods=MOODS, certificate=None):
        """`certificate`: a file with it and its key, to speak TLS."""
        self.secret = bytes.fromhex(secret)
        self.numbers = random.Random(seed)
        self.moods = moods
        self.lock = threading.Lock()
        self.payouts = {}  # key: what it was asked for, and its state
        self.moved = {}  # key: how often money moved for it
        self.refused_addresses = set()
        rail = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                rail.handle(self)

            def do_GET(self):
                rail.handle(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket,
                                                     server_side=True)
        self.url = (f"http{'s' if certificate else ''}://127.0.0.1:"
                    f"{self.server.server_address[1]}/v1")
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def is_signed(self, handler, body):
        when = handler.headers.get("Archpool-Time", "")
        message = f"{when}.{handler.command}.{handler.path}.".encode() + body
        expected = hmac.new(self.secret, message, hashlib.sha256).hexdigest()
        return (when.isdigit() and abs(time.time() - int(when)) < 300
                and hmac.compare_digest(
                    expected, handler.headers.get("Archpool-Signature", "")))

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if not self.is_signed(handler, body):
            return self.answer(handler, 401, b"{}")
        with self.lock:
            mood = self.numbers.choice(self.moods)
        if mood == "close_before":
            return self.hang_up(handler)
        if mood == "error_before":
            return self.answer(handler, 500, b"oops")
        if mood == "busy_before":
            return self.answer(handler, 429, b'{"state": "refused"}')
        if mood == "redirect_before":
            return self.answer(handler, 302, b"", {"Location": self.url})
        if mood == "bare_404":
            return self.answer(handler, 404, b"no such page")
        if mood == "late":
            time.sleep(0.3)
        with self.lock:
            status, answer = self.act(handler, body)
        if mood == "close_after":
            return self.hang_up(handler)
        if mood == "error_after":
            return self.answer(handler, 503, b"{}")
        if mood == "garbage_after":
            return self.answer(handler, 200, b'{"key": "')
        if mood == "another_after":
            # As for a key that stands for another payout there.
            answer = {**answer, "coins": "1000000", "state": "settled",
                      "reference": "tx-of-another"}
        return self.answer(handler, status, json.dumps(answer).encode())

    def act(self, handler, body):
        if handler.command == "GET":
            if "?" in handler.path:
                return 200, self.list_since(handler.path)
            key = handler.path.rsplit("/", 1)[1]
            known = self.payouts.get(key)
            if known is None:
                return 404, {"key": key, "state": "never_seen"}
            if known["state"] == "sent":
                self.settle(key)
            return 200, self.payouts[key]
        asked = json.loads(body)
        key = asked["key"]
        assert handler.headers["Idempotency-Key"] == key
        if key not in self.payouts:
            self.payouts[key] = {**asked, "state": "sent", "reference": ""}
            if asked["address"] in self.refused_addresses:
                self.payouts[key].update(state="refused",
                                         reason="ADDRESS_UNKNOWN")
            elif self.numbers.random() < 0.5:
                self.settle(key)
        return 202, self.payouts[key]

    def list_since(self, path):
        """In pages of two, whatever the time: a rail may say more than was asked."""
        after = parse_qs(urlsplit(path).query).get("after", [""])[0]
        keys = list(self.payouts)
        begin = keys.index(after) + 1 if after else 0
        page = keys[begin:begin + 2]
        answer = {"payouts": [self.payouts[key] for key in page]}
        if begin + 2 < len(keys):
            answer["next"] = page[-1]
        return answer

    def settle(self, key):
        self.moved[key] = self.moved.get(key, 0) + 1
        self.payouts[key].update(state="settled", reference=f"tx-{key[:8]}")

    def answer(self, handler, status, body, headers=None):
        try:
            handler.send_response(status)
            for name, value in (headers or {}).items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True

    def hang_up(self, handler):
        handler.close_connection = True
