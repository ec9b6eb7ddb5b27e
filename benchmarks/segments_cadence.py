"""The cadence half of `make bench-segments`: drawn episodes in every cadence, undone by us and by FFmpeg's filters.

Episodes of both hands are drawn at 240 rows with pans, held drawings and cuts; each is made into every cadence
(pulldown.py) and encoded as H.264 and MPEG-2. What comes back is recognised by its pixels, for us and for the rivals
alike: each frame given on is the drawn picture, of those its time allows, that it differs least from.

    state        share of the source's frames in a segment of the right state
    film         F1 of the sequence of drawings given on, against the film's (longest common subsequence)
    repeats      F1 of what was left out, drawing by drawing
    lost         drawings of the film that are never shown

Of FFmpeg's inverse telecine filters PyAV's build has fieldmatch and decimate, and no pullup and mpdecimate (GPL).
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import av.error
import av.filter
import cv2
import numpy as np
from anicaption.drawn.episodes import write_episodes
from anicaption.drawn.film import render_frames
from anicaption.frames import frames, probe
from animatrix_ingest.watch.cadence import restored

from benchmarks import pulldown
from benchmarks.figures import Figure
from benchmarks.pulldown import NTSC, Video

HEIGHT_PX, N_PICTURES = 240, 420
SEEDS = (9011, 9012)
HANDS = ("first", "second")
WORK = Path("build/bench/segments")
VISIBLE_LEVELS = 2.0  # mean luma difference of a block: a drawing, and not the grain of the paper
ALIKE = 1.15  # of the least distance
IVTC = "fieldmatch=order=auto:combmatch=full,yadif=deint=interlaced,decimate"
RIVALS = {"fieldmatch, yadif, decimate": IVTC, "decimate alone": "decimate"}


@dataclass(frozen=True)
class Drawn:
    """Pictures of one episode, the frames at which its shots begin, and which drawing each picture shows."""

    name: str
    pictures: list[np.ndarray]
    shots: tuple[int, ...]

    @property
    def drawings(self) -> list[int]:
        small = [
            cv2.resize(luma(p), (HEIGHT_PX // 9, HEIGHT_PX // 16), interpolation=cv2.INTER_AREA) for p in self.pictures
        ]
        numbers = [0]
        for before, after in itertools.pairwise(small):
            numbers.append(numbers[-1] + bool(cv2.absdiff(before, after).max() > VISIBLE_LEVELS))
        return numbers


def luma(image: np.ndarray) -> np.ndarray:
    """BT.709 limited luma of an RGB picture, as our encoder writes it, uint8."""
    weights = np.array([[0.2126, 0.7152, 0.0722]], np.float32) * 219 / 255
    return np.clip(np.rint(cv2.transform(image.astype(np.float32), weights) + 16), 0, 255).astype(np.uint8)


def drawn(seed: int, hand: str, work: Path) -> Drawn:
    """An episode's first pictures; kept in `work`."""
    episode = write_episodes(1, seed, 8)[0]
    path = work / f"{hand}-{seed}-{HEIGHT_PX}-{N_PICTURES}.npy"
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        source = render_frames(episode, HEIGHT_PX, hand)
        np.save(path, np.stack([image for image, _ in zip(source, range(N_PICTURES))]))
    starts = np.cumsum([0, *(shot.n_frames for shot in episode.shots)])
    return Drawn(f"{hand}-{seed}", list(np.load(path)), tuple(int(s) for s in starts if s < N_PICTURES))


# -- the cadences ------------------------------------------------------------------------------------------------------


def edited(one: Callable[[int, int], Video], episode: Drawn, seed: int) -> Video:
    """Telecined before it was cut: at every second shot some frames are gone, and with them the phase."""
    rng = np.random.default_rng(seed)
    at = [*episode.shots[::2], len(episode.pictures)]
    parts = []
    for start, end in itertools.pairwise(at):
        part = one(end - start, start)
        head = int(rng.integers(0, 5)) if start else 0
        parts.append(pulldown.cut(part, head, len(part) - int(rng.integers(0, 5))))
    return pulldown.joined(parts)


