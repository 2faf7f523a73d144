"""fit(): the loop of train-vae and train-ldm. It knows no model: it is told what to load and what to minimise.

A run is a function of its seed and of the slices seen: what is drawn at a position of the endless order depends on that
position alone. So there is no random state to save, and a run that resumes equals the run that never stopped.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor, nn

from xrmri.config import Execution, Training
from xrmri.errors import InconsistentError, StoppedEarly
from xrmri.training.checkpoint import Checkpoint, latest_checkpoint, save_checkpoint
from xrmri.training.ema import Ema
from xrmri.training.pace import Pace
from xrmri.training.pictures import picture_file, restore_pictures
from xrmri.training.sharded import ShardedAdamW
from xrmri.training.stopping import Stopping
from xrmri.training.tracking import Metrics

log = logging.getLogger(__name__)

Batches = list[tuple[float, Any]]
"""One process's share of a step: (weight, batch) for each forward pass; the weights add up to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What a training is about."""

    name: str
    """The command."""
    load: Callable[[Sequence[int]], Any]
    """The batch at some positions of the endless order, on the CPU; called one step ahead, in another thread."""
    loss: Callable[[nn.Module, Any], Tensor]
    """(network, batch) -> mean loss over the batch."""
    validate: Callable[[nn.Module], dict[str, float]]
    """What there is to say about a network, on fixed images and noise."""
    rate: Callable[[str], float] = lambda parameter: 1.0
    """Name of a parameter -> its learning rate, relative to the rest."""
    picture: Callable[[nn.Module, Path], None] | None = None
    """Draws what a network can do into a PNG."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainer:
    """The loop on one machine, for the networks of a run, one after the other."""

    accelerator: Accelerator
    execution: Execution

    def fit(self, network: nn.Module, task: Task, config: Training, folder: Path) -> dict[str, float]:
        """Train a network as `fit` does."""
        return fit(network, task, config, folder, accelerator=self.accelerator, execution=self.execution)


def fit(
    network: nn.Module, task: Task, config: Training, folder: Path, *, accelerator: Accelerator, execution: Execution
) -> dict[str, float]:
    """Train a network to config.max_steps, from the newest checkpoint on; it is left with its averaged weights.

    Returns:
        what validation says of these; empty where another process has asked it, or an earlier run took the last step.

    Raises:
        StoppedEarly: by STOP file, signal or time limit; all is saved.
        InconsistentError: the loss is no longer finite; the step is not taken.
    """
    kind = {"no": "fp32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
    log.info("training on %s in %s, %d process(es)", accelerator.device, kind, accelerator.num_processes)
    ema = Ema(network.to(accelerator.device), config.ema_decay)
    raw_optimiser = _optimiser(network, task, config, accelerator.num_processes)
    step, losses = _resume(folder, network, ema, raw_optimiser, accelerator=accelerator)
    # The optimiser's state is where the network is already; moving it would gather it where it is sharded.
    model, optimiser = accelerator.prepare(network, raw_optimiser, device_placement=[True, False])
    tells = accelerator.is_main_process
    metrics = _go_on_telling(network, task, config, folder, ema=ema, step=step) if tells else None
    saved = counted = time.monotonic()
    pace = Pace(folder, step, processes=accelerator.num_processes)
    said: dict[str, float] = {}
    config = pace.resolved(config, step)
    with Stopping(folder, accelerator, limit_s=60 * config.time_limit_minutes) as stopping:
        for batches in _ahead(_loader(task, config, accelerator), range(step, config.max_steps)):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, config) * group["rate"]
            loss = _backward(accelerator, model, task, batches)
            if not math.isfinite(loss):
                raise InconsistentError(f"loss is {loss} at step {step}: lower learning_rate, or use --precision fp32")
            if config.clip_norm > 0:
                accelerator.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimiser.step()
            optimiser.zero_grad()
            step, losses = step + 1, [*losses, loss]
            ema.update(step)
            config = pace.resolved(config, step)
            if metrics:
                execution.progress(task.name, step, config.max_steps, f"loss {sum(losses) / len(losses):.4f}")
            place = {"step": step, "slices_seen": step * config.batch_size}
            if metrics and step % config.log_steps == 0:
                speed = len(losses) * config.batch_size / (time.monotonic() - counted)
                row = {"loss": sum(losses) / len(losses), "learning_rate": learning_rate(step - 1, config)}
                metrics.write(place | row | {"slices_per_s": round(speed, 1)})
            if step % config.log_steps == 0:
                counted, losses = time.monotonic(), []
            if metrics:
                said = _examine(network, ema, task, config, folder=folder, metrics=metrics, place=place)
            stop = stopping.due(step)
            overdue = bool(metrics) and time.monotonic() - saved > 60 * config.save_minutes
            if stop or stopping.agreed(step, overdue) or step == config.max_steps:
                _save(folder, step, losses, network, ema=ema, optimiser=raw_optimiser, accelerator=accelerator)
                saved = time.monotonic()
            if stop and step < config.max_steps:
                # A launcher kills the others 30 s after the first has left, and the first process may still be saving.
                accelerator.wait_for_everyone()
                stopping.obeyed()
                raise StoppedEarly(
                    f"{task.name} stopped after step {step} of {config.max_steps} ({stopping.reason}); all is saved in "
                    f"{folder}: run the same command again to go on"
                )
            if step == config.max_steps:
                break
    ema.keep()
    if metrics:
        metrics.close()
    return said


def _go_on_telling(network: nn.Module, task: Task, config: Training, folder: Path, *, ema: Ema, step: int) -> Metrics:
    """The rows of a run that goes on after a step, and its pictures so far."""
    if task.picture:
        restore_pictures(folder, step, config.picture_steps, partial(_draw, task.picture, network, ema))
    return Metrics(folder, config, step=step)


def _examine(
    network: nn.Module,
    ema: Ema,
    task: Task,
    config: Training,
    *,
    folder: Path,
    metrics: Metrics,
    place: dict[str, int],
) -> dict[str, float]:
    """Validate the averaged network, and draw what it can do, where a step is one to do so; what validation says."""
    step, said = place["step"], dict[str, float]()
    if step % config.validate_steps == 0 or step == config.max_steps:
        with ema.applied(), torch.no_grad():
            said = task.validate(network)
        metrics.write(place | said)
    if task.picture and config.picture_steps and step % config.picture_steps == 0:
        _draw(task.picture, network, ema, picture_file(folder, step))
    return said


def _draw(picture: Callable[[nn.Module, Path], object], network: nn.Module, ema: Ema, file: Path) -> None:
    """The picture of what the averaged weights can do."""
    with ema.applied(), torch.no_grad():
        picture(network, file)


def learning_rate(step: int, config: Training) -> float:
    """The learning rate of a step, counted from 0: one linear warm-up, then constant or a cosine down to nothing."""
    if step < config.warmup_steps:
        return config.learning_rate * (1e-6 + (1 - 1e-6) * step / config.warmup_steps)
    if config.decay == "constant":
        return config.learning_rate
    done = (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _optimiser(network: nn.Module, task: Task, config: Training, processes: int) -> torch.optim.AdamW:
    """AdamW with one group for each relative learning rate."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(task.rate(name), []).append(parameter)
    kind = ShardedAdamW if config.shard_optimiser and processes > 1 else torch.optim.AdamW
    return kind(
        [{"params": own, "rate": rate} for rate, own in groups.items()],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )


