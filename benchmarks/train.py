"""Our training step beside a bare diffusers loop and NeMo Automodel's; resume, memory, padding; on a CUDA device at
Wan-1.3B shapes too.

Without CUDA: operators and host waits of a step at tiny shapes, the time to go on from a checkpoint, the peak of a
run's memory, the padding of the buckets. With CUDA: seconds of a step at 480p and 33 and 81 frames, eager and compiled,
as a ratio to the bare loop, MFU, peak memory and the product roof. NeMo Automodel is compared where it can be imported
(its wheel needs none of its dependencies for this: `pip install --no-deps`, or its folder on PYTHONPATH).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from animatrix_trainer import flops
from animatrix_trainer.config import Parallel, Stage
from animatrix_trainer.recipes import RECIPES

from benchmarks.figures import Figure, publish
from benchmarks.train_steps import TEXT_TOKENS, Bench, Counted, bare, has_nemo, nemo, ours

Way = Callable[[Bench, torch.device, Path], AbstractContextManager[Callable[[], Any]]]
GOAL = 1.03
OURS: Way = partial(ours, tags=False, ema=False)
EXTRA: dict[str, Way] = {
    "with the average": partial(ours, tags=False, ema=True),
    "with tags": partial(ours, tags=True, ema=False),
    "with both": partial(ours, tags=True, ema=True),
}


def rivals() -> dict[str, Way]:
    found: dict[str, Way] = {"bare diffusers loop": bare}
    if has_nemo():
        found["NeMo Automodel"] = partial(nemo, quiet=False)
        found["NeMo Automodel, diagnostics off"] = partial(nemo, quiet=True)
    return found


def counts(way: Way, bench: Bench, out: Path) -> tuple[int, int]:
    """(operators, host waits) of a third step on this CPU."""
    with way(bench, torch.device("cpu"), out) as step:
        for _ in range(2):
            step()
        with Counted() as counted:
            step()
    return counted.operators, counted.waits


def operator_figures(out: Path) -> list[Figure]:
    bench = Bench.tiny(17, Parallel())
    of_rivals = {name: counts(way, bench, out) for name, way in rivals().items()}
    mine = counts(OURS, bench, out)
    name = "operators of a step, tiny Wan"
    figures = [
        Figure(name, mine[0], {rival: float(of[0]) for rival, of in of_rivals.items()}),
        Figure(
            "host waits of a step, tiny Wan",
            mine[1],
            {rival: float(of[1]) for rival, of in of_rivals.items()},
            "0",
            mine[1] == 0,
        ),
    ]
    for words, way in EXTRA.items():
        of = counts(way, bench, out)
        figures.append(Figure(f"{name}, {words}", of[0], {"without": float(mine[0])}, "no wait more", of[1] == mine[1]))
    if not has_nemo():
        print("NeMo Automodel cannot be imported here: it was not run")
    return figures


def seconds(steps: dict[str, Callable[[], Any]], device: torch.device, rounds: int) -> dict[str, list[float]]:
    """Times of a step of each, in turn, so that whatever slows the machine slows all alike."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    found: dict[str, list[float]] = {name: [] for name in steps}
    for at in range(rounds + 2):
        for name, step in steps.items():
            wait()
            began = time.perf_counter()
            step()
            wait()
            if at >= 2:
                found[name].append(time.perf_counter() - began)
    return found


def step_figures(bench: Bench, device: torch.device, out: Path, rounds: int, roof: float | None) -> list[Figure]:
    """One process has one way's model at a time where memory is a device's; times are then of blocks, not in turn."""
    ways: dict[str, Way] = {"ours": OURS, **{f"ours {words}": way for words, way in EXTRA.items()}, **rivals()}
    times, peaks = {}, {}
    for name, way in ways.items():
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        torch.compiler.reset()
        with way(bench, device, out) as step:
            times[name] = statistics.median(seconds({name: step}, device, rounds)[name])
        peaks[name] = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
        del step
    window = bench.window
    kind = "compiled" if bench.parallel.compile else "eager"
    place = f"{window.frames} frames of {window.width_px}x{window.height_px}, {kind}"
    config = {"attention_head_dim": 128, "patch_size": (1, 2, 2), **bench.wan}
    work = flops.train_flops(flops.Size.of(config, TEXT_TOKENS), bench.tokens)
    others = {name: times[name] for name in rivals()}
    ratio = times["ours"] / times["bare diffusers loop"]
    rate = work / times["ours"]
    figures = [
        Figure(f"seconds of a step, {place}", times["ours"], others),
        Figure(f"step over bare loop, {place}", ratio, {}, f"<= {GOAL}", ratio <= GOAL if roof else None),
        *(
            Figure(f"cost {words}, {place}", times[f"ours {words}"] / times["ours"], {"without": 1.0})
            for words in EXTRA
        ),
    ]
    if roof:
        data_sheet = flops.peak_flops(device, bench.parallel.precision)
        beside = {"of the data sheet's": rate / data_sheet} if data_sheet else {}
        figures.append(Figure(f"share of the product roof, {place}", rate / roof, beside))
        figures.append(Figure(f"peak GiB, {place}", peaks["ours"], {name: peaks[name] for name in rivals()}))
    return figures


