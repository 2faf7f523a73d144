"""Whether a device computes what the CPU does, and how fast: the first thing that is done on a new machine.

Shapes: B slices, C latent channels, h x w latent pixels.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from xrmri.config import TrainLdm, TrainVae
from xrmri.diffusion import ddim
from xrmri.diffusion.schedule import Schedule, make_schedule
from xrmri.facts.parts import DenoiserFacts
from xrmri.learning.batches import Batch, denoising_loss
from xrmri.learning.networks import autoencoder_of, denoiser_of, process_of
from xrmri.making.account import Finding
from xrmri.models.anchor import FOLDED
from xrmri.models.autoencoder import decode
from xrmri.models.unet import Denoiser
from xrmri.training.ema import Ema

_FEATURES, _LATENT_CHANNELS, _STEPS = 65, 4, 9
_LIMITS = {"fp32": (1e-3, 1e-4, 1e-3), "bf16": (0.1, 0.02, 0.1)}
"""Largest relative error of drawn slices, loss and gradients (choice): rounding of 24 and of 8 bits, times what some
hundred layers make of it; TF32 is off."""
_WARM, _TIMED = 3, 5


def agreement(device: torch.device, denoiser: TrainLdm, vae: TrainVae, *, pixels: int) -> list[Finding]:
    """A batch of slices drawn, and a step of training, on the device against the same on the CPU in fp32.

    Args:
        device: which is looked at.
        denoiser: sizes and forward process.
        vae: sizes.
        pixels: h and w.
    """
    torch.manual_seed(0)
    network, coder = trial_denoiser(denoiser), autoencoder_of(vae)
    batch, schedule = trial_batch(denoiser, 4, pixels), make_schedule(**asdict(process_of(denoiser)))
    wanted = _answers(network, coder, batch, schedule)
    found = []
    tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        theirs, their_coder = copy.deepcopy(network).to(device), copy.deepcopy(coder).to(device)
        there = Batch(*(part.to(device) for part in batch))
        for precision, limits in _LIMITS.items():
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                answers = _answers(theirs, their_coder, there, schedule)
            for name, own, answer, limit in zip(("slices", "loss", "gradients"), wanted, answers, limits, strict=True):
                error = float((answer - own).norm() / own.norm())
                found.append(Finding(what=f"{name} in {precision}, relative error", measured=error, limit=limit))
    finally:
        torch.backends.cudnn.allow_tf32 = tf32
    return found


def speed(device: torch.device, config: TrainLdm, *, pixels: int, product: int) -> list[Finding]:
    """A step of training in bf16: time, memory, and the share of what a matrix product reaches here.

    Args:
        device: where.
        config: sizes, batch and forward process.
        pixels: h and w.
        product: rows and columns of the matrices.
    """
    with torch.device(device):
        network = trial_denoiser(config)
    count = config.micro_batch or config.batch_size
    with torch.device("meta"), FlopCounterMode(display=False) as counted:
        meta = trial_denoiser(config)
        meta_batch = Batch(*(part.to("meta") for part in trial_batch(config, count, pixels)))
        meta(meta_batch.z_0, meta_batch.t, **meta_batch.condition._asdict()).sum().backward()
    batch = Batch(*(part.to(device) for part in trial_batch(config, count, pixels)))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-6, fused=True)
    ema, schedule = Ema(network, config.ema_decay), make_schedule(**asdict(process_of(config)))

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            loss = denoising_loss(network, batch, schedule=schedule)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        ema.update(1_000)

    matrix = torch.randn(product, product, device=device, dtype=torch.bfloat16)
    step_s, product_s = _seconds(step, device), _seconds(partial(torch.matmul, matrix, matrix), device)
    rate, peak = counted.get_total_flops() / step_s / 1e12, 2 * product**3 / product_s / 1e12
    memory = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return [
        Finding(what=f"a step of {count} slices", measured=step_s, unit="s"),
        Finding(what="its largest memory", measured=memory, unit="GB"),
        Finding(what="its operations", measured=rate, unit="TFLOP/s"),
        Finding(what=f"a product of {product} x {product}", measured=peak, unit="TFLOP/s"),
        Finding(what="share", measured=100 * rate / peak, unit="%"),
    ]


def trial_denoiser(config: TrainLdm) -> Denoiser:
    """An untrained denoiser of these settings that is told every reading."""
    facts = DenoiserFacts(
        method=config.method,
        guidance=config.guidance,
        halves=config.halves,
        without=(),
        hidden_slots=(),
        feature_slots=_FEATURES,
    )
    return denoiser_of(config, facts, _LATENT_CHANNELS)


def trial_batch(config: TrainLdm, count: int, pixels: int) -> Batch:
    """Made-up latents and conditions."""
    z_0, eps = torch.randn(2, count, _LATENT_CHANNELS, pixels, pixels)
    return Batch(
        z_0=z_0,
        eps=eps,
        t=torch.randint(config.timesteps, (count,)),
        concat=torch.randn(count, FOLDED if config.anchor else _LATENT_CHANNELS, pixels, pixels),
        token=torch.zeros(count, 1, config.context_width),
        depth=torch.rand(count),
        features=torch.zeros(count, _FEATURES),
    )


def _answers(network: Denoiser, vae: nn.Module, batch: Batch, schedule: Schedule) -> tuple[Tensor, Tensor, Tensor]:
    """Drawn slices, loss and gradients, each in float32 on the CPU."""

    def predict_noise(z_t: Tensor, t: int) -> Tensor:
        times = torch.full((len(z_t),), t, device=z_t.device)
        said = network(z_t, schedule.told(times), **batch.condition._asdict()).float()
        return schedule.noise(said, z_t, times)

    with torch.no_grad():
        drawn = decode(vae, ddim.sample(predict_noise, batch.eps, schedule.abar, steps=_STEPS))
    network.zero_grad()
    loss = denoising_loss(network, batch, schedule=schedule)
    loss.backward()
    gradients = torch.cat([one.grad.flatten() for one in network.parameters() if one.grad is not None])
    return drawn.float().cpu(), loss.detach().float().cpu(), gradients.float().cpu()


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Mean time of a piece of work once it is warm."""
    for _ in range(_WARM):
        work()
    _wait(device)
    began = time.perf_counter()
    for _ in range(_TIMED):
        work()
    _wait(device)
    return (time.perf_counter() - began) / _TIMED


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