def _backward(accelerator: Accelerator, model: nn.Module, task: Task, batches: Batches) -> float:
    """Gradients of one step, of all forward passes and processes; returns the mean loss."""
    total = torch.zeros((), device=accelerator.device)
    # One autocast around all parts: the weights are cast to 16 bits once a step rather than once a part.
    with accelerator.autocast():
        for number, (weight, batch) in enumerate(batches, start=1):
            waiting = accelerator.no_sync(model) if number < len(batches) else nullcontext()
            with waiting:
                loss = weight * task.loss(model, send_to_device(batch, accelerator.device))
                with torch.autocast(accelerator.device.type, enabled=False):
                    accelerator.backward(loss)
            total += loss.detach()
    return float(accelerator.reduce(total, "mean"))


def _loader(task: Task, config: Training, accelerator: Accelerator) -> Callable[[int], Batches]:
    """What this process sees in a step: its share of the step's positions, in parts of micro_batch."""
    rank, world = accelerator.process_index, accelerator.num_processes

    def load(step: int) -> Batches:
        share = range(step * config.batch_size + rank, (step + 1) * config.batch_size, world)
        size = config.micro_batch or len(share)
        parts = [share[first : first + size] for first in range(0, len(share), size)]
        return [(len(part) / len(share), task.load(part)) for part in parts]

    return load


def _ahead(load: Callable[[int], Batches], steps: Iterable[int]) -> Iterator[Batches]:
    """Load each step while the one before is worked on."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = None
        for step in steps:
            coming = pool.submit(load, step)
            if waiting:
                yield waiting.result()
            waiting = coming
        if waiting:
            yield waiting.result()


def _resume(
    folder: Path, network: nn.Module, ema: Ema, optimiser: torch.optim.Optimizer, *, accelerator: Accelerator
) -> tuple[int, list[float]]:
    """Go on from the newest checkpoint: the step it was taken after, and the losses since the last row of metrics."""
    checkpoint = latest_checkpoint(folder)
    if checkpoint is None:
        return 0, []
    _require_fit(checkpoint, folder, network, optimiser)
    network.load_state_dict(checkpoint.weights)
    ema.load(checkpoint.average)
    optimiser.load_state_dict(checkpoint.optimiser)
    if accelerator.scaler is not None:
        accelerator.scaler.load_state_dict(checkpoint.scaler)
    return checkpoint.step, list(checkpoint.losses)


def _require_fit(checkpoint: Checkpoint, folder: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Refuse a checkpoint of a network with other weights, or of one that trained others of them."""
    now = {name: value.shape for name, value in network.state_dict().items()}
    then = {name: value.shape for name, value in checkpoint.weights.items()}
    trained = [len(group["params"]) for group in optimiser.param_groups]
    had = [len(group["params"]) for group in checkpoint.optimiser["param_groups"]]
    if (now, trained) != (then, had):
        raise InconsistentError(
            f"{folder} has a checkpoint of another network ({sum(had)} tensors trained, now {sum(trained)}), perhaps "
            "of another version: give another -o, or --force"
        )


def _save(
    folder: Path,
    step: int,
    losses: list[float],
    network: nn.Module,
    *,
    ema: Ema,
    optimiser: torch.optim.Optimizer,
    accelerator: Accelerator,
) -> None:
    """The first process writes a checkpoint; all must call this, because each may hold a share of the moments."""
    whole = optimiser.state_dict()
    if not accelerator.is_main_process:
        return
    scaler = accelerator.scaler.state_dict() if accelerator.scaler is not None else {}
    checkpoint = Checkpoint(
        step=step,
        weights=network.state_dict(),
        average=ema.average,
        optimiser=whole,
        losses=tuple(losses),
        scaler=scaler,
    )
    save_checkpoint(folder, checkpoint)
