"""`make bench`: how fast a volume is drawn and how near it comes to the exact one, as ratios within one run.

The plain way of this field: float32, one slice at a time, the radiograph encoded anew for each, diffusers' DDIM with 50
steps. Ours: `xrmri.generation.machine` with its defaults. Same network and weights. `make bench` runs every section
below; `python tests/bench.py quality` runs one.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from bench_training import LATENT
from bench_training import seconds as seconds_by
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from xrmri.config import Generate, TrainLdm, TrainVae
from xrmri.data.view import SeenKnee
from xrmri.diffusion.ddim import sample as sample_ddim
from xrmri.diffusion.depth_noise import starting_noise
from xrmri.generation.case import case_of_radiograph
from xrmri.generation.inputs import GenerateInputs
from xrmri.generation.machine import ON_CPU, draw_volume
from xrmri.generation.model import find_model
from xrmri.generation.sampling import resolved
from xrmri.learning.networks import autoencoder_of, process_of
from xrmri.machine.memory import keep_memory
from xrmri.machine.precision import fastest_precision
from xrmri.making.device_check import trial_batch, trial_denoiser
from xrmri.models.bundle import Model, condition_of, in_precision, load_bundle

SAMPLES = Path(__file__).parent.parent / "xrmri" / "samples"
ROUNDS, PLAIN_STEPS, EXACT_STEPS = 5, 50, 1_000
PRECISION = fastest_precision(torch.device("cpu"))
MODEL = find_model(None)
SETTINGS = resolved(Generate.load(noise_length_mm=MODEL.noise_length_mm), MODEL.facts)
SEEDS = 3
seconds = partial(seconds_by, clock=time.perf_counter)


def demo_knee() -> tuple[Model, SeenKnee]:
    """The bundled model in float32, and the packaged radiograph and grades as it sees them."""
    inputs, view = GenerateInputs(features=SAMPLES / "kl.json", side="right"), MODEL.view
    case = case_of_radiograph(SAMPLES / "knee.png", inputs, inputs.grades(view.features), view)
    return load_bundle(MODEL.folder), case.seen(view)


def paper_knee() -> tuple[Model, SeenKnee]:
    """Networks of the paper's size with random weights (without the CLIP tower, which runs once a volume)."""
    unet, vae = TrainLdm(), TrainVae()
    denoiser = trial_denoiser(unet).requires_grad_(False).eval()
    autoencoder = autoencoder_of(vae).requires_grad_(False).eval()
    facts = replace(MODEL.facts, image_size=256, latent_scale=0.2, schedule=process_of(unet), sampler=None)
    model = Model(vae=autoencoder, denoiser=denoiser, radiograph_encoder=None, facts=facts)
    return model, SeenKnee(np.zeros((256, 256), np.float32), np.zeros(65, np.float32))


@torch.inference_mode()
def draw_plainly(model: Model, seen: SeenKnee, *, slices: int, steps: int) -> None:
    """A slice at a time, with diffusers' scheduler: the first `steps` of 50."""
    from diffusers import DDIMScheduler

    facts = model.facts.schedule
    scheduler = DDIMScheduler(
        num_train_timesteps=facts.timesteps, beta_start=facts.beta_start, beta_end=facts.beta_end,
        beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing",
        prediction_type="epsilon",
    )  # fmt: skip
    scheduler.set_timesteps(PLAIN_STEPS)
    for depth in np.linspace(0, 1, slices, dtype=np.float32):
        condition = condition_of(model, *seen).at(torch.tensor([depth]))
        z = torch.randn(1, *model.latent_shape)
        for t in scheduler.timesteps[:steps]:
            z = scheduler.step(model.predict_noise(z, int(t), condition), int(t), z).prev_sample
        model.decode(z)


def matrix_peak(dtype: torch.dtype) -> float:
    """FLOP/s of the product of two large matrices on all cores, the best of five sizes."""
    rates = []
    for size in (256, 512, 1024, 2048, 4096):
        a = torch.randn(size, size, dtype=dtype)
        rates.append(2 * size**3 / seconds(lambda a=a: a @ a))
    return max(rates)


@torch.inference_mode()
def step_work(model: Model, seen: SeenKnee, count: int) -> Callable[[], object]:
    """One denoising step of `count` slices, to be timed."""
    condition = condition_of(model, *seen).at(torch.linspace(0, 1, count))
    z = torch.randn(count, *model.latent_shape)
    return lambda: model.predict_noise(z, 10, condition)


def paper_flops(count: int) -> int:
    """Floating-point operations of one denoising step of `count` slices as the method needs them, not as we do them."""
    with torch.device("meta"), FlopCounterMode(display=False) as counted:
        denoiser, batch = trial_denoiser(TrainLdm()), trial_batch(TrainLdm(), count, LATENT)
        denoiser(batch.z_0, batch.t, **batch.condition._asdict())
    return counted.get_total_flops()


def print_profile(work: Callable[[], object]) -> None:
    """Where a denoising step spends its time."""
    with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU]) as seen:
        work()
    rows = sorted(seen.key_averages(), key=lambda row: -row.self_cpu_time_total)
    total = sum(row.self_cpu_time_total for row in rows)
    shares = [f"{row.key.removeprefix('aten::')} {row.self_cpu_time_total / total:.0%}" for row in rows[:7]]
    print(f"a step's time          {', '.join(shares)}")


