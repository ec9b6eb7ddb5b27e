"""A server of the OpenAI protocol on loopback whose model thinks differently each time it is asked."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Endpoint:
    """`asked` counts how often each body came; `most` is how many requests were worked on at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.asked: Counter[str] = Counter()
        self.status, self.most, self._now = 200, 0, 0
        self.seconds = seconds
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _reply(self, body: bytes) -> dict:
        """Probabilities of the labels that the question allows, at random; a text where JSON is wanted."""
        asked = json.loads(body)
        if "response_format" in asked:
            required = asked["response_format"]["json_schema"]["schema"]["required"]
            return {"choices": [{"message": {"content": json.dumps(dict.fromkeys(required, "words"))}}]}
        labels = asked["structured_outputs"]["choice"]
        best = random.SystemRandom().choice(labels)
        rest = 0.1 / max(1, len(labels) - 1)
        top = [{"token": label, "logprob": math.log(0.9 if label == best else rest)} for label in labels]
        return {"choices": [{"message": {"content": best}, "logprobs": {"content": [{"top_logprobs": top}]}}]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(200, {"data": []})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with server._lock:
                    server.asked[hashlib.sha256(body).hexdigest()] += 1
                    server._now += 1
                    server.most = max(server.most, server._now)
                time.sleep(server.seconds)
                reply = server._reply(body)
                with server._lock:
                    server._now -= 1
                self._send(server.status, reply if server.status == 200 else {"error": "no such model"})

            def _send(self, status: int, reply: dict) -> None:
                data = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None: ...

        return Handler
