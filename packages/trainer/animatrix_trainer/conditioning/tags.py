"""Tags as tokens: a set of (field, value) pairs, a learned null per field, one [CLS]; and when a value holds.

Legend: B batch, S tag slots, E span slots, D width of the tag encoder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import torch
from anicaption.record import Record
from anicaption.releases import by_hash, said_in
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Taxonomy, TaxonomyError, taxonomy
from torch import nn

TagSet = Mapping[str, tuple[str, ...]]

INSTANTS = 1000
"""A clip's length in the unit in which spans are told: whole numbers, so that tags are one tensor of them."""
OCTAVES = 8
"""How finely the encoder hears instants: to about 2^-OCTAVES of a clip."""


class TagSpan(NamedTuple):
    """`value` of `field` holds from `start` to `end`, in shares 0..1 of the clip that is told."""

    field: str
    value: str
    start: float
    end: float


def spans_of(record: Record) -> tuple[TagSpan, ...]:
    """When the values of a record hold, for those that do not hold all through: of these the tags say it all."""
    n = record.n_frames
    return tuple(
        TagSpan(name, span.value, span.start / n, span.end / n)
        for name, variable in record.variables().items()
        for span in variable.spans
        if variable.known and span.value in variable.values and (span.start, span.end) != (0, n)
    )


def parse_spans(text: str) -> tuple[str, tuple[TagSpan, ...]]:
    """(tags without times, spans) of tags that may say when: "camera.move=fix,motion.deformation=squash@0.2-0.35" is a
    squash in a part of the clip, in shares of its length."""
    plain, spans = [], []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        pair, at, time = part.partition("@")
        plain.append(pair)
        if at:
            name, _, value = pair.partition("=")
            start, _, end = time.partition("-")
            try:
                spans.append(TagSpan(name.strip(), value.strip(), float(start), float(end)))
            except ValueError:
                raise TaxonomyError(f"{part}: '{time}' is no time; write value@start-end, as in @0.2-0.35") from None
    return ",".join(plain), tuple(spans)


