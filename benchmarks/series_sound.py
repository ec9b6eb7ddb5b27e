"""A small synthesiser for drawn series: theme songs, jingles, dialogue and rooms, as mono float32 sound from seeds."""

from __future__ import annotations

import numpy as np

RATE_HZ = 48000
_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def music(seed: int, length_s: float, vocal: int | None = None) -> np.ndarray:
    """A song: chords, bass, drums and, sung over them, the melody of the seed `vocal`."""
    rng = np.random.default_rng([seed, 1])
    beat_s = 60 / rng.uniform(96, 168)
    root = int(rng.integers(45, 57))
    out = np.zeros(round(length_s * RATE_HZ) + RATE_HZ, np.float32)
    degrees = rng.integers(0, 7, 64).tolist()
    for i in range(int(length_s / beat_s) + 1):
        chord = [root + _note(degrees[i // 4 % 64] + step) for step in (0, 2, 4)]
        if i % 4 == 0:
            for pitch in chord:
                _add(out, i * beat_s, _tone(pitch, 4 * beat_s, 0.10, 4))
        _add(out, i * beat_s, _tone(chord[0] - 12, beat_s, 0.20, 3))
        _add(out, i * beat_s, _tone(chord[rng.integers(3)] + 12, beat_s / 2, 0.10, 5))
        _add(out, i * beat_s, _drum(rng, 0.25 if i % 2 else 0.5))
    if vocal is not None:
        _sing(out, vocal, root, beat_s, length_s)
    return out[: round(length_s * RATE_HZ)]


def dialogue(seed: int, length_s: float) -> np.ndarray:
    """Talk-like sound: voiced syllables in phrases with pauses, over a faint room."""
    rng = np.random.default_rng([seed, 2])
    out = rng.normal(0, 0.003, round(length_s * RATE_HZ) + RATE_HZ).astype(np.float32)
    at = rng.uniform(0, 0.5)
    while at < length_s:
        voice_hz, syllables = rng.uniform(110, 280), rng.integers(3, 12)
        for _ in range(syllables):
            n_s = rng.uniform(0.09, 0.22)
            _add(out, at, _voice(rng, voice_hz * rng.uniform(0.9, 1.15), n_s))
            at += n_s * rng.uniform(0.9, 1.2)
        at += rng.exponential(0.7)
    return out[: round(length_s * RATE_HZ)]


def silence(length_s: float) -> np.ndarray:
    return np.zeros(round(length_s * RATE_HZ), np.float32)


def _note(degree: int) -> int:
    return int(_SCALE[degree % 7] + 12 * (degree // 7))


def _hz(pitch: float) -> float:
    return 440.0 * 2 ** ((pitch - 69) / 12)


def _tone(pitch: float, length_s: float, gain: float, harmonics: int) -> np.ndarray:
    t = np.arange(round(length_s * RATE_HZ), dtype=np.float32) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * _hz(pitch) * k * t) / k for k in range(1, harmonics + 1))
    return gain * wave * np.exp(-2.5 * t / length_s) * np.minimum(1, t / 0.005)


def _drum(rng: np.random.Generator, gain: float) -> np.ndarray:
    t = np.arange(round(0.12 * RATE_HZ), dtype=np.float32) / RATE_HZ
    return gain * rng.normal(0, 0.3, len(t)).astype(np.float32) * np.exp(-40 * t)


def _voice(rng: np.random.Generator, pitch_hz: float, length_s: float) -> np.ndarray:
    """One syllable: a buzz through two formants that no other syllable has quite alike."""
    t = np.arange(round(length_s * RATE_HZ), dtype=np.float32) / RATE_HZ
    formants = rng.uniform(300, 900), rng.uniform(1000, 2600)
    wave = np.zeros_like(t)
    for k in range(1, 14):
        hz = pitch_hz * k
        level = sum(np.exp(-(((hz - f) / 250) ** 2)) for f in formants) + 0.05
        wave += level * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6.28))
    return (0.12 * wave * np.sin(np.pi * t / length_s)).astype(np.float32)


def _sing(out: np.ndarray, seed: int, root: int, beat_s: float, length_s: float) -> None:
    rng = np.random.default_rng([seed, 3])
    at = 0.0
    while at < length_s:
        n_s = beat_s * rng.choice([0.5, 1.0, 1.5])
        if rng.random() < 0.85:
            _add(out, at, 1.5 * _voice(rng, _hz(root + 12 + _note(int(rng.integers(0, 9)))), n_s))
        at += n_s


def _add(out: np.ndarray, at_s: float, sound: np.ndarray) -> None:
    start = round(at_s * RATE_HZ)
    part = out[start : start + len(sound)]
    part += sound[: len(part)]