def start() -> None:
    """The whole command, process start included."""
    command = [sys.executable, "-m", "xrmri", "generate", SAMPLES / "knee.png", "--features", SAMPLES / "kl.json", "-q"]
    with tempfile.TemporaryDirectory() as folder:
        whole = seconds(lambda: subprocess.run([*command, "--force", "-o", f"{folder}/a.nii.gz"], check=True,
                                               capture_output=True))  # fmt: skip
    print(f"xrmri generate         {whole:8.2f} s   the default volume, process start included")


def speed() -> None:
    """The bundled model: ours against the plain way, 50 slices."""
    model, seen = demo_knee()
    few = 2  # the plain way takes as long for each slice
    plain = seconds(lambda: draw_plainly(model, seen, slices=few, steps=PLAIN_STEPS)) * SETTINGS.num_slices / few
    keep_memory()
    in_precision(model, PRECISION)
    ours = seconds(lambda: draw_volume(model, seen, SETTINGS))
    print(f"bundled model: {SETTINGS.num_slices} slices, {torch.get_num_threads()} cores, medians of {ROUNDS}")
    gain = f"{plain / ours:.1f} times as fast, in {PRECISION}"
    print(f"plain way, 50 steps    {plain:8.2f} s")
    print(f"xrmri, {SETTINGS.steps:2} {SETTINGS.sampler:<12} {ours:8.2f} s   {gain}")


@torch.inference_mode()
def quality() -> None:
    """The bundled model: how near each sampler comes to 1,000 steps of DDIM, to choose the default by."""
    model, seen = demo_knee()
    depths = np.array([0.1, 0.35, 0.6, 0.85])

    def by_ddim(steps: int, seed: int) -> np.ndarray:
        depths_mm, shape = depths * MODEL.facts.extent_mm[0], model.latent_shape
        length_mm = SETTINGS.noise_length_mm
        z_T = starting_noise(SETTINGS.noise, depths_mm, shape=shape, seed=seed, sample=0, length_mm=length_mm)
        condition = condition_of(model, *seen).at(torch.from_numpy(depths).float())
        eps = partial(model.predict_noise, condition=condition)
        return model.decode(sample_ddim(eps, z_T, model.schedule.abar, steps=steps)).numpy()

    def tell(way: str, drawn: list[np.ndarray]) -> None:
        of_slices = np.square(np.stack(drawn) - exact).mean(axis=(2, 3))
        print(f"{way:<22} {np.mean(10 * np.log10(4 / of_slices)):8.2f} dB")

    exact = np.stack([by_ddim(EXACT_STEPS, seed) for seed in range(SEEDS)])
    print(f"PSNR to {EXACT_STEPS} steps of ddim, fp32; mean of {SEEDS} x {len(depths)} slices")
    tell(f"ddim, fp32, {PLAIN_STEPS} steps", [by_ddim(PLAIN_STEPS, seed) for seed in range(SEEDS)])
    in_precision(model, PRECISION)
    for sampler, steps in ((SETTINGS.sampler, SETTINGS.steps), *(("dpm++", steps) for steps in (8, 12, 16, 20, 24))):
        config = replace(SETTINGS, sampler=sampler, steps=steps)
        drawn = [draw_volume(model, seen, replace(config, seed=seed), depths=depths) for seed in range(SEEDS)]
        tell(f"{sampler}, {PRECISION}, {steps} steps", drawn)


def paper() -> None:
    """The paper's networks: a few steps of each way, and what a volume takes at that rate."""
    model, seen = paper_knee()
    cores, slices = torch.get_num_threads(), SETTINGS.num_slices
    once = seconds(lambda: draw_plainly(model, seen, slices=1, steps=1), rounds=1)
    thrice = seconds(lambda: draw_plainly(model, seen, slices=1, steps=3), rounds=1)
    plain = slices * (once + (PLAIN_STEPS - 1) * (thrice - once) / 2)
    keep_memory()  # as the command does; from here on it holds for the process
    in_precision(model, PRECISION)
    few = ON_CPU * cores
    plan = resolved(Generate.load(num_slices=few, steps=3, noise="shared"), model.facts)
    timed = {n: seconds(lambda n=n: draw_volume(model, seen, replace(plan, steps=n)), 1) for n in (1, 3)}
    step = (timed[3] - timed[1]) / 2
    ours = (timed[1] + (SETTINGS.steps - 1) * step) * slices / few
    work = step_work(model, seen, ON_CPU)
    rate = paper_flops(ON_CPU) * cores / step
    peak = matrix_peak(torch.bfloat16 if PRECISION == "bf16" else torch.float32)
    print("the paper's networks, random weights; from the first steps of each way")
    print(f"plain way, 50 steps    {plain:8.0f} s")
    print(f"xrmri, {SETTINGS.steps} steps        {ours:8.0f} s   {plain / ours:.1f} times as fast, in {PRECISION}")
    print(f"denoising              {rate / 1e9:8.0f} GFLOP/s, {rate / peak:.0%} of the {PRECISION} matrix peak "
          f"({peak / 1e9:.0f})")  # fmt: skip
    print_profile(work)


SECTIONS = {"start": start, "speed": speed, "quality": quality, "paper": paper}

if __name__ == "__main__":
    for name in sys.argv[1:] or SECTIONS:
        SECTIONS[name]()
