"""What the text channel of an arm reads: words as numbers, a trained encoder, and prose that only distracts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

PAD = 0

SCENERY = (
    "Evening comes over the roofs and somebody closes a shutter.",
    "A kettle sings in the kitchen while rain taps on the glass.",
    "The teacher has left chalk on the sill and a map on the wall.",
    "Far below, the river carries leaves past the old mill.",
    "There was a letter on the table, folded twice, with no name.",
    "Crows argue about the bread that a child has thrown away.",
    "Nobody remembers who planted the cherry tree by the gate.",
    "The radio tells of snow in the mountains and of a late train.",
    "Her umbrella is still wet from the walk to school.",
    "A cat sleeps on the warm bonnet of a delivery van.",
    "The festival lanterns were hung a week too early this year.",
    "On the shelf stands a trophy that nobody has dusted since May.",
    "He counts the steps to the shrine and loses count again.",
    "The smell of paint has not left the classroom yet.",
    "A bicycle leans against the wall with a flat tyre.",
    "The sea can be heard from here when the wind is right.",
)
"""Sentences that say nothing of any field of the bed."""


def split(text: str) -> list[str]:
    """Words, numbers, and the marks that join a tag."""
    return re.findall(r"[a-z0-9]+|[=_.]", text.lower())


def distraction(n_words: int, rng: np.random.Generator) -> str:
    """Exactly so many words of scenery; "" for none."""
    said: list[str] = []
    while len(said) < n_words:
        said += split(str(rng.choice(SCENERY)))
    return " ".join(said[:n_words])


class Words:
    """Texts as rows of a word table (B, length) of int64. What is asked for stands first and is never cut."""

    def __init__(self, texts: Iterable[str], length: int) -> None:
        known = sorted({word for text in texts for word in split(text)})
        self.rows, self.length, self.dim = {word: 1 + at for at, word in enumerate(known)}, length, 0

    def __len__(self) -> int:
        return 1 + len(self.rows)

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """KeyError for a word that the table was not made with."""
        said = [[self.rows[word] for word in split(text)][: self.length] for text in texts]
        return torch.tensor([rows + [PAD] * (self.length - len(rows)) for rows in said])


class Reader(nn.Module):
    """Rows of words (B, N) to features (B, N, dim): embeddings with positions, pre-LN layers. What is padded is 0."""

    def __init__(self, words: int, length: int, dim: int, ffn_dim: int, layers: int = 3, heads: int = 4) -> None:
        super().__init__()
        self.word = nn.Embedding(words, dim, padding_idx=PAD)
        self.place = nn.Parameter(torch.randn(length, dim) * 0.02)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, heads, ffn_dim, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm, self.out = nn.LayerNorm(dim), nn.Linear(dim, dim)
        nn.init.normal_(self.word.weight, std=0.5)

    def forward(self, rows_BN: torch.Tensor) -> torch.Tensor:
        said_BN = rows_BN != PAD
        x = self.word(rows_BN) + self.place
        silent = ~said_BN & said_BN.any(1, keepdim=True)  # a text of nothing attends to its padding
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=silent)
        return self.out(self.norm(x)) * said_BN[..., None]
