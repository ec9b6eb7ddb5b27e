"""Bundles of frames: every picture and time as decoded, made once, kept within bounds; what is broken says so."""

import io
import struct
from concurrent.futures import wait
from fractions import Fraction

import numpy as np
import pytest
from anicaption.frames import encode_timed, read_clip, read_pts, write_video
from animatrix_reward.room import decode
from animatrix_reward.room.decode import make
from animatrix_reward.room.frames import Broken, Bundles, Shown, unpack
from PIL import Image


def moving(n: int, hold: int = 1) -> list[np.ndarray]:
    """A disc that goes its way over a striped ground, each drawing held."""
    rows, columns = np.mgrid[:72, :128]
    ground = np.stack([120 + 40 * (columns // 16 % 2), 140 + rows // 2, 160 - rows // 2], -1).astype(np.uint8)
    made = []
    for index in range(n):
        number = index // hold
        picture = ground.copy()
        x, y = 12 + 9 * number % 104, 36 + round(20 * np.sin(1.7 * number))
        picture[(columns - x) ** 2 + (rows - y) ** 2 < 100] = (220, 40 + 60 * (number % 3), 30)
        made.append(picture)
    return made


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    write_video(path, moving(60, hold=2), Fraction(24000, 1001))
    return path


def pictures(folder, shown):
    coded = [part for number in range(len(shown.bundles)) for part in unpack((folder / f"{number}.bin").read_bytes())]
    return np.stack([np.asarray(Image.open(io.BytesIO(part)).convert("RGB")) for part in coded])


def test_every_frame_and_time_as_decoded(clip, tmp_path):
    shown = make(clip, tmp_path)
    assert isinstance(shown, Shown)
    assert np.array_equal(pictures(tmp_path, shown), read_clip(clip)), "flat drawings are kept without loss"
    base, pts = read_pts(clip)
    assert np.allclose(shown.pts_ms, [float((p - pts[0]) * base * 1000) for p in pts], atol=1e-6)
    assert shown.end_ms == pytest.approx(60 * 1001 / 24, abs=0.1)
    assert shown.drawing == tuple(1 + i // 2 for i in range(60))
    assert not shown.flashing
    assert [bundle.start for bundle in shown.bundles] == [0, 6, 30, 54] and shown.bundles[-1].count == 6


def test_large_pictures_are_jpeg_and_near(tmp_path):
    large = [np.repeat(np.repeat(picture, 12, 0), 12, 1) for picture in moving(3)]
    path = tmp_path / "large.mp4"
    write_video(path, large, Fraction(24))
    (tmp_path / "out").mkdir()
    shown = make(path, tmp_path / "out")
    assert unpack((tmp_path / "out" / "0.bin").read_bytes())[0][:2] == b"\xff\xd8"
    assert np.abs(pictures(tmp_path / "out", shown).astype(int) - read_clip(path)).mean() < 2


def test_variable_rate_keeps_its_stamps(tmp_path):
    stamps = [0, 40, 90, 91, 300, 700]
    path = tmp_path / "vfr.mp4"
    path.write_bytes(encode_timed(zip(moving(6), stamps, strict=True), Fraction(1, 1000), lambda _: None).data)
    shown = make(path, tmp_path)
    assert shown.pts_ms == tuple(map(float, stamps))
    assert shown.end_ms > 700


def test_same_pixels_are_stored_once(tmp_path):
    writing = decode._Writing(tmp_path)
    picture = moving(1)[0]
    for index in range(10):
        writing.add(picture if index < 8 else 255 - picture)
    bundles = list(writing.rest())
    data = (tmp_path / "1.bin").read_bytes()
    index = struct.unpack_from("<8I", data, 4)
    assert [bundle.count for bundle in bundles] == [6, 4]
    assert index[0] == index[2] != index[4] == index[6]


def test_ten_at_once_make_one_decode(clip, tmp_path):
    bundles = Bundles(tmp_path / "cache")
    sha256 = decode._hash(clip)
    asked = [bundles.ask(clip, sha256) for _ in range(10)]
    wait(asked)
    assert bundles.n_decoded == 1 and all(one.result() == asked[0].result() for one in asked)
    assert bundles.ask(clip, sha256).result() == asked[0].result() and bundles.n_decoded == 1
    assert Bundles(tmp_path / "cache").ask(clip, sha256).result() == asked[0].result(), "another process finds it"
    assert not list((tmp_path / "cache").glob(".making-*"))


def test_the_folder_keeps_its_bound(tmp_path):
    clips = []
    for number in range(4):
        clips.append(tmp_path / f"{number}.mp4")
        write_video(clips[-1], moving(12 + number), Fraction(24))
    hashes = [decode._hash(path) for path in clips]
    one = Bundles(tmp_path / "measure")
    size = sum(bundle.n_bytes for bundle in one.ask(clips[0], hashes[0]).result().bundles)
    bundles = Bundles(tmp_path / "cache", limit_bytes=3 * size, workers=1)
    for path, sha256 in zip(clips, hashes, strict=True):
        bundles.ask(path, sha256).result()
    kept = [sha256 for sha256 in hashes if bundles.file(sha256, 0).exists()]
    assert hashes[-1] in kept and hashes[0] not in kept
    assert isinstance(bundles.ask(clips[0], hashes[0]).result(), Shown), "what went is made again"
    assert bundles.n_decoded == 5


@pytest.mark.parametrize("damage", ["truncated", "no film", "empty", "another"])
def test_what_cannot_be_read_is_a_row(clip, tmp_path, damage):
    data = clip.read_bytes()
    path = tmp_path / "secret-model-7.mp4"
    path.write_bytes(
        {"truncated": data[: len(data) // 3], "no film": b"x" * 999, "empty": b"", "another": data}[damage]
    )
    sha256 = decode._hash(path) if damage != "another" else "0" * 64
    bundles = Bundles(tmp_path / "cache")
    found = bundles.ask(path, sha256).result()
    assert isinstance(found, Broken) and found.reason
    assert "secret" not in found.reason and str(tmp_path) not in found.reason
    assert bundles.ask(path, sha256).result() == found and bundles.n_decoded == 1


def test_a_missing_file_may_come_back(clip, tmp_path):
    bundles, path = Bundles(tmp_path / "cache"), tmp_path / "late.mp4"
    sha256 = decode._hash(clip)
    assert isinstance(bundles.ask(path, sha256).result(), Broken)
    path.write_bytes(clip.read_bytes())
    assert isinstance(bundles.ask(path, sha256).result(), Shown)


def test_half_a_cache_is_made_again(clip, tmp_path):
    bundles, sha256 = Bundles(tmp_path / "cache"), decode._hash(clip)
    bundles.ask(clip, sha256).result()
    bundles.file(sha256, 1).write_bytes(b"half")
    found = bundles.ask(clip, sha256).result()
    assert isinstance(found, Shown) and bundles.file(sha256, 1).stat().st_size == found.bundles[1].n_bytes


def test_flashes_are_measured(tmp_path):
    path = tmp_path / "flash.mp4"
    write_video(path, [np.full((72, 128, 3), 255 * (i // 2 % 2), np.uint8) for i in range(48)], Fraction(24))
    assert make(path, tmp_path).flashing
