"""Tags as tokens: a set of (field, value) pairs, a learned null per field, one [CLS].

Legend: B batch, S tag slots, D width of the tag encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
from anicaption.releases import by_hash, said_in
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Taxonomy, TaxonomyError, taxonomy
from torch import nn

TagSet = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Vocabulary:
    """Indices of a taxonomy for the embedding tables, equal wherever the taxonomy's hash is equal.

    A slot holds one value of one field: a field of up to n values has n slots, a field of scope `ends` one for the
    first and one for the last frame. Value index 0 is `null` (nothing is said), 1 is `na`, the rest are the values in
    the order of their stable numbers.
    """

    source: Taxonomy
    fields: tuple[tuple[str, int, bool], ...]  # id, slots, whether the order of its slots means something
    values: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, source: Taxonomy) -> Vocabulary:
        fields = sorted(source.fields, key=lambda field: field.number)
        values = sorted((value.number, field.id, value.id) for field in fields for value in field.values)
        return cls(
            source=source,
            fields=tuple(
                (field.id, max(field.max_values, 2 if field.scope == "ends" else 1), field.scope == "ends")
                for field in fields
            ),
            values=tuple((field_id, value_id) for _, field_id, value_id in values),
        )

    @property
    def n_values(self) -> int:
        return len(self.values) + 2

    def slot_rows(self) -> list[int]:
        """For each slot the row of the field table: one row per field, one per end for ordered fields."""
        rows, row = [], 0
        for _, slots, ordered in self.fields:
            rows += range(row, row + slots) if ordered else [row] * slots
            row += slots if ordered else 1
        return rows

    def encode(self, tags: TagSet | None, drop_unsaid: bool = False) -> list[int]:
        """Value indices (S,) of today's tags. Fields that are absent, or all fields for None, get their null.

        A vocabulary of a released taxonomy says them in its own words; what it has no word for is an error, or is left
        out with `drop_unsaid` (training on with newer shards: the model cannot hear it). Raises TaxonomyError, with a
        suggestion, for a field or value that the taxonomy does not have.
        """
        index = {pair: number + 2 for number, pair in enumerate(self.values)}
        checked = {name: taxonomy()[name].check(values) for name, values in (tags or {}).items()}
        if self.source.hash != taxonomy().hash:
            checked, unsaid = said_in(self.source, checked)
            if unsaid and not drop_unsaid:
                raise TaxonomyError(
                    f"{', '.join(unsaid)}: this checkpoint was trained with taxonomy {self.source.version}, "
                    "which has no word for it; leave it out, or train a checkpoint with today's"
                )
        indices: list[int] = []
        for field_id, slots, ordered in self.fields:
            given = checked.get(field_id, ())
            if given == (NOT_APPLICABLE,):
                numbers = [1]
            elif not given or given == (UNKNOWN,):
                numbers = []
            else:
                numbers = [index[field_id, value] for value in given]
            if ordered and len(numbers) == 1:
                numbers *= slots
            indices += numbers + [0] * (slots - len(numbers))
        return indices


@cache
def vocabulary(taxonomy_hash: str | None = None, place: str = "checkpoint") -> Vocabulary:
    """The vocabulary of the packaged taxonomy, or of the released one that a checkpoint at `place` was trained with.

    Raises TaxonomyError for a taxonomy that was never released.
    """
    return Vocabulary.of(by_hash(taxonomy_hash, place) if taxonomy_hash is not None else taxonomy())


class TagEncoder(nn.Module):
    """Slots (B, S) to tokens (B, S, D) and pooled [CLS] (B, D): pre-LN transformer without positions.

    token = W_field[f] + W_value[v]; where v is null, W_null[f] takes the place of W_value[v]. Nothing else tells the
    tokens apart, so their order cannot matter. [CLS] starts from the sum of what is said: among 76 slots, mostly null,
    attention alone gave one tag so small a voice that 1,200 steps did not hear it (docs/log.md).
    """

    def __init__(self, slot_rows: list[int], n_values: int, dim: int, heads: int, layers: int) -> None:
        super().__init__()
        self.field = nn.Embedding(max(slot_rows) + 1, dim)
        self.null = nn.Embedding(max(slot_rows) + 1, dim)
        self.value = nn.Embedding(n_values, dim)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, heads, 4 * dim, 0.0, "gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)
        for table in (self.field, self.null, self.value):
            nn.init.normal_(table.weight, std=0.5)
        nn.init.normal_(self.cls, std=0.5)

    def forward(self, values_BS: torch.Tensor, rows_BS: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        absent_BS1 = (values_BS == 0).unsqueeze(-1)
        token_BSD = self.field(rows_BS) + torch.where(absent_BS1, self.null(rows_BS), self.value(values_BS))
        said_B1D = token_BSD.masked_fill(absent_BS1, 0).sum(dim=1, keepdim=True)
        x_BSD = torch.cat([self.cls + said_B1D, token_BSD], dim=1)
        for layer in self.layers:
            x_BSD = layer(x_BSD)
        x_BSD = self.norm(x_BSD)
        return x_BSD[:, 1:], x_BSD[:, 0]
