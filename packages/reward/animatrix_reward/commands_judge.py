"""The commands of the Judge: fit, score, evaluate. What a command needs is imported when it runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro

from animatrix_reward.refused import Refused


@dataclass(frozen=True)
class Fit:
    """Fit a Judge from clips and what was said of them; writes judge.safetensors and judge.json."""

    clips: Annotated[Path, tyro.conf.Positional]
    """lines {"id", "prompt", "path", "tags", "text"}, as the room takes them; paths relative to the list"""
    events: Annotated[Path, tyro.conf.Positional]
    """.jsonl of events, as `animatrix-reward export` writes them"""
    out: Path = Path("build/judge")
    encoder: str = "small"
    """small; open_clip:FOLDER, wan_vae:FOLDER or wan:FOLDER beside it"""
    seed: int = 0
    epochs: int = 14
    changes: int = 2
    """changed clips a prompt that may not be better than their original (fit_changes.py); with 0, stillness may pay"""

    def __call__(self) -> int:
        from animatrix_reward import fit as fitting
        from animatrix_reward.asked import asked
        from animatrix_reward.clip_list import looked_at, read_clips
        from animatrix_reward.encoders import open_encoder
        from animatrix_reward.events import read
        from animatrix_reward.fit_changes import changed
        from animatrix_reward.fit_rows import rows_of
        from animatrix_reward.judge import JudgeConfig, save

        listed, events, encoder = read_clips(self.clips), read(self.events), open_encoder(self.encoder)
        seen = {clip.id: one for clip, one in looked_at(listed, encoder)}
        changes = []
        for clip, one, made_of in list(changed(listed, events, seen, self.changes, self.seed, encoder)):
            listed.append(clip)
            seen[clip.id] = one
            changes.append((clip.id, made_of))
        wishes = {clip.id: asked(clip.tags, clip.text) for clip in listed}
        rows = rows_of(events, {name: one.n_frames for name, one in seen.items()}, {c.id: c.prompt for c in listed})
        some = next(iter(seen.values()))
        config = JudgeConfig(
            some.columns_TF.shape[1],
            len(wishes[listed[0].id]),
            some.encoded_TE.shape[1],
            encoder.identity if encoder else "",
        )
        settings = fitting.Settings(seed=self.seed, epochs=self.epochs)
        fitted = fitting.fit(seen, wishes, rows, settings, config=config, changes=changes, say=print)
        facts = {
            "clips": len(seen) - len(changes),
            "changes": len(changes),
            "events": len(events),
            "history": fitted.history,
            "settings": asdict(settings),
        }
        facts |= {"tie_logit": fitted.tie_logit, "overall_scale": fitted.overall_scale, "encoder_name": self.encoder}
        save(fitted.judge, self.out, facts)
        n_held = len(fitted.validation_prompts)
        print(f"{self.out}: threshold {float(fitted.judge.threshold):.3f}, {n_held} prompts held out")
        return 0


@dataclass(frozen=True)
class ScoreClips:
    """Score clips; one JSON line each, to --out or the screen."""

    judge: Annotated[Path, tyro.conf.Positional]
    clips: Annotated[Path, tyro.conf.Positional]
    """a list as for fit"""
    out: Path | None = None
    encoder: str = "small"
    """the one that the Judge was fitted with"""

    def __call__(self) -> int:
        from animatrix_reward.asked import asked
        from animatrix_reward.clip_list import looked_at, read_clips
        from animatrix_reward.judge import load
        from animatrix_reward.score import score

        judge = load(self.judge)
        encoder = opened(self.encoder, judge.config.encoder)
        lines = []
        for clip, seen in looked_at(read_clips(self.clips), encoder):
            one = score(judge, [seen], [asked(clip.tags, clip.text)])[0]
            lines.append(json.dumps({"id": clip.id, "prompt": clip.prompt, **one.to_json()}))
        if self.out is None:
            print("\n".join(lines))
        else:
            self.out.write_text("\n".join(lines) + "\n", "utf-8")
            print(f"{self.out}: {len(lines)} clips")
        return 0


@dataclass(frozen=True)
class Evaluate:
    """Hold a Judge against votes it was not fitted on: accuracy, calibration, art against failure."""

    judge: Annotated[Path, tyro.conf.Positional]
    clips: Annotated[Path, tyro.conf.Positional]
    """a list as for fit"""
    events: Annotated[Path, tyro.conf.Positional]
    encoder: str = "small"
    """the one that the Judge was fitted with"""
    out: Path | None = None
    """write the figures as JSON too"""

    def __call__(self) -> int:
        from animatrix_reward.asked import asked
        from animatrix_reward.clip_list import looked_at, read_clips
        from animatrix_reward.evaluate_votes import figures
        from animatrix_reward.events import read
        from animatrix_reward.judge import facts, load
        from animatrix_reward.score import score

        judge, listed, events = load(self.judge), read_clips(self.clips), read(self.events)
        encoder, known = opened(self.encoder, judge.config.encoder), facts(self.judge)
        scores = {
            clip.id: score(judge, [seen], [asked(clip.tags, clip.text)])[0] for clip, seen in looked_at(listed, encoder)
        }
        found = figures(events, scores, {c.id: c.prompt for c in listed}, judge, known)
        for name, value in found.items():
            print(f"{name:40s} {value}")
        if self.out is not None:
            self.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        return 0


def opened(name: str, identity: str):
    """The encoder of a name, if it is the one that a Judge was fitted with. Raises Refused if not."""
    from animatrix_reward.encoders import open_encoder

    encoder = open_encoder(name)
    if (encoder.identity if encoder else "") != identity:
        raise Refused(f"--encoder {name}: the Judge was fitted with {identity or 'small'}; give that one")
    return encoder
