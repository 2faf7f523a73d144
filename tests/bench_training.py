"""`python tests/bench_training.py [demo|paper]`: how fast a training step is, as ratios within one run on one machine.

The plain way: diffusers' own loop for an image-conditioned U-Net (examples/instruct_pix2pix): both images encoded in
every step, mixed precision by accelerate, DDPMScheduler, AdamW as it is, EMAModel. Ours: latents from the cache, one
cast of the weights a step, small maps as matrix products, memory kept, fused AdamW, our average. Same network, batch
and precision; each is measured once the one before is gone.
The share: the FLOPs of the step over its time, beside a matrix product in the same precision on the same threads,
measured just before and just after, because a busy machine changes its pace.

With one thread times are processor time, so that what else runs on the machine does not count. The paper's U-Net is
measured without averages and with plain SGD, which leaves out 10 GB and about a second of each step: say so.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from accelerate import Accelerator
from torch.nn.functional import mse_loss
from torch.utils.flop_counter import FlopCounterMode

from xrmri.config import TrainLdm, TrainVae
from xrmri.diffusion.schedule import make_schedule
from xrmri.learning.batches import denoising_loss
from xrmri.learning.networks import autoencoder_of, process_of
from xrmri.machine.memory import keep_memory
from xrmri.making.device_check import trial_batch, trial_denoiser
from xrmri.models.small_maps import multiply_on_small_maps
from xrmri.training.ema import Ema
from xrmri.training.loop import Task, _backward

ROUNDS = 5
LATENT = 32
"""Pixels a side."""
CLOCK = time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def seconds(work: Callable[[], object], rounds: int = ROUNDS, clock: Callable[[], float] = CLOCK) -> float:
    """Median time of a piece of work, after one round to warm up."""
    work()
    taken = []
    for _ in range(rounds):
        start = clock()
        work()
        taken.append(clock() - start)
    return statistics.median(taken)


def flops(config: TrainLdm, count: int) -> int:
    """Of one step, forward and backward, counted on the meta device."""
    with torch.device("meta"):
        denoiser, batch = trial_denoiser(config), trial_batch(config, count, LATENT)
    with FlopCounterMode(display=False) as counted:
        denoiser(batch.z_0, batch.t, **batch.condition._asdict()).sum().backward()
    return counted.get_total_flops()


def our_step(config: TrainLdm, count: int, part: int, *, small: bool) -> Callable[[], None]:
    """A step of xrmri.training.loop."""
    keep_memory()
    network = trial_denoiser(config)
    multiply_on_small_maps(network.unet)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-6, fused=True) if small else sgd(network)
    ema = Ema(network, 0.99) if small else None
    accelerator = Accelerator(cpu=True, mixed_precision="bf16")
    model = accelerator.prepare_model(network)
    loss = partial(denoising_loss, schedule=make_schedule(**asdict(process_of(config))))
    task = Task(name="bench", load=list, loss=loss, validate=lambda network: {})

    def step() -> None:
        parts = [(part / count, trial_batch(config, part, LATENT)) for _ in range(count // part)]
        _backward(accelerator, model, task, parts)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        if ema:
            ema.update(1_000)

    return step


def plain_step(config: TrainLdm, vae_config: TrainVae, count: int, part: int, *, small: bool, encodes: bool
               ) -> Callable[[], None]:  # fmt: skip
    """A step as diffusers' example takes it."""
    from diffusers import DDPMScheduler
    from diffusers.training_utils import EMAModel

    unet = trial_denoiser(config).unet
    vae = autoencoder_of(vae_config).requires_grad_(False).to(torch.bfloat16)
    optimiser = torch.optim.AdamW(unet.parameters(), lr=1e-6) if small else sgd(unet)
    average = EMAModel(unet.parameters()) if small else None
    accelerator = Accelerator(cpu=True, mixed_precision="bf16", gradient_accumulation_steps=count // part)
    model, optimiser = accelerator.prepare(unet, optimiser)
    scheduler = DDPMScheduler(num_train_timesteps=1_000, beta_start=0.00085, beta_end=0.012)
    size = LATENT * 2 ** (len(vae_config.channels) - 1)
    images = torch.rand(2, part, 3, size, size).to(torch.bfloat16) * 2 - 1

    def step() -> None:
        for _ in range(count // part):
            with accelerator.accumulate(model):
                if encodes:
                    latents = vae.encode(images[0]).latent_dist.sample() * 0.18215
                    concat = vae.encode(images[1]).latent_dist.mode()
                else:
                    latents, concat = torch.randn(2, part, 4, LATENT, LATENT)
                noise, t = torch.randn_like(latents), torch.randint(0, 1_000, (part,))
                noisy = torch.cat([scheduler.add_noise(latents, noise, t), concat], dim=1)
                said = model(noisy, t, torch.zeros(part, 1, config.context_width)).sample
                accelerator.backward(mse_loss(said.float(), noise.float(), reduction="mean"))
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                optimiser.zero_grad()
        if average:
            average.step(unet.parameters())

    return step


def sgd(network: torch.nn.Module) -> torch.optim.Optimizer:
    """An optimiser without a state."""
    return torch.optim.SGD(network.parameters(), lr=1e-9, foreach=True)


def matrix_peak() -> float:
    """FLOP/s of a matrix product in bf16."""
    a = torch.randn(2_048, 2_048, dtype=torch.bfloat16)
    return 2 * 2_048**3 / seconds(lambda: a @ a)


def main(preset: str = "demo") -> None:
    """Measure and print."""
    small = preset == "demo"
    config, vae_config = TrainLdm.load(preset=preset, anchor=False), TrainVae.load(preset=preset)  # as the plain way
    count, part = 16, 16
    rounds, slow = (ROUNDS, ROUNDS) if small else (3, 1)  # the plain way takes a minute a step
    work = flops(config, count)
    # Ours comes last: what it asks of the allocator holds for the process, and the plain way does not ask.
    plain = seconds(plain_step(config, vae_config, count, part, small=small, encodes=True), slow)
    alone = seconds(plain_step(config, vae_config, count, part, small=small, encodes=False), slow)
    before = matrix_peak()
    ours = seconds(our_step(config, count, part, small=small), rounds)
    peak = (before + matrix_peak()) / 2
    time_is = "processor" if CLOCK is time.process_time else "wall"
    print(f"{preset}: batch {count} in parts of {part}, bf16, {torch.get_num_threads()} threads, {time_is} time")
    print(f"matrix peak               {peak / 1e9:8.0f} GFLOP/s (bf16, 2,048 squared)")
    print(f"diffusers' loop           {plain:8.2f} s   xrmri is {plain / ours:.2f} times as fast")
    print(f"the same without encoding {alone:8.2f} s   xrmri is {alone / ours:.2f} times as fast")
    speed = work / ours
    print(f"xrmri                     {ours:8.2f} s   {speed / 1e9:.0f} GFLOP/s, {speed / peak:.0%} of the peak")


if __name__ == "__main__":
    main(*sys.argv[1:2])
