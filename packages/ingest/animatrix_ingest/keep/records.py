"""The annotation kind `records`: what is said of clips anew, without the tracks that lie with the clips anyway."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

RECORDS = pa.schema([pa.field("key", pa.string(), nullable=False), pa.field("record", pa.string(), nullable=False)])
"""A record as JSON. It has tracks only where they were measured anew; others are those of the clip's own record."""


def record_json(member: bytes, newer: str | None = None) -> dict[str, Any]:
    """The record that counts of a clip: `member` is its JSON in the shard, `newer` its row in `records`, if any."""
    stored = json.loads(member)["record"]
    return stored if newer is None else {"tracks": stored.get("tracks"), **json.loads(newer)}
