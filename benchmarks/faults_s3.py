"""An S3 server on loopback for the fault test: moto, one request at a time, that can be told to be busy.

    python -m benchmarks.faults_s3     prints its URL and serves until killed

moto looks whether a name is free and then writes, without a lock between the two; real servers decide both at once.
One request at a time makes it as strict as they are. A request whose path has "busy-K" in it is answered by 503 every
K-th time, as S3 does when it is asked too often.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

BUCKET = "faults"
SLOW_DOWN = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
)


@contextmanager
def server() -> Iterator[str]:
    """A server in a process of its own, with the bucket in it and this process's environment pointing to it."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.faults_s3"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        os.environ |= {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "faults", "AWS_SECRET_ACCESS_KEY": "faults"}
        os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"), timeout=30)
        yield url
    finally:
        process.kill()
        process.wait()


def serve() -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    turn, counts, moto = threading.Lock(), dict[str, int](), DomainDispatcherApplication(create_backend_app)

    def in_turn(environ, start_response):
        with turn:
            asked = f"{environ.get('PATH_INFO', '')}?{environ.get('QUERY_STRING', '')}"
            if found := re.search(r"busy-(\d+)", asked):
                count = counts[found[0]] = counts.get(found[0], 0) + 1
                if count % int(found[1]) == 0:
                    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else SLOW_DOWN
                    length = ("Content-Length", str(len(body)))
                    start_response("503 Slow Down", [("Content-Type", "application/xml"), length])
                    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                    return [body]
            return list(moto(environ, start_response))

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    listening = make_server("127.0.0.1", 0, in_turn, threaded=True)
    print(f"http://127.0.0.1:{listening.server_port}", flush=True)
    listening.serve_forever()


if __name__ == "__main__":
    serve()
