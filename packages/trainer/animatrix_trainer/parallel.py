"""How a transformer is spread over processes and made to fit: plain (DDP where there are several), FSDP2, ZeRO.

Weights and moments are fp32 everywhere; bf16 is what is computed in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from animatrix_trainer import optim
from animatrix_trainer.config import Parallel, Recipe, RecipeError, Stage
from animatrix_trainer.data.read import Batch
from animatrix_trainer.model import lora

LAUNCH = "start it with `torchrun --nproc_per_node N -m animatrix_trainer.cli fit ...` or `accelerate launch`"


@contextmanager
def processes(recipe: Recipe, out: Path) -> Iterator[Accelerator]:
    """The processes of a run, by its recipe; a group that was there before outlives it. The launcher only starts them:
    what it says of FSDP or DeepSpeed is refused where the recipe says otherwise."""
    found = dist.is_initialized()
    AcceleratorState._reset_state(reset_partial_state=True)  # another run here may have had another precision
    accelerator = _accelerator(recipe, out)
    yield accelerator
    for tracker in accelerator.trackers:
        tracker.finish()
    if not found:
        accelerator.state.destroy_process_group()


def _accelerator(recipe: Recipe, out: Path) -> Accelerator:
    how = recipe.parallel
    zero = how.strategy.startswith("zero")
    if how.strategy != "plain" and "LOCAL_RANK" not in os.environ:
        raise RecipeError(f"parallel.strategy={how.strategy} needs a launcher, for one process too; {LAUNCH}")
    for said, wanted in (("ACCELERATE_USE_FSDP", how.strategy == "fsdp2"), ("ACCELERATE_USE_DEEPSPEED", zero)):
        if os.environ.get(said, "false").lower() == "true" and not wanted:
            raise RecipeError(
                f"{said}=true with parallel.strategy={how.strategy}: the recipe chooses the strategy; "
                "give --parallel.strategy, or an accelerate configuration without it"
            )
    os.environ.pop("ACCELERATE_USE_FSDP", None)  # `Sharded` shards; accelerate would on CUDA only, and otherwise
    on_cpu = not torch.cuda.is_available()
    plugin: Any = None
    if zero:
        from accelerate.utils import DeepSpeedPlugin

        if on_cpu:
            _deepspeed_on_cpu()
        plugin = DeepSpeedPlugin(hf_ds_config=deepspeed_settings(how, recipe.optim.clip_norm))
    accelerator = Accelerator(
        mixed_precision="no" if zero and how.precision == "bf16" else how.precision,
        cpu=on_cpu and not zero,  # or CPU ranks would each train alone, and accelerate leaves DeepSpeed out with it
        deepspeed_plugin=plugin,
        log_with="tensorboard",
        project_dir=out,
        kwargs_handlers=[InitProcessGroupKwargs(backend="gloo")] if on_cpu and zero else [],
    )
    if zero:
        from transformers.integrations.deepspeed import unset_hf_deepspeed_config

        unset_hf_deepspeed_config()  # or transformers would divide the frozen text encoder, and it came out as zeros
    return accelerator


def deepspeed_settings(how: Parallel, clip_norm: float) -> dict[str, Any]:
    """DeepSpeed's configuration. bf16 is autocast over fp32 weights, as in the other strategies: DeepSpeed's own bf16
    would round the weights, and with them timesteps and averages. Nothing is sent in less than fp32."""
    settings: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": 1,  # only counted with: batches are cut by the plan
        "gradient_accumulation_steps": how.accumulate,
        "gradient_clipping": clip_norm,
        "zero_optimization": {"stage": int(how.strategy[-1]), "contiguous_gradients": True},
    }
    if how.precision == "bf16":
        settings["torch_autocast"] = {"enabled": True, "dtype": "bfloat16", "lower_precision_safe_modules": []}
    return settings


def _deepspeed_on_cpu() -> None:
    """DeepSpeed where there is no CUDA. Its shared-memory collective takes 90 s to compile and is not needed."""
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import sys

    import deepspeed.comm.torch  # noqa: F401

    cast(Any, sys.modules["deepspeed.comm.torch"]).build_shm_op = lambda: None


class Plain:
    """A transformer in one process, or whole in each of several with averaged gradients (DDP).

    `raw` has the names that checkpoints have, `model` is what is called, `moved` names the parameters that the stage
    moves.
    """

    def __init__(self, accelerator: Accelerator, raw: nn.Module, recipe: Recipe, stage: Stage) -> None:
        self.accelerator, self.raw, self.updates = accelerator, raw, 0
        self.decay, self.clip_norm = recipe.optim.ema, recipe.optim.clip_norm
        lora.move_only(raw, stage)
        blocks(raw, recipe.parallel)
        self._spread(recipe)
        self.moved = {name: weight for name, weight in raw.named_parameters() if weight.requires_grad}
        optim.begin(self.adamw, self.masters(), self.decay > 0)

    def _spread(self, recipe: Recipe) -> None:
        self.model = self.accelerator.prepare_model(self.raw)
        self.optimizer = self.accelerator.prepare_optimizer(optim.adamw(self.raw, recipe.optim))
        self.adamw = cast(torch.optim.AdamW, cast(Any, self.optimizer).optimizer)

    def masters(self) -> list[torch.Tensor]:
        """The fp32 tensors that the optimiser moves, this process's part of them."""
        return list(self.moved.values())

    def micro_batch(self, last: bool) -> AbstractContextManager[object]:
        """Around forward and backward of one micro-batch: gradients are averaged over processes after the last."""
        return nullcontext() if last else self.accelerator.no_sync(self.model)

    def backward(self, loss: torch.Tensor) -> None:
        self.accelerator.backward(loss)

    def step(self, rate: float) -> torch.Tensor:
        """Clip, move the weights and their average; the norm of the gradient of all processes, not read here."""
        for group in self.adamw.param_groups:
            group["lr"] = rate
        norm = self._update()
        if self.decay:
            optim.average(self.adamw, self.masters(), optim.ema_decay(self.decay, self.updates))
        self.updates += 1
        return norm

    def _update(self) -> torch.Tensor:
        norm = self.accelerator.clip_grad_norm_(self.raw.parameters(), self.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return cast(torch.Tensor, norm)

    def full(self, name: str, kind: str = "weight") -> torch.Tensor:
        """The whole of a weight, a moment or an average. All processes ask for the same, in the same order."""
        weight = self.raw.get_parameter(name)
        return (weight if kind == "weight" else self.adamw.state[weight][kind]).detach()

    def put(self, name: str, kind: str, value: torch.Tensor) -> None:
        """The reverse of `full`, for moments and averages; weights are put into `raw` before it is spread."""
        self.adamw.state[self.raw.get_parameter(name)][kind].copy_(value)

    def gradient(self, name: str) -> torch.Tensor | None:
        """The whole gradient of a parameter, between `backward` and `step`."""
        return self.raw.get_parameter(name).grad

    @property
    def adam_steps(self) -> int:
        """Steps that AdamW corrects its moments for; reads the device."""
        return int(self.adamw.state[self.masters()[0]]["step"])

    @adam_steps.setter
    def adam_steps(self, steps: int) -> None:
        for weight in self.masters():
            self.adamw.state[weight]["step"].fill_(steps)


class Sharded(Plain):
    """FSDP2: every block's parameters, gradients, moments and averages divided among the processes.

    We call `fully_shard` ourselves, on CPU ranks and on CUDA alike, so that what the tests hold is what runs. With
    bf16 blocks are gathered in bf16 and computed under autocast; gradients are added up in fp32, micro-batch by
    micro-batch, as keeping them whole until the last would cost what sharding saved.

    Weights are those of the first process; elsewhere they may be on the meta device. A device never holds more of them
    than its parts and one whole tensor.
    """

    def _spread(self, recipe: Recipe) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

        how = recipe.parallel
        if how.precision == "fp16":
            raise RecipeError("parallel.precision=fp16 with parallel.strategy=fsdp2: choose bf16")
        device = self.accelerator.device.type
        mesh = init_device_mesh(device, (self.accelerator.num_processes,))
        # Inputs stay as they are: timesteps up to 1000 do not fit into bf16.
        low = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
        policy = low if how.precision == "bf16" else MixedPrecisionPolicy(cast_forward_inputs=False)
        whole = {name: weight.detach() for name, weight in self.raw.named_parameters()}
        self.raw._apply(lambda tensor: tensor.to("meta") if isinstance(tensor, nn.Parameter) else tensor)
        self.model = self.accelerator.prepare_model(self.raw, False, evaluation_mode=True)  # autocast, and no DDP
        for block in cast(Any, self.raw).blocks:
            fully_shard(block, mesh=mesh, mp_policy=policy)
        name = type(self.raw).__name__
        fully_shard(self.raw, mesh=mesh, mp_policy=MixedPrecisionPolicy(cast_forward_inputs=False))
        type(self.raw).__name__ = name  # which a checkpoint's config says, and loaders look for
        self.raw._apply(lambda tensor: torch.empty_like(tensor, device=device) if tensor.is_meta else tensor.to(device))
        for name, part in self.raw.named_parameters():
            value = whole.pop(name)
            value = torch.empty_like(value, device=device) if value.is_meta else value.to(device)
            with torch.no_grad():  # each process gets its part of what the first one has
                part.copy_(distribute_tensor(value, mesh, cast(DTensor, part).placements))
        self.adamw = optim.adamw(self.raw, recipe.optim)
        self.optimizer = self.accelerator.prepare_optimizer(self.adamw)

    def micro_batch(self, last: bool) -> AbstractContextManager[object]:
        return nullcontext()

    def _update(self) -> torch.Tensor:
        return whole(super()._update())

    def full(self, name: str, kind: str = "weight") -> torch.Tensor:
        return whole(super().full(name, kind))

    def put(self, name: str, kind: str, value: torch.Tensor) -> None:
        put(self.adamw.state[self.raw.get_parameter(name)][kind], value)

    def gradient(self, name: str) -> torch.Tensor | None:
        part = super().gradient(name)
        return None if part is None else whole(part)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that may be divided, whole. All processes ask for the same, in the same order."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def put(part: torch.Tensor, value: torch.Tensor) -> None:
    """The reverse of `whole`: each process has `value` and takes its part of it."""
    value = value.to(part.device)
    if isinstance(part, DTensor):
        value = distribute_tensor(value, part.device_mesh, part.placements, src_data_rank=None)
    part.copy_(value)


class Zero(Plain):
    """DeepSpeed's ZeRO 1, 2 and 3: moments, then gradients, then parameters divided among the processes.

    The average lives where DeepSpeed keeps the moments, on flat fp32 parts. DeepSpeed itself reads the device in
    places; nothing here does.
    """

    def _spread(self, recipe: Recipe) -> None:
        if recipe.parallel.compile and recipe.parallel.strategy == "zero3":
            raise RecipeError("parallel.compile with parallel.strategy=zero3: choose fsdp2, or leave compile out")
        self.accelerator.deepspeed_engine_wrapped = None  # each expert has an engine of its own, called by ourselves
        engine, _ = self.accelerator.prepare(self.raw, optim.adamw(self.raw, recipe.optim))
        self.model = self.engine = cast(Any, engine)
        self.adamw = self.engine.optimizer.optimizer

    def masters(self) -> list[torch.Tensor]:
        zero = self.engine.optimizer
        return list(zero.fp32_partitioned_groups_flat if self.stage == 3 else zero.single_partition_of_fp32_groups)

    @property
    def stage(self) -> int:
        """The stage that the engine runs, which is what was asked for or there is no engine."""
        return self.engine.zero_optimization_stage()

    def micro_batch(self, last: bool) -> AbstractContextManager[object]:
        self.engine.set_gradient_accumulation_boundary(last)
        return nullcontext()

    def backward(self, loss: torch.Tensor) -> None:
        self.engine.backward(loss, scale_wrt_gas=False)

    def _update(self) -> torch.Tensor:
        self.engine.step()
        return torch.as_tensor(self.engine.get_global_grad_norm())

    def full(self, name: str, kind: str = "weight") -> torch.Tensor:
        import deepspeed
        from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

        weight = self.raw.get_parameter(name)
        if not weight.requires_grad:
            with deepspeed.zero.GatheredParameters([weight], enabled=self.stage == 3):
                return weight.detach().clone()
        if kind == "weight":
            return cast(torch.Tensor, safe_get_full_fp32_param(weight)).reshape(self._shape(weight))
        self._link()
        return cast(torch.Tensor, safe_get_full_optimizer_state(weight, kind)).reshape(self._shape(weight))

    def put(self, name: str, kind: str, value: torch.Tensor) -> None:
        from deepspeed.utils import safe_set_full_optimizer_state

        self._link()
        weight = self.raw.get_parameter(name)
        safe_set_full_optimizer_state(weight, value.to(weight.device), kind)

    def gradient(self, name: str) -> torch.Tensor | None:
        from deepspeed.utils import safe_get_full_grad

        weight = self.raw.get_parameter(name)
        found = safe_get_full_grad(weight)
        return None if found is None else found.reshape(self._shape(weight))

    def _link(self) -> None:
        """Stages 1 and 2 tell parameters where their moments are after the first step only."""
        if self.stage < 3:
            self.engine.optimizer._lazy_init_hp_params_optimizer_state()

    def _shape(self, weight: Any) -> torch.Size:
        return weight.ds_shape if self.stage == 3 else weight.shape


def spread(accelerator: Accelerator, raw: nn.Module, recipe: Recipe, stage: Stage) -> Plain:
    """A transformer made ready for a stage as the recipe says."""
    kind = {"plain": Plain, "fsdp2": Sharded}.get(recipe.parallel.strategy, Zero)
    return kind(accelerator, raw, recipe, stage)


def blocks(model: nn.Module, how: Parallel, backend: str = "inductor") -> None:
    """Recompute and compile the blocks of a transformer as `how` says, in place; names stay as they are.

    `full` keeps a block's input and computes the rest again in the backward pass; `selective` keeps what matrix
    products and attention gave too, which costs most to compute again.
    """
    if how.checkpointing == "none" and not how.compile:
        return
    for block in cast(Any, model).blocks:
        forward = type(block).forward
        if how.checkpointing != "none":
            forward = _recomputed_keeping if how.checkpointing == "selective" else _recomputed
        if how.compile:
            forward = torch.compile(forward, backend=backend)
        block.forward = partial(forward, block)


def _recomputed(block: nn.Module, *inputs: Any) -> Any:
    return checkpoint(type(block).forward, block, *inputs, use_reentrant=False)


def _recomputed_keeping(block: nn.Module, *inputs: Any) -> Any:
    return checkpoint(type(block).forward, block, *inputs, use_reentrant=False, context_fn=_keeping)


KEPT = frozenset(
    getattr(torch.ops.aten, name)
    for name in (
        "mm",
        "addmm",
        "bmm",
        "baddbmm",
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_cudnn_attention",
        "_scaled_dot_product_flash_attention_for_cpu",
    )
)
"""What `selective` does not compute again."""


def _keeping() -> Any:
    def policy(_: object, op: Any, *__: object, **___: object) -> CheckpointPolicy:
        return CheckpointPolicy.MUST_SAVE if op.overloadpacket in KEPT else CheckpointPolicy.PREFER_RECOMPUTE

    return create_selective_checkpoint_contexts(policy)


def micro_batches(batch: Batch, count: int) -> Iterator[Batch]:
    """`count` equal parts of a process's part of a batch, in order."""
    n = len(batch.numbers)
    if n % count:
        raise RecipeError(f"parallel.accumulate={count}: does not divide the {n} samples of a process")
    values = {item.name: getattr(batch, item.name) for item in fields(batch)}
    of_samples = {name: value for name, value in values.items() if hasattr(value, "__len__") and len(value) == n}
    for at in range(0, n, n // count):
        yield replace(batch, **{name: value[at : at + n // count] for name, value in of_samples.items()})


def gradients(on: Plain, batch: Batch, count: int, loss_of: Callable[..., torch.Tensor]) -> torch.Tensor:
    """The loss of a process's part of a batch, and its gradients, micro-batch by micro-batch."""
    losses = []
    for number, part in enumerate(micro_batches(batch, count)):
        with on.micro_batch(last=number == count - 1):
            loss = loss_of(on.model, batch=part) / count
            on.backward(loss)
        losses.append(loss.detach())
    return torch.stack(losses).sum()
