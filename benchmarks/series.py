"""Drawn series with truth: openings, endings, eyecatches, recaps, previews, bank cuts and a second release.

A series is six episodes of one author. What they share, and how it differs between them, is what real series do:

    opening   other credits in every episode; in episode 2 a version with two other shots, in episode 4 none, in
              episode 5 other words are sung
    ending    credits over the pictures; its song is also heard over the body of episode 3 (an insert song); in
              episode 6 it is sung to other pictures
    eyecatch  two designs, twice in every episode, around its middle
    recap     the second half of the episode before, cut short, faded and told over: in all but the first episode
    preview   the next episode, cut short, over music that all previews share: in all but the last episode
    bank cut  one shot of episode 1 is shown again in episodes 3 and 5
    twin      a layout of episode 4 is used again in episode 6 with other acting: alike, and no copy
    release   episode 3 once more: cropped, smaller, brighter, with a logo, at a third of the bitrate

Frames are drawn by either hand; truth is in frames of the episode, spans half-open.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from anicaption.drawn.episodes import write_episodes
from anicaption.drawn.film import HANDS
from anicaption.drawn.joints import joined
from anicaption.drawn.script import Shot
from anicaption.frames import FILM_RATE, even, write_video
from av.audio.stream import AudioStream

from benchmarks.series_sound import RATE_HZ, dialogue, music, silence

EPISODES = 6
BODY_SHOTS = 12
PLAIN = ("none", 0)
BODY = "body"


@dataclass(frozen=True)
class Cut:
    """A shot of an episode: its frames, the role of the part it stands in, and what was drawn for it."""

    start_frame: int
    end_frame: int
    role: str
    drawing: str
    """Shots with one `drawing` show the same pictures; a shortened one shows frames from its beginning."""


@dataclass(frozen=True)
class Made:
    """One file of a series. `segments` are (role, start_frame, end_frame)."""

    file: str
    episode: str
    release_of: str
    cuts: tuple[Cut, ...]
    segments: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class _Part:
    """A stretch of an episode: its role, its shots as (drawing, frames), and its sound."""

    role: str
    shots: list[tuple[str, list[np.ndarray]]]
    sound: np.ndarray

    @property
    def n_frames(self) -> int:
        return sum(len(frames) for _, frames in self.shots)


def series(out: str | Path, seed: int, hand: str = "first", height_px: int = 144, sound: bool = True) -> list[Made]:
    """Draw a series into `out` as mkv files with series.json beside them; a finished one is read again."""
    out = Path(out)
    truth = out / "series.json"
    if truth.exists():
        return [_made(row) for row in json.loads(truth.read_text("utf-8"))]
    out.mkdir(parents=True, exist_ok=True)
    made = []
    episodes = _episodes(seed, hand, height_px)
    for number, parts in enumerate(episodes):
        name = f"s{seed}-{number + 1:02d}.mkv"
        frames = [frame for part in parts for _, shot in part.shots for frame in shot]
        waves = _joined_sound(parts) if sound else None
        _write(out / name, frames, waves, crf=18 + 2 * (number % 3), codec="libopus" if number % 2 else "aac")
        made.append(_truth(name, str(number + 1), "", parts))
        if number == 2:
            again = f"s{seed}-{number + 1:02d}-other.mkv"
            _write(out / again, (_released(f) for f in frames), waves, crf=33, codec="aac")
            made.append(replace(made[-1], file=again, release_of=name))
    truth.write_text(json.dumps([asdict(one) for one in made]), encoding="utf-8")
    return made


def _made(row: dict) -> Made:
    cuts = tuple(Cut(**cut) for cut in row["cuts"])
    return Made(row["file"], row["episode"], row["release_of"], cuts, tuple(tuple(s) for s in row["segments"]))


def _truth(file: str, episode: str, release_of: str, parts: list[_Part]) -> Made:
    cuts, segments, at = [], [], 0
    for part in parts:
        if part.role != BODY:
            segments.append((part.role, at, at + part.n_frames))
        for drawing, frames in part.shots:
            cuts.append(Cut(at, at + len(frames), part.role, drawing))
            at += len(frames)
    return Made(file, episode, release_of, tuple(cuts), tuple(segments))


def _episodes(seed: int, hand: str, height_px: int) -> list[list[_Part]]:
    """The parts of every episode, drawn."""
    scripts = write_episodes(EPISODES, seed, BODY_SHOTS)
    draw = _Draw(hand, height_px)
    opening = draw(_opening(scripts[0]), "op")
    ending = draw(_opening(write_episodes(1, seed + 50_000, 1)[0]), "ed")
    other = draw(_opening(write_episodes(1, seed + 60_000, 1)[0]), "op2")
    last = draw(_opening(write_episodes(1, seed + 80_000, 1)[0]), "ed2")
    cards = [draw(_opening(write_episodes(1, seed + 70_000 + i, 1)[0])[5:6], f"eye{i}") for i in range(2)]
    bodies = [draw(_plain(list(s.shots[s.opening[1] :])), f"ep{i + 1}") for i, s in enumerate(scripts)]
    bank = bodies[0][4]
    for number in (2, 4):
        bodies[number].insert(7, bank)
    bodies[5].insert(3, draw([_acted_anew(_plain(list(scripts[3].shots[scripts[3].opening[1] :])))], "twin")[0])
    jingles = [music(seed * 10 + 5 + i, _seconds(card)) for i, card in enumerate(cards)]
    episodes = []
    for number, body in enumerate(bodies):
        rng = np.random.default_rng([seed, number, 7])
        half = len(body) // 2
        first, second = body[:half], body[half:]
        parts = []
        if number:
            told = _shortened(bodies[number - 1][7:12], rng)
            parts.append(_Part("recap", [(d, [_faded(f) for f in fs]) for d, fs in told], _talk(told, seed, number, 1)))
        if number != 3:
            shots = [*opening[:2], *other[2:4], *opening[4:]] if number == 1 else opening
            song = music(seed, _seconds(shots), vocal=seed + (9 if number == 4 else 0))
            parts.append(_Part("opening", _credited(shots, seed, number, 2), song))
        if number % 2:
            parts = [_Part(BODY, first[:2], _talk(first[:2], seed, number, 2)), *parts]
            first = first[2:]
        parts.append(_Part(BODY, first, _talk(first, seed, number, 3)))
        parts += [_Part("eyecatch", card, jingle) for card, jingle in zip(cards, jingles)]
        talk = _talk(second, seed, number, 4)
        if number == 2:
            talk = 0.7 * music(seed + 1, _seconds(second), vocal=seed + 1) + 0.5 * talk
        parts.append(_Part(BODY, second, talk))
        shots = last if number == 5 else ending
        song = music(seed + 1, _seconds(ending), seed + 1)
        parts.append(_Part("ending", _credited(_to_length(shots, ending), seed, number, 8), song))
        if number + 1 < EPISODES:
            shown = _shortened([bodies[number + 1][i] for i in (2, 4, 5, 8, 9)], rng)
            over = music(seed + 2, _seconds(shown)) + 0.7 * _talk(shown, seed, number, 5)
            parts.append(_Part("preview", shown, over))
        episodes.append(parts)
    return episodes


class _Draw:
    """Draws shots with one hand at one size; equal frames in a row are one array."""

    def __init__(self, hand: str, height_px: int) -> None:
        self._shot, self._height_px, self._width_px = HANDS[hand][0], height_px, even(height_px * 16 / 9)

    def __call__(self, shots: list[Shot], name: str) -> list[tuple[str, list[np.ndarray]]]:
        frames: list[np.ndarray] = []
        for frame in joined(self._shot(shot, self._height_px, self._width_px) for shot in shots):
            frames.append(frames[-1] if frames and np.array_equal(frames[-1], frame) else frame.copy())
        found, at = [], 0
        for i, shot in enumerate(shots):
            found.append((f"{name}/{i}", frames[at : at + shot.n_frames]))
            at += shot.n_frames
        return found


def _opening(episode) -> list[Shot]:
    return _plain(list(episode.shots[episode.opening[0] : episode.opening[1]]))


def _plain(shots: list[Shot]) -> list[Shot]:
    """Without dissolves and wipes between them, so that any two shots can stand side by side."""

    def own(joint: tuple[str, int]) -> tuple[str, int]:
        return PLAIN if joint[0] in ("dissolve", "wipe") else joint

    return [replace(shot, into=own(shot.into), out=own(shot.out)) for shot in shots]


def _acted_anew(shots: list[Shot]) -> Shot:
    """A shot of a figure that talks or stands, best under a resting camera: other acting, the same background."""
    acted = [s for s in shots if s.acting and s.character and s.acting.performance in ("talk", "idle")]
    if not acted:
        raise ValueError(
            "series: nobody talks or stands in this episode, so there is no layout to use again; other seed"
        )
    shot = min(acted, key=lambda s: len(s.camera.moves))
    assert shot.acting is not None
    acting = replace(shot.acting, start_phase=shot.acting.start_phase + 0.37, holds=(3, 2, 5, 3, 7, 2, 4))
    return replace(shot, acting=acting)


def _to_length(shots: list, like: list) -> list[tuple[str, list[np.ndarray]]]:
    """Shots cut, or their last frame held, so that all together last as long as others do."""
    wanted = sum(len(frames) for _, frames in like)
    found = []
    for drawing, frames in shots:
        found.append((drawing, frames[:wanted]))
        wanted -= len(found[-1][1])
    if wanted:
        found[-1] = (found[-1][0], [*found[-1][1], *[found[-1][1][-1]] * wanted])
    return [(drawing, frames) for drawing, frames in found if frames]


def _shortened(shots: list, rng: np.random.Generator) -> list[tuple[str, list[np.ndarray]]]:
    """The beginnings of shots, between 0.9 and 1.6 s of each."""
    return [(drawing, frames[: round(rng.uniform(0.9, 1.6) * 24)]) for drawing, frames in shots]


def _faded(frame: np.ndarray) -> np.ndarray:
    """How a recap looks back: paler, dimmer."""
    grey = frame.mean(2, keepdims=True)
    return np.rint(0.85 * (0.5 * frame + 0.5 * grey)).astype(np.uint8)


def _credited(shots: list, seed: int, number: int, lines: int) -> list[tuple[str, list[np.ndarray]]]:
    """Staff names over the pictures, others in every episode."""
    rng = np.random.default_rng([seed, number, lines])
    found = []
    for drawing, frames in shots:
        words = ["".join(chr(97 + c) for c in rng.integers(0, 26, 14)) for _ in range(lines)]
        found.append((drawing, [_written(frame, words) for frame in frames]))
    return found


def _written(frame: np.ndarray, words: list[str]) -> np.ndarray:
    out = frame.copy()
    height = out.shape[0]
    scale = height / 144 * 0.33
    for i, line in enumerate(words):
        at = (round(0.06 * height), round(height * (0.92 - 0.09 * i)))
        cv2.putText(out, line, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20), 3, cv2.LINE_AA)
        cv2.putText(out, line, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (250, 250, 250), 1, cv2.LINE_AA)
    return out


def _released(frame: np.ndarray) -> np.ndarray:
    """The same frame as another station sent it: cropped by 3 %, five sixths of the size, brighter, with a logo."""
    height, width = frame.shape[:2]
    y, x = round(0.015 * height), round(0.015 * width)
    inner = frame[y : height - y, x : width - x]
    small = cv2.resize(inner, (even(width * 5 / 6), even(height * 5 / 6)), interpolation=cv2.INTER_AREA)
    small = cv2.convertScaleAbs(small, alpha=1.03, beta=6)
    cv2.putText(small, "TV9", (small.shape[1] - 34, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
    return small


def _seconds(shots: list) -> float:
    return float(sum(len(frames) for _, frames in shots) / FILM_RATE)


def _talk(shots: list, seed: int, number: int, which: int) -> np.ndarray:
    return dialogue(seed * 100 + number * 10 + which, _seconds(shots)) if shots else silence(0)


def _joined_sound(parts: Iterable[_Part]) -> np.ndarray:
    """Every part's sound from its own first frame on; rounding never adds up."""
    parts = list(parts)
    out = np.zeros(round(float(sum(p.n_frames for p in parts) / FILM_RATE) * RATE_HZ), np.float32)
    at = 0
    for part in parts:
        start = round(float(at / FILM_RATE) * RATE_HZ)
        wave = part.sound[: len(out) - start]
        out[start : start + len(wave)] = wave
        at += part.n_frames
    return np.clip(0.6 * out, -1, 1)


def _write(path: Path, frames: Iterable[np.ndarray], sound: np.ndarray | None, crf: int, codec: str) -> None:
    """Encode pictures, and sound where there is any, into one Matroska file."""
    buffer = io.BytesIO()
    # MP4 keeps decoding times, which the muxer wants and Matroska would have to guess at the first packets.
    write_video(buffer, frames, FILM_RATE, container="mp4", crf=crf, gop_frames=24)
    buffer.seek(0)
    with av.open(buffer, "r") as pictures, av.open(str(path), "w", format="matroska") as output:
        video_in = pictures.streams.video[0]
        video = output.add_stream_from_template(video_in)
        audio = None
        if sound is not None:
            audio = cast(AudioStream, output.add_stream(codec, rate=RATE_HZ, layout="mono"))
            audio.bit_rate = 96_000
        for packet in pictures.demux(video_in):
            if packet.size:  # the last one is empty and only flushes
                packet.stream = video
                output.mux(packet)
        if audio is None or sound is None:
            return
        step = RATE_HZ // 10
        for start in range(0, len(sound), step):
            part = np.ascontiguousarray(sound[None, start : start + step])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
            output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
