"""A real server for a browser, as a process that can be killed: python serving.py FOLDER PORT."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from animatrix_reward.room import people
from animatrix_reward.room.add import Coming, Seen, add
from animatrix_reward.room.settings import Limits, Settings, Shares
from animatrix_reward.room.store import Store


def settings_of(folder: Path) -> Settings:
    """A room in which nobody runs out of tasks, and a test may let many people enter."""
    return Settings(folder, shares=Shares(0.7, 0.3, 0, 0), raters=99, limits=Limits(enter_per_minute=600))


@dataclass
class Serving:
    """A room in a folder, served on a port of its own."""

    folder: Path
    process: subprocess.Popen | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.store = Store(settings_of(self.folder))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, clips: list[dict]) -> None:
        """Clips of {prompt, text, tags, model, path, n_frames, flashing}, as if a list had brought them."""
        add(
            self.store,
            [
                Coming(
                    id=f"c-{number}-{clip['prompt']}",
                    prompt=clip["prompt"],
                    text=clip["text"],
                    tags=clip.get("tags", {}),
                    image=None,
                    model=clip["model"],
                    path=clip["path"],
                    sha256=hashlib.sha256(clip["path"].read_bytes()).hexdigest(),
                    rating="general",
                    split="train",
                    motion="walk",
                    seen=Seen(clip["n_frames"], 24.0, clip.get("flashing", False)),
                )
                for number, clip in enumerate(clips)
            ],
            "browser tests",
        )

    def invitation(self, *roles: str) -> str:
        with self.store.write() as session:
            return people.invite(session, roles or ("rater",), uses=50)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(self.folder), str(self.port)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{self.url}/enter", timeout=2)
                return
            except OSError:
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.05)
        raise AssertionError("the server did not answer")

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


def main(folder: str, port: str) -> None:
    import uvicorn
    from animatrix_reward.room.app import create_app

    uvicorn.run(create_app(settings_of(Path(folder))), host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
