"""Whether a device computes what the CPU does, and how fast: the first thing that is done on a new machine.

Shapes: B slices, C latent channels, h x w latent pixels.
"""

import copy
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from xrmri.config import TrainLdm, TrainVae
from xrmri.diffusion import ddim
from xrmri.diffusion.loss import diffusion_loss
from xrmri.diffusion.schedule import Schedule, make_schedule
from xrmri.learning.batches import Batch
from xrmri.models.autoencoder import build_autoencoder, decode
from xrmri.models.unet import Denoiser, build_unet
from xrmri.training.ema import Ema

_FEATURES, _LATENT_CHANNELS, _STEPS = 65, 4, 9
_LIMITS = {"fp32": (1e-3, 1e-4, 1e-3), "bf16": (0.1, 0.02, 0.1)}
"""Largest relative error of drawn slices, loss and gradients (choice): rounding of 24 and of 8 bits, times what some
hundred layers make of it; TF32 is off."""
_WARM, _TIMED = 3, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of the table."""

    what: str
    measured: float
    unit: str = ""
    limit: float | None = None
    """The largest that is right; None where anything is."""

    @property
    def holds(self) -> bool:
        """Whether it is within its limit; not a number never is."""
        return self.limit is None or self.measured <= self.limit


def agreement(device: torch.device, denoiser: TrainLdm, vae: TrainVae, *, pixels: int) -> list[Finding]:
    """A batch of slices drawn, and a step of training, on the device against the same on the CPU in fp32.

    Args:
        device: which is looked at.
        denoiser: sizes and forward process.
        vae: sizes.
        pixels: h and w.
    """
    torch.manual_seed(0)
    network, coder = _denoiser(denoiser), _autoencoder(vae)
    batch, schedule = _batch(4, pixels, denoiser.context_width, denoiser.timesteps), _schedule(denoiser)
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
        network = _denoiser(config)
    count = config.micro_batch or config.batch_size
    with torch.device("meta"), FlopCounterMode(display=False) as counted:
        meta = _denoiser(config)
        meta_batch = Batch(*(part.to("meta") for part in _batch(count, pixels, config.context_width, 2)))
        meta(meta_batch.z_0, meta_batch.t, **meta_batch.condition._asdict()).sum().backward()
    batch = Batch(*(part.to(device) for part in _batch(count, pixels, config.context_width, config.timesteps)))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-6, fused=True)
    ema, schedule = Ema(network, config.ema_decay), _schedule(config)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            loss = _loss(network, batch, schedule)
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


def table(findings: Iterable[Finding]) -> str:
    """The findings as a table in Markdown."""
    lines = ["| | measured | at most | |", "|---|---|---|---|"]
    for one in findings:
        limit = "" if one.limit is None else f"{one.limit:g}"
        said = "" if one.limit is None else "holds" if one.holds else "**too far off**"
        lines.append(f"| {one.what} | {one.measured:.3g} {one.unit} | {limit} | {said} |")
    return "\n".join(lines) + "\n"


def _answers(network: Denoiser, vae: nn.Module, batch: Batch, schedule: Schedule) -> tuple[Tensor, Tensor, Tensor]:
    """Drawn slices, loss and gradients, each in float32 on the CPU."""

    def predict_noise(z_t: Tensor, t: int) -> Tensor:
        times = torch.full((len(z_t),), t, device=z_t.device)
        said = network(z_t, schedule.told(times), **batch.condition._asdict()).float()
        return schedule.noise(said, z_t, times)

    with torch.no_grad():
        drawn = decode(vae, ddim.sample(predict_noise, batch.eps, schedule.abar, steps=_STEPS))
    network.zero_grad()
    loss = _loss(network, batch, schedule)
    loss.backward()
    gradients = torch.cat([one.grad.flatten() for one in network.parameters() if one.grad is not None])
    return drawn.float().cpu(), loss.detach().float().cpu(), gradients.float().cpu()


def _loss(network: nn.Module, batch: Batch, schedule: Schedule) -> Tensor:
    """Eq. 10 on a batch."""
    z_t = schedule.q_sample(batch.z_0, batch.eps, batch.t)
    said = network(z_t, schedule.told(batch.t), **batch.condition._asdict())
    return diffusion_loss(said.float(), schedule.target(batch.z_0, batch.eps, batch.t))


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


def _schedule(config: TrainLdm) -> Schedule:
    return make_schedule(
        timesteps=config.timesteps,
        beta_start=config.beta_start,
        beta_end=config.beta_end,
        prediction=config.prediction,
        zero_terminal_snr=config.zero_terminal_snr,
    )


def _denoiser(config: TrainLdm) -> Denoiser:
    unet = build_unet(
        channels=config.channels,
        blocks=config.blocks,
        attention=config.attention,
        heads=config.heads,
        context_width=config.context_width,
        latent_channels=_LATENT_CHANNELS,
    )
    return Denoiser(unet, features=_FEATURES, guidance=config.guidance)


def _autoencoder(config: TrainVae) -> nn.Module:
    return build_autoencoder(
        channels=config.channels,
        blocks=config.blocks,
        latent_channels=_LATENT_CHANNELS,
        middle_attention=config.middle_attention,
    )


def _batch(count: int, pixels: int, context_width: int, timesteps: int) -> Batch:
    """Made-up latents and conditions."""
    z_0, eps, concat = torch.randn(3, count, _LATENT_CHANNELS, pixels, pixels)
    return Batch(
        z_0=z_0,
        eps=eps,
        t=torch.randint(timesteps, (count,)),
        concat=concat,
        token=torch.zeros(count, 1, context_width),
        depth=torch.rand(count),
        features=torch.zeros(count, _FEATURES),
    )
