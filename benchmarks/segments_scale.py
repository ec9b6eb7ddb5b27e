"""What fingerprints cost: CPU time a frame and a second of sound, bytes a minute, and copies among very many clips."""

from __future__ import annotations

import resource
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
from anicaption.frames import frames
from anicaption.sound import sound
from animatrix_ingest.decide.duplicates import copies_of, duplicates
from animatrix_ingest.watch.fingerprint import PicturePrint
from animatrix_ingest.watch.fingerprint_sound import RATE_HZ, SoundPrint
from animatrix_ingest.watch.prints import PicturePrints, Prints, no_sound

from benchmarks.figures import Figure

RUNS, RUN_MS = 25, 120
PER_SOURCE = 50
PICTURE_MS, SOUND_MS = 0.5, 5.0


def cost_figures(video: Path) -> list[Figure]:
    """CPU time of both prints in this thread, on pictures as ingest shows them of a 720p source (456x256)."""
    print_, heard = None, SoundPrint()
    spent = n = 0
    for frame in frames(video):
        small = cv2.resize(frame.rgb(), (456, 256), interpolation=cv2.INTER_CUBIC)
        print_ = print_ or PicturePrint(frame.time_base)
        started = time.thread_time()
        print_.see(frame, small)
        spent += time.thread_time() - started
        n += 1
    assert print_ is not None
    pieces = list(sound(video, RATE_HZ))
    started = time.thread_time()
    for piece in pieces:
        heard.hear(piece)
    hashes = heard.prints()
    heard_s = time.thread_time() - started
    started = time.thread_time()
    for _ in sound(video, RATE_HZ):
        pass
    decoded_s = time.thread_time() - started
    seconds = len(hashes.hashes) * float(hashes.step_s)
    picture_ms, sound_ms = 1e3 * spent / n, 1e3 * heard_s / seconds
    kb = len(Prints(print_.prints(), hashes).to_bytes()) / 1e3 / seconds * 60
    aside = {"decoding the sound": 1e3 * decoded_s / seconds}
    return [
        Figure("picture print, CPU ms a 720p frame", picture_ms, {}, f"<= {PICTURE_MS}", picture_ms <= PICTURE_MS),
        Figure("sound print, CPU ms a second", sound_ms, aside, f"<= {SOUND_MS}", sound_ms <= SOUND_MS),
        Figure("prints, kB a minute", kb),
    ]


def scale_figures(n_clips: int) -> list[Figure]:
    """Copies among clips whose prints are made up: a tenth of them copies with some bits of every hash changed."""
    clips, prints, drawing = _made_up(n_clips)
    before = _peak_mib()
    started = time.process_time()
    found = duplicates(clips, copies_of(clips, prints))
    seconds = time.process_time() - started
    grown = _peak_mib() - before
    flagged = [(key, other) for key, other in zip(found["key"].to_pylist(), found["copy_of"].to_pylist()) if other]
    right = sum(drawing[key] == drawing[other] >= 0 for key, other in flagged)
    shown = [d for d in drawing.values() if d >= 0]
    wanted = len(shown) - len(set(shown))
    return [
        Figure(f"copies among {n_clips} made-up clips, CPU s", seconds),
        Figure(f"copies among {n_clips} made-up clips, peak memory grown by MiB", grown),
        Figure(f"copies among {n_clips} made-up clips, recall", right / max(1, wanted)),
        Figure(f"copies among {n_clips} made-up clips, precision", right / max(1, len(flagged))),
    ]


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _made_up(n_clips: int) -> tuple[pa.Table, dict[str, Prints], dict[str, int]]:
    rng = np.random.default_rng(9001)
    bank = _walks(rng, max(1, n_clips // 20))
    prints, rows, drawing = {}, [], {}
    for source in range(-(-n_clips // PER_SOURCE)):
        n = min(PER_SOURCE, n_clips - source * PER_SOURCE)
        hashes = _walks(rng, n)
        which = np.where(rng.random(n) < 0.1, rng.integers(len(bank), size=n), -1)
        noise = np.bitwise_or.reduce(np.uint64(1) << rng.integers(0, 64, (3, n, RUNS)).astype(np.uint64), axis=0)
        hashes[which >= 0] = (bank[which] ^ noise)[which >= 0]
        peaks = rng.integers(9, 60, n * RUNS).astype(np.uint8)
        pts = np.arange(n * RUNS, dtype=np.int64) * RUN_MS
        flat = hashes.reshape(-1)
        picture = PicturePrints(Fraction(1, 1000), pts, flat, np.full(len(flat), 9, np.uint8), peaks, n * RUNS * RUN_MS)
        prints[f"source-{source}"] = Prints(picture, no_sound())
        for k in range(n):
            key = f"{source:06d}-{k:03d}"
            drawing[key] = int(which[k])
            rows.append((key, f"source-{source}", k * RUNS * RUN_MS, (k + 1) * RUNS * RUN_MS))
    key, source, start, end = zip(*rows)
    same = {"time_base": ["1/1000"], "width_px": [640], "height_px": [360], "length": [400_000]}
    columns = {"key": key, "source": source, "start_pts": start, "end_pts": end}
    return pa.table({**columns, **{name: value * len(key) for name, value in same.items()}}), prints, drawing


def _walks(rng: np.random.Generator, n: int) -> np.ndarray:
    """uint64 (n, RUNS): hashes of shots; from run to run up to three bits change."""
    first = rng.integers(1, 2**63, (n, 1), dtype=np.uint64)
    flips = np.uint64(1) << rng.integers(0, 64, (n, RUNS - 1, 3)).astype(np.uint64)
    steps = np.bitwise_xor.reduce(np.where(rng.random(flips.shape) < 0.5, flips, np.uint64(0)), axis=2)
    return np.bitwise_xor.accumulate(np.concatenate([first, steps], axis=1), axis=1)
