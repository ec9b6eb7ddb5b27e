"""What the text channel of an arm reads: words as numbers, a trained encoder, and prose that only distracts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from animatrix_trainer.conditioning.text import TextEncoder
from transformers import BatchEncoding, T5Config, T5EncoderModel

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
    """A tokenizer of whole words, in the manner of transformers. It pads to the longest text of a batch: nobody pays
    for 250 places where ten are used."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.rows = {word: 1 + at for at, word in enumerate(sorted({word for text in texts for word in split(text)}))}

    def __len__(self) -> int:
        return 1 + len(self.rows)

    def __call__(self, texts: Sequence[str], max_length: int, **_: Any) -> BatchEncoding:
        """KeyError for a word that the table was not made with, ValueError for more than `max_length` of them."""
        said = [[self.rows[word] for word in split(text)] for text in texts]
        longest = max(1, *map(len, said))
        if longest > max_length:
            raise ValueError(f"words: a text has {longest} words, and the reader takes {max_length}; see arms.LENGTH")
        ids_BN = torch.tensor([rows + [PAD] * (longest - len(rows)) for rows in said])
        return BatchEncoding({"input_ids": ids_BN, "attention_mask": (ids_BN != PAD).long()})


def reader(words: Words, length: int, dim: int, ffn_dim: int, layers: int) -> TextEncoder:
    """A T5 from nothing that is trained with what listens to it."""
    config = T5Config(
        vocab_size=len(words),
        d_model=dim,
        d_kv=dim // 4,
        num_heads=4,
        d_ff=ffn_dim,
        num_layers=layers,
        dropout_rate=0.0,
    )
    encoder = TextEncoder(words, T5EncoderModel(config), length)
    encoder.encoder.requires_grad_(True)
    return encoder
