"""Fingerprints know a picture and a sound again after what happens to films, and take nothing for something."""

from fractions import Fraction
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from anicaption.sound import Sound
from animatrix_ingest.watch.fingerprint import PicturePrint, hash_of
from animatrix_ingest.watch.fingerprint_sound import HOP, RATE_HZ, SoundPrint
from animatrix_ingest.watch.prints import FLAT, Prints, PrintsError, no_sound

BASE = Fraction(1, 1000)


def painting(seed: int, height_px: int = 144, width_px: int = 256) -> np.ndarray:
    rng = np.random.default_rng(seed)
    lumps = rng.integers(0, 256, (6, 9, 3)).astype(np.float32)
    return cv2.resize(lumps, (width_px, height_px), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def printed(pictures, step_pts: int = 42) -> PicturePrint:
    observer = PicturePrint(BASE)
    for i, picture in enumerate(pictures):
        observer.see(SimpleNamespace(pts=i * step_pts, index=i), picture)
    return observer


def bits(one: np.ndarray, other: np.ndarray) -> int:
    hashes = [int(printed([picture]).prints().hashes[0]) for picture in (one, other)]
    return (hashes[0] ^ hashes[1]).bit_count()


def lettered(picture):
    out = picture.copy()
    cv2.putText(out, "staff: someone", (8, 130), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return out


CHANGES = {
    "brighter": (lambda p: cv2.convertScaleAbs(p, alpha=0.8, beta=20), 4),
    "smaller": (lambda p: cv2.resize(p, (160, 90), interpolation=cv2.INTER_AREA), 4),
    "letterbox": (lambda p: np.pad(p, ((20, 20), (0, 0), (0, 0))), 6),
    "pillarbox": (lambda p: np.pad(p, ((0, 0), (40, 40), (0, 0))), 6),
    "cropped": (lambda p: p[4:-4, 6:-6], 14),
    "lettered": (lettered, 8),
    "noise": (lambda p: (p + np.random.default_rng(0).normal(0, 12, p.shape)).clip(0, 255).astype(np.uint8), 6),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_picture_is_known_again(name):
    change, most = CHANGES[name]
    found = [bits(painting(seed), change(painting(seed))) for seed in range(12)]
    assert np.mean(found) <= most


def test_strangers_differ():
    found = [bits(painting(seed), painting(seed + 100)) for seed in range(30)]
    assert min(found) > 15 and 26 < np.mean(found) < 38


def test_a_held_drawing_is_one_run_and_a_mouth_opens_another():
    still, spoken = painting(1), painting(1)
    cv2.ellipse(spoken, (128, 90), (6, 4), 0, 0, 360, (20, 0, 0), -1)
    prints = printed([still] * 20 + [spoken] * 4 + [still] * 10).prints()
    assert prints.pts.tolist() == [0, 20 * 42, 24 * 42]
    assert prints.jumps.max() < 3 and prints.peaks[1] > 30
    assert prints.end_pts == 33 * 42


def test_a_pan_on_ones_does_not_flood():
    wide = painting(2, 144, 1024)
    prints = printed([wide[:, 6 * i : 6 * i + 256] for i in range(96)]).prints()
    assert len(prints.pts) / (96 * 0.042) <= 13


@pytest.mark.parametrize("level", [0, 17, 128, 255])
def test_plain_pictures_say_nothing(level):
    plain = np.full((36, 64), level, np.uint8)
    assert hash_of(plain) == FLAT
    noisy = (plain + np.random.default_rng(1).normal(0, 1.5, plain.shape)).clip(0, 255).astype(np.uint8)
    assert hash_of(noisy) == FLAT


def noise_sound(seed: int, seconds: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = [np.sin(2 * np.pi * f * t + p) * (1 + np.sin(2 * np.pi * m * t)) for f, p, m in rng.uniform(
        [300, 0, 0.5], [3000, 6, 4], (25, 3))]  # fmt: skip
    return (0.02 * np.sum(tones, 0)).astype(np.float32)


def heard(samples: np.ndarray, start: int = 0, piece: int = 1024):
    print_ = SoundPrint()
    for at in range(0, len(samples), piece):
        print_.hear(Sound(start + at, RATE_HZ, samples[at : at + piece]))
    return print_.prints()


def error(one, other) -> float:
    n = min(len(one), len(other)) - 8
    return float(np.bitwise_count(one[4:n] ^ other[4:n]).mean() / 32)


def test_sound_is_known_again_quieter_dirtier_and_cut_elsewhere():
    wave = noise_sound(1, 12)
    clean = heard(wave)
    rng = np.random.default_rng(2)
    assert error(clean.hashes, heard(0.2 * wave).hashes) < 0.01
    assert error(clean.hashes, heard(wave + rng.normal(0, 0.01, len(wave)).astype(np.float32)).hashes) < 0.25
    assert error(clean.hashes, heard(wave[HOP * 10 + HOP // 2 :]).hashes[-len(clean.hashes) :]) > 0.3  # not aligned
    assert error(clean.hashes[10:], heard(wave[HOP * 10 + HOP // 2 :]).hashes) < 0.25
    assert 0.4 < error(clean.hashes, heard(noise_sound(3, 12)).hashes) < 0.6


def test_pieces_make_no_difference_and_a_gap_is_silence():
    wave = noise_sound(1, 6)
    assert np.array_equal(heard(wave).hashes, heard(wave, piece=7777).hashes)
    late = heard(wave, start=RATE_HZ * 3)
    n_before = 3 * RATE_HZ // HOP - 6
    assert not late.hashes[:n_before].any() and late.hashes[n_before + 8 :].any()


def test_the_wrong_rate_is_refused():
    with pytest.raises(ValueError, match="8000 Hz"):
        SoundPrint().hear(Sound(0, 8000, np.zeros(10, np.float32)))


def test_prints_come_back_from_their_bytes():
    prints = Prints(printed([painting(i // 5) for i in range(60)]).prints(), heard(noise_sound(1, 4)))
    data = prints.to_bytes()
    again = Prints.from_bytes(data)
    assert data == prints.to_bytes() and again.to_bytes() == data
    for name in ("pts", "hashes", "jumps", "peaks"):
        assert np.array_equal(getattr(again.picture, name), getattr(prints.picture, name))
    assert (again.picture.time_base, again.picture.end_pts) == (BASE, prints.picture.end_pts)
    assert np.array_equal(again.sound.hashes, prints.sound.hashes) and again.sound.step_s == prints.sound.step_s


def test_prints_of_nothing_and_bytes_that_are_none():
    empty = Prints(PicturePrint(BASE).prints(), no_sound())
    assert len(Prints.from_bytes(empty.to_bytes()).picture.pts) == 0
    data = Prints(printed([painting(1)]).prints(), no_sound()).to_bytes()
    for broken in (b"something else", data[:-4], data[:30]):
        with pytest.raises(PrintsError, match="ingest the source again"):
            Prints.from_bytes(broken)
