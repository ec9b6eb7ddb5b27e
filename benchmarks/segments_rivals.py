"""Plain ways to find what episodes share, beside ours: run matching of per-frame pHash, cross-correlation of sound.

pHash is the usual one: 32x32 luma, cosine transform, 8x8 against their median. Equal runs of frames (up to 10 of 64
bits off, as its users take it) between all pairs of episodes get the same rules of length and place as ours.
Chromaprint is not here: its Python binding needs the fpcalc binary, which no wheel brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from anicaption.frames import frames
from anicaption.sound import sound

Span = tuple[float, float]
NEAR_BITS = 10
SOUND_HZ = 1000
WINDOW_S, STEP_S, LEAST_LIKE = 4, 2, 0.5


def phashes(path: Path) -> np.ndarray:
    """uint64 (N,): the pHash of every frame."""
    found = []
    for frame in frames(path):
        grey = cv2.cvtColor(frame.rgb(96), cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
        low = cv2.dct(small)[:8, :8].ravel()
        found.append(int(np.packbits(low > np.median(low)).view(">u8")[0]))
    return np.array(found, np.uint64)


def by_phash(hashes: Sequence[np.ndarray], rate: float) -> list[dict[str, list[Span]]]:
    """Roles by runs of like frames: at least half of the others must share a run of a second or more."""
    n = len(hashes)
    shared = [np.zeros((n, len(h)), bool) for h in hashes]
    for a in range(n):
        for b in range(a + 1, n):
            for start, end, lag in _runs(hashes[a], hashes[b], round(rate)):
                shared[a][b, start:end] = True
                shared[b][a, start + lag : end + lag] = True
    return [_placed(one, rate) for one in shared]


def _runs(a: np.ndarray, b: np.ndarray, least: int):
    """(start, end, lag) of runs of like frames along every diagonal."""
    for lag in range(-len(a) + least, len(b) - least):
        start = max(0, -lag)
        end = min(len(a), len(b) - lag)
        like = np.bitwise_count(a[start:end] ^ b[start + lag : end + lag]) <= NEAR_BITS
        if like.sum() < least:
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[0], like.view(np.int8), [0]])))
        for first, last in zip(edges[::2], edges[1::2]):
            if last - first >= least:
                yield int(start + first), int(start + last), lag


def by_correlation(paths: Sequence[Path]) -> list[dict[str, list[Span]]]:
    """Roles by windows of sound that another episode has too, at one lag or another."""
    waves = [_wave(path) for path in paths]
    size = 1 << int(np.ceil(np.log2(max(map(len, waves)) + WINDOW_S * SOUND_HZ)))
    spectra = [np.fft.rfft(wave, size) for wave in waves]
    shared = [np.zeros((len(waves), len(w) // SOUND_HZ + 1), bool) for w in waves]
    for a, wave in enumerate(waves):
        for b, other in enumerate(waves):
            if a != b:
                for at in range(0, len(wave) // SOUND_HZ - WINDOW_S + 1, STEP_S):
                    window = wave[at * SOUND_HZ : (at + WINDOW_S) * SOUND_HZ]
                    if _correlates(window, other, spectra[b], size):
                        shared[a][b, at : at + WINDOW_S] = True
    return [_placed(one, 1.0) for one in shared]


def _wave(path: Path) -> np.ndarray:
    pieces = list(sound(path, SOUND_HZ))
    out = np.zeros(max(p.start_sample + len(p.samples) for p in pieces), np.float32)
    for piece in pieces:
        out[piece.start_sample : piece.start_sample + len(piece.samples)] = piece.samples
    return out


def _correlates(window: np.ndarray, wave: np.ndarray, spectrum: np.ndarray, size: int) -> bool:
    power = float((window**2).sum())
    if power < 1e-3:
        return False
    cross = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, size)), size)[: len(wave) - len(window)]
    summed = np.concatenate([[0], np.cumsum(wave.astype(np.float64) ** 2)])
    local = summed[len(window) :][: len(cross)] - summed[: len(cross)]
    return bool(np.max(cross / np.sqrt(np.maximum(1e-6, local) * power)) > LEAST_LIKE)


def _placed(shared: np.ndarray, rate: float) -> dict[str, list[Span]]:
    """Stretches that at least half of the others share become themes and eyecatches; others by place."""
    n_others, n = len(shared) - 1, shared.shape[1]
    common, some = shared.sum(0) >= n_others / 2, shared.any(0)
    found: dict[str, list[Span]] = {}
    for start, end in _stretches(common):
        middle, length_s = (start + end) / 2 / n, (end - start) / rate
        if length_s >= 8:
            role = "opening" if middle < 0.5 else "ending"
        else:
            role = "eyecatch" if 0.25 < middle < 0.75 and length_s >= 1 else ""
        if role:
            found.setdefault(role, []).append((start / rate, end / rate))
    for start, end in _stretches(some & ~common):
        middle, length_s = (start + end) / 2 / n, (end - start) / rate
        role = "recap" if middle < 0.3 else "preview" if middle > 0.85 else ""
        if role and length_s >= 2.5:
            found.setdefault(role, []).append((start / rate, end / rate))
    return found


def _stretches(flags: np.ndarray):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))