def with_insert(one: Callable[[int, int], Video], episode: Drawn) -> Video:
    """A body at 24 around shots that were made at 30."""
    n = len(episode.pictures)
    start, end = (min(episode.shots, key=lambda s: abs(s - at)) for at in (n // 3, 2 * n // 3))
    insert = pulldown.progressive(range(start, end), NTSC, "progressive")
    return pulldown.joined([one(start, 0), insert, one(n - end, end)])


def _telecined(n: int, first: int, top_first: bool = True) -> Video:
    return pulldown.telecined(n, first=first, top_first=top_first)


def _repeated(n: int, first: int) -> Video:
    return pulldown.repeated(n, first=first)


Case = Callable[[Drawn, int], Video]
CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "24p": (lambda d, s: pulldown.clean(len(d.pictures), pulldown.FILM), ("h264",)),
    "25p": (lambda d, s: pulldown.clean(len(d.pictures), pulldown.PAL), ("h264",)),
    "30p, drawings held": (lambda d, s: pulldown.clean(len(d.pictures), NTSC), ("h264", "mpeg2")),
    "24 in 30 by repeats": (lambda d, s: pulldown.repeated(len(d.pictures), s % 4), ("h264", "h264_hard")),
    "24 in 30 by repeats, edited": (lambda d, s: edited(_repeated, d, s), ("h264",)),
    "24 in 30 by repeats, 30p insert": (lambda d, s: with_insert(_repeated, d), ("h264",)),
    "24 in 60 by repeats": (lambda d, s: pulldown.repeated_60(len(d.pictures), s % 2), ("h264",)),
    "30 in 60 by repeats": (lambda d, s: pulldown.doubled(len(d.pictures)), ("h264",)),
    "3:2 pulldown, top first": (lambda d, s: pulldown.telecined(len(d.pictures), s % 10), ("h264", "mpeg2")),
    "3:2 pulldown, bottom first": (
        lambda d, s: pulldown.telecined(len(d.pictures), s % 10, top_first=False), ("mpeg2",)
    ),
    "3:2 pulldown, edited": (lambda d, s: edited(_telecined, d, s), ("h264", "mpeg2")),
    "3:2 pulldown, 30p insert": (lambda d, s: with_insert(_telecined, d), ("h264", "mpeg2")),
    "2:2 with shifted fields": (lambda d, s: pulldown.shifted(len(d.pictures)), ("h264", "mpeg2")),
    "interlaced video": (lambda d, s: pulldown.interlaced(len(d.pictures)), ("h264", "mpeg2")),
    "fields blended": (lambda d, s: pulldown.blended(len(d.pictures)), ("h264", "mpeg2")),
}  # fmt: skip


# -- what comes back ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Counts of one video: state, longest common subsequence, repeats and losses."""

    n_frames: int
    n_right: int
    n_film: int
    n_given: int
    n_common: int
    dropped: tuple[int, int, int]  # rightly, wrongly, missed
    n_drawings: int
    n_lost: int

    def __add__(self, other: Outcome) -> Outcome:
        dropped = tuple(a + b for a, b in zip(self.dropped, other.dropped))
        sums = {k: v + getattr(other, k) for k, v in vars(self).items() if k != "dropped"}
        return replace(self, **sums, dropped=dropped)

    @property
    def state(self) -> float:
        return self.n_right / max(1, self.n_frames)

    @property
    def film(self) -> float:
        return 2 * self.n_common / max(1, self.n_film + self.n_given)

    @property
    def repeats(self) -> float:
        right, wrong, missed = self.dropped
        return 2 * right / max(1, 2 * right + wrong + missed) if right or wrong or missed else 1.0


Given = list[tuple[Fraction, np.ndarray]]  # (seconds, luma)


def ours(path: Path) -> tuple[Given, dict[int, str]]:
    """What we give on, and the state of every source frame that was given on."""
    given, states = [], {}
    for item in restored(frames(path), probe(path)):
        given.append((item.frame.pts * item.frame.time_base, item.frame.luma().copy()))
        states |= dict.fromkeys(item.sources, item.segment.state)
    return given, states


def filtered(path: Path, filters: str) -> Given:
    """What a chain of FFmpeg's filters gives on."""
    given = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        graph = av.filter.Graph()
        context, base = stream.codec_context, stream.time_base
        last = graph.add(
            "buffer",
            f"video_size={context.width}x{context.height}:pix_fmt={context.pix_fmt}:time_base={base}"
            f":frame_rate={stream.average_rate}:pixel_aspect=1/1",  # decimate refuses a source without a rate
        )
        for part in filters.split(","):
            name, _, arguments = part.partition("=")
            node = graph.add(name, arguments) if arguments else graph.add(name)
            last.link_to(node)
            last = node
        last.link_to(graph.add("buffersink"))
        graph.configure()
        for picture in [*container.decode(stream), None]:
            graph.push(picture)
            given += list(_pulled(graph))
    return given


def _pulled(graph: av.filter.Graph) -> Iterator[tuple[Fraction, np.ndarray]]:
    while True:
        try:
            out = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(out, av.VideoFrame) and out.pts is not None and out.time_base is not None
        yield out.pts * out.time_base, out.to_ndarray(format="gray")


def judge(
    video: Video, given: Given, states: dict[int, str], pictures: Sequence[np.ndarray], drawings: list[int]
) -> Outcome:
    """Recognise what was given on and count."""
    start = given[0][0] if given else Fraction(0)
    recognised = [_recognised(video, s - start, image, pictures) for s, image in given]
    shown = [drawings[near[0]] for near in recognised]
    perhaps = {drawings[k] for near in recognised for k in near}
    film = [drawings[k] for k in video.film]
    per_video = Counter(drawings[max(mix, key=lambda part: part[1])[0]] for mix in video.tops)
    per_film, per_given = Counter(film), Counter(shown)
    right = wrong = missed = 0
    for drawing, n in per_film.items():
        spare, left_out = max(0, per_video[drawing] - n), max(0, per_video[drawing] - per_given[drawing])
        right += min(spare, left_out)
        wrong += max(0, left_out - spare)
        missed += max(0, spare - left_out)
    state, n_right = "", 0
    for t, true in enumerate(video.states):
        state = states.get(t, state)
        n_right += state == true
    return Outcome(
        len(video), n_right, len(film), len(shown), common(film, shown), (right, wrong, missed),
        len(per_film), sum(drawing not in perhaps for drawing in per_film),
    )  # fmt: skip


def _recognised(video: Video, at_s: Fraction, image: np.ndarray, pictures: Sequence[np.ndarray]) -> list[int]:
    """The drawn pictures, of those shown around this time, that `image` may be: the likeliest first.

    Two that differ by less than what coding leaves cannot be told apart, and neither is called lost.
    """
    at = round(at_s * video.rate)
    near = range(max(0, at - 2), min(len(video), at + 3))
    candidates = sorted({k for t in near for mix in (video.tops[t], video.bottoms[t]) for k, _ in mix})
    away = {k: float(cv2.norm(image, pictures[k], cv2.NORM_L2)) for k in candidates or [0]}
    return [k for k in sorted(away, key=lambda k: away[k]) if away[k] <= ALIKE * min(away.values())]


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the longest common subsequence."""
    row = np.zeros(len(other) + 1, int)
    values = np.asarray(other)
    for item in one:
        taken = np.concatenate([[0], np.where(values == item, row[:-1] + 1, 0)])
        row = np.maximum.accumulate(np.maximum(row, taken))
    return int(row[-1])


# -- figures -----------------------------------------------------------------------------------------------------------


def figures(seeds: Sequence[int] = SEEDS, work: Path = WORK, cases: Sequence[str] = ()) -> list[Figure]:
    """The figures of all cases (or of `cases`) over both hands and these seeds."""
    totals: dict[tuple[str, str], Outcome] = {}
    for seed in seeds:
        for hand in HANDS:
            episode = drawn(seed, hand, work)
            drawings = episode.drawings
            for name in cases or CASES:
                make, codecs = CASES[name]
                video = make(episode, seed)
                images = episode.pictures
                if name == "interlaced video":
                    images, drawings_here = pulldown.scrolled(images, len(images)), list(range(len(images)))
                else:
                    drawings_here = drawings
                lumas = [luma(image) for image in images]
                for codec in codecs:
                    path = work / f"{episode.name}-{name.replace(' ', '_').replace(':', '')}-{codec}.vid"
                    if not path.exists():
                        part = path.with_suffix(".part")  # an interrupted run must not leave half a video
                        pulldown.encode(part, video, pulldown.pictures(video, images), codec).rename(path)
                    outcomes = {"ours": judge(video, *ours(path), lumas, drawings_here)}
                    if video.film and len(video.film) < len(video):
                        for rival, filters in RIVALS.items():
                            if rival.startswith("decimate") and video.interlaced:
                                continue
                            outcomes[rival] = judge(video, filtered(path, filters), {}, lumas, drawings_here)
                    for who, outcome in outcomes.items():
                        key = (name, who)
                        totals[key] = totals[key] + outcome if key in totals else outcome
    return [figure for name in cases or CASES for figure in _figures(name, totals)]


COMPANION = ("popeye_sinbad_T00-1_24fps.mkv", "popeye_sinbad_T00-1_ntsc2997_dupframes.mkv")


def companion_figures(media: Path) -> list[Figure]:
    """Real cel animation at 29.97 with one frame in five repeated, beside its 24 frames a second."""
    original, path = (media / "popeye" / name for name in COMPANION)
    film = [cv2.resize(f.luma(), (96, 72), interpolation=cv2.INTER_AREA) for f in frames(original)]
    shows, true = [], 0
    for frame in frames(path):  # the repeat moves the film on by four pictures in five frames
        small = cv2.resize(frame.luma(), (96, 72), interpolation=cv2.INTER_AREA)
        at = frame.index * 4 // 5
        near = range(max(0, at - 2), min(len(film), at + 3))
        shows.append(min(near, key=lambda k: float(cv2.norm(small, film[k], cv2.NORM_L1))))
        true = frame.index + 1
    n_repeats = true - len(film)
    expected = [t - (t + 2) // 5 for t in range(true)]
    sure = float(np.mean([abs(a - b) <= 1 for a, b in zip(shows, expected)]))
    given = {item.frame.index for item in restored(frames(path), probe(path))}
    rival = {"decimate": {round(s * NTSC) for s, _ in filtered(path, "decimate")}}
    lost = {who: len(set(expected) - {expected[t] for t in kept if t < true}) for who, kept in rival.items()}
    mine = len(set(expected) - {expected[t] for t in given})
    return [
        Figure("real companion: share of its frames within one of where the repeats put them", sure),
        Figure("real companion: repeats removed", (true - len(given)) / n_repeats, {
            who: (true - len(kept)) / n_repeats for who, kept in rival.items()
        }, ">= 0.80", (true - len(given)) / n_repeats >= 0.8),
        Figure("real companion: film pictures lost", mine, {who: float(n) for who, n in lost.items()}, "0", mine == 0),
    ]  # fmt: skip


def cost_figures(work: Path = WORK, seed: int = SEEDS[0], rounds: int = 3) -> list[Figure]:
    """CPU ms of our pass per 720p frame beyond bare decoding, both in one process, by turns; the median."""
    episode = drawn(seed, HANDS[0], work)
    large = [cv2.resize(p, (1280, 720), interpolation=cv2.INTER_CUBIC) for p in episode.pictures[:160]]
    sources = {
        "24p": pulldown.clean(len(large), pulldown.FILM), "24 in 30 by repeats": pulldown.repeated(len(large)),
        "3:2 pulldown": pulldown.telecined(len(large)),
    }  # fmt: skip
    figures = []
    for name, video in sources.items():
        path = work / f"cost-{seed}-{name.replace(' ', '_').replace(':', '')}.vid"
        if not path.exists():
            pulldown.encode(path, video, pulldown.pictures(video, large))
        spent: dict[str, list[float]] = {"decode": [], "ours": []}
        for _ in range(rounds):
            for who in spent:
                start = time.process_time()
                for _ in frames(path) if who == "decode" else restored(frames(path), probe(path)):
                    pass
                spent[who].append(1000 * (time.process_time() - start) / len(video))
        decode, both = (statistics.median(values) for values in spent.values())
        goal = ("<= 0.4", both - decode <= 0.4) if name == "24p" else ("", None)
        figures.append(
            Figure(f"{name}: CPU ms per 720p frame beyond decoding", both - decode, {"decode": decode}, *goal)
        )
    return figures


def _figures(name: str, totals: dict[tuple[str, str], Outcome]) -> Iterator[Figure]:
    mine = totals[name, "ours"]
    rivals = {who: outcome for (case, who), outcome in totals.items() if case == name and who != "ours"}
    yield Figure(f"{name}: state by time", mine.state, {}, ">= 0.95", mine.state >= 0.95)
    if not mine.n_film:
        return
    yield Figure(f"{name}: film, F1", mine.film, {w: o.film for w, o in rivals.items()}, ">= 0.95", mine.film >= 0.95)
    if rivals:
        yield Figure(f"{name}: repeats left out, F1", mine.repeats, {w: o.repeats for w, o in rivals.items()})
    yield Figure(
        f"{name}: drawings lost of {mine.n_drawings}", mine.n_lost, {w: o.n_lost for w, o in rivals.items()},
        "0", mine.n_lost == 0,
    )  # fmt: skip


if __name__ == "__main__":
    import os
    import sys

    from benchmarks.figures import publish

    cv2.setNumThreads(1)
    media = [Path(os.environ["ANIMATRIX_MEDIA"])] if "ANIMATRIX_MEDIA" in os.environ else []
    table = figures(cases=sys.argv[1:]) + cost_figures() + [f for m in media for f in companion_figures(m)]
    publish("segments_cadence", "python -m benchmarks.segments_cadence", table)
