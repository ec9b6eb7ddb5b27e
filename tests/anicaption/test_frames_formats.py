"""Every container and codec that ingest takes, written here with frame numbers painted in, and read back."""

import io
import itertools
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from anicaption.frames import VideoError, encode_timed, frames, probe, read_pts

FILM = Fraction(24000, 1001)
NTSC = Fraction(30000, 1001)
PAL = Fraction(25)
WIDTH, HEIGHT, BITS = 192, 96, 8


def numbered(number: int) -> np.ndarray:
    """A picture that says its number: 8 columns, white for 1, over a lower half that changes too."""
    luma = np.full((HEIGHT, WIDTH), 60, np.uint8)
    for bit in range(BITS):
        luma[:48, 24 * bit : 24 * bit + 24] = 200 if number >> bit & 1 else 30
    luma[48:] += np.uint8(number % 97)
    return luma


def number_of(luma: np.ndarray, depth: int = 8) -> int:
    """The number in a picture of these brightnesses."""
    return sum((int(luma[24, 24 * bit + 12]) >> (depth - 8) > 115) << bit for bit in range(BITS))


def written(
    container: str,
    codec: str,
    stamps: list[int],
    time_base: Fraction,
    rate: Fraction,
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    b_frames: int | None = None,
    muxing: dict[str, str] | None = None,
) -> bytes:
    """A file with one numbered picture at each of these time stamps."""
    buffer = io.BytesIO()
    depth = 10 if "10" in pix_fmt else 8
    with av.open(buffer, "w", format=container, options=muxing or {}) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix_fmt
        context = stream.codec_context
        context.time_base, context.thread_count, context.gop_size = time_base, 1, 12
        context.options = options or {}
        context.bit_rate = 0 if codec == "libsvtav1" else 2_000_000
        if b_frames is not None:
            context.max_b_frames = b_frames
        for number, stamp in enumerate(stamps):
            picture = av.VideoFrame(WIDTH, HEIGHT, pix_fmt)
            parts = [numbered(number), np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)]
            for plane, part in zip(picture.planes, [parts[0], parts[1], parts[1]]):
                dtype = np.uint16 if depth == 10 else np.uint8
                row = plane.line_size // np.dtype(dtype).itemsize
                np.frombuffer(plane, dtype).reshape(-1, row)[:, : part.shape[1]] = part.astype(dtype) << (depth - 8)
            picture.pts, picture.time_base = stamp, time_base
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return buffer.getvalue()


QUIET = {"x265-params": "log-level=none:pools=1:frame-threads=1", "preset": "ultrafast"}
AV1 = {"preset": "8", "crf": "20", "svtav1-params": "lp=1"}
FORMATS = [
    ("matroska", "libx264", "yuv420p", FILM, {"preset": "veryfast"}, 2),
    ("matroska", "libx265", "yuv420p10le", FILM, QUIET, 3),
    ("matroska", "ffv1", "yuv420p10le", FILM, {}, None),
    ("matroska", "libsvtav1", "yuv420p10le", FILM, AV1, None),
    ("mp4", "libx264", "yuv420p", FILM, {"preset": "veryfast"}, 2),
    ("mp4", "libx265", "yuv420p10le", FILM, QUIET, 3),
    ("mp4", "libsvtav1", "yuv420p", FILM, AV1, None),
    ("mpegts", "libx264", "yuv420p", NTSC, {"preset": "veryfast"}, 2),
    ("mpegts", "libx265", "yuv420p10le", PAL, QUIET, 3),
    ("mpegts", "mpeg2video", "yuv420p", NTSC, {"flags": "+ildct+ilme"}, 2),
    ("mpeg", "mpeg2video", "yuv420p", PAL, {"flags": "+ildct+ilme"}, 2),
    ("avi", "mpeg4", "yuv420p", FILM, {}, 2),
    ("avi", "libx264", "yuv420p", FILM, {"preset": "veryfast"}, 2),
    ("webm", "libvpx-vp9", "yuv420p", FILM, {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "1"}, None),
    ("webm", "libsvtav1", "yuv420p", FILM, AV1, None),
    ("ogg", "libvpx", "yuv420p", PAL, {"deadline": "realtime", "cpu-used": "8"}, None),
]


