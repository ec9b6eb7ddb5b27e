import io
from fractions import Fraction

import av
import av.filter
import numpy as np
import pytest
from anicaption.frames import encode_clip, fields, frames, probe, weave

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


def test_fields_of_two_sizes_are_not_woven():
    small = next(frames(encode_clip([np.zeros((48, 64, 3), np.uint8)])))
    with pytest.raises(ValueError, match="128x96 yuv420p with 64x48"):
        weave(next(frames(interlaced(top_first=True))), small)
