"""Every format through the whole road: conservation, every frame once with its time, square pixels, right colours."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from anicaption.frames import frames, probe
from animatrix_ingest.keep import video
from animatrix_ingest.keep.store import open_store

from benchmarks import pulldown

from .road_films import (
    FILM,
    NTSC,
    PAL,
    SETTINGS,
    Made,
    as_pq,
    check_colours,
    check_road,
    colours_of,
    ingested,
    number_of,
    painted,
)

SHOTS = (22, 26)
X265 = (("x265-params", "log-level=none:pools=1:frame-threads=1:crf=8"), ("preset", "ultrafast"))
VP9 = (("deadline", "realtime"), ("cpu-used", "8"))
AV1 = (("preset", "10"), ("crf", "15"), ("svtav1-params", "lp=1"))
MILLISECOND = Fraction(1, 1000)
SD_601 = (6, 6, 6, 1)

FORMATS = {
    "h264 mkv": Made(),
    "h264 mp4, b frames": Made("mp4", b_frames=3),
    "h264 avi": Made("avi", b_frames=0),
    "mpeg4 avi, b frames": Made("avi", "mpeg4", tags=None, matrix="bt601", b_frames=2, options=()),
    "h264 ts, NTSC": Made("mpegts", rate=NTSC, b_frames=2),
    "hevc 10 bit mkv": Made("matroska", "libx265", pix_fmt="yuv420p10le", options=X265),
    "hevc 10 bit mp4": Made("mp4", "libx265", pix_fmt="yuv420p10le", options=X265),
    "mpeg2 ps, PAL": Made("mpeg", "mpeg2video", rate=PAL, matrix="bt601", tags=None, options=()),
    "vp9 webm": Made("webm", "libvpx-vp9", options=VP9),
    "av1 webm": Made("webm", "libsvtav1", options=AV1),
    "av1 mp4, 10 bit": Made("mp4", "libsvtav1", pix_fmt="yuv420p10le", options=AV1),
    "vp8 ogv": Made("ogg", "libvpx", rate=PAL, matrix="bt601", tags=None, options=VP9),
    "untagged SD is 601": Made(matrix="bt601", tags=None),
    "tagged 601": Made(matrix="bt601", tags=SD_601),
    "full range": Made(full=True, tags=(1, 1, 1, 2)),
}


def run_of(tmp_path, made, pictures):
    place = made.write(tmp_path / f"film.{made.container}", pictures)
    ingested([place], tmp_path / "set")
    return place, tmp_path / "set"


def even_times(n, rate):
    return [k / rate for k in range(n)]


@pytest.mark.parametrize("name", FORMATS)
def test_a_constant_film_of_any_format(tmp_path, name):
    made = FORMATS[name]
    place, out = run_of(tmp_path, made, painted(SHOTS, 144, 96))
    clips = check_road(place, out, even_times(sum(SHOTS), made.rate))
    assert [clip.row["n_frames"] for clip in clips] == list(SHOTS)
    assert [clip.numbers[0] for clip in clips] == [0, SHOTS[0]]
    for shot, clip in enumerate(clips):
        assert (clip.said["rate"], clip.said["constant_rate"]) == (str(made.rate), True)
        assert clip.said["cadence"] == "progressive"
        assert (clip.row["width_px"], clip.row["height_px"]) == (144, 96)
        check_colours(clip, shot)


@pytest.mark.parametrize(("sar", "width_px"), [(Fraction(8, 9), 160), (Fraction(32, 27), 214)])
def test_an_anamorphic_dvd(tmp_path, sar, width_px):
    """4:3 and 16:9 out of the same coded columns; colours of BT.601 that nobody tagged."""
    made = Made("mpeg", "mpeg2video", rate=NTSC, matrix="bt601", tags=None, sar=sar, options=())
    place, out = run_of(tmp_path, made, painted(SHOTS, 180, 120))
    assert probe(place).pixel_aspect == sar
    clips = check_road(place, out, even_times(sum(SHOTS), NTSC))
    for shot, clip in enumerate(clips):
        assert clip.row["height_px"] == 120 and abs(clip.row["width_px"] - width_px) <= 2
        check_colours(clip, shot)


@pytest.mark.parametrize("tags", [None, (6, 2, 2, 1), (5, 1, 1, 1)], ids=["untagged", "601", "470bg"])
def test_high_definition_mistagged_as_601(tmp_path, tags):
    place, out = run_of(tmp_path, Made(tags=tags), painted((12, 14), 1280, 48))
    for shot, clip in enumerate(check_road(place, out, even_times(26, FILM))):
        check_colours(clip, shot)


def test_hdr_becomes_sdr_and_says_what_it_was(tmp_path):
    """PQ and BT.2020 become BT.709: grey stays grey, hues stay, shadows stay, and only what is bright is bent."""
    params = "log-level=none:pools=1:frame-threads=1:crf=8:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    made = Made(
        "matroska", "libx265", pix_fmt="yuv420p10le", matrix="bt2020", tags=(9, 9, 16, 1),
        options=(("x265-params", params), ("preset", "ultrafast")),
    )  # fmt: skip
    place, out = run_of(tmp_path, made, [as_pq(rgb) for rgb in painted(SHOTS, 144, 96)])
    clips = check_road(place, out, even_times(sum(SHOTS), FILM))
    store = open_store(out)
    (source,) = video.read(store, video.load(store).sources, video.SOURCES).to_pylist()
    assert '"transfer_used": "pq"' in source["stream"] and '"bit_depth": 10' in source["stream"]
    for shot, clip in enumerate(clips):
        wanted, shown = colours_of(shot).astype(float), clip.patches
        assert np.abs(shown.argmax(1) - wanted.argmax(1)).max() == 0
        dark = wanted.max(1) <= 120
        assert np.abs(shown - wanted)[dark].max() <= 6
        assert np.all(shown <= wanted + 6) and np.all(shown.max(1) >= 0.85 * wanted.max(1))


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_film_is_upright(tmp_path, rotation):
    made = Made("mp4", rotation=rotation)
    place, out = run_of(tmp_path, made, painted(SHOTS, 144, 96))
    assert (probe(place).width_px == 96) == (rotation != 180)
    clips = check_road(place, out, even_times(sum(SHOTS), FILM))
    for shot, clip in enumerate(clips):
        assert (clip.row["width_px"], clip.row["height_px"]) == (144, 96)
        check_colours(clip, shot)


def test_an_edit_list_leaves_out_what_it_leaves_out(tmp_path):
    """Six pictures lie before the edit: decoded, since others lean on them, and in no clip."""
    made = Made("mp4", stamps=tuple(range(-6, 42)), b_frames=2)
    place, out = run_of(tmp_path, made, painted(SHOTS, 144, 96))
    clips = check_road(place, out, even_times(48, FILM))
    assert [clip.row["n_frames"] for clip in clips] == [16, 26]
    assert (clips[0].numbers[0], clips[0].row["start_frame"], clips[0].row["start_pts"]) == (6, 0, 0)


@pytest.mark.parametrize("begin_ms", [-400, 7000])
def test_time_that_does_not_begin_at_nought(tmp_path, begin_ms):
    stamps = tuple(begin_ms + round(1000 * k / FILM) for k in range(48))
    made = Made(stamps=stamps, time_base=MILLISECOND, b_frames=0)
    place, out = run_of(tmp_path, made, painted(SHOTS, 144, 96))
    clips = check_road(place, out, [Fraction(stamp, 1000) for stamp in stamps])
    assert [clip.said["rate"] for clip in clips] == [str(FILM)] * 2
    assert sum(clip.row["n_frames"] for clip in clips) == 48
    assert (clips[0].row["start_pts"] == begin_ms) or begin_ms < 0  # Matroska knows no time before nought


def test_variable_rate_keeps_each_part_and_the_uneven_one_as_it_is(tmp_path):
    """24 then 30 a second, then stamps of no rate at all: nothing is repeated, left out or moved."""
    film = [round(1000 * k / FILM) for k in range(36)]
    ntsc = [film[-1] + 42 + round(1000 * k / NTSC) for k in range(36)]
    steps = [50, 90, 60, 40, 110, 70, 45, 85, 65, 55] * 3
    uneven = [ntsc[-1] + 33, *(ntsc[-1] + 33 + at for at in itertools.accumulate(steps))]
    stamps = tuple(film + ntsc + uneven)
    made = Made(stamps=stamps, time_base=MILLISECOND, b_frames=0)
    place, out = run_of(tmp_path, made, painted((36, 36, 31), 144, 96))
    clips = check_road(place, out, [Fraction(stamp, 1000) for stamp in stamps])
    assert [clip.row["n_frames"] for clip in clips] == [36, 36, 31]
    assert [clip.said["rate"] for clip in clips[:2]] == [str(FILM), str(NTSC)]
    assert [clip.said["constant_rate"] for clip in clips] == [True, True, False]
    last = clips[2]
    assert last.times_s == [Fraction(stamp - uneven[0], 1000) for stamp in uneven]
    assert Fraction(last.row["rate"]) == Fraction(31000, last.row["end_pts"] - last.row["start_pts"])


@pytest.mark.parametrize("codec", ["mpeg2", "h264"])
def test_pulldown_is_undone_and_every_film_frame_is_there_once(tmp_path, codec):
    drawn = painted((60, 60), 144, 96)
    made = pulldown.telecined(len(drawn))
    place = pulldown.encode(tmp_path / "film.ts", made, pulldown.pictures(made, drawn), codec)
    ingested([place], tmp_path / "set")
    first = next(frames(place))
    clips = check_road_of_film(place, tmp_path / "set", made)
    assert number_of(first.rgb()) == clips[0].numbers[0]
    numbers = [number for clip in clips for number in clip.numbers]
    assert len(numbers) >= 116 and set(numbers) <= set(made.film)
    for clip in clips:
        assert (clip.said["rate"], clip.said["constant_rate"]) == (str(FILM), True)
        assert clip.said["cadence"] == "telecine_3_2"
        check_colours(clip, 0 if clip.numbers[0] < 60 else 1, 8)
    assert {clip.numbers[0] for clip in clips} >= {0, 60}, "the cut is where the film has it"


def check_road_of_film(place, out, made):
    """check_road for film in fields: a film frame's pts is that of the video frame that holds its first field."""
    shown = {}
    for at, (top, bottom) in enumerate(zip(made.tops, made.bottoms)):
        for picture in sorted({top[0][0], bottom[0][0]}):
            shown.setdefault(picture, at)
    times_s = [shown[k] / made.rate for k in range(max(shown) + 1)]
    return check_road(place, out, times_s, Fraction(1, 25))


def test_a_film_smaller_than_the_clips_keeps_its_size_and_a_larger_one_shrinks_once(tmp_path):
    assert SETTINGS.clip_height_px == 144
    place, out = run_of(tmp_path, Made(), painted(SHOTS, 384, 216))
    for shot, clip in enumerate(check_road(place, out, even_times(48, FILM))):
        assert (clip.row["width_px"], clip.row["height_px"]) == (256, 144)
        check_colours(clip, shot)