@pytest.mark.parametrize(
    ("container", "codec", "pix_fmt", "rate", "options", "b_frames"), FORMATS, ids=lambda x: str(x).split("'")[0]
)
def test_every_frame_once_in_order_with_its_pts(container, codec, pix_fmt, rate, options, b_frames):
    n = 40
    data = written(container, codec, list(range(n)), 1 / rate, rate, pix_fmt, options, b_frames)
    stream = probe(data)
    assert (stream.width_px, stream.height_px) == (WIDTH, HEIGHT)
    assert stream.bit_depth == (10 if "10" in pix_fmt else 8)
    read = list(frames(data))
    assert [number_of(frame.luma(), stream.bit_depth) for frame in read] == list(range(n))
    assert [frame.index for frame in read] == list(range(n))
    begin = read[0].pts * stream.time_base
    for number, frame in enumerate(read):
        assert abs(frame.pts * frame.time_base - begin - number / rate) <= stream.time_base
        assert not frame.damaged
    assert not any(frame.pts_made for frame in read)
    assert read_pts(data) == (stream.time_base, [frame.pts for frame in read])


def test_each_part_of_a_variable_file_keeps_its_time_stamps():
    film = [round(index * 1000 / FILM) for index in range(24)]
    video = [film[-1] + 42 + round(index * 1000 / NTSC) for index in range(24)]
    data = written("matroska", "libx264", film + video, Fraction(1, 1000), FILM, options={"preset": "veryfast"})
    read = list(frames(data))
    assert [frame.pts for frame in read] == film + video
    assert [number_of(frame.luma()) for frame in read] == list(range(48))


def test_an_edit_list_leaves_out_what_it_leaves_out():
    """Stored before the start of the edit: decoded, since others lean on them, and not shown."""
    data = written("mp4", "libx264", list(range(-6, 34)), 1 / FILM, FILM, options={"preset": "veryfast"}, b_frames=2)
    read = list(frames(data))
    assert [number_of(frame.luma()) for frame in read] == list(range(6, 40))
    assert [frame.pts for frame in read] == [1001 * index for index in range(34)]
    assert not any(frame.damaged for frame in read)
    stream = probe(data)
    assert stream.n_frames is None and round((stream.duration_s or 0) * FILM) == 34
    assert read_pts(data)[1] == [frame.pts for frame in read]


def test_a_late_start_stays_late():
    data = written("mp4", "libx264", list(range(50, 74)), 1 / FILM, FILM, options={"preset": "veryfast"}, b_frames=2)
    read = list(frames(data))
    assert probe(data).start_pts == read[0].pts
    assert abs(read[0].pts * read[0].time_base - 50 / FILM) < Fraction(1, 1000)  # edits are kept in milliseconds
    assert [number_of(frame.luma()) for frame in read] == list(range(24))


