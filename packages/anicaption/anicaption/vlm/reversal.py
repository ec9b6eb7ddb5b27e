"""Does a model see time at all? What it says of a shot must turn round when the shot is shown backwards.

For every pair of values that reversal swaps (pan left and pan right, slow start and slow end, ...) the model's leaning
is the probability of one minus that of the other. A pair counts where it leans; it passes where the leaning of the
reversed shot has the other sign. A model that sees no time keeps its leaning; a coin passes half of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anicaption.frames import VideoSource
from anicaption.record import Record
from anicaption.vlm.score import Failure, Vlm
from anicaption.vlm.view import shot_view

PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "camera.move": (
        ("pan_left", "pan_right"),
        ("pan_up", "pan_down"),
        ("track_up", "track_back"),
        ("roll_cw", "roll_ccw"),
    ),
    "camera.easing": (("slow_start", "slow_end"),),
    "motion.spacing": (("slow_start", "slow_end"),),
    "camera.transition": (
        ("fade_in_black", "fade_out_black"),
        ("fade_in_white", "fade_out_white"),
        ("dissolve_in", "dissolve_out"),
        ("wipe_in", "wipe_out"),
        ("iris_in", "iris_out"),
        ("whip_in", "whip_out"),
    ),
}
LEANING = 0.05  # less than this is no opinion
PASSING_SHARE = 0.8


@dataclass(frozen=True)
class Leaning:
    """p(first) - p(second) of one pair, forwards and backwards."""

    field: str
    pair: tuple[str, str]
    forwards: float
    backwards: float

    @property
    def counts(self) -> bool:
        return max(abs(self.forwards), abs(self.backwards)) >= LEANING

    @property
    def turned(self) -> bool:
        return self.forwards * self.backwards < 0


@dataclass(frozen=True)
class Reversal:
    """What a backend did with reversed shots. `failures` are questions without an answer."""

    backend: str
    leanings: tuple[Leaning, ...]
    failures: tuple[str, ...]

    @property
    def counted(self) -> tuple[Leaning, ...]:
        return tuple(leaning for leaning in self.leanings if leaning.counts)

    @property
    def share(self) -> float:
        """Of the pairs with an opinion, those that turned; NaN where there is none."""
        return sum(leaning.turned for leaning in self.counted) / len(self.counted) if self.counted else float("nan")

    @property
    def passed(self) -> bool:
        return not self.failures and self.share >= PASSING_SHARE

    def text(self) -> str:
        lines = [f"{self.backend}: {len(self.counted)} of {len(self.leanings)} leanings count"]
        for field in PAIRS:
            of_field = [leaning for leaning in self.counted if leaning.field == field]
            turned = sum(leaning.turned for leaning in of_field)
            lines.append(f"  {field:20} {turned} of {len(of_field)} turn with the film")
        lines += [f"  failed: {failure}" for failure in self.failures]
        lines.append(
            f"{'passed' if self.passed else 'NOT passed'}: {self.share:.0%} turn, {PASSING_SHARE:.0%} are asked"
        )
        return "\n".join(lines)


def reversal(vlm: Vlm, shots: Iterable[tuple[VideoSource, Record, int]]) -> Reversal:
    """Show shots (file, record, first frame) forwards and backwards, without measurements, and compare.

    Records say where shots lie, not what is asked: a model that repeats a measurement has not looked.
    """
    leanings: list[Leaning] = []
    failures: list[str] = []
    for source, record, start in shots:
        said = [
            vlm.probabilities(shot_view(source, record, start, reverse=reverse, blind=True), PAIRS)
            for reverse in (False, True)
        ]
        for field, pairs in PAIRS.items():
            both = [one[field] for one in said]
            broken = [one.reason for one in both if isinstance(one, Failure)]
            if broken:
                failures.append(f"{field}: {broken[0]}")
                continue
            for pair in pairs:
                forwards, backwards = (_leaning(one, pair) for one in both)
                leanings.append(Leaning(field, pair, forwards, backwards))
    return Reversal(vlm.backend.identity, tuple(leanings), tuple(failures))


def _leaning(probability, pair: tuple[str, str]) -> float:
    return probability[pair[0]] - probability[pair[1]]
