"""The command that makes pairs of scored candidates. What it needs is imported when it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from animatrix_reward.refused import Refused


@dataclass(frozen=True)
class Pairs:
    """Pairs for preference from scored candidates: OUT/pairs.jsonl for the trainer, OUT/ask.jsonl for `add-pairs`."""

    clips: Annotated[Path, tyro.conf.Positional]
    """the list that was scored"""
    scores: Annotated[Path, tyro.conf.Positional]
    """what `animatrix-reward score` wrote of it"""
    out: Path = Path("build/pairs")
    votes: Path | None = None
    """.jsonl of events: what people answered to an earlier ask.jsonl"""
    gate: float = 2.0
    """a candidate with a structural head under it cannot win"""
    people: float = 0.3
    """share of the pairs, those with the smallest gaps, that people judge"""

    def __call__(self) -> int:
        from animatrix_reward.clip_list import read_clips
        from animatrix_reward.events import read
        from animatrix_reward.pairs import pair
        from animatrix_reward.votes import comparisons

        listed = {clip.id: clip for clip in read_clips(self.clips)}
        candidates = list(_candidates(self.scores, set(listed), self.clips))
        votes = comparisons(read(self.votes)) if self.votes else ()
        made = pair(candidates, votes, gate=self.gate, people=self.people)
        self.out.mkdir(parents=True, exist_ok=True)
        rows = []
        for one in made.pairs:
            clip = listed[one.winner.id]
            sides = {"winner": one.winner, "loser": one.loser}
            files = {side: os.path.relpath(listed[each.id].path, self.out) for side, each in sides.items()}
            rows.append(
                {"prompt": one.prompt, "tags": {name: list(values) for name, values in clip.tags.items()}}
                | {"text": clip.text, **files, "by": one.by, "deformed": [list(span) for span in one.winner.excused]}
                | {f"score_{side}": round(each.standing(self.gate), 4) for side, each in sides.items()}
            )
        _write(self.out / "pairs.jsonl", rows)
        _write(self.out / "ask.jsonl", [{"left": left, "right": right} for left, right in made.ask])
        by_people = sum(one.by == "people" for one in made.pairs)
        print(f"{self.out / 'pairs.jsonl'}: {len(made.pairs)} pairs, {by_people} of them by people")
        print(f"{self.out / 'ask.jsonl'}: {len(made.ask)} for people, gaps up to {made.limit:.3f}")
        print(f"{made.rejected} of {len(candidates)} candidates may not win; {made.unanswered} pairs people left even")
        return 0


def _candidates(path: Path, known: set[str], clips: Path) -> Iterator[Any]:
    """The rows of `score` as candidates. Raises Refused with the line of the first that is wrong."""
    from animatrix_reward.dimensions import STRUCTURE
    from animatrix_reward.pairs import Candidate

    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        place = f"{path}: line {number}"
        try:
            row = json.loads(line)
            heads = {name: float(row["structure"][name]) for name in STRUCTURE}
            spans = tuple((int(start), int(end)) for start, end in row["excused"])
            one = Candidate(row["id"], row["prompt"], float(row["composite"]), heads, bool(row["supported"]), spans)
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(f"{place}: {error!r}; give what `animatrix-reward score` wrote") from error
        if one.id not in known:
            raise Refused(f"{place}: {one.id} is no clip of {clips}; give the list that was scored")
        yield one


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