BREAKING = [
    ("matroska", "libx264", {"preset": "veryfast"}, {}),
    ("mp4", "libx264", {"preset": "veryfast"}, {"movflags": "+frag_keyframe+empty_moov"}),
    ("mpegts", "libx264", {"preset": "veryfast"}, {}),
    ("mpegts", "mpeg2video", {}, {}),
    ("mpeg", "mpeg2video", {}, {}),
    ("avi", "mpeg4", {}, {}),
    ("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}, {}),
    ("ogg", "libvpx", {"deadline": "realtime", "cpu-used": "8"}, {}),
]


@pytest.mark.parametrize(("container", "codec", "options", "muxing"), BREAKING, ids=lambda x: str(x).split("'")[0])
def test_frames_before_a_break_are_whole(container, codec, options, muxing):
    data = written(container, codec, list(range(60)), 1 / PAL, PAL, options=options, muxing=muxing)
    read = []
    try:
        for frame in frames(data[: len(data) * 6 // 10]):
            read.append((number_of(frame.luma()), frame.damaged))
    except VideoError as error:
        assert error.n_decoded == len(read)
    whole = [number for number, damaged in read if not damaged]
    assert len(whole) >= 20 and whole == list(range(len(whole)))


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
@pytest.mark.parametrize("lost", [400, 3000])
def test_a_hole_in_a_transport_stream_is_noticed(codec, lost):
    """Its frames would pass for whole by number and duration; those that lean on what is lost are marked."""
    data = bytearray(written("mpegts", codec, list(range(60)), 1 / PAL, PAL))
    del data[len(data) // 2 : len(data) // 2 + lost]
    read = list(frames(bytes(data)))
    numbers = [number_of(frame.luma()) for frame in read]
    assert any(frame.damaged for frame in read)
    assert not read[0].damaged and not read[-1].damaged
    before = next(index for index, frame in enumerate(read) if frame.damaged)
    assert numbers[:before] == list(range(before)) and numbers[-10:] == list(range(50, 60))
    for frame, number in zip(read, numbers):
        if not frame.damaged:
            assert abs((frame.pts - read[0].pts) * frame.time_base - number / PAL) < Fraction(1, 1000)


def test_an_mp4_cut_off_before_its_index_says_so():
    data = written("mp4", "libx264", list(range(40)), 1 / PAL, PAL)
    with pytest.raises(VideoError, match="moov"):
        probe(data[: data.index(b"moov") + 40])


def test_time_that_begins_again_goes_on():
    """Two recordings pasted together: the second's stamps begin at nothing again."""
    first = written("mpegts", "libx264", list(range(100, 140)), 1 / PAL, PAL, b_frames=0)
    second = written("mpegts", "libx264", list(range(24)), 1 / PAL, PAL, b_frames=0)
    read = list(frames(first + second))
    pts = [frame.pts for frame in read]
    assert pts == sorted(set(pts))
    assert len(read) == 64
    assert {frame.pts_made for frame in read[:40]} == {False}
    assert {later - earlier for earlier, later in itertools.pairwise(pts[41:])} == {3600}


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_shot_of_no_constant_rate_keeps_every_time_stamp(b_frames):
    stamps = [0, 33, 67, 150, 233, 250, 400, 441, 483, 525, 566, 700]
    pictures = [np.full((48, 64, 3), 20 * index, np.uint8) for index in range(12)]
    options = {"preset": "veryfast" if b_frames else "ultrafast"}
    stamped = [(picture, 5000 + stamp) for picture, stamp in zip(pictures, stamps)]
    clip = encode_timed(stamped, Fraction(1, 1000), lambda pts: None, **options)
    assert (clip.n_frames, clip.rate) == (12, None)
    read = list(frames(clip.data))
    assert [frame.pts * frame.time_base for frame in read] == [Fraction(stamp, 1000) for stamp in stamps]
    np.testing.assert_allclose([frame.rgb()[20, 20, 0] for frame in read], np.arange(12) * 20, atol=4)
    assert clip.data == encode_timed(stamped, Fraction(1, 1000), lambda pts: None, **options).data


def test_a_shot_of_a_constant_rate_is_counted():
    stamped = [(np.zeros((48, 64, 3), np.uint8), 41 * index) for index in range(12)]
    clip = encode_timed(stamped, Fraction(1, 1000), lambda pts: FILM, nominal=FILM)
    assert (probe(clip.data).rate, clip.rate) == (FILM, FILM)
    assert [frame.pts for frame in frames(clip.data)] == [1001 * index for index in range(12)]


def test_time_that_stands_still_is_refused():
    picture = np.zeros((48, 64, 3), np.uint8)
    with pytest.raises(ValueError, match="pts 40 follows 40"):
        encode_timed([(picture, 0), (picture, 40), (picture, 40)], Fraction(1, 1000), lambda pts: None)


def test_a_programme_that_changes_its_size_keeps_that_of_its_first_frame():
    small = written("mpegts", "mpeg2video", list(range(12)), 1 / PAL, PAL, b_frames=0)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mpegts") as output:
        stream = output.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 2 * WIDTH, 2 * HEIGHT, "yuv420p"
        for index in range(12):
            picture = av.VideoFrame(2 * WIDTH, 2 * HEIGHT, "yuv420p")
            for plane, value in zip(picture.planes, (170, 128, 128)):
                np.frombuffer(plane, np.uint8)[:] = value
            picture.pts = index
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    read = list(frames(small + buffer.getvalue()))
    assert len(read) >= 23
    assert {frame.luma().shape for frame in read} == {(HEIGHT, WIDTH)}
    assert {frame.rgb(48).shape for frame in read} == {(48, WIDTH * 48 // HEIGHT, 3)}
    assert abs(int(read[-1].luma().mean()) - 170) <= 2
    pts = [frame.pts for frame in read]
    assert {later - earlier for earlier, later in itertools.pairwise(pts[13:])} == {3600}


def test_mastering_data_of_hdr_is_read():
    hdr = {
        "preset": "ultrafast",
        "x265-params": "log-level=none:pools=1:frame-threads=1:"
        "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(6000000,50):max-cll=800,400",
    }
    for container in ("matroska", "mp4"):
        data = written(container, "libx265", list(range(6)), 1 / FILM, FILM, "yuv420p10le", hdr)
        stream, frame = probe(data), next(frames(data))
        said = stream.colour
        assert (said.transfer_declared, said.primaries_declared, said.matrix_declared) == ("pq", "bt2020", "bt2020nc")
        assert said.hdr and stream.mastered_nits == frame.peak_nits == 600


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs a list of open files")
def test_a_reader_that_stops_half_way_leaves_nothing_open(tmp_path):
    (tmp_path / "a.mkv").write_bytes(written("matroska", "ffv1", list(range(12)), 1 / FILM, FILM))

    def opened() -> int:
        return sum("a.mkv" in os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")
                   if os.path.islink(f"/proc/self/fd/{name}"))  # fmt: skip

    reading = frames(tmp_path / "a.mkv")
    next(reading)
    assert opened() == 1
    reading.close()
    probe(tmp_path / "a.mkv")
    assert opened() == 0