@dataclass(frozen=True)
class Vocabulary:
    """Indices of a taxonomy for the embedding tables, equal wherever the taxonomy's hash is equal.

    A slot holds one value of one field: a field of up to n values has n slots, a field of scope `ends` one for the
    first and one for the last frame. Value index 0 is `null` (nothing is said), 1 is `na`, the rest are the values in
    the order of their stable numbers. After the slots come `n_spans` triples (value, start, end) in INSTANTS.
    """

    source: Taxonomy
    fields: tuple[tuple[str, int, bool], ...]  # id, slots, whether the order of its slots means something
    values: tuple[tuple[str, str], ...]
    n_spans: int = 0

    @classmethod
    def of(cls, source: Taxonomy, n_spans: int = 0) -> Vocabulary:
        fields = sorted(source.fields, key=lambda field: field.number)
        values = sorted((value.number, field.id, value.id) for field in fields for value in field.values)
        return cls(
            source=source,
            fields=tuple(
                (field.id, max(field.max_values, 2 if field.scope == "ends" else 1), field.scope == "ends")
                for field in fields
            ),
            values=tuple((field_id, value_id) for _, field_id, value_id in values),
            n_spans=n_spans,
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

    def value_rows(self) -> list[int]:
        """For each value index the row of its field, the first of an ordered one; 0 for null and `na`."""
        rows, slot = {}, self.slot_rows()
        for field_id, slots, _ in self.fields:
            rows[field_id], slot = slot[0], slot[slots:]
        return [0, 0] + [rows[field_id] for field_id, _ in self.values]

    def encode(self, tags: TagSet | None, drop_unsaid: bool = False, spans: Sequence[TagSpan] = ()) -> list[int]:
        """Value indices (S,) of today's tags, then the spans (3 E,). Fields that are absent, or all fields for None,
        get their null.

        A vocabulary of a released taxonomy says them in its own words; what it has no word for is an error, or is left
        out with `drop_unsaid` (training on with newer shards: the model cannot hear it). Raises TaxonomyError, with a
        suggestion, for a field or value that the taxonomy does not have.
        """
        index = self._index
        checked, unsaid = self._said({name: taxonomy()[name].check(values) for name, values in (tags or {}).items()})
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
        return indices + self._timed(spans, drop_unsaid)

    def _timed(self, spans: Sequence[TagSpan], drop_unsaid: bool) -> list[int]:
        """(3 E,) of the spans; where there are more than E, or no word for one, that is an error, or with `drop_unsaid`
        those that last longest are left out: of them the tags say most."""
        index, triples = self._index, []
        for span in sorted(spans, key=lambda span: (span.end - span.start, span)):
            taxonomy()[span.field].check((span.value,))
            if not 0 <= span.start < span.end <= 1:
                raise TaxonomyError(
                    f"{span.field}={span.value}@{span.start}-{span.end}: a time is a part of the clip from 0 to 1"
                )
            said, _ = self._said({span.field: (span.value,)})
            triples += [
                (index[name, value], round(span.start * INSTANTS), round(span.end * INSTANTS))
                for name, values in said.items()
                for value in values[:1]
                if (name, value) in index
            ]
        if (len(triples) < len(spans) or len(triples) > self.n_spans) and not drop_unsaid:
            raise TaxonomyError(
                f"{len(spans)} times are told and this checkpoint hears {self.n_spans} (tags.spans), of values that "
                "its taxonomy has: tell fewer, or train one with more"
            )
        kept = triples[: self.n_spans] + [(0, 0, 0)] * (self.n_spans - len(triples))
        return [number for triple in kept for number in triple]

    @cached_property
    def _index(self) -> dict[tuple[str, str], int]:
        return {pair: number + 2 for number, pair in enumerate(self.values)}

    def _said(self, tags: dict[str, tuple[str, ...]]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
        """Today's tags in the words of this vocabulary, and what it has none for."""
        return (tags, []) if self.source.hash == taxonomy().hash else said_in(self.source, tags)


@cache
def vocabulary(taxonomy_hash: str | None = None, place: str = "checkpoint", n_spans: int = 0) -> Vocabulary:
    """The vocabulary of the packaged taxonomy, or of the released one that a checkpoint at `place` was trained with;
    `n_spans` times can be told in it.

    Raises TaxonomyError for a taxonomy that was never released.
    """
    return Vocabulary.of(by_hash(taxonomy_hash, place) if taxonomy_hash is not None else taxonomy(), n_spans)


class TagEncoder(nn.Module):
    """Slots (B, S) to tokens (B, S, D) and pooled [CLS] (B, D): pre-LN transformer without positions.

    token = W_field[f] + W_value[v]; where v is null, W_null[f] takes the place of W_value[v]. Nothing else tells the
    tokens apart, so their order cannot matter. [CLS] starts from the sum of what is said: among 76 slots, mostly null,
    attention alone gave one tag so small a voice that 1,200 steps did not hear it (docs/log.md).

    With `value_rows` (Vocabulary.value_rows) spans (B, E, 3) make E tokens more: W_field[f] + W_value[v] + W_time of
    start and end, a learned null where there is none.
    """

    def __init__(
        self,
        slot_rows: list[int],
        n_values: int,
        dim: int,
        heads: int,
        layers: int,
        value_rows: list[int] | None = None,
    ) -> None:
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
        self.span_time = None
        if value_rows is not None:
            self.span_time = nn.Linear(4 * OCTAVES, dim)
            self.span_null = nn.Parameter(torch.randn(dim) * 0.5)
            self.value_row: torch.Tensor
            self.register_buffer("value_row", torch.tensor(value_rows, dtype=torch.long), persistent=False)

    def forward(
        self, values_BS: torch.Tensor, rows_BS: torch.Tensor, spans_BE3: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        absent_BS1 = (values_BS == 0).unsqueeze(-1)
        token_BSD = self.field(rows_BS) + torch.where(absent_BS1, self.null(rows_BS), self.value(values_BS))
        said_B1D = token_BSD.masked_fill(absent_BS1, 0).sum(dim=1, keepdim=True)
        if self.span_time is not None and spans_BE3 is not None:
            value_BE, absent_BE1 = spans_BE3[..., 0], spans_BE3[..., :1] == 0
            span_BED = self.field(self.value_row[value_BE]) + self.value(value_BE)
            span_BED = span_BED + self.span_time(instants(spans_BE3[..., 1:]).to(span_BED.dtype))
            said_B1D = said_B1D + span_BED.masked_fill(absent_BE1, 0).sum(dim=1, keepdim=True)
            token_BSD = torch.cat([token_BSD, torch.where(absent_BE1, self.span_null, span_BED)], dim=1)
        x_BSD = torch.cat([self.cls + said_B1D, token_BSD], dim=1)
        for layer in self.layers:
            x_BSD = layer(x_BSD)
        x_BSD = self.norm(x_BSD)
        return x_BSD[:, 1:], x_BSD[:, 0]


def instants(times_BE2: torch.Tensor) -> torch.Tensor:
    """Start and end in INSTANTS as (B, E, 4 OCTAVES): sine and cosine of each at wavelengths of 2 clips, 1, 1/2, ..."""
    turns = times_BE2.float()[..., None] / INSTANTS * 2.0 ** torch.arange(OCTAVES, device=times_BE2.device)
    return torch.cat([torch.sin(math.pi * turns), torch.cos(math.pi * turns)], dim=-1).flatten(-2)
