"""Tune a vision-language model on human corrections: supervised (sft) or by preference (dpo), as LoRA or whole.

TRL runs the loop, peft holds the adapter. The prompt is what `Local` renders when it scores, so a tuned model is asked
in the words it was taught in: `Local(base, adapter=out)`, or `Local(out)` for a model tuned whole.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from anicaption.taxonomy import taxonomy
from anicaption.vlm.lessons import Correction, Lesson, preferred, taught
from anicaption.vlm.local import Local, pictures_of, render
from anicaption.vlm.view import ShotView, shot_view

LEARNING_RATES = {"sft": 1e-4, "dpo": 5e-6}


@dataclass(frozen=True)
class Tuning:
    """One tuning run. `lora_rank` None tunes every weight; `steps` -1 goes through all lessons `epochs` times.

    One 8B model in bf16 with LoRA rank 16 and views of about 20 pictures fits a GPU of 80 GB; whole, several.
    """

    kind: Literal["sft", "dpo"]
    lora_rank: int | None = 16
    learning_rate: float | None = None  # of LEARNING_RATES where not given
    epochs: float = 1.0
    steps: int = -1
    batch: int = 1
    accumulate: int = 8
    beta: float = 0.1  # dpo: how strongly the model is held to where it came from
    fields: tuple[str, ...] | None = None
    device: str = "cpu"
    seed: int = 0


@dataclass(frozen=True)
class Tuned:
    """What a run did. `losses` are those of its steps in order."""

    folder: Path
    lessons: int
    shots: int
    losses: tuple[float, ...]


def tune(base: Local, corrections: Sequence[Correction], out: str | Path, tuning: Tuning) -> Tuned:
    """Tune `base` and write an adapter, or the whole model, with tune.json into `out`.

    Raises ValueError where the corrections teach nothing of this kind.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    rows, shots = _rows(base, corrections, out / "pictures", tuning)
    if not rows:
        what = "no field was said wrongly in" if tuning.kind == "dpo" else "no field is known in"
        raise ValueError(f"tune: {what} these {len(corrections)} corrections; give others, or other fields")
    trainer = _trainer(base, rows, out, tuning)
    trainer.train()
    trainer.save_model(str(out))
    losses = tuple(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)
    said = {
        "base": base.identity,
        "tuning": asdict(tuning),
        "taxonomy": {"version": taxonomy().version, "hash": taxonomy().hash},
        "lessons": len(rows),
        "shots": shots,
        "losses": losses,
    }
    (out / "tune.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return Tuned(out, len(rows), shots, losses)


def _rows(
    base: Local, corrections: Sequence[Correction], pictures: Path, tuning: Tuning
) -> tuple[list[dict[str, Any]], int]:
    """The rows TRL wants, and of how many shots they are; pictures go to disk once per shot."""
    rng, rows, shots = random.Random(tuning.seed), [], 0
    teach = taught if tuning.kind == "sft" else preferred
    processor = base.processor
    end = processor.tokenizer.eos_token
    for correction in corrections:
        lessons = list(teach(correction, tuning.fields, rng))
        if not lessons:
            continue
        view = shot_view(correction.video, correction.said, correction.start)
        files = _written(view, pictures)
        shots += 1
        for lesson in lessons:
            prompt = render(processor, view, lesson.question.text)
            rows.append({"images": files, "prompt": prompt, **_ends(lesson, end)})
    rng.shuffle(rows)
    return rows, shots


def _ends(lesson: Lesson, end: str) -> dict[str, str]:
    if lesson.wrong is None:
        return {"completion": lesson.right + end}
    return {"chosen": lesson.right + end, "rejected": lesson.wrong + end}


def _written(view: ShotView, folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{view.digest[:16]}-{i:02d}.png" for i in range(len(view.pictures))]
    for file, picture in zip(files, pictures_of(view), strict=True):
        picture.save(file)
    return [str(file) for file in files]


def _trainer(base: Local, rows: list[dict[str, Any]], out: Path, tuning: Tuning) -> Any:
    import datasets
    from peft import LoraConfig
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    lessons = datasets.Dataset.from_list(rows).cast_column("images", datasets.List(datasets.Image()))
    on_cpu = tuning.device == "cpu"
    options: dict[str, Any] = {
        "output_dir": str(out / "steps"),
        "max_steps": tuning.steps,
        "num_train_epochs": tuning.epochs,
        "per_device_train_batch_size": tuning.batch,
        "gradient_accumulation_steps": tuning.accumulate,
        "learning_rate": tuning.learning_rate or LEARNING_RATES[tuning.kind],
        "max_length": None,  # cutting a prompt would cut pictures in two
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "seed": tuning.seed,
        "use_cpu": on_cpu,
        "bf16": not on_cpu,
        "gradient_checkpointing": not on_cpu,
        "dataloader_pin_memory": not on_cpu,
    }
    adapter = LoraConfig(r=tuning.lora_rank, target_modules="all-linear") if tuning.lora_rank else None
    given = {
        "model": base.fresh_model(),
        "train_dataset": lessons,
        "processing_class": base.processor,
        "peft_config": adapter,
    }
    if tuning.kind == "sft":
        return SFTTrainer(args=SFTConfig(**options), **given)
    return DPOTrainer(args=DPOConfig(beta=tuning.beta, **options), **given)
