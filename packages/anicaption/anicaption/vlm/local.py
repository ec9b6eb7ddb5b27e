"""Qwen3-VL from a local folder, through transformers. Nothing is downloaded.

What is shown of a shot is read by the model once; every question then continues from that state, in batches. Labels
are scored by the log-probability of their tokens and normalised over the labels of the question.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from anicaption.vlm.prompt import SYSTEM, Question, shown
from anicaption.vlm.score import Failure, Labels, VlmError
from anicaption.vlm.view import ShotView

_HERE = "\u241f"  # where the question goes; a character that no prompt has


@dataclass
class Local:
    """A model folder as `save_pretrained` writes it; `adapter` is a LoRA folder laid over it."""

    folder: Path
    adapter: Path | None = None
    device: str = "cpu"
    dtype: str = "auto"
    batch: int = 8
    max_new_tokens: int = 512

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        if not (self.folder / "config.json").exists():
            raise FileNotFoundError(f"vlm: no config.json in {self.folder}; give the folder of a downloaded Qwen3-VL")

    @property
    def identity(self) -> str:
        """The folder's name with a hash of its configuration and weights."""
        return self._identity

    @cached_property
    def _identity(self) -> str:
        folders = [self.folder, *([Path(self.adapter)] if self.adapter else [])]
        seen = hashlib.sha256()
        for path in (path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()):
            seen.update(f"{path.name}:{path.stat().st_size}".encode())
            with open(path, "rb") as data:
                while block := data.read(1 << 22):
                    seen.update(block)
        return f"{self.folder.name}@{seen.hexdigest()[:12]}"

    def answer(self, view: ShotView, asked: Sequence[Question]) -> list[Labels | Failure]:
        import torch

        if not asked:
            return []
        scores: dict[tuple[int, int], float] = {}
        try:
            with torch.inference_mode():
                state = self._read(view)
                for batch in _batches(list(self._rows(asked, state.tail).items()), self.batch):
                    scores |= self._log_probabilities(state, batch)
        except torch.OutOfMemoryError as error:
            reason = f"{self.identity}: out of memory on {self.device} with batches of {self.batch}: {error}; use less"
            return [Failure(reason, passing=True) for _ in asked]
        return [
            _normalised(question.labels, [scores[i, k] for k in range(len(question.labels))])
            for i, question in enumerate(asked)
        ]

    def write(self, view: ShotView, request: str, schema: Mapping) -> str:
        import torch
        from transformers import LogitsProcessorList

        model, processor = self._loaded
        inputs = self._inputs(view, render(processor, view, request))
        limited = _Constrained(processor.tokenizer, schema, model.config.get_text_config().vocab_size)
        with torch.inference_mode():
            ids = model.generate(
                **inputs,
                do_sample=False,
                max_new_tokens=self.max_new_tokens,
                logits_processor=LogitsProcessorList([limited]),
            )
        written = ids[0, inputs["input_ids"].shape[1] :]
        if not limited.finished:
            raise VlmError(
                f"{self.identity}: {self.max_new_tokens} tokens did not finish the JSON; raise max_new_tokens"
            )
        return processor.tokenizer.decode(written, skip_special_tokens=True)

    @cached_property
    def processor(self) -> Any:
        """The tokenizer and picture processor of the folder."""
        from transformers import AutoProcessor

        return AutoProcessor.from_pretrained(self.folder, local_files_only=True)

    def fresh_model(self) -> Any:
        """The model as the folder has it, without the adapter, read again at every call."""
        from transformers import AutoModelForImageTextToText

        return AutoModelForImageTextToText.from_pretrained(self.folder, dtype=self.dtype, local_files_only=True)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        model = self.fresh_model()
        if self.adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(self.adapter)).merge_and_unload()
        return model.to(self.device).eval(), self.processor

    def _inputs(self, view: ShotView, text: str) -> dict[str, Any]:
        _, processor = self._loaded
        inputs = processor(text=[text], images=[pictures_of(view)], return_tensors="pt")
        return {name: tensor.to(self.device) for name, tensor in inputs.items()}

    def _read(self, view: ShotView) -> _State:
        """The model's state after all that is shown, and the text that follows a question."""
        model, processor = self._loaded
        before, tail = render(processor, view, _HERE).split(_HERE)
        inputs = self._inputs(view, before)
        out = model.model(**inputs, use_cache=True)
        delta = model.model.rope_deltas
        return _State(out.past_key_values, inputs["input_ids"].shape[1], int(delta.reshape(-1)[0]), tail)

    def _rows(self, asked: Sequence[Question], tail: str) -> dict[tuple[int, ...], list[_Label]]:
        """What must be read, and whose labels it scores: labels of one token share their question's row.

        The last token of a label is predicted, not read.
        """
        tokenizer = self._loaded[1].tokenizer
        rows: dict[tuple[int, ...], list[_Label]] = {}
        for i, question in enumerate(asked):
            ids = tokenizer.encode(question.text + tail, add_special_tokens=False)
            for k, label in enumerate(question.labels):
                tokens = tokenizer.encode(label, add_special_tokens=False)
                rows.setdefault((*ids, *tokens[:-1]), []).append(_Label(i, k, len(ids), tuple(tokens)))
        return rows

    def _log_probabilities(
        self, state: _State, rows: Sequence[tuple[tuple[int, ...], list[_Label]]]
    ) -> dict[tuple[int, int], float]:
        """The log-probability of every label of these rows, by question and label; what is shown is not read again."""
        import torch

        model, _ = self._loaded
        longest = max(len(read) for read, _ in rows)
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros((len(rows), state.length + longest), dtype=torch.long)
        mask[:, : state.length] = 1
        for i, (read, _) in enumerate(rows):
            ids[i, : len(read)] = torch.tensor(read)
            mask[i, state.length : state.length + len(read)] = 1
        places = torch.arange(longest) + state.length + state.rope_delta
        cache = copy.deepcopy(state.cache)
        cache.batch_repeat_interleave(len(rows))
        hidden = model.model(
            input_ids=ids.to(self.device),
            attention_mask=mask.to(self.device),
            position_ids=places.expand(3, len(rows), longest).to(self.device),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        scores = {}
        for i, (_, labels) in enumerate(rows):
            for label in labels:
                n = len(label.tokens)
                said = torch.log_softmax(model.lm_head(hidden[i, label.at - 1 : label.at - 1 + n]).float(), dim=-1)
                chosen = said[torch.arange(n), torch.tensor(label.tokens, device=said.device)]
                scores[label.question, label.place] = float(chosen.sum())
        return scores


@dataclass(frozen=True)
class _Label:
    """The `place`-th label of a question, whose `tokens` follow after `at` tokens of its row."""

    question: int
    place: int
    at: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class _State:
    """Keys and values after `length` tokens. M-RoPE places count pictures by their sides, hence `rope_delta`."""

    cache: Any
    length: int
    rope_delta: int
    tail: str


class _Constrained:
    """A logits processor that lets through only what continues JSON of a schema, with llguidance."""

    def __init__(self, tokenizer: Any, schema: Mapping, n_vocab: int) -> None:
        import llguidance
        import llguidance.hf
        import llguidance.torch

        self._torch = llguidance.torch
        # Compact JSON: whitespace between tokens has no end of its own.
        grammar = llguidance.LLMatcher.grammar_from_json_schema(dict(schema), overrides={"whitespace_flexible": False})
        self._matcher = llguidance.LLMatcher(llguidance.hf.from_tokenizer(tokenizer, n_vocab=n_vocab), grammar)
        self._mask = llguidance.torch.allocate_token_bitmask(1, n_vocab)
        self._seen: int | None = None
        if self._matcher.is_error():
            raise VlmError(f"llguidance: {self._matcher.get_error()}; simplify the schema")

    @property
    def finished(self) -> bool:
        return self._matcher.is_stopped() or self._matcher.is_accepting()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        if self._seen is not None:
            self._matcher.consume_tokens(input_ids[0, self._seen :].tolist())
        self._seen = input_ids.shape[1]
        self._torch.fill_next_token_bitmask(self._matcher, self._mask)
        self._torch.apply_token_bitmask_inplace(scores, self._mask.to(scores.device))
        return scores


def render(processor: Any, view: ShotView, question: str) -> str:
    """The chat as text, pictures as placeholders, that ends where the model answers `question` about `view`."""
    content = [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image"}
        for part in shown(view.parts(), question)
    ]
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]
    return processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def pictures_of(view: ShotView) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(picture) for picture in view.pictures]


def _batches(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _normalised(labels: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    powers = np.exp(np.array(scores) - max(scores))
    return dict(zip(labels, (powers / powers.sum()).tolist(), strict=True))
