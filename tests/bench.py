"""`make bench`: how fast a volume is drawn, as ratios within one run on one machine.

The plain way of this field: one slice at a time, the radiograph encoded anew for each, diffusers' DDIM scheduler.
Ours: `xrmri.generation.draw`, the radiograph encoded once, slices in batches. Same network, weights, steps and depths.
The floor: the FLOPs of the U-Net over the measured matrix peak.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from xrmri.config import Generate
from xrmri.generation.draw import draw
from xrmri.generation.model import find_model
from xrmri.models.bundle import Bundle, decode, encode_radiograph, load_bundle, predict

ROUNDS, SLICES, STEPS = 5, 10, 10


def seconds(work: Callable[[], object]) -> float:
    """Median time of a piece of work, after one round to warm up."""
    work()
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


@torch.inference_mode()
def draw_plainly(bundle: Bundle, radiograph: np.ndarray, features: np.ndarray) -> None:
    """A slice at a time, with diffusers' scheduler."""
    from diffusers import DDIMScheduler

    facts = bundle.facts["schedule"]
    scheduler = DDIMScheduler(
        num_train_timesteps=facts["timesteps"], beta_start=facts["beta_start"], beta_end=facts["beta_end"],
        beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing",
        prediction_type="v_prediction" if facts["prediction"] == "v" else "epsilon",
    )  # fmt: skip
    scheduler.set_timesteps(STEPS)
    r = torch.from_numpy(features.astype(np.float32))[None]
    for depth in np.linspace(0, 1, SLICES, dtype=np.float32):
        condition = encode_radiograph(bundle, torch.from_numpy(radiograph)[None])
        z = torch.randn(1, *bundle.latent_shape)
        for t in scheduler.timesteps:
            said = predict(bundle, z, int(t), condition, torch.tensor([depth]), r)
            z = scheduler.step(said, int(t), z).prev_sample
        decode(bundle, z)


def main() -> None:
    """Measure and print."""
    model = find_model(None)
    bundle = load_bundle(model.folder)
    size = model.image_size
    radiograph = np.random.default_rng(0).uniform(-1, 1, (size, size)).astype(np.float32)
    features = np.zeros(model.features.slots, np.uint8)
    config = Generate.load(num_slices=SLICES, steps=STEPS)
    a = torch.randn(2048, 2048)
    peak = 2 * 2048**3 / seconds(lambda: a @ a)
    with torch.inference_mode(), FlopCounterMode(display=False) as counted:
        condition = encode_radiograph(bundle, torch.from_numpy(radiograph)[None])
        predict(bundle, torch.randn(1, *bundle.latent_shape), 0, condition, torch.zeros(1),
                torch.from_numpy(features.astype(np.float32))[None])  # fmt: skip
    unet = counted.get_flop_counts()["Denoiser"]
    floor = sum(unet.values()) * SLICES * STEPS / peak
    ours = seconds(lambda: draw(bundle, radiograph, features, config))
    plain = seconds(lambda: draw_plainly(bundle, radiograph, features))
    print(f"{SLICES} slices, {STEPS} steps, {torch.get_num_threads()} threads, medians of {ROUNDS}")
    print(f"matrix peak            {peak / 1e9:8.0f} GFLOP/s (float32)")
    print(f"plain way              {plain:8.2f} s")
    print(f"xrmri                  {ours:8.2f} s   {plain / ours:.1f} times as fast")
    print(f"floor of the U-Net     {floor:8.2f} s   {floor / ours:.0%} of the time xrmri takes")


if __name__ == "__main__":
    main()
