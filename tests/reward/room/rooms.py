"""Rooms for tests: clips that need no pixels, people who entered, and answers as a page would send them."""

import itertools
import json
import shutil
import sqlite3
import tempfile
import uuid
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from anicaption.frames import write_video
from animatrix_reward.room import people, tables
from animatrix_reward.room.add import Coming, Seen, add
from animatrix_reward.room.assign import Task
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import Store, now_s
from starlette.responses import Response

MOTIONS = ("hold", "walk", "impact")
MODELS = ("Acme-Film-9", "Borealis-2b", "Cumulus-14B")


def clip(number: int, prompt: str, model: str, motion: str, folder: Path = Path("clips"), **changed) -> Coming:
    """A clip that nobody decoded."""
    facts = {
        "id": f"c-{number}",
        "prompt": prompt,
        "text": f"what {prompt} asks",
        "tags": {"camera.move": ["pan_left"]},
        "image": None,
        "model": model,
        "path": folder / f"{model}-{number}.mp4",
        "sha256": f"{number:064x}",
        "rating": "general",
        "split": "train",
        "motion": motion,
        "seen": Seen(24, 24.0, False),
    }
    return Coming(**{**facts, **changed})


@cache
def _empty() -> Path:
    """A database with tables and nothing in them."""
    folder = Path(tempfile.mkdtemp())
    Store(Settings(folder)).close()
    with sqlite3.connect(folder / "room.sqlite") as made:
        made.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / "room.sqlite"


def prepared(folder: Path) -> Path:
    """A room's folder whose tables are made already: migrating takes longer than most tests."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(_empty(), folder / "room.sqlite")
    return folder


def fill(store: Store, n_prompts: int = 6, models=MODELS) -> None:
    """Clips of every model for so many prompts, each prompt of one kind of motion."""
    numbers = itertools.count()
    add(
        store,
        [
            clip(next(numbers), f"prompt-{n}", model, MOTIONS[n % len(MOTIONS)])
            for n in range(n_prompts)
            for model in models
        ],
        "test",
    )


def room(folder: Path, n_prompts: int = 6, **settings) -> Store:
    """A room with clips."""
    store = Store(Settings(prepared(folder), **settings))
    fill(store, n_prompts)
    return store


def somebody(store: Store, name: str = "Aoi", role: str = "rater") -> people.Person:
    """A person in the room."""
    with store.write() as session:
        row = tables.Person(
            id=f"p-{uuid.uuid4().hex[:12]}", name=name, roles=[role], epoch=0, active=True, made_at_s=now_s()
        )
        session.add(row)
        return people.Person(row.id, row.name, (role,))


def answer(task: Task | dict, verdict: str = "left", **more) -> dict:
    """What the page sends for a task."""
    facts = task if isinstance(task, dict) else {"id": task.id, "about": task.about, "kind": task.kind,
                                                 "clips": [{"token": c.token} for c in task.clips]}  # fmt: skip
    tokens = [c["token"] for c in facts["clips"]]
    span = {"start": 2, "end": 5, "kind": "smear_stretch", "verdict": "intentional", "severity": 2,
            "cues": ["recovery"], "box": [0.1, 0.1, 0.5, 0.5]}  # fmt: skip
    body = {
        "compare": lambda: {"left": tokens[0], "right": tokens[1], "dimension": "overall", "verdict": verdict},
        "rate": lambda: {"clip": tokens[0], "scores": {"anime_aesthetic": 4, "face_topology": 2}},
        "deform": lambda: {"clip": tokens[0], "spans": [span], "none": False},
        "correct": lambda: {"clip": tokens[0], "tags": {"camera.move": ["pan_right"]}},
    }[facts["about"]]()
    body |= more
    if facts["kind"] in ("adjudicate", "gold"):
        body = {"kind": facts["about"], "body": body}
    return {
        "id": str(uuid.uuid4()),
        "task": facts["id"],
        "kind": facts["kind"],
        "body": body,
        "made_at_ms": 1_760_000_000_000,
    }


def drawn(path: Path, n_frames: int = 8, seed: int = 0) -> Path:
    """A little real clip."""
    rng = np.random.default_rng(seed)
    still = rng.integers(0, 255, (48, 64, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, (np.roll(still, n, 1) for n in range(n_frames)), Fraction(24))
    return path


def row(**changed) -> dict:
    """A line of a list of clips."""
    return {
        "prompt": "p-0",
        "model": MODELS[0],
        "path": "a.mp4",
        "rating": "general",
        "motion": "walk",
        "tags": {"camera.move": ["pan_left"]},
        "text": "she turns",
        **changed,
    }


def listed(folder: Path, rows: list) -> Path:
    """A list of clips as a file; what is no dict is written as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "clips.jsonl"
    path.write_text("".join(f"{json.dumps(row) if isinstance(row, dict) else row}\n" for row in rows), "utf-8")
    return path


def enter(client, store: Store, role: str = "rater", name: str = "Aoi"):
    """Let a client in as somebody: it keeps the cookie, and its forgery token as a header."""
    with store.write() as session:
        invitation = people.invite(session, (role,))
    sessions = people.Sessions(store.settings)
    visitor = people.Ticket("visitor")
    response = Response()
    sessions.give(response, visitor)
    cookie = response.headers["set-cookie"].split(";")[0].split("=", 1)[1]
    client.headers[people.CSRF_HEADER] = sessions.csrf(visitor)
    client.headers["cookie"] = f"{people.COOKIE}={cookie}"
    answer_ = client.post("/api/enter", json={"token": invitation, "name": name})
    assert answer_.status_code == 200, answer_.text
    del client.headers["cookie"]
    client.headers[people.CSRF_HEADER] = answer_.json()["csrf"]
    return answer_.json()
