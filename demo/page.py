"""The page of a demo: one self-contained HTML file, pictures and clips inside."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path

import cv2
import numpy as np
from anicaption.directive import directive
from anicaption.frames import frames, probe, read_clip
from anicaption.record import Record
from animatrix_ingest.keep import manifest
from animatrix_ingest.keep.shards import read_member

from demo.proof import MOVES, PANS, ZOOMS, Counts, Results, right

STYLE = Path(__file__).with_name("page.css")


def write(road, raw: Path, data: Path, results: Results, seconds: float) -> Path:
    """OUT/index.html."""
    rows = manifest.load(data).to_pylist()
    parts = [
        "<h1>The whole road</h1>",
        f"<p class=soft>Raw anime in, a video model out that listens to production variables. This run took "
        f"{seconds / 60:.1f} minutes on this machine's processor, without a GPU, from the commands below.</p>",
        _heading(1, "Raw anime"),
        "<p>Nobody may ship other people's anime, and nobody knows the truth about it frame by frame. So it is drawn: "
        "every shot comes from a script of production variables, and the script is the truth.</p>",
        *(_command(step) for step in road.steps if " draw " in step[1]),
        *(f'<img class=strip alt="frames of {path.name}" src="{_strip(path)}">' for path in
          sorted((raw / "episodes").glob("*.mkv"))),
        _heading(2, "Shots and their variables"),
        "<p>One decode finds the shots, measures every frame and reads the variables below from pixels. What nobody "
        "measured says nothing; ✓ and ✗ compare with the script, where it decides the variable. All shots: "
        f'<a href="{data.name}/report.html">the report of the data set</a>.</p>',
        *(_command(step) for step in road.steps if " run " in step[1]),
        *(_shot(raw, data, row) for row in _varied([row for row in rows if "episode" in row["source"]], 6)),
        _heading(3, "The data set"),
        _data_set(rows),
        _heading(4, "Training"),
        "<p>Frame 0 is given clean and left out of the loss; five frames at the rate of the film. The first run starts "
        "from nothing at 24 × 40 pixels. The second goes on from the checkpoint in this repository, which was trained "
        "for longer on other drawn shots, and works at 36 × 64 (see its README).</p>",
        *(_command(step) for step in road.steps if " fit " in step[1]),
        '<div class="plots">' + "".join(f"<div>{_curve(_LOSS[name], points)}</div>"
                                        for name, points in results.losses.items()) + "</div>",
        _heading(5, "One tag apart"),
        "<p>Each row: one first frame that no training saw, and one noise; only <code>camera.move</code> and its words "
        "differ. Clips of five frames, shown at a quarter of their speed. The camera moves one way, so the picture "
        "slides the other.</p>",
        *(_samples(trial) for trial in results.trials),
        _heading(6, "Asked for, read back"),
        "<p>AniCaption reads the samples as it reads everything else. Beside them stands the reader itself on drawn "
        "windows of the same size whose move is known: what it gets wrong there, no model can be blamed for.</p>",
        _table(results),
    ]  # fmt: skip
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>AniMatrix: the whole road</title><style>{STYLE.read_text('utf-8')}</style>"
        f"<main>{''.join(parts)}</main></html>"
    )
    path = road.out / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


_LOSS = {"scratch": "From nothing", "further": "From the shipped checkpoint"}


def _heading(number: int, words: str) -> str:
    return f"<h2><span>{number}</span>{words}</h2>"


def _command(step: tuple[str, str, float]) -> str:
    return f'<code class="cmd"><b>{step[2]:.0f} s</b>{html.escape(step[1])}</code>'


def _strip(path: Path, n: int = 14, rows: int = 2, height_px: int = 110) -> str:
    """Frames across a whole film, as one picture."""
    total = round((probe(path).duration_s or 1) * float(probe(path).rate))
    wanted = set(np.linspace(4, max(5, total - 4), n).astype(int).tolist())
    pictures = [frame.rgb(height_px) for frame in frames(path) if frame.index in wanted]
    pictures = pictures[: len(pictures) // rows * rows]
    lines = [np.hstack(pictures[i::rows]) for i in range(rows)] if len(pictures) >= rows else [np.hstack(pictures)]
    return _jpeg(np.vstack(lines))


def _shot(raw: Path, data: Path, row: dict) -> str:
    clip = read_clip(read_member(data, row["shard"], row["offset"], row["length"]), height_px=96)
    picks = np.linspace(0, len(clip) - 1, 6).astype(int)
    said = json.loads(read_member(data, row["shard"], row["json_offset"], row["json_length"]))
    record = Record.from_json(said["record"])
    truth = _truth(raw, row)
    chips = "".join(_chip(name, values, truth.get(name)) for name, values in record.tags().items())
    return (
        f'<div class=shot><img alt="six frames of a shot" src="{_jpeg(np.hstack(list(clip[picks])))}">{chips}'
        f"<p class=soft>{html.escape(directive(record).prose)}</p></div>"
    )


def _truth(raw: Path, row: dict) -> dict[str, tuple[str, ...]]:
    """What the script says of a clip; nothing where the shot was found with other ends than it was drawn with."""
    name = Path(row["source"]).with_suffix(".truth.json").name
    for path in raw.rglob(name):
        for shot in json.loads(path.read_text("utf-8"))["shots"]:
            if (shot["start_frame"], shot["end_frame"]) == (row["start_frame"], row["end_frame"]):
                return Record.from_json(shot["record"]).tags()
    return {}


def _chip(name: str, read: tuple[str, ...], drawn: tuple[str, ...] | None) -> str:
    verdict = "" if drawn is None else " ✓" if set(read) == set(drawn) else f" ✗ drawn as {' + '.join(drawn)}"
    return f"<span class=chip><i>{name}</i>{html.escape(' + '.join(read) + verdict)}</span>"


def _varied(rows: list[dict], n: int) -> list[dict]:
    """Up to `n` shots, those first whose camera and timing have not been shown yet."""
    seen: set[tuple] = set()
    fresh, again = [], []
    for row in rows:
        kind = (tuple(row["camera.move"]), tuple(row["motion.timing"]), tuple(row["vfx.impact_frame"]))
        (again if kind in seen else fresh).append(row)
        seen.add(kind)
    return (fresh + again)[:n]


def _data_set(rows: list[dict]) -> str:
    seconds = sum(row["n_frames"] / _rate(row["rate"]) for row in rows)
    shards = len({row["shard"] for row in rows})
    moves: dict[str, int] = {}
    for row in rows:
        name = " + ".join(row["camera.move"])
        moves[name] = moves.get(name, 0) + 1
    bars = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{n}</td><td style='width:60%'><div style='height:10px;border-radius:5px;"
        f"background:var(--accent);width:{100 * n / max(moves.values()):.0f}%'></div></td></tr>"
        for name, n in sorted(moves.items(), key=lambda item: -item[1])
    )
    return (
        f"<p>{len(rows)} clips, {seconds:.0f} seconds, in {shards} WebDataset {'shard' if shards == 1 else 'shards'} "
        "with a Parquet manifest.</p>"
        f"<table><tr><th>camera.move, as measured</th><th>clips</th><th></th></tr>{bars}</table>"
    )


def _rate(text: str) -> float:
    top, _, bottom = text.partition("/")
    return float(top) / float(bottom or 1)


def _samples(trial) -> str:
    clips = trial.clips
    shown = [move for move in (*PANS, *ZOOMS) if move in clips][:6]
    head = "".join(f"<th>{move}</th>" for move in ("frame 0", *shown))
    body = ""
    for number in range(min(3, len(clips[shown[0]]))):
        cells = [_still(clips[shown[0]][number][0])] + [_loop(clips[move][number]) for move in shown]
        body += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    obeyed = f"{trial.what}; pans obeyed: {_share(trial.counts, PANS)}"
    return (
        f"<h3>{html.escape(trial.name)} <span class=soft>({html.escape(obeyed)})</span></h3>"
        f"<div class=wide><table class=even><tr>{head}</tr>{body}</table></div>"
    )


def _table(results: Results) -> str:
    columns = [(f"the reader, {size} drawn truth", counts) for size, counts in results.readers.items()]
    columns += [(trial.name, trial.counts) for trial in results.trials]
    head = "".join(f"<th>{html.escape(name)}</th>" for name, _ in columns)
    body = ""
    for move in MOVES:
        cells = "".join(f"<td>{_counts(counts.get(move, {}), move)}</td>" for _, counts in columns)
        body += f"<tr><td>{move}</td>{cells}</tr>"
    for name, moves in (("all pans", PANS), ("all zooms", ZOOMS)):
        body += f"<tr><th>{name}</th>" + "".join(f"<th>{_share(c, moves)}</th>" for _, c in columns) + "</tr>"
    return f"<div class=wide><table><tr><th>asked for</th>{head}</tr>{body}</table></div>"


def _share(counts: Counts, moves: tuple[str, ...]) -> str:
    good, total = right(counts, moves)
    return f"{good} of {total}"


def _counts(counts: dict[str, int], asked: str) -> str:
    """What was read back, most often first; what was asked for stands out."""
    style = {True: "style=color:var(--good);font-weight:650", False: "class=soft"}
    return "<br>".join(
        f"<span {style[value == asked]}>{html.escape(value)} {n}</span>"
        for value, n in sorted(counts.items(), key=lambda item: -item[1])
    )


def _curve(title: str, points: list[tuple[int, float]]) -> str:
    """Loss over steps as SVG; the scale starts at zero."""
    width, height, left, bottom = 620, 250, 46, 40
    steps, losses = [p[0] for p in points], [p[1] for p in points]
    top = max(losses) * 1.05
    x = lambda step: left + (width - left - 8) * step / max(steps)  # noqa: E731
    y = lambda loss: (height - bottom) * (1 - loss / top) + 12  # noqa: E731
    line = " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in points)
    ticks = "".join(
        f'<line x1="{left}" x2="{width}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="var(--line)"/>'
        f'<text x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end" fill="var(--soft)" font-size="12">{v:.2g}</text>'
        for v in np.linspace(0, top, 5)
    )
    return (
        f"<b>{title}</b><svg viewBox='0 0 {width} {height}' role=img aria-label='loss over steps'>{ticks}"
        f"<polyline points='{line}' fill='none' stroke='var(--accent)' stroke-width='2'/>"
        f'<text x="{left}" y="{height - 6}" fill="var(--soft)" font-size="12">0</text>'
        f'<text x="{width - 8}" y="{height - 6}" text-anchor="end" fill="var(--soft)" font-size="12">'
        f"step {max(steps)}</text></svg>"
    )


def _still(image: np.ndarray) -> str:
    _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return f'<img class=px alt="first frame" src="{_uri("image/png", png)}">'


def _loop(video: np.ndarray) -> str:
    """A looping lossless WebP at a quarter of the speed, holding the last frame for a moment."""
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in video]
    animation.durations = [167] * (len(video) - 1) + [700]
    _, webp = cv2.imencodeanimation(".webp", animation, [cv2.IMWRITE_WEBP_QUALITY, 101])
    return f'<img class=px alt="a sample" src="{_uri("image/webp", webp)}">'


def _jpeg(image: np.ndarray) -> str:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return _uri("image/jpeg", data)


def _uri(kind: str, data: np.ndarray) -> str:
    return f"data:{kind};base64,{base64.b64encode(data.tobytes()).decode()}"
