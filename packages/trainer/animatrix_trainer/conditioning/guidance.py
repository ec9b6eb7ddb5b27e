"""Dual guidance: one scale for the text, one for the tags on top of it."""

from __future__ import annotations

import torch

from animatrix_trainer.conditioning.dropout import Condition


def branches(condition: Condition) -> tuple[Condition, Condition, Condition]:
    """The three conditions of a guided step: nothing, text alone, text and tags. They run as one batch."""
    return Condition(None, ""), Condition(None, condition.text), condition


def combine(v_null: torch.Tensor, v_text: torch.Tensor, v_both: torch.Tensor, text: float, tag: float) -> torch.Tensor:
    """v_null + text (v_text - v_null) + tag (v_both - v_text); AniMatrix, inference."""
    return v_null + text * (v_text - v_null) + tag * (v_both - v_text)
