"""Patches of known colour through the whole road: file, frame, clip, and what a player then shows."""

import io
import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from anicaption.colour import colour_of
from anicaption.frames import encode_clip, frames, probe
from anicaption.tonemap import knee, nits_of_pq, pq_of_nits, scene_light_of_hlg, to_bt709

LUMA_RB = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
LEVELS = [0, 16, 64, 128, 192, 235, 255]
PATCHES = np.array(list(itertools.product(LEVELS, repeat=3)), np.uint8)[: 14 * 24].reshape(14, 24, 3)


def coded(rgb: np.ndarray, matrix: str, *, depth: int = 8, full: bool = False) -> list[np.ndarray]:
    """Y, U, V planes of RGB by the definition, in floating point until the last rounding."""
    red, blue = LUMA_RB[matrix]
    r, g, b = np.moveaxis(rgb / 255.0, -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    if full:
        top = 2**depth - 1
        planes = [top * y, top * u + 2 ** (depth - 1), top * v + 2 ** (depth - 1)]
    else:
        unit = 2 ** (depth - 8)
        planes = [unit * (16 + 219 * y), unit * (128 + 224 * u), unit * (128 + 224 * v)]
    return [np.clip(np.rint(plane), 0, 2**depth - 1) for plane in planes]


def filed(planes: list[np.ndarray], pix_fmt: str = "yuv420p", container: str = "matroska", **tags) -> bytes:
    """Three frames of these 4:4:4 planes in a lossless file, with tags as given (H.273 codes; sample_aspect_ratio)."""
    buffer = io.BytesIO()
    height, width = planes[0].shape
    rotation = tags.pop("rotation", 0)
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream("libx264" if container == "mp4" else "ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.options = {"qp": "0", "preset": "ultrafast"} if container == "mp4" else {}
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(3):
            picture = av.VideoFrame(width, height, pix_fmt)
            for plane, whole in zip(picture.planes, planes):
                part = whole[::2, ::2] if plane.width < width else whole
                dtype = np.uint16 if "10" in pix_fmt else np.uint8
                row = plane.line_size // np.dtype(dtype).itemsize
                np.frombuffer(plane, dtype).reshape(-1, row)[:, : part.shape[1]] = part.astype(dtype)
            picture.pts = index
            picture.colorspace, picture.color_range = tags.get("colorspace", 2), tags.get("color_range", 0)
            picture.color_primaries, picture.color_trc = tags.get("color_primaries", 2), tags.get("color_trc", 2)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def painted(height: int, width: int) -> np.ndarray:
    """The patches, as large as they fit, the last ones repeated to the edge."""
    tall, wide = height // 14, width // 24
    picture = PATCHES.repeat(tall, 0).repeat(wide, 1)
    return np.pad(picture, ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0)), mode="edge")


