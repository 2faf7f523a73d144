"""train-vae and train-ldm on a small made dataset: what they write, how they stop, go on and refuse."""

import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.stages.made_dataset import make_dataset
from xrmri.config import Execution, TrainLdm, TrainVae
from xrmri.data.slices import Shuffle
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError, InputError, StoppedEarly
from xrmri.facts.folders import read_autoencoder_facts, read_model_facts
from xrmri.learning.batches import Samples
from xrmri.learning.latents import Caches, Encoders, Latents, cache_latents
from xrmri.models.bundle import load_bundle
from xrmri.runs.record import read_record
from xrmri.stages import train_ldm, train_vae
from xrmri.storage.files import sha256
from xrmri.training.checkpoint import latest_checkpoint
from xrmri.training.tracking import read_metrics

ON_CPU = Execution(device="cpu")
VAE = TrainVae.load(preset="tiny")
LDM = TrainLdm.load(preset="tiny", latent_scale=0.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """dataset/, vae/ and ldm/."""
    root = tmp_path_factory.mktemp("made")
    make_dataset(root / "dataset")
    assert train_vae.run(root / "dataset", root / "vae", VAE, ON_CPU)["status"] == "finished"
    assert train_ldm.run(root / "dataset", root / "vae", root / "ldm", LDM, execution=ON_CPU)["status"] == "finished"
    return root


def weights(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.glob("**/*.safetensors"))}


def rows(folder):
    return [{k: v for k, v in row.items() if k != "slices_per_s"} for row in read_metrics(folder / "metrics.jsonl")]


def test_the_model_folder_alone_holds_what_generating_needs(made):
    bundle = load_bundle(made / "ldm")
    facts = bundle.facts
    assert bundle.latent_shape == (4, 8, 8) and facts.image_size == 32 and facts.slices == 6
    assert facts.window == (0.0, 700.0) and facts.trained_on == "synthetic phantom" and facts.is_synthetic
    assert asdict(facts.schedule) == {
        "timesteps": 100, "beta_start": 0.00085, "beta_end": 0.012, "prediction": "epsilon", "timestep_map": "raw",
        "zero_terminal_snr": False,
    }  # fmt: skip
    assert facts.denoiser.feature_slots == 65 and facts.feature_set == "full"
    card = (made / "ldm" / "README.md").read_text(encoding="utf-8")
    assert "synthetic phantom" in card and "Not for" in card


def test_the_measured_scale_makes_the_latents_of_unit_deviation(made):
    facts, cache = read_model_facts(made / "ldm"), next((made / "ldm" / "cache").glob("slices-*"))
    mean, logvar = np.load(cache / "train" / "slices.npy").astype(float).swapaxes(0, 1)
    drawn = mean + np.exp(0.5 * logvar) * np.random.default_rng(0).standard_normal(mean.shape)
    assert (drawn * facts.latent_scale).std() == pytest.approx(1, rel=0.02)


def test_the_last_row_of_metrics_is_what_the_saved_weights_say(made):
    assert rows(made / "ldm")[-1]["validation_loss"] == pytest.approx(read_model_facts(made / "ldm").validation_loss)
    assert 0 < rows(made / "ldm")[-1]["validation_loss_noisiest"] != rows(made / "ldm")[-1]["validation_loss"]
    assert rows(made / "vae")[-1]["psnr_db"] == pytest.approx(read_autoencoder_facts(made / "vae").psnr_db)


def test_the_same_command_again_has_nothing_to_do(made):
    assert train_vae.run(made / "dataset", made / "vae", VAE, ON_CPU)["status"] == "already done"
    assert (
        train_ldm.run(made / "dataset", made / "vae", made / "ldm", LDM, execution=ON_CPU)["status"] == "already done"
    )


LONGER = {"preset": "tiny", "precision": "fp32", "max_steps": 30, "save_minutes": 0.0, "validate_steps": 30}
PROGRAM = """
import sys
from pathlib import Path
from tests.stages.test_training import train
train("ldm", Path(sys.argv[1]), Path(sys.argv[2]), lambda step, done, total, note: print(note, done, flush=True))
"""


def train(stage, root, out, progress=lambda *_: None):
    """A run of 30 steps that saves after each."""
    execution = Execution(device="cpu", progress=progress)
    if stage == "vae":
        return train_vae.run(root / "dataset", out, TrainVae.load(**LONGER), execution)
    return train_ldm.run(root / "dataset", root / "vae", out, TrainLdm.load(**LONGER), execution=execution)


