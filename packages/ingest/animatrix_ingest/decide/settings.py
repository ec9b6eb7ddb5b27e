"""Everything that decides and nothing that measures, as settings. Nothing here costs an import."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

LADDER = ("raw", "technical", "B", "A", "S")
LOOKS_UNDER_AGE = 0.2


@dataclass(frozen=True)
class Shares:
    """How much of the works goes where; what is left of 1 is train. `seed` draws another split."""

    held_out: float = 0.05
    """share of the works that nothing is fitted to or chosen by"""
    validation: float = 0.05
    """share of the works that settings and thresholds may be chosen by"""
    broad_works: int = 12
    """pictures in more stated works than this join none of them"""
    unknown_work: Literal["source", "folder"] = "source"
    """what stands for the work of a source without one: itself, or the folder it lies in"""
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.held_out, self.validation) < 0 or self.held_out + self.validation >= 1:
            raise ValueError(
                f"split.held_out, split.validation: {self.held_out:g} and {self.validation:g} leave nothing to train; "
                "choose shares from 0 that add up to less than 1"
            )
        if self.broad_works < 2:
            raise ValueError(f"split.broad_works: {self.broad_works} is less than 2; no two works could be joined")


@dataclass(frozen=True)
class Balance:
    """How hard to lean against the tail."""

    alpha: float = 0.7
    """0: every clip alike; 1: every class alike, were there one axis"""
    effective: float = 0.3
    """least effective sample size, as a share of the clips"""
    least_tier: str = "technical"
    """classes are counted among training clips from this tier on"""

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 2:
            raise ValueError(f"balance.alpha: {self.alpha:g} is not between 0 and 2")
        if not 0 < self.effective <= 1:
            raise ValueError(f"balance.effective: {self.effective:g} is no share; choose more than 0 and at most 1")
        if self.least_tier not in LADDER:
            raise ValueError(f"balance.least_tier: {self.least_tier!r} is none of {', '.join(LADDER)}")


@dataclass(frozen=True)
class People:
    """How verdicts make tiers A and S of what stands on B."""

    agreement: float = 0.9
    """share of those who gave a verdict that must say at least A (or S)"""
    least: int = 1
    """how many people must have looked"""
    reject: float = 0.5
    """from this share of rejections on, a clip falls to raw"""
    looks_under_age: float = LOOKS_UNDER_AGE
    """probability from which content that is not stated general is quarantined"""


@dataclass(frozen=True)
class Thresholds:
    """Change one and decide again: scores are stored, nothing is decoded."""

    least_rows_px: int = 240
    """technical: rows of the clip"""
    least_s: float = 0.5
    """technical: length of the clip"""
    most_edge_blur_px: float = 3.5
    """technical: blur on lines and paint edges; a scan of cel film has 2 to 2.5, a bad copy is soft everywhere"""
    most_blocking: float = 2.0
    """technical: steps on the coder's grid over those beside it, less 1; clean releases stay under 1.5"""
    most_banding: float = 0.5
    """technical: share of calm paint that climbs in stairs"""
    most_clipped: float = 0.98
    """technical: share of the picture that is black, or white"""
    most_static: float = 0.98
    """B: share of the steps in which neither drawing nor camera changes"""
    most_text: float = 0.05
    """B: share of the picture under lettering of any kind, mean over the clip"""
    most_subtitle: float = 0.004
    """B: share under subtitles"""
    most_credits: float = 0.005
    """B: share under a staff roll"""
    most_title: float = 0.1
    """B: share under a title card"""
    least_aesthetic: float = 0.0
    """B: aesthetic score, on the scale of the head that gave it; 0 asks for none"""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"thresholds.{name}: {value:g} is less than 0; choose 0 or more")


@dataclass(frozen=True)
class Styles:
    """What looks alike: clusters of style, and clips that look the same."""

    style_clusters: int = 0
    """how many clusters of style; 0: the square root of half the clips, at most 64"""
    style_seed: int = 0
    """draws other clips to begin the clusters from"""
    keep_clusters: bool = False
    """clips join the clusters of the last decision, by their middles, and none is found anew"""
    near_cosine: float = 0.95
    """cosine above which two clips look the same, of an embedding model's vectors"""
    near_builtin: float = 0.998
    """the same, of vectors made without weights: those of two pencil tests on white paper reach 0.99"""

    def __post_init__(self) -> None:
        if not 0 <= self.style_clusters <= 1024:
            raise ValueError(f"styles.style_clusters: {self.style_clusters} is not between 0 and 1024")
        for name in ("near_cosine", "near_builtin"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"styles.{name}: {getattr(self, name):g} is no cosine above 0; choose at most 1")


@dataclass(frozen=True)
class Deciding:
    """Everything that decides, and nothing that measures: change a value and decide again."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    people: People = field(default_factory=People)
    split: Shares = field(default_factory=Shares)
    balance: Balance = field(default_factory=Balance)
    styles: Styles = field(default_factory=Styles)

    def to_json(self) -> dict[str, dict[str, Any]]:
        return {name: dict(vars(its)) for name, its in vars(self).items()}


# The defaults of functions.
SHARES, BALANCE, PEOPLE, STYLES, DECIDING = Shares(), Balance(), People(), Styles(), Deciding()
