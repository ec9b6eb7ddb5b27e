"""The thresholds of tiers technical and B, and the rules that they make. A recipe returns other ones."""

from __future__ import annotations

from dataclasses import dataclass

from animatrix_ingest.decide.tiers import Rule


@dataclass(frozen=True)
class Thresholds:
    """Change one and decide again: scores are stored, nothing is decoded."""

    least_rows_px: int = 240
    """technical: rows of the clip"""
    least_s: float = 0.5
    """technical: length of the clip"""
    most_edge_blur_px: float = 2.5
    """technical: blur on lines and paint edges; focus is pulled in anime too, a bad copy is soft everywhere"""
    most_blocking: float = 1.0
    """technical: steps on the coder's grid over those beside it, less 1"""
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

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"thresholds.{name}: {value:g} is less than 0; choose 0 or more")


def rules(t: Thresholds) -> tuple[Rule, ...]:
    """The declared rules, in the order in which reasons are told.

    Waived where missing is what a good picture may not show: one without lines has no blur that could be read, one
    without calm paint no bands, a short shot no share of anything.
    """
    return (
        Rule("technical", "height_px", ">=", t.least_rows_px, "too small to see lines"),
        Rule("technical", "duration_s", ">=", t.least_s, "too short to show motion"),
        Rule("technical", "edge_blur_px", "<=", t.most_edge_blur_px, "lines are soft", missing="is waived"),
        Rule("technical", "blocking", "<=", t.most_blocking, "compressed to blocks", missing="is waived"),
        Rule("technical", "banding", "<=", t.most_banding, "paint breaks into bands", missing="is waived"),
        Rule("technical", "clip_low", "<=", t.most_clipped, "black"),
        Rule("technical", "clip_high", "<=", t.most_clipped, "white"),
        Rule("technical", "constant_rate", ">=", 1, "frames are unevenly spaced in time"),
        Rule("technical", "cadence", "not in", ("blended", "interlaced"), "fields of two moments in one frame"),
        Rule("technical", "is_copy", "<", 1, "the same film is kept once", missing="is waived"),
        Rule("technical", "is_near", "<", 1, "what looks the same is kept once", missing="is waived"),
        Rule("B", "static_share", "<=", t.most_static, "nothing moves", missing="is waived"),
        Rule("B", "role", "not in", ("recap", "preview"), "shown again elsewhere, cut short", missing="is waived"),
        Rule("B", "text_coverage", "<=", t.most_text, "lettering covers the drawing"),
        Rule("B", "subtitle_coverage", "<=", t.most_subtitle, "subtitles would be learned"),
        Rule("B", "credits_coverage", "<=", t.most_credits, "a staff roll would be learned"),
        Rule("B", "title_coverage", "<=", t.most_title, "a title card is no shot"),
    )
