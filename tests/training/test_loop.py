"""The training loop on a network of two numbers: resume, stop, averages, rates."""

import json
import math
from dataclasses import replace

import pytest
import torch

from xrmri.config import Execution, Training
from xrmri.errors import InconsistentError, InputError, StoppedEarly
from xrmri.machine.precision import fastest_precision
from xrmri.training.accelerator import prepare_device
from xrmri.training.checkpoint import FOLDER, latest_checkpoint
from xrmri.training.ema import Ema
from xrmri.training.loop import Task, fit, learning_rate
from xrmri.training.tracking import METRICS, Metrics, read_metrics

CONFIG = Training(
    max_steps=12, batch_size=4, learning_rate=0.05, warmup_steps=3, log_steps=2, validate_steps=5, precision="fp32"
)
ON_CPU = Execution(device="cpu")


def line():
    torch.manual_seed(0)
    return torch.nn.Linear(1, 1)


def task(*, rate=lambda name: 1.0):
    """Fit y = 3 x + 1 on points that depend on their position alone."""

    def points(positions):
        x = torch.tensor([[math.sin(position * 1.7)] for position in positions])
        return x, 3 * x + 1

    def error(network, batch):
        return (network(batch[0]) - batch[1]).square().mean()

    return Task(
        name="train-vae", load=points, loss=error, rate=rate,
        validate=lambda network: {"validation_loss": float(network(torch.ones(1, 1)))},
    )  # fmt: skip


def train(folder, config=CONFIG, job=None, network=None, execution=ON_CPU):
    network = network or line()
    fit(network, job or task(), config, folder, accelerator=prepare_device("cpu", config), execution=execution)
    return network


def rows(folder):
    return [{k: v for k, v in row.items() if k != "slices_per_s"} for row in read_metrics(folder / METRICS)]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def stop_at(folder, step):
    """An execution in which somebody writes STOP during a step."""
    return Execution(device="cpu", progress=lambda name, done, *_: (folder / "STOP").touch() if done == step else None)


@pytest.mark.parametrize("k", [1, 2, 5, 6, 11])
def test_stopping_after_any_step_and_going_on_is_not_stopping_bit_for_bit(tmp_path, k, monkeypatch):
    monkeypatch.setattr("xrmri.training.stopping._LOOK_S", 0.0)
    (tmp_path / "straight").mkdir()
    (tmp_path / "stopped").mkdir()
    straight = train(tmp_path / "straight")
    with pytest.raises(StoppedEarly, match="STOP file.*run the same command again") as told:
        train(tmp_path / "stopped", execution=stop_at(tmp_path / "stopped", k))
    assert told.value.exit_code == 75
    assert not (tmp_path / "stopped" / "STOP").exists()
    assert latest_checkpoint(tmp_path / "stopped").step == k
    assert same(train(tmp_path / "stopped"), straight)
    assert rows(tmp_path / "stopped") == rows(tmp_path / "straight")


def test_rows_after_the_checkpoint_are_written_anew(tmp_path):
    train(tmp_path)
    wanted = rows(tmp_path)
    with (tmp_path / METRICS).open("a") as stream:
        stream.write('{"step": 99, "loss": 1}\n{"step": 100, "lo')  # a kill in the middle of a row
    train(tmp_path)
    assert rows(tmp_path) == wanted


def test_rows_say_the_mean_loss_since_the_last_one_and_where_the_run_is(tmp_path):
    losses = []
    job = task()

    def loss(network, batch):
        losses.append(job.loss(network, batch).item())
        return job.loss(network, batch)

    train(tmp_path, job=replace(job, loss=loss))
    logged = [row for row in rows(tmp_path) if "loss" in row]
    assert [row["step"] for row in logged] == [2, 4, 6, 8, 10, 12]
    assert [row["slices_seen"] for row in logged] == [8, 16, 24, 32, 40, 48]
    assert [row["loss"] for row in logged] == pytest.approx([sum(losses[i : i + 2]) / 2 for i in range(0, 12, 2)])
    assert [row["step"] for row in rows(tmp_path) if "validation_loss" in row] == [5, 10, 12]


