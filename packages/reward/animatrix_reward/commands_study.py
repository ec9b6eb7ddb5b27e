"""The commands of a human study: prompts, the list of clips, the table. Imports wait until one runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from animatrix_reward.refused import Refused


@dataclass(frozen=True)
class StudyPrompts:
    """Prompts that cover the taxonomy evenly: OUT/prompts.jsonl for `animatrix-train sample --requests`, and
    OUT/raters.json, which of the raters takes which prompt."""

    out: Path = Path("build/study")
    n: int = 500
    """prompts"""
    fields: int = 5
    """tags a prompt"""
    images: Path | None = None
    """folder of first frames (PNG, JPEG), taken in turn"""
    raters: int = 15
    per_prompt: int = 3
    seed: int = 0

    def __call__(self) -> int:
        from animatrix_reward.study_prompts import assign, coverage, prompts

        pictures = _pictures(self.images) if self.images else []
        made = prompts(self.n, self.fields, self.seed)
        self.out.mkdir(parents=True, exist_ok=True)
        images = [str(pictures[at % len(pictures)].resolve()) if pictures else None for at in range(len(made))]
        lines = [prompt.to_json(image) for prompt, image in zip(made, images)]
        (self.out / "prompts.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        who = assign([prompt.name for prompt in made], self.raters, self.per_prompt, self.seed)
        (self.out / "raters.json").write_text(json.dumps(who, indent=1) + "\n", "utf-8")
        found = coverage(made)
        print(
            f"{self.out / 'prompts.jsonl'}: {len(made)} prompts; {found['values'] - found['missing']} of "
            f"{found['values']} values asked for, {found['least']} to {found['most']} times each"
        )
        return 0


@dataclass(frozen=True)
class StudyClips:
    """The list of all models' clips for `animatrix-reward add-clips`: one folder of NAME.mp4 a model."""

    prompts: Annotated[Path, tyro.conf.Positional]
    models: tuple[str, ...]
    """NAME=FOLDER, one a model"""
    rating: str
    """general or sensitive, as somebody who has seen the prompts and pictures states"""
    out: Path = Path("build/study/clips.jsonl")

    def __call__(self) -> int:
        from anicaption.taxonomy import taxonomy

        asked = _rows(self.prompts, ("name", "tags", "text"))
        rows, missing = [], []
        for said in self.models:
            model, _, folder = said.partition("=")
            if not folder:
                raise Refused(f"--models {said}: write NAME=FOLDER")
            for prompt in asked:
                path = (Path(folder) / f"{prompt['name']}.mp4").resolve()
                if not path.is_file():
                    missing.append(str(path))
                    continue
                tags = {name: list(values) for name, values in taxonomy().parse_tags(prompt["tags"]).items()}
                row = {"prompt": prompt["name"], "model": model, "path": str(path), "rating": self.rating}
                rows.append(row | {"motion": "+".join(tags.get("motion.intensity", ["unknown"]))})
                rows[-1] |= {"tags": tags, "text": prompt["text"]}
                if prompt.get("image"):
                    rows[-1]["image"] = prompt["image"]
        if missing:
            raise Refused(f"{len(missing)} clips are not there, the first {missing[0]}; draw them, then list again")
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        print(f"{self.out}: {len(rows)} clips of {len(self.models)} models")
        return 0


@dataclass(frozen=True)
class Study:
    """The table of a study: means, differences from a baseline, intervals, win rates, agreement; OUT/study.html."""

    clips: Annotated[Path, tyro.conf.Positional]
    """the list that the room took"""
    events: Annotated[Path, tyro.conf.Positional]
    """.jsonl of events, as `animatrix-reward export` writes them"""
    baseline: str
    out: Path = Path("build/study")
    draws: int = 2000
    seed: int = 0

    def __call__(self) -> int:
        from animatrix_reward.clip_list import read_clips
        from animatrix_reward.events import read
        from animatrix_reward.study import Shown, tell
        from animatrix_reward.study_page import html, text

        listed = read_clips(self.clips)
        rows = _rows(self.clips, ("model",))
        shown = [Shown(clip.id, clip.prompt, row["model"]) for clip, row in zip(listed, rows, strict=True)]
        told = tell(read(self.events), shown, self.baseline, draws=self.draws, seed=self.seed)
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "study.json").write_text(json.dumps(told.to_json(), indent=1) + "\n", "utf-8")
        (self.out / "study.html").write_text(html(told), "utf-8")
        print(f"{text(told)}\n\n{self.out / 'study.html'}")
        return 0


def _pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not found:
        raise Refused(f"--images {folder}: holds no PNG or JPEG")
    return found


def _rows(path: Path, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The lines of a JSONL file that a command of the study wrote. Raises Refused at the first without these names."""
    try:
        lines = path.read_text("utf-8").splitlines()
        rows = [(number, json.loads(line)) for number, line in enumerate(lines, 1) if line.strip()]
    except (OSError, ValueError) as error:
        raise Refused(f"{path}: cannot be read ({error}); give a JSONL file") from error
    for number, row in rows:
        if missing := [name for name in names if not isinstance(row, dict) or name not in row]:
            raise Refused(f"{path}: line {number}: lacks {', '.join(missing)}; give what the command before wrote")
    return [row for _, row in rows]