def device_figures(out: Path, rounds: int) -> list[Figure]:
    """At the real shapes; needs CUDA."""
    device = torch.device("cuda")
    roof = flops.matmul_roof(device, torch.bfloat16)
    name = torch.cuda.get_device_name(device)
    figures = [Figure(f"TFLOP/s of bf16 products, {name}", roof / 1e12)]
    for frames in (33, 81):
        for compiled in (False, True):
            figures += step_figures(Bench.real(frames, compiled), device, out, rounds, roof)
    return figures


def rehearsal(out: Path) -> list[Figure]:
    """The same code at tiny shapes on this CPU: it runs. Its times say nothing of a GPU and have no goal."""
    figures = []
    for compiled in (False, True):
        bench = Bench.tiny(5, Parallel(checkpointing="full", compile=compiled))
        figures += step_figures(bench, torch.device("cpu"), out, 3, None)
    return figures


RUN = """
import resource, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from animatrix_trainer.loop import fit
from animatrix_trainer.recipes import smoke
import dataclasses
shards, out, resume = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "resume"
began = time.process_time()
fit(dataclasses.replace(smoke(), save_every=int(sys.argv[4])), shards, out, resume=resume)
print("took", time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def resume_figures(shards: str) -> list[Figure]:
    """CPU seconds of a run of ten steps, and of one that goes on from its fifth; the peak of its memory."""

    def run(out: Path, how: str) -> tuple[float, float]:
        command = [sys.executable, "-c", RUN, shards, str(out), how, "5"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        _, spent, peak = next(line for line in done.stdout.splitlines() if line.startswith("took")).split()
        return float(spent), float(peak)

    with tempfile.TemporaryDirectory() as folder:
        whole, peak = run(Path(folder) / "run", "new")
        newest = Path(folder) / "run" / "checkpoints" / "step-00000010"
        newest.rename(Path(folder) / "lost")
        rest, _ = run(Path(folder) / "run", "resume")
    return [
        Figure("CPU seconds of 5 steps after going on (smoke)", rest, {"10 steps from nothing": whole}),
        Figure("peak MiB of a run (smoke)", peak),
    ]


def padding_figures() -> list[Figure]:
    """A bucket is one size, so no token is padding; what padding to the largest of a stage would waste is beside it."""
    figures = []
    for name, recipe in RECIPES.items():
        for stage in recipe().stages:
            windows = [(n * b.batch, b.window) for n, b in zip(shares(stage), stage.buckets, strict=True)]
            sizes = [(n, window.frames * window.height_px * window.width_px) for n, window in windows]
            if len(sizes) < 2:
                continue
            most = max(size for _, size in sizes)
            used = sum(n * size for n, size in sizes) / sum(n * most for n, _ in sizes)
            beside = {"all padded to the stage's largest": 1 - used}
            figures.append(Figure(f"share of padding, {name}, stage {stage.name}", 0.0, beside, "0", True))
    return figures


def shares(stage: Stage) -> list[float]:
    """In which share of a stage's steps each bucket is drawn: pictures in t2i of them."""
    stills = [bucket.window.frames == 1 for bucket in stage.buckets]
    of_all = {True: stage.tasks.t2i, False: 1 - stage.tasks.t2i}
    sums = {kind: sum(b.share for b in stage.buckets if (b.window.frames == 1) is kind) for kind in of_all}
    return [of_all[still] * b.share / sums[still] for b, still in zip(stage.buckets, stills, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", help="a data set, for resume time and memory")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rehearse", action="store_true", help="also the device part at tiny shapes on this CPU")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        if torch.cuda.is_available():
            publish("train_gpu", "make bench-train", device_figures(out, given.rounds))
        else:
            print("no CUDA device: the part at Wan-1.3B shapes was not run")
        figures = operator_figures(out) if not torch.cuda.is_available() else []
        figures += rehearsal(out) if given.rehearse else []
        figures += padding_figures()
        figures += resume_figures(given.shards) if given.shards else []
    publish("train", "make bench-train", figures)


if __name__ == "__main__":
    main()