def test_parts_of_a_batch_add_up_to_the_batch(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = train(tmp_path / "whole")
    parts = train(tmp_path / "parts", config=replace(CONFIG, micro_batch=3))
    assert torch.allclose(whole.weight, parts.weight, atol=1e-6) and torch.allclose(whole.bias, parts.bias, atol=1e-6)


def test_parts_of_a_batch_share_one_cast_of_the_weights_and_every_part_reaches_the_gradient(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    config = replace(CONFIG, precision="bf16")
    whole = train(tmp_path / "whole", config=config)
    parts = train(tmp_path / "parts", config=replace(config, micro_batch=1))
    assert torch.allclose(whole.weight, parts.weight, atol=2e-2) and torch.allclose(whole.bias, parts.bias, atol=2e-2)
    losses = [[row["loss"] for row in rows(tmp_path / name) if "loss" in row] for name in ("whole", "parts")]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_a_tracker_that_is_not_installed_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr("xrmri.training.tracking.find_spec", lambda name: None)
    with pytest.raises(InputError, match="track wandb: it is not installed here: pip install wandb"):
        prepare_device("cpu", replace(CONFIG, track=("wandb",)))


def test_a_loss_that_is_not_finite_stops_before_the_step(tmp_path):
    job, network = task(), line()

    def loss(network, batch):
        return job.loss(network, batch) * (float("nan") if abs(float(batch[0][0])) > 0.9 else 1)

    with pytest.raises(InconsistentError, match="loss is nan at step"):
        train(tmp_path, job=replace(job, loss=loss), network=network)
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())


def test_the_time_limit_stops_after_the_step_and_saves(tmp_path):
    with pytest.raises(StoppedEarly, match=r"after step 1 of 12 \(time limit\)"):
        train(tmp_path, config=replace(CONFIG, time_limit_minutes=1e-9))
    assert latest_checkpoint(tmp_path).step == 1


def test_checkpoints_are_complete_or_absent_and_the_oldest_go(tmp_path):
    train(tmp_path, config=replace(CONFIG, save_minutes=0.0))
    names = sorted(folder.name for folder in (tmp_path / FOLDER).iterdir())
    assert names == ["step-0000011", "step-0000012"]
    (tmp_path / FOLDER / "step-0000013.partial").mkdir()
    assert latest_checkpoint(tmp_path).step == 12
    (tmp_path / FOLDER / "step-0000012" / "weights.safetensors").write_bytes(b"cut short")
    with pytest.raises(InconsistentError, match="step-0000012.* is not as it was written"):
        latest_checkpoint(tmp_path)


@pytest.mark.parametrize("change", ["other weights", "fewer trained"])
def test_a_checkpoint_of_another_network_is_told_in_one_line(tmp_path, change):
    train(tmp_path)
    other = torch.nn.Linear(1, 1, bias=change == "fewer trained")
    if other.bias is not None:
        other.bias.requires_grad_(False)
    with pytest.raises(InconsistentError, match="2 tensors trained, now 1.*give another -o, or --force") as told:
        train(tmp_path, network=other)
    assert told.value.exit_code == 3 and "\n" not in str(told.value)


def test_the_network_ends_with_the_average_of_its_weights(tmp_path):
    network = train(tmp_path)
    last = latest_checkpoint(tmp_path)
    assert torch.equal(network.weight, last.average["weight"])
    assert not torch.equal(network.weight, last.weights["weight"])


def test_the_average_warms_up_as_one_plus_n_over_ten_plus_n():
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    ema, expected = Ema(network, decay=0.2), 0.0
    for taken in range(1, 5):
        torch.nn.init.constant_(network.weight, float(taken))
        ema.update(taken)
        decay = min(0.2, (1 + taken) / (10 + taken))
        expected = decay * expected + (1 - decay) * taken
        assert ema.average["weight"].item() == pytest.approx(expected, rel=1e-6)
    with ema.applied():
        assert network.weight.item() == pytest.approx(expected, rel=1e-6)
    assert network.weight.item() == 4.0


def test_the_learning_rate_warms_up_once_from_a_millionth_and_then_stays_or_falls_to_nothing():
    paper = Training()
    assert learning_rate(0, paper) == pytest.approx(1e-12)
    assert learning_rate(50, paper) == pytest.approx(0.5e-6, rel=1e-5)
    assert learning_rate(100, paper) == learning_rate(200_000, paper) == 1e-6
    cosine = Training(decay="cosine", max_steps=1_100, learning_rate=4e-4)
    found = [learning_rate(step, cosine) for step in (100, 600, 1_100)]
    assert found == pytest.approx([4e-4, 2e-4, 0.0], abs=1e-12)


def test_a_new_projection_learns_ten_times_as_fast(tmp_path):
    slow, fast = line(), line()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    config = replace(CONFIG, max_steps=1, warmup_steps=0, ema_decay=0.0, weight_decay=0.0)
    before = line().bias.item()
    train(tmp_path / "a", config=config, network=slow)
    train(tmp_path / "b", config=config, network=fast, job=task(rate=lambda name: 10.0 if name == "bias" else 1.0))
    assert fast.bias.item() - before == pytest.approx(10 * (slow.bias.item() - before), rel=1e-4)
    assert torch.equal(fast.weight, slow.weight)


@pytest.mark.parametrize(("flags", "wanted"), [({"avx2"}, "fp32"), ({"avx2", "avx512_bf16"}, "bf16")])
def test_auto_precision_is_what_the_processor_multiplies_and_no_timing(monkeypatch, flags, wanted):
    monkeypatch.setattr("xrmri.machine.precision._cpu_flags", lambda: flags)
    assert fastest_precision(torch.device("cpu")) == wanted
    accelerator = prepare_device("cpu", replace(CONFIG, precision="auto"))
    assert accelerator.mixed_precision == {"fp32": "no"}.get(wanted, wanted)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="this machine has"):
        prepare_device("cuda:99", CONFIG)
    with pytest.raises(InputError, match="fp16 needs a GPU"):
        prepare_device("cpu", replace(CONFIG, precision="fp16"))


@pytest.mark.parametrize("kind", ["FSDP", "DEEPSPEED", "MEGATRON_LM"])
def test_weights_in_shards_are_refused_in_one_line(monkeypatch, kind):
    monkeypatch.setenv(f"ACCELERATE_USE_{kind}", "true")
    with pytest.raises(InputError, match=f"told to use {kind}.*say MULTI_GPU.*shard_optimiser") as told:
        prepare_device("cpu", CONFIG)
    assert "\n" not in str(told.value)


def test_metrics_keep_the_rows_up_to_a_step(tmp_path):
    (tmp_path / METRICS).write_text("".join(json.dumps({"step": step}) + "\n" for step in (1, 2, 3)))
    Metrics(tmp_path, CONFIG, step=2).write({"step": 3, "loss": 0.5})
    assert read_metrics(tmp_path / METRICS) == [{"step": 1}, {"step": 2}, {"step": 3, "loss": 0.5}]
