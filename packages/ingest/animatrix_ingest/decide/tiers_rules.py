"""The thresholds of tiers technical and B, and the rules that they make. A recipe returns other ones."""

from __future__ import annotations

from animatrix_ingest.decide.settings import Thresholds
from animatrix_ingest.decide.tiers import Rule


def rules(t: Thresholds) -> tuple[Rule, ...]:
    """The declared rules, in the order in which reasons are told.

    Waived where missing is what a good picture may not show: one without lines has no blur that could be read, one
    without calm paint no bands, a short shot no share of anything.
    """
    measured = (
        Rule("technical", "height_px", ">=", t.least_rows_px, "too small to see lines"),
        Rule("technical", "duration_s", ">=", t.least_s, "too short to show motion"),
        Rule("technical", "edge_blur_px", "<=", t.most_edge_blur_px, "lines are soft", missing="is waived"),
        Rule("technical", "blocking", "<=", t.most_blocking, "compressed to blocks", missing="is waived"),
        Rule("technical", "banding", "<=", t.most_banding, "paint breaks into bands", missing="is waived"),
        Rule("technical", "clip_low", "<=", t.most_clipped, "black"),
        Rule("technical", "clip_high", "<=", t.most_clipped, "white"),
        Rule("technical", "constant_rate", ">=", 1, "frames are unevenly spaced in time"),
        Rule("technical", "cadence", "not in", ("blended", "interlaced"), "fields of two moments in one frame"),
        Rule("technical", "edge_lead", "<=", 0, "it begins with frames of its neighbour"),
        Rule("technical", "edge_tail", "<=", 0, "it ends with frames of its neighbour"),
        Rule("technical", "is_copy", "<", 1, "the same film is kept once", missing="is waived"),
        Rule("technical", "is_near", "<", 1, "what looks the same is kept once", missing="is waived"),
        Rule("B", "static_share", "<=", t.most_static, "nothing moves", missing="is waived"),
        Rule("B", "role", "not in", ("recap", "preview"), "shown again elsewhere, cut short", missing="is waived"),
        Rule("B", "text_coverage", "<=", t.most_text, "lettering covers the drawing"),
        Rule("B", "subtitle_coverage", "<=", t.most_subtitle, "subtitles would be learned"),
        Rule("B", "credits_coverage", "<=", t.most_credits, "a staff roll would be learned"),
        Rule("B", "title_coverage", "<=", t.most_title, "a title card is no shot"),
    )
    if not t.least_aesthetic:
        return measured
    return (*measured, Rule("B", "aesthetic", ">=", t.least_aesthetic, "pictures of this score were not wanted"))
