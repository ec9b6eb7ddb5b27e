import io
import itertools
from dataclasses import replace
from fractions import Fraction

import av
import av.filter
import numpy as np
import pytest
from anicaption.frames import deinterlaced, encode_clip, fields, frames, probe, weave

NTSC = Fraction(30000, 1001)


def interlaced(*, top_first: bool, codec: str = "mpeg2video", container: str = "mpegts", n_frames: int = 12) -> bytes:
    """Frames of one grey each, flagged as interlaced: 20, 30, 40 ... as coded."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=NTSC)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.options = {"flags": "+ildct+ilme"}
        graph = av.filter.Graph()
        begin = graph.add_buffer(width=128, height=96, format=av.VideoFormat("yuv420p"), time_base=1 / NTSC)
        graph.link_nodes(begin, graph.add("setfield", "tff" if top_first else "bff"), graph.add("buffersink"))
        graph.configure()
        for index in range(n_frames):
            picture = av.VideoFrame(128, 96, "yuv420p")
            for plane, value in zip(picture.planes, (20 + 10 * index, 90, 160)):
                np.frombuffer(plane, np.uint8)[:] = value
            picture.pts = index
            graph.vpush(picture)
            output.mux(stream.encode(graph.vpull()))
        output.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize("top_first", [True, False])
@pytest.mark.parametrize(("codec", "container"), [("mpeg2video", "mpegts"), ("libx264", "matroska")])
def test_interlaced_frames_say_which_field_is_first(top_first, codec, container):
    data = interlaced(top_first=top_first, codec=codec, container=container)
    assert probe(data).interlaced
    assert {(frame.interlaced, frame.top_field_first) for frame in frames(data)} == {(True, top_first)}


def test_progressive_frames_are_not_interlaced():
    for frame in frames(encode_clip([np.zeros((48, 64, 3), np.uint8)] * 3)):
        assert (frame.interlaced, frame.top_field_first) == (False, False)


def test_woven_rows_are_those_of_their_fields_in_every_plane():
    first, second = list(frames(interlaced(top_first=True)))[1:3]
    woven = weave(first, second, index=7, pts=99)
    assert (woven.index, woven.pts, woven.time_base, woven.interlaced) == (7, 99, first.time_base, False)
    for whole, above, below in zip(woven.planes(), first.planes(), second.planes()):
        np.testing.assert_array_equal(whole[0::2], above[0::2])
        np.testing.assert_array_equal(whole[1::2], below[1::2])
    assert not np.array_equal(first.luma(), second.luma())


def test_fields_are_views_of_a_woven_frame():
    first, second = list(frames(interlaced(top_first=True)))[1:3]
    top, bottom = fields(weave(first, second))
    assert top.shape == bottom.shape == (48, 128)
    assert abs(int(top.mean()) - 30) <= 1 and abs(int(bottom.mean()) - 40) <= 1
    assert top.base is not None


def test_a_frame_is_remade_of_other_numbers_in_its_place():
    first, second = list(frames(interlaced(top_first=True)))[1:3]
    made = first.remade([(a.astype(int) + b).astype(np.uint8) // 2 for a, b in zip(first.planes(), second.planes())])
    assert (made.index, made.pts, made.colour, made.interlaced) == (first.index, first.pts, first.colour, False)
    assert made.rgb(48).shape == first.rgb(48).shape
    with pytest.raises(ValueError, match=r"plane is \(4, 4\)"):
        first.remade([np.zeros((4, 4), np.uint8)] * 3)


def test_what_is_woven_of_damage_is_damaged():
    first, second = list(frames(interlaced(top_first=True)))[1:3]
    assert weave(first, replace(second, damaged=True)).damaged and not weave(first, second).damaged


def test_fields_of_two_sizes_are_not_woven():
    small = next(frames(encode_clip([np.zeros((48, 64, 3), np.uint8)])))
    with pytest.raises(ValueError, match="128x96 yuv420p with 64x48"):
        weave(next(frames(interlaced(top_first=True))), small)


def film_with_repeated_fields(container: str, n_frames: int = 24) -> bytes:
    """Film on an NTSC disc: every second frame is flagged to show a field twice, and shown for 3 fields instead of 2.

    No encoder here sets those flags, so they are set in the stream: top_field_first, repeat_first_field and
    progressive_frame of each picture coding extension (ISO/IEC 13818-2, 6.2.3.1).
    """
    buffer, n_fields = io.BytesIO(), 0
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream("mpeg2video", rate=NTSC)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.options = {"flags": "+ildct"}
        stream.codec_context.max_b_frames = 0
        packets = []
        for index in range(n_frames):
            picture = av.VideoFrame(128, 96, "yuv420p")
            for plane, value in zip(picture.planes, (20 + 8 * index, 128, 128)):
                np.frombuffer(plane, np.uint8)[:] = value
            picture.pts = index
            packets += stream.encode(picture)
        for index, packet in enumerate([*packets, *stream.encode(None)]):
            data, at = bytearray(bytes(packet)), -1
            top_first, repeat = ((1, 0), (1, 1), (0, 0), (0, 1))[index % 4]
            while (at := data.find(b"\0\0\1\xb5", at + 1)) >= 0:
                if data[at + 4] >> 4 == 8:
                    data[at + 7] = data[at + 7] & 0x7D | top_first << 7 | repeat << 1
                    data[at + 8] |= 0x80
            flagged = av.Packet(bytes(data))
            flagged.stream, flagged.time_base = stream, 1 / NTSC / 2
            flagged.pts = flagged.dts = n_fields
            n_fields += 2 + repeat
            output.mux(flagged)
    return buffer.getvalue()


@pytest.mark.parametrize("container", ["mpegts", "mpeg"])
def test_repeated_fields_are_read_from_how_long_a_frame_is_shown(container):
    read = list(frames(film_with_repeated_fields(container)))
    lasts = [round((frame.duration or 0) * frame.time_base * NTSC * 2) for frame in read]
    assert lasts[:-1] == ([2, 3] * 12)[: len(lasts) - 1] and len(read) == 24
    steps = [later.pts - earlier.pts for earlier, later in itertools.pairwise(read)]
    assert {round(step * read[0].time_base * NTSC * 2) for step in steps} == {2, 3}
    assert not any(frame.interlaced for frame in read)


@pytest.mark.parametrize("top_first", [True, False])
def test_one_whole_frame_for_each_keeps_its_time(top_first):
    read = list(frames(interlaced(top_first=top_first)))
    made = list(deinterlaced(iter(read)))
    assert [(frame.index, frame.pts, frame.time_base) for frame in made] == [
        (frame.index, frame.pts, frame.time_base) for frame in read
    ]
    assert not any(frame.interlaced for frame in made)
    assert [round(frame.luma().mean()) for frame in made[1:-1]] == [round(frame.luma().mean()) for frame in read[1:-1]]


@pytest.mark.parametrize("top_first", [True, False])
def test_one_whole_frame_for_each_field_shows_its_moment(top_first):
    """A bar moves by 4 pixels a field: the frame of each field has it where that field has it, half a step later."""
    read = list(frames(interlaced(top_first=top_first)))
    moving = []
    for frame in read:
        first, second = (moment(frame, 4 * (2 * frame.index + half)) for half in (0, 1))
        woven = weave(*((first, second) if top_first else (second, first)), pts=frame.pts)
        moving.append(replace(woven, interlaced=True, top_field_first=top_first))
    made = list(deinterlaced(iter(moving), per_field=True))
    assert len(made) == 2 * len(read)
    assert {frame.time_base for frame in made} == {read[0].time_base / 2}
    assert [frame.index for frame in made] == list(range(len(made)))
    assert {later.pts - earlier.pts for earlier, later in itertools.pairwise(made)} == {3003}
    for frame in made[2:-2]:
        bright = np.flatnonzero(frame.luma()[48] > 128)
        assert abs(int(bright.mean()) - (4 * frame.index + 8)) <= 2


def moment(frame, left: int):
    """A copy of this frame with a bar of 16 columns."""
    copy = weave(frame, frame)
    copy.luma()[:] = 40
    copy.luma()[:, left : left + 16] = 200
    return copy
