"""An S3 server on loopback: moto, one request at a time.  python s3_server.py  prints its URL and serves until killed.

moto looks whether a name is free and then writes, without a lock between the two; real servers decide both at once.
One request at a time makes it as strict as they are.
"""

from __future__ import annotations

import logging
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

turn = threading.Lock()
moto = DomainDispatcherApplication(create_backend_app)


def in_turn(environ, start_response):
    with turn:
        return list(moto(environ, start_response))


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, in_turn, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
