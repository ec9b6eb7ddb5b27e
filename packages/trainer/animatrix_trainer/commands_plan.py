"""`animatrix-train plan`: what a recipe will draw of a data set, shown before any compute is spent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from animatrix_trainer.config import Data, Recipe


@dataclass(frozen=True)
class Plan:
    """Show what a recipe will draw of a data set and when; any of its settings can be given, as with fit."""

    shards: str
    """Data set that animatrix-ingest wrote: a folder, or s3://BUCKET/PREFIX."""
    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    out: Path | None = None
    """The page to write, .html; without it, only the table."""
    data: Data = field(default_factory=Data)

    def __call__(self) -> int:
        from animatrix_trainer import plan_page

        over = plan_page.overview(self.recipe, self.shards, self.data)
        print(plan_page.text(over))
        if self.out:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self.out.write_text(plan_page.html(over), "utf-8")
            print(self.out)
        return 0