def seen(picture: np.ndarray, of_height: int, of_width: int) -> np.ndarray:
    """The middle of every patch in a picture that may be scaled."""
    tall, wide = picture.shape[0] / of_height * (of_height // 14), picture.shape[1] / of_width * (of_width // 24)
    rows = ((np.arange(14) + 0.5) * tall).astype(int)
    columns = ((np.arange(24) + 0.5) * wide).astype(int)
    return picture[np.ix_(rows, columns)].astype(float)


def played(clip: bytes) -> np.ndarray:
    """What a player shows of a clip that is BT.709 limited: by the definition, from its numbers."""
    y, u, v = (plane.astype(float) for plane in next(frames(clip)).planes())
    u, v = (plane.repeat(2, 0).repeat(2, 1) for plane in (u, v))
    y, u, v = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    red, blue = y + 1.5748 * v, y + 1.8556 * u
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    return 255 * np.clip(np.stack([red, green, blue], axis=-1), 0, 1)


SD, HD = (480, 720), (720, 1280)
B601 = {"colorspace": 6, "color_primaries": 6, "color_trc": 6}
B709 = {"colorspace": 1, "color_primaries": 1, "color_trc": 1}
ROADS = {
    "601 tagged, SD": (SD, "bt601", 8, False, {**B601, "color_range": 1}),
    "601 untagged, SD": (SD, "bt601", 8, False, {}),
    "709 tagged, HD": (HD, "bt709", 8, False, {**B709, "color_range": 1}),
    "709 untagged, HD": (HD, "bt709", 8, False, {}),
    "709 tagged 601, HD": (HD, "bt709", 8, False, {"colorspace": 6}),
    "709 tagged 470bg, HD": (HD, "bt709", 8, False, {"colorspace": 5, "color_primaries": 1, "color_trc": 1}),
    "601 tagged in all three, HD": (HD, "bt601", 8, False, B601),
    "709 full range, HD": (HD, "bt709", 8, True, {**B709, "color_range": 2}),
    "601 full range, SD": (SD, "bt601", 8, True, {**B601, "color_range": 2}),
    "709 10 bits, HD": (HD, "bt709", 10, False, {**B709, "color_range": 1}),
    "601 10 bits, SD": (SD, "bt601", 10, False, {**B601, "color_range": 1}),
    "2020 matrix only, 10 bits": (HD, "bt2020", 10, False, {**B709, "colorspace": 9, "color_range": 1}),
}


@pytest.mark.parametrize("name", ROADS)
def test_colours_survive_the_whole_road(name):
    """At most 3 steps of 255 in a measuring picture or in a played clip, less than 1 on average."""
    (height, width), matrix, depth, full, tags = ROADS[name]
    rgb = painted(height, width)
    data = filed(coded(rgb, matrix, depth=depth, full=full), "yuv420p" if depth == 8 else "yuv420p10le", **tags)
    stream, frame = probe(data), next(frames(data))
    assert stream.colour == frame.colour and stream.bit_depth == depth
    assert frame.colour.matrix_used == matrix and frame.colour.range_used == ("full" if full else "limited")
    for rows, most in ((256, 2.1), (None, 3.1)):
        wrong = np.abs(seen(frame.rgb(rows), height, width) - PATCHES)
        assert wrong.max() <= most and wrong.mean() < 1.8
    clip = encode_clip([frame.clip_picture(480, stream)], crf=1)
    wrong = np.abs(seen(played(clip), height, width) - PATCHES)
    assert wrong.max() <= 4 and wrong.mean() < 1


def test_a_clip_is_tagged_as_what_it_is():
    data = filed(coded(painted(*SD), "bt601"), **B601)
    clip = probe(encode_clip([frame.clip_picture(240, probe(data)) for frame in frames(data)]))
    said = clip.colour
    assert (said.matrix_declared, said.primaries_declared, said.transfer_declared) == ("bt709",) * 3
    assert (said.range_declared, clip.pixel_aspect, clip.bit_depth) == ("limited", 1, 8)
    assert said.why == "tagged" and not said.doubt


@pytest.mark.parametrize(
    ("codes", "size", "used", "doubtful"),
    [
        ((2, 2, 2), (720, 480), "bt601", False),
        ((2, 2, 2), (720, 576), "bt601", False),
        ((2, 2, 2), (1280, 720), "bt709", False),
        ((2, 2, 2), (960, 720), "bt709", False),
        ((5, 2, 2), (1920, 1080), "bt709", True),
        ((6, 1, 1), (1920, 1080), "bt709", True),
        ((6, 6, 6), (1440, 1080), "bt601", True),
        ((1, 1, 1), (720, 480), "bt709", True),
        ((2, 9, 16), (3840, 2160), "bt2020", False),
        ((9, 9, 18), (3840, 2160), "bt2020", False),
    ],
)
def test_the_matrix_is_a_rule_and_its_doubt_is_kept(codes, size, used, doubtful):
    said = colour_of(*codes, 1, *size, "yuv420p")
    assert said.matrix_used == used and said.why
    assert bool(said.doubt) == doubtful


def test_a_matrix_that_nobody_reads_is_refused():
    with pytest.raises(ValueError, match="ictcp"):
        colour_of(14, 9, 16, 1, 1920, 1080, "yuv420p10le")


@pytest.mark.parametrize(
    ("size", "aspect", "shown"),
    [((480, 720), Fraction(8, 9), 640), ((480, 720), Fraction(32, 27), 854), ((576, 720), Fraction(16, 15), 768)],
)
def test_a_dvd_is_shown_in_square_pixels(size, aspect, shown):
    """A square that was squeezed into a DVD's pixels is a square again, in the measuring picture and in the clip."""
    height, width = size
    rgb = np.zeros((height, width, 3), np.uint8)
    half = round(100 / float(aspect))
    rgb[height // 2 - 100 : height // 2 + 100, width // 2 - half : width // 2 + half] = 255
    data = filed(coded(rgb, "bt601"), container="mp4", sample_aspect_ratio=aspect)
    stream, frame = probe(data), next(frames(data))
    assert (stream.pixel_aspect, stream.shown_width_px) == (aspect, shown)
    picture = frame.clip_picture(height, stream)
    assert (picture.width_px, picture.height_px) == (shown, height)
    for luma in (picture.i420[:height], frame.rgb(height, stream.pixel_aspect)[..., 1]):
        wide, high = (luma[height // 2] > 125).sum(), (luma[:, luma.shape[1] // 2] > 125).sum()
        assert abs(int(wide) - int(high)) <= 3


def test_a_pixel_twelve_times_as_wide_as_high_is_a_broken_header():
    data = filed(coded(painted(96, 128), "bt601"), container="mp4", sample_aspect_ratio=Fraction(12))
    stream = probe(data)
    assert (stream.pixel_aspect, stream.pixel_aspect_declared) == (1, "12")


def test_a_turned_picture_is_shown_upright():
    rgb = np.zeros((96, 192, 3), np.uint8)
    rgb[:, :96] = (200, 40, 40)
    for turn in (90, 180, 270):
        data = filed(coded(rgb, "bt601"), container="mp4", rotation=turn)
        stream, frame = probe(data), next(frames(data))
        upright = np.rot90(rgb, stream.rotation_deg // 90)
        assert stream.rotation_deg == turn
        assert (stream.shown_height_px, stream.shown_width_px) == upright.shape[:2]
        assert np.abs(frame.rgb().astype(int) - upright).max() <= 3
        clip = encode_clip([frame.clip_picture(upright.shape[0], stream)], crf=1)
        assert np.abs(played(clip) - upright).mean() < 2


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_odd_sizes_become_even_clips(pix_fmt):
    data = filed(coded(painted(97, 175), "bt601"), pix_fmt)
    stream = probe(data)
    picture = next(frames(data)).clip_picture(480, stream)
    assert (picture.width_px, picture.height_px) == (174, 96)
    assert probe(encode_clip([picture])).width_px == 174


def test_red_green_blue_sources_need_no_matrix():
    rgb = painted(*SD)
    data = filed([4.0 * rgb[..., 1], 4.0 * rgb[..., 2], 4.0 * rgb[..., 0]], "gbrp10le", colorspace=0)
    stream, frame = probe(data), next(frames(data))
    assert stream.colour.matrix_used == "rgb"
    assert np.abs(seen(frame.rgb(), *SD) - PATCHES).max() <= 1
    clip = encode_clip([frame.clip_picture(480, stream)], crf=1)
    assert np.abs(seen(played(clip), *SD) - PATCHES).max() <= 4


def test_known_points_of_the_transfer_curves():
    """ST 2084 and BT.2408's table of reference levels."""
    np.testing.assert_allclose(pq_of_nits(np.array([0, 100, 203, 1000, 10000])), [0, 0.508, 0.581, 0.752, 1], atol=1e-3)
    np.testing.assert_allclose(nits_of_pq(pq_of_nits(np.array([1, 50, 4000]))), [1, 50, 4000], rtol=1e-6)
    np.testing.assert_allclose(scene_light_of_hlg(np.array([0, 0.5, 0.75, 1])), [0, 1 / 12, 0.265, 1], atol=1e-3)


@pytest.mark.parametrize("peak", [400, 1000, 4000])
def test_the_knee_leaves_shadows_and_ends_at_white(peak):
    nits = np.linspace(0.01, peak, 4000)
    shown = knee(nits, peak)
    assert np.all(np.diff(shown) >= 0) and shown[-1] == pytest.approx(203, rel=1e-3)
    np.testing.assert_allclose(shown[:8], nits[:8], rtol=1e-3)
    assert np.all(shown <= nits * 1.0001)
    assert knee(np.array([77.0]), 203)[0] == 77


@pytest.mark.parametrize(("transfer", "code"), [("pq", 0.581), ("hlg", 0.75)])
def test_paper_white_is_bright_and_the_peak_is_white(transfer, code):
    grey = np.full((2, 2, 3), round(65535 * code), np.uint16)
    white = to_bt709(grey, transfer, "bt2020", 1000)
    assert 0.85 < white.min() <= white.max() < 0.97
    top = np.full((2, 2, 3), 65535 if transfer == "hlg" else round(65535 * 0.752), np.uint16)
    np.testing.assert_allclose(to_bt709(top, transfer, "bt2020", 1000), 1, atol=0.01)
    np.testing.assert_allclose(to_bt709(np.zeros_like(grey), transfer, "bt2020", 1000), 0, atol=1e-6)


def test_wide_gamut_that_lies_within_709_comes_out_the_same():
    """BT.709 colours as BT.2020 codes them, by BT.2087's matrix, and back."""
    light = (PATCHES / 255.0) ** 2.4
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    coded_2020 = np.rint(65535 * np.clip(light @ to_2020.T, 0, 1) ** (1 / 2.4)).astype(np.uint16)
    shown = 255 * to_bt709(coded_2020, "bt709", "bt2020", 1000)
    bright = PATCHES.min(axis=2) >= 16
    assert np.abs(shown - PATCHES)[bright].max() < 1.5


def test_a_pq_file_gives_pictures_and_clips_in_709():
    codes = pq_of_nits(np.array([0.0, 1, 10, 50, 100, 203, 600, 1000]))
    luma = np.rint(64 + 876 * codes).repeat(48)[None].repeat(96, 0)
    neutral = np.full(luma.shape, 512.0)
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": 16, "color_range": 1}
    data = filed([luma, neutral, neutral], "yuv420p10le", **tags)
    stream, frame = probe(data), next(frames(data))
    assert stream.colour.hdr and stream.colour.wide
    greys = frame.rgb()[48, 24::48]
    assert np.ptp(greys.astype(int), axis=1).max() <= 1
    expected = 255 * (knee(nits_of_pq(codes), 1000) / 203) ** (1 / 2.4)
    np.testing.assert_allclose(greys[:, 1], expected, atol=2.5)
    clip = played(encode_clip([frame.clip_picture(96, stream)], crf=1))
    np.testing.assert_allclose(clip[48, 24::48, 1], expected, atol=3.5)
