"""A tiny random Qwen3-VL of the real classes, saved and read back through the real path; a server for it."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
import time
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from anicaption.frames import write_video
from anicaption.record import Record, Span, abstain, measured
from anicaption.tracks import Event, Tracks
from anicaption.vlm.view import ShotView, shot_view
from PIL import Image

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
           "<|video_pad|>")  # fmt: skip


def save_tiny(folder: Path, seed: int = 0) -> Path:
    """Write a Qwen3-VL of a few thousand weights, with tokenizer and processor, into `folder`."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import (
        Qwen2Tokenizer,
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    vocab = {token: i for i, token in enumerate([*sorted(pre_tokenizers.ByteLevel.alphabet()), *SPECIAL])}
    tokenizer = Qwen2Tokenizer(
        vocab=vocab, merges=[], eos_token="<|im_end|>", pad_token="<|endoftext|>",
        extra_special_tokens=list(SPECIAL[1:]),
    )  # fmt: skip
    tokenizer.add_tokens(["Yes", "No"])  # one token each, as in the tokenizer of the large model
    sizes = {"patch_size": 16, "merge_size": 2, "temporal_patch_size": 2}
    limits = {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}
    images = Qwen2VLImageProcessor(**sizes, size=limits)
    videos = Qwen3VLVideoProcessor(**sizes, size=limits)
    Qwen3VLProcessor(images, tokenizer, videos, chat_template=TEMPLATE).save_pretrained(folder)
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer) + 9, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "initializer_range": 0.3,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2],
                                "mrope_interleaved": True},
            "eos_token_id": vocab["<|im_end|>"], "pad_token_id": vocab["<|endoftext|>"],
        },
        vision_config={
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 1, "out_hidden_size": 32,
            "patch_size": 16, "num_position_embeddings": 16, "deepstack_visual_indexes": [0], "initializer_range": 0.3,
        },
        image_token_id=vocab["<|image_pad|>"], video_token_id=vocab["<|video_pad|>"],
        vision_start_token_id=vocab["<|vision_start|>"], vision_end_token_id=vocab["<|vision_end|>"],
        tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = vocab["<|im_end|>"]
    model.generation_config.pad_token_id = vocab["<|endoftext|>"]
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("qwen3vl"))


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Two seconds of a painted sheet that slides to the left under the frame."""
    sheet = np.random.default_rng(1).integers(0, 255, (6, 40, 3), dtype=np.uint8)
    sheet = np.kron(sheet, np.ones((12, 12, 1), np.uint8))
    path = tmp_path_factory.mktemp("clip") / "pan.mkv"
    pictures = [sheet[:72, 3 * i : 3 * i + 128] for i in range(48)]
    write_video(path, pictures, Fraction(24), container="matroska")
    return path


class TinyServer:
    """The tiny model behind HTTP, in the OpenAI protocol. `faults` are served before answers, first come first served.

    A fault is a status, "slow" (silence), "broken" (not JSON), "empty" (no choices) or "chatty" (words, not a label).
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.model = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True).eval()
        self.processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        self.faults: list[int | str] = []
        self.bodies: list[dict] = []
        self.tells_logprobs = True
        self.lock = threading.Lock()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with server.lock:
                    server.bodies.append(body)
                    fault = server.faults.pop(0) if server.faults else None
                    status, reply = server.reply(body, fault)
                if fault == "slow":
                    time.sleep(0.6)
                data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(status)
                if status == 429:
                    self.send_header("retry-after", "3")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            def log_message(self, format, *args):
                pass

        return Handler

    def reply(self, body: dict, fault: int | str | None) -> tuple[int, dict | bytes]:
        if isinstance(fault, int):
            return fault, {"error": {"message": f"fault {fault}"}}
        if fault == "broken":
            return 200, b"<html>proxy</html>"
        if fault == "empty":
            return 200, {"choices": []}
        if fault == "slow":
            return 200, {}
        if "response_format" in body:
            required = body["response_format"]["json_schema"]["schema"]["required"]
            text = json.dumps({name: f"the {name}" for name in required})
            return 200, {"choices": [{"message": {"content": "Sure, here it is" if fault == "chatty" else text}}]}
        said = self.next_token(body)
        choices = body.get("structured_outputs", {}).get("choice")
        if choices:
            ids = [self.processor.tokenizer.encode(choice)[0] for choice in choices]
            others = np.setdiff1d(np.arange(len(said)), ids)
            said = said.index_fill(0, said.new_tensor(others).long(), -float("inf")).log_softmax(-1)
        top = said.topk(min(20, len(choices) if choices else 20))
        tokens = [self.processor.tokenizer.decode([i]) for i in top.indices.tolist()]
        entries = [{"token": t, "logprob": p} for t, p in zip(tokens, top.values.tolist())]
        text = "Well, I would rather not say" if fault == "chatty" else entries[0]["token"]
        if fault == "chatty":
            entries = [{"token": "Well", "logprob": -0.01}]
        choice = {"message": {"content": text}, "logprobs": {"content": [{"top_logprobs": entries}]}}
        if not (body.get("logprobs") and self.tells_logprobs):
            choice["logprobs"] = None
        return 200, {"choices": [choice]}

    def next_token(self, body: dict):
        """Log-probabilities of the next token after the chat."""
        import torch

        pictures = []
        for message in body["messages"]:
            for part in message["content"] if isinstance(message["content"], list) else []:
                if part["type"] == "image_url":
                    data = base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
                    pictures.append(Image.open(io.BytesIO(data)))
                    part["type"] = "image"
        text = self.processor.apply_chat_template(body["messages"], tokenize=False, add_generation_prompt=True)
        inputs = self.processor(text=[text], images=[pictures], return_tensors="pt")
        with torch.inference_mode():
            return self.model(**inputs).logits[0, -1].float().log_softmax(-1)


@pytest.fixture(scope="session")
def _server(tiny_folder):
    server = TinyServer(tiny_folder)
    yield server
    server.http.shutdown()


@pytest.fixture
def server(_server) -> TinyServer:
    _server.faults.clear()
    _server.bodies.clear()
    _server.tells_logprobs = True
    return _server


@pytest.fixture(scope="session")
def shot(clip) -> tuple[Record, ShotView]:
    """A record of the clip with something measured, something not decided and an event; and its view."""
    columns = {name: np.zeros(48, np.float32) for name in ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg")}
    columns["camera_x"][1:] = 3 / 128
    tracks = Tracks(Fraction(24), 128, 72, columns, (Event("vfx.impact_frame", "mono", 10, 12, 0.9),))
    moved = [Span(value="pan_right", start=0, end=48)]
    said = {
        "camera.move": measured("camera.move", ["pan_right"], {"pan_right": 0.9}, (), moved),
        "motion.timing": abstain("motion.timing", "too few drawings"),
    }
    record = Record.build(tracks, said)
    return record, shot_view(clip, record)
