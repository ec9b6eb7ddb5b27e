"""`animatrix-train encode`: latents and texts that a recipe will need, made once before it trains."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from animatrix_trainer.config import Data, Recipe, RecipeError


@dataclass(frozen=True)
class Encode:
    """Make the latents and text embeddings that a recipe will need, for `fit --cache`. Its settings can be given as
    with fit, and must be given to fit too. Killed at any time, it loses a shard at most: run it again. Several
    processes share the work under `accelerate launch` or torchrun."""

    shards: str
    """Data set that animatrix-ingest wrote: a folder, or s3://BUCKET/PREFIX."""
    cache: str
    """Where to keep them: a folder, or s3://BUCKET/PREFIX."""
    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    data: Data = field(default_factory=Data)
    pairs: Path | None = None
    """What `animatrix-reward pairs` wrote, for stages of preference; without it they are left out."""
    from_step: int = 0
    """First step to make them for."""
    to_step: int | None = None
    """The step before which to stop; without it, the recipe's end."""
    dtype: Literal["bf16", "fp32"] = "bf16"
    """Numbers to keep them in. fp32 trains on the very numbers that would be made on the fly."""
    shard_mib: int = 256
    """About how big a shard gets."""
    dry_run: bool = False
    """Say what would be made and how big it is, and make nothing; no weights are read."""
    other_data: bool = False
    """Go on with a cache that was begun on another video generation: clips that are in both are not made again."""

    def __call__(self) -> int:
        if self.shard_mib < 1:
            raise RecipeError(f"--shard-mib {self.shard_mib}: give the size of a shard in MiB, as 256")
        import torch
        from accelerate import PartialState

        from animatrix_trainer import encode
        from animatrix_trainer.data.pairs import read_pairs
        from animatrix_trainer.model import published

        recipe = published.placed(self.recipe)
        pairs = read_pairs(self.pairs) if self.pairs else ()
        if self.dry_run:
            sides = encode.both_sides(recipe, self.shards, self.data)
            found = encode.work(sides, recipe, encode.sizes(recipe), self.from_step, self.to_step, pairs)
            print(found.words(self.dtype))
            return 0
        here = PartialState(cpu=not torch.cuda.is_available())
        made = encode.encode(
            recipe,
            self.shards,
            self.cache,
            self.from_step,
            self.to_step,
            self.data,
            self.dtype,
            self.shard_mib << 20,
            here.process_index,
            here.num_processes,
            here.device or "cpu",
            self.other_data,
            pairs=pairs,
        )
        print(f"process {here.process_index}: {made.words()}", flush=True)
        if here.num_processes > 1:
            here.destroy_process_group()
        return 0
