"""What only going on needs: raw weights, moments, averages, random state and progress, in a checkpoint's state/.

Tensors are written whole under `transformer/KIND/PARAMETER` (`transformer_2/` for the second expert), every process
its share of them in a file of its own, so the same state goes on under another strategy and on another number of
processes. Weights that do not move are those of the checkpoint itself.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from animatrix_trainer.checkpoint import TRANSFORMERS
from animatrix_trainer.config import CheckpointError
from animatrix_trainer.optim import AVERAGE, MOMENTS
from animatrix_trainer.parallel import Plain


@dataclass(frozen=True)
class Progress:
    """Steps done, and for each transformer what AdamW counts, how often its average moved, and the stage's `train`."""

    step: int
    adam_steps: tuple[int, ...]
    updates: tuple[int, ...]
    train: str


def write(folder: Path, spreads: Sequence[Plain], step: int, train: str, rank: int = 0, world: int = 1) -> None:
    """Write state/ into the checkpoint `folder`, all processes together."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    mine: dict[str, torch.Tensor] = {}
    for number, (key, value) in enumerate(_tensors(spreads)):
        if number % world == rank:
            mine[key] = value.to("cpu", copy=True).contiguous()
    save_file(mine, state / f"tensors-{rank:05d}.safetensors")
    progress = Progress(step, tuple(on.adam_steps for on in spreads), tuple(on.updates for on in spreads), train)
    if rank == 0:
        torch.save(_random_state(), state / "random.pt")
        (state / "progress.json").write_text(json.dumps(asdict(progress)) + "\n", "utf-8")


def averages(spreads: Sequence[Plain], keep: bool) -> list[dict[str, torch.Tensor]]:
    """Whole weights of each transformer to sample with, averaged where they move; all processes ask together, and only
    those that `keep` them have them then."""
    found: list[dict[str, torch.Tensor]] = []
    for on in spreads:
        weights = {}
        for name, _ in on.raw.named_parameters():
            whole = on.full(name, AVERAGE if on.decay and name in on.moved else "weight")
            if keep:
                weights[name] = whole.cpu()
        found.append(weights)
    return found


class Saved:
    """The state/ of a checkpoint, read tensor by tensor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "state").is_dir():
            raise CheckpointError(f"{folder}: has no state/, so it can be sampled from or given to --init, not resumed")
        value = json.loads((folder / "state" / "progress.json").read_text("utf-8"))
        counts = tuple(value["adam_steps"]), tuple(value["updates"])
        self.progress = Progress(value["step"], *counts, value["train"])
        self._file_of = {}
        for path in sorted((folder / "state").glob("tensors-*.safetensors")):
            with safe_open(path, "pt") as file:
                self._file_of |= dict.fromkeys(file.keys(), path)

    def names(self, expert: int, kind: str) -> dict[str, str]:
        """Parameter to key, of what is there of a kind."""
        start = f"{TRANSFORMERS[expert]}/{kind}/"
        return {key.removeprefix(start): key for key in self._file_of if key.startswith(start)}

    def weights_into(self, raw: torch.nn.Module, expert: int) -> None:
        """Put the raw weights that moved into a transformer that is not spread yet."""
        for name, value in self._read(self.names(expert, "weight")):
            with torch.no_grad():
                raw.get_parameter(name).copy_(value)

    def into(self, on: Plain, expert: int, train: str) -> None:
        """Put averages and counts, and the moments where the stage moves what the one before moved, into a transformer
        that is spread; for other parameters the optimiser begins anew."""
        found = self.names(expert, MOMENTS[0])
        same = self.progress.train == train
        if same and set(found) != set(on.moved):
            raise CheckpointError(
                f"{self.folder}: its optimiser state is for other parameters: {sorted(set(found) ^ set(on.moved))[:4]}"
            )
        for kind in (*(MOMENTS if same else ()), *([AVERAGE] if on.decay else [])):
            for name, value in self._read(self.names(expert, kind)):
                if name in on.moved:
                    on.put(name, kind, value)
        on.updates = self.progress.updates[expert]
        if same:
            on.adam_steps = self.progress.adam_steps[expert]

    def random_back(self) -> None:
        """Put the random state back; the last thing to do, so that nothing done before it can shift it."""
        _restore_random_state(torch.load(self.folder / "state" / "random.pt", weights_only=True))

    def _read(self, keys: dict[str, str]) -> Iterator[tuple[str, torch.Tensor]]:
        for path in sorted({self._file_of[key] for key in keys.values()}):
            with safe_open(path, "pt") as file:
                for name, key in keys.items():
                    if self._file_of[key] == path:
                        yield name, file.get_tensor(key)


def _tensors(spreads: Sequence[Plain]) -> Iterator[tuple[str, torch.Tensor]]:
    for transformer, on in zip(TRANSFORMERS, spreads, strict=False):
        for name in on.moved:
            for kind in ("weight", *MOMENTS, *([AVERAGE] if on.decay else [])):
                yield f"{transformer}/{kind}/{name}", on.full(name, kind)


def _random_state() -> dict[str, Any]:
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    version, words, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(kind), [int(key) for key in keys], int(position), int(has_gauss), float(cached)],
        "python": [version, list(words), gauss],
    }


def _restore_random_state(state: dict[str, Any]) -> None:
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), *rest))
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    torch.set_rng_state(state["torch"])