@pytest.fixture(scope="module")
def straight(made, tmp_path_factory):
    """Runs that nothing interrupted."""
    root = tmp_path_factory.mktemp("straight")
    for stage in ("vae", "ldm"):
        train(stage, made, root / stage)
    return root


@pytest.mark.parametrize("stage", ["vae", "ldm"])
def test_stopped_by_sigterm_it_goes_on_to_the_same_bytes(made, straight, tmp_path, stage):
    def interrupt(step, done, total, note):
        if note.startswith("loss") and done == 11:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedEarly, match=r"after step 11 of 30 \(SIGTERM\)") as told:
        train(stage, made, tmp_path / stage, interrupt)
    assert told.value.exit_code == 75 and "run the same command again" in str(told.value)
    assert read_record(tmp_path / stage).status == "stopped"
    assert train(stage, made, tmp_path / stage)["status"] == "finished"
    assert weights(tmp_path / stage) == weights(straight / stage)
    assert rows(tmp_path / stage) == rows(straight / stage)


def test_killed_without_warning_it_goes_on_to_the_same_bytes(made, straight, tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(made), str(tmp_path / "ldm")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if line.startswith("loss") and int(line.split()[-1]) == 17:
                process.kill()
    assert process.returncode == -signal.SIGKILL
    assert 0 < latest_checkpoint(tmp_path / "ldm").step < 30
    assert train("ldm", made, tmp_path / "ldm")["status"] == "finished"
    assert weights(tmp_path / "ldm") == weights(straight / "ldm")
    assert rows(tmp_path / "ldm") == rows(straight / "ldm")


def test_a_dry_run_counts_the_papers_parameters_and_writes_nothing(made, tmp_path):
    dry = Execution(device="cpu", dry_run=True)
    vae = train_vae.run(made / "dataset", tmp_path / "new", TrainVae(), dry)
    ldm = train_ldm.run(made / "dataset", made / "vae", tmp_path / "new", TrainLdm(), execution=dry)
    assert vae["parameters"] == {"vae": 83_653_863}
    assert ldm["parameters"] == {"unet": 859_532_484, "guidance": 1_231_872, "radiograph_encoder": 303_966_208}
    assert not (tmp_path / "new").exists()


def test_what_cannot_be_trained_is_refused_in_one_line(made, tmp_path):
    other = make_dataset(tmp_path / "other", size=64)
    clip = {"radiograph_token": "clip"}
    cases = [
        (other, made / "vae", LDM, None, InconsistentError, "images of 64 pixels"),
        (made / "dataset", made / "dataset", LDM, None, InputError, "not written by `xrmri train-vae`"),
        (made / "dataset", made / "vae", TrainLdm.load(preset="tiny", **clip), None, InputError, "CLIP"),
        (made / "dataset", made / "vae", LDM, tmp_path / "zero123.ckpt", InputError, "--init"),
    ]
    for dataset, vae, config, init, kind, words in cases:
        with pytest.raises(kind, match=words) as told:
            train_ldm.run(dataset, vae, tmp_path / "out", config, execution=ON_CPU, init=init)
        assert "\n" not in str(told.value) and not (tmp_path / "out").exists()


def test_training_starts_from_an_earlier_model_when_told(made, tmp_path):
    still = {"preset": "tiny", "max_steps": 1, "warmup_steps": 100, "weight_decay": 0.0, "learning_rate": 1e-12}
    train_vae.run(made / "dataset", tmp_path / "vae", TrainVae.load(**still), ON_CPU, init=made / "vae")
    train_ldm.run(
        made / "dataset", made / "vae", tmp_path / "ldm", TrainLdm.load(**still), execution=ON_CPU, init=made / "ldm"
    )
    wanted, found = (read_autoencoder_facts(root / "vae").validation_loss for root in (made, tmp_path))
    assert found == pytest.approx(wanted, rel=1e-4)
    assert torch.allclose(
        load_bundle(tmp_path / "ldm").denoiser.unet.conv_in.weight,
        load_bundle(made / "ldm").denoiser.unet.conv_in.weight,
        atol=1e-8,
    )


def test_a_clip_tower_at_random_is_an_explicit_choice_and_travels_with_the_model(made, tmp_path, monkeypatch):
    from xrmri.models.radiograph_encoder import TowerSizes

    def small(**given):
        return TowerSizes(**{"image": 28, "patch": 14, "width": 64, "layers": 1, "heads": 1} | given)

    config = TrainLdm.load(
        preset="tiny", max_steps=1, radiograph_token="clip", radiograph_encoder="random", guidance="context"
    )
    with monkeypatch.context() as patched:
        patched.setattr("xrmri.models.radiograph_encoder.TowerSizes", small)
        train_ldm.run(made / "dataset", made / "vae", tmp_path / "ldm", config, execution=ON_CPU)
    bundle = load_bundle(tmp_path / "ldm")
    cache = next((tmp_path / "ldm" / "cache").glob("shown-*"))
    y = torch.from_numpy(open_dataset(made / "dataset").radiograph("0") / 32767.5 - 1).float()[None]
    token = bundle.radiograph_encoder(y)[0, 0].numpy()
    assert np.load(cache / "train" / "tokens.npy")[0] == pytest.approx(token, abs=1e-2)


def made_samples(config, count=24):
    numbers = np.random.default_rng(0)
    latents = Latents(
        moments=numbers.standard_normal((count, 2, 4, 8, 8)).astype(np.float16),
        radiographs=1 + numbers.random((4, config.radiograph_variants, 4, 8, 8)).astype(np.float16),
        tokens=np.ones((4, config.radiograph_variants, 16), np.float16),
    )

    class Slices:
        depths = 6

    return Samples(
        slices=Slices(), items=range(count), latents=latents, features=np.ones((4, 5), np.float32), scale=0.5,
        config=config,
    )  # fmt: skip


def test_conditions_are_dropped_as_often_as_the_settings_say():
    samples, order = made_samples(TrainLdm(drop_features=0.2)), Shuffle(count=24, seed=0)
    batch = samples.training_batch(order, range(4_000))
    token, concat = ((part.flatten(1) == 0).all(dim=1) for part in (batch.token, batch.concat))
    shares = [(token & ~concat), (token & concat), (~token & concat), (batch.features == 0).all(dim=1)]
    assert [float(share.float().mean()) for share in shares] == pytest.approx([0.05, 0.05, 0.05, 0.2], abs=0.015)
    assert 0 <= batch.t.min() < 5 and 1_990 < batch.t.max() < 2_000
    assert sorted(set(batch.depth.tolist())) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_batch_depends_on_its_positions_alone():
    samples, order = made_samples(TrainLdm(radiograph_variants=3)), Shuffle(count=24, seed=0)
    whole = samples.training_batch(order, range(8, 16))
    parts = [samples.training_batch(order, positions) for positions in (range(8, 16, 2), range(9, 16, 2))]
    for together, even, odd in zip(whole, *parts, strict=True):
        assert torch.equal(together[::2], even) and torch.equal(together[1::2], odd)


def test_a_latent_is_drawn_anew_every_epoch():
    samples, order = made_samples(TrainLdm()), Shuffle(count=1, seed=0)
    batch = samples.training_batch(order, [0, 1])
    assert not torch.equal(batch.z_0[0], batch.z_0[1])
    mean, logvar = torch.from_numpy(samples.latents.moments[0].astype(np.float32))
    drawn = samples.training_batch(order, range(3_000)).z_0 / 0.5
    assert torch.allclose(drawn.mean(dim=0), mean, atol=0.25)
    assert torch.allclose(drawn.var(dim=0).log(), logvar, atol=0.25)


def test_validation_shows_each_slice_once_at_steps_spread_over_the_whole_process():
    batches = made_samples(TrainLdm()).validation_batches(7)
    steps = torch.cat([batch.t for batch in batches])
    assert [len(batch.t) for batch in batches] == [7, 7, 7, 3]
    assert sorted(steps.tolist()) == [int((i + 0.5) / 24 * 2_000) for i in range(24)]
    again = made_samples(TrainLdm()).validation_batches(7)
    assert all(torch.equal(one.eps, other.eps) for one, other in zip(batches, again, strict=True))


def test_the_noisiest_step_is_measured_alone_on_the_same_slices_and_noise_every_time():
    once, again = (made_samples(TrainLdm()).noisiest_batches(7) for _ in range(2))
    assert [len(batch.t) for batch in once] == [7, 7, 7, 3]
    assert all((batch.t == TrainLdm().timesteps - 1).all() for batch in once)
    assert all(torch.equal(one.eps, other.eps) for one, other in zip(once, again, strict=True))


def test_encoding_that_was_interrupted_goes_on_where_it_stopped(made, tmp_path):
    from xrmri.data.slices import index_slices, training_view

    slices, seen = index_slices(open_dataset(made / "dataset"), "train"), []

    def moments(x):
        if len(seen) == 3:
            seen.append("stop")
            raise KeyboardInterrupt
        seen.append(len(x))
        return x[:, None, None, ::4, ::4].expand(-1, 2, 4, -1, -1)

    encoders = Encoders(moments=moments, show=lambda _, y: y[None, None], token=lambda y: torch.zeros(len(y), 3))
    call = {"view": training_view(slices.dataset, "crop"), "variants": 2, "seed": 0, "tell": lambda *_: None}
    caches = Caches(slices=tmp_path, shown=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cache_latents(caches, slices, range(36), encoders, **call)
    assert not (tmp_path / "slices.npy").exists()
    found = cache_latents(caches, slices, range(36), encoders, **call)
    assert seen == [4, 4, 4, "stop", 4, 4, 4, 4, 4, 4]
    assert found.moments.shape == (36, 2, 4, 8, 8) and found.radiographs.shape == (6, 2, 1, 1, 32, 32)
    assert found.tokens.shape == (6, 2, 3)
    from xrmri.data.slices import slice_image

    assert found.moments[20, 0, 0] == pytest.approx(slice_image(slices.dataset, "3", 2)[::4, ::4].numpy(), abs=1e-3)
    cache_latents(caches, slices, range(36), encoders, **call)
    assert len(seen) == 10


def test_trainings_share_the_latents_of_slices_and_end_as_each_would_alone(made, tmp_path):
    shared, config = tmp_path / "latents", TrainLdm.load(preset="tiny", max_steps=2)
    given = {"execution": ON_CPU, "latents": shared}
    train_ldm.run(made / "dataset", made / "vae", tmp_path / "first", config, **given)
    (found,) = shared.glob("slices-*/train/slices.npy")
    written = found.stat().st_mtime_ns
    other = replace(config, seed=1)
    train_ldm.run(made / "dataset", made / "vae", tmp_path / "second", other, **given)
    train_ldm.run(made / "dataset", made / "vae", tmp_path / "alone", other, execution=ON_CPU)
    assert found.stat().st_mtime_ns == written and not list(shared.rglob("*.lock"))
    assert not list((tmp_path / "second" / "cache").glob("slices-*"))
    file = "unet/diffusion_pytorch_model.safetensors"
    weights = [sha256(tmp_path / name / file) for name in ("second", "alone", "first")]
    assert weights[0] == weights[1] != weights[2]


def test_an_autoencoder_with_the_same_encoder_finds_the_latents_of_another(made, tmp_path):
    decoder_alone = replace(VAE, frozen_encoder=True, max_steps=1)
    train_vae.run(made / "dataset", tmp_path / "vae", decoder_alone, ON_CPU, init=made / "vae")
    given = {"execution": ON_CPU, "latents": tmp_path / "latents"}
    config = TrainLdm.load(preset="tiny", max_steps=1)
    for vae, out in ((made / "vae", "first"), (tmp_path / "vae", "second")):
        train_ldm.run(made / "dataset", vae, tmp_path / out, config, **given)
    assert len(list((tmp_path / "latents").glob("slices-*"))) == 1
    other = replace(VAE, max_steps=1)
    train_vae.run(made / "dataset", tmp_path / "other", other, ON_CPU, init=made / "vae")
    train_ldm.run(made / "dataset", tmp_path / "other", tmp_path / "third", config, **given)
    assert len(list((tmp_path / "latents").glob("slices-*"))) == 2


def test_who_comes_while_latents_are_made_waits_for_them(made, tmp_path, monkeypatch):
    from xrmri.learning import latents
    from xrmri.runs.holding import hold

    held, waited = hold(tmp_path), []

    def wait(_):
        waited.append(len(waited))
        if len(waited) == 2:
            held.release()

    monkeypatch.setattr(latents.time, "sleep", wait)
    with latents._alone_in(tmp_path):
        assert waited == [0, 1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(9, 0, 4), (7, 2, 4), (9, 2, 4)])
def test_what_grew_for_another_array_or_without_checksums_is_made_anew(tmp_path, shape):
    from numpy.lib.format import write_array_header_1_0

    from xrmri.learning.encoding import encoded

    with (tmp_path / "numbers.growing").open("wb") as stream:
        write_array_header_1_0(stream, {"descr": "<f2", "fortran_order": False, "shape": shape})
        stream.write(np.full((4, 2, 4), 5, np.float16).tobytes())
    made = encoded(tmp_path / "numbers.npy", 9, lambda numbers: torch.ones(len(numbers), 2, 4), tell=lambda *_: None)
    assert made.shape == (9, 2, 4) and set(made.ravel().tolist()) == {1}
