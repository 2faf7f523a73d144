"""A Zero-1-to-3 checkpoint: every tensor has its place, and what is loaded answers as the original does."""

import json
import math
import os
import sys
import types
from pathlib import Path

import pytest
import torch

from xrmri.errors import InconsistentError, InputError
from xrmri.models import zero123
from xrmri.models.autoencoder import build_autoencoder
from xrmri.models.radiograph_encoder import RadiographEncoder, TowerSizes, load_radiograph_encoder, tower_keys
from xrmri.models.unet import Denoiser, build_unet
from xrmri.models.weights import read_tensors
from xrmri.models.zero123_names import AUTOENCODER, UNET, autoencoder_name, averaged, unet_name

SIZES = {"channels": (32, 64), "blocks": 2, "attention": (True, False), "context_width": 16, "latent_channels": 4,
         "norm_groups": 32}  # fmt: skip
VAE_SIZES = {"channels": (32, 32, 64), "blocks": 1, "latent_channels": 4, "middle_attention": True, "norm_groups": 32}
FILE = Path("public.ckpt")
FEATURES = 5


def made_denoiser(seed=0, **sizes):
    torch.manual_seed(seed)
    return Denoiser(build_unet(heads=8, **SIZES | sizes), features=FEATURES, guidance="context")


def made_vae(seed=0):
    torch.manual_seed(seed)
    return build_autoencoder(**VAE_SIZES)


def made_state(*, average=True):
    """What a public checkpoint of these networks holds: the average is twice the plain weights."""
    state = {"betas": torch.zeros(1000), "cond_stage_model.model.logit_scale": torch.zeros(())}
    unet = made_denoiser(7).unet
    for name, value in unet.state_dict().items():
        theirs = unet_name(name, blocks=SIZES["blocks"], attention=SIZES["attention"])
        state[UNET + theirs] = value
        if average:
            state[averaged(theirs)] = 2 * value
    for name, value in made_vae(8).state_dict().items():
        square = value.ndim == 2 and "attentions" in name
        state[AUTOENCODER + autoencoder_name(name, levels=3)] = value[:, :, None, None] if square else value
    torch.manual_seed(9)
    state |= {"cc_projection.weight": torch.randn(16, 20), "cc_projection.bias": torch.randn(16)}
    return state | ({"model_ema.decay": torch.ones(()), "model_ema.num_updates": torch.zeros(())} if average else {})


def imported(state, *, average=True, partial=False, denoiser=None):
    denoiser = denoiser or made_denoiser()
    rows = zero123.plan_denoiser(denoiser, state, average=average)
    zero123.require_complete(rows, state, FILE, partial=partial)
    zero123.copy_weights(denoiser, rows, state, FILE)
    return denoiser, rows


def relative(found, wanted):
    return float((found - wanted).detach().abs().max() / wanted.detach().abs().max())


def test_the_small_public_layout_answers_as_the_original_implementation_does(real_data):
    import numpy as np

    folder = real_data / "zero123_small"
    wanted = {name: torch.from_numpy(value) for name, value in np.load(folder / "expected.npz").items()}
    state = read_tensors(folder / "small.ckpt", "--init")
    unet_sizes = zero123.unet_settings(state, FILE)
    denoiser = Denoiser(build_unet(heads=8, **unet_sizes), features=65, guidance="context")
    vae = build_autoencoder(**zero123.autoencoder_settings(state, FILE))
    assert sum(p.numel() for p in denoiser.unet.parameters()) == 10_363_620
    assert sum(p.numel() for p in vae.parameters()) == 5_252_487
    for network, rows in ((denoiser, zero123.plan_denoiser(denoiser, state, average=True)),
                          (vae, zero123.plan_autoencoder(vae, state))):  # fmt: skip
        zero123.require_complete(rows, state, FILE, partial=False)
        zero123.copy_weights(network, rows, state, FILE)
    with torch.no_grad():
        eps = denoiser.unet(wanted["unet_x"], wanted["unet_t"], wanted["unet_context"]).sample
        posterior, decoded = vae.encode(wanted["vae_image"]).latent_dist, vae.decode(wanted["vae_z"]).sample
    assert relative(eps, wanted["unet_eps"]) < 1e-4
    assert relative(posterior.mean, wanted["vae_mean"]) < 1e-4
    assert relative(posterior.logvar, wanted["vae_logvar"]) < 1e-4
    assert relative(decoded, wanted["vae_decoded"]) < 1e-4


def test_all_1938_tensors_of_the_full_file_are_accounted_for(real_data):
    layout = real_data.parent / "facts" / "zero123-layout.json"
    if not layout.is_file():
        pytest.skip("there is no list of the full file's tensors")
    state = {name: torch.empty(shape, device="meta") for name, shape in json.loads(layout.read_bytes()).items()}
    with torch.device("meta"):
        denoiser = Denoiser(build_unet(heads=8, **zero123.unet_settings(state, FILE)), features=65, guidance="context")
        vae = build_autoencoder(**zero123.autoencoder_settings(state, FILE))
    rows = zero123.plan_denoiser(denoiser, state, average=True)
    zero123.require_complete(rows, state, FILE, partial=False)
    tower = zero123.used_elsewhere(tower_keys(state), state, "radiograph_encoder")
    left = zero123.unused([*rows, *tower], state)
    assert {row.theirs for row in (*rows, *tower, *left)} == set(state) and len(state) == 1938
    assert [sum(row.fate == fate for row in rows) for fate in ("loaded", "resized", "new")] == [688, 2, 0]
    assert {row.note for row in rows if row.fate == "resized"} == {
        "768 columns of the token copied, 4 of the pose dropped, 1 zero",
        "768 columns of the token copied, 4 of the pose dropped, 65 zero",
    }
    own = zero123.plan_autoencoder(vae, state)
    zero123.require_complete(own, state, FILE, partial=False)
    assert {row.fate for row in own} == {"loaded"} and len(own) == 248
    assert len(own) + len(zero123.unused(own, state)) == 1938


def test_sizes_are_read_from_the_shapes():
    state = made_state()
    assert zero123.unet_settings(state, FILE) == SIZES
    assert zero123.autoencoder_settings(state, FILE) == VAE_SIZES


@pytest.mark.parametrize("average", [True, False])
def test_every_tensor_is_loaded_resized_or_unused_and_the_average_is_taken_when_wanted(average):
    state = made_state()
    denoiser, rows = imported(state, average=average)
    factor = 2 if average else 1
    for name, value in made_denoiser(7).unet.state_dict().items():
        assert torch.equal(denoiser.unet.state_dict()[name], factor * value), name
    left = zero123.unused(rows, state)
    assert {row.theirs for row in (*rows, *left)} == set(state)
    assert len(left) == len(state) - len({row.theirs for row in rows})
    assert len(zero123.table([*rows, *left])) == 1 + len(rows) + len(left)
    assert sum("loaded" in line for line in zero123.account(rows)) == 2


def test_without_an_average_in_the_file_the_plain_weights_are_taken():
    denoiser, _ = imported(made_state(average=False), average=True)
    assert torch.equal(denoiser.unet.conv_in.weight, made_denoiser(7).unet.conv_in.weight)


def at_pose_0(token, state):
    """The context that the original makes of a token (B, 1, W) for the view that it was given."""
    width = token.shape[-1]
    pose = torch.tensor([0.0, math.sin(0.0), math.cos(0.0), 0.0]).expand(len(token), 1, 4)
    weight, bias = (state[f"cc_projection.{kind}"].float() for kind in ("weight", "bias"))
    assert weight.shape == (width, width + 4)
    return torch.nn.functional.linear(torch.cat([token, pose], dim=-1), weight, bias)


@pytest.mark.parametrize("halves", ["paper", "swapped", "joint"])
def test_at_first_the_context_is_the_originals_at_pose_0_whatever_depth_and_features(halves):
    state = made_state()
    denoiser = Denoiser(build_unet(heads=8, **SIZES), features=FEATURES, guidance="context", halves=halves)
    imported(state, denoiser=denoiser)
    token, concat = torch.randn(2, 1, 16), torch.zeros(2, 4, 8, 8)
    told = denoiser.guidance(concat, token, torch.tensor([0.2, 0.9]), torch.ones(2, FEATURES))
    wanted = at_pose_0(token, state)
    assert relative(told.down, wanted) < 1e-5 and relative(told.up, wanted) < 1e-5
    without = token @ state["cc_projection.weight"][:, :16].T + state["cc_projection.bias"]
    assert relative(without, wanted) > 0.1


@pytest.mark.parametrize(("method", "token"), [("ldm", 0.0), ("x-diffusion", 1.0)])
def test_a_compared_method_starts_from_the_same_projection(method, token):
    state = made_state()
    denoiser = Denoiser(build_unet(heads=8, **SIZES), features=FEATURES, method=method)
    imported(state, denoiser=denoiser)
    seen = torch.randn(2, 1, 16)
    told = denoiser.guidance(torch.zeros(2, 4, 8, 8), seen, torch.tensor([0.2, 0.9]), torch.ones(2, FEATURES))
    assert relative(told.down, at_pose_0(token * seen, state)) < 1e-5


def test_the_whole_denoiser_answers_as_the_small_public_checkpoint_does_at_pose_0(real_data):
    state = read_tensors(real_data / "zero123_small" / "small.ckpt", "--init")
    denoiser = Denoiser(build_unet(heads=8, **zero123.unet_settings(state, FILE)), features=65, guidance="context")
    imported(state, denoiser=denoiser)
    torch.manual_seed(3)
    z_t, concat, token = torch.randn(2, 4, 16, 16), torch.randn(2, 4, 16, 16), torch.randn(2, 1, 768)
    t, depth, features = torch.tensor([7, 801]), torch.tensor([0.1, 0.7]), torch.zeros(2, 65)
    features[:, 3] = 1
    without = token @ state["cc_projection.weight"].float()[:, :768].T + state["cc_projection.bias"].float()
    with torch.no_grad():
        said = denoiser(z_t, t, concat=concat, token=token, depth=depth, features=features)
        wanted, other = (
            denoiser.unet(torch.cat([z_t, concat], dim=1), t, context).sample
            for context in (at_pose_0(token, state), without)
        )
    assert relative(said, wanted) < 1e-5
    assert relative(other, wanted) > 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cc_projection.weight": None}, r"cc_projection\.weight is not in the file"),
        ({"cc_projection.bias": None}, r"cc_projection\.bias is not in the file"),
        ({"cc_projection.weight": torch.zeros(20, 16)}, "has shape 20 x 16, not 16 x 20"),
        ({"cc_projection.weight": torch.zeros(16, 28)}, "has shape 16 x 28, not 16 x 20"),
        ({"cc_projection.weight": torch.zeros(24, 28)}, "has shape 24 x 28, not 16 x 20"),
        ({"cc_projection.bias": torch.zeros(20)}, "has shape 20, not 16"),
    ],
)
def test_a_projection_that_is_absent_or_of_another_shape_is_refused(change, words):
    state = {name: value for name, value in (made_state() | change).items() if value is not None}
    with pytest.raises(InconsistentError, match=f"guidance.*{words}.*--init-partial") as told:
        imported(state)
    assert "\n" not in str(told.value)
    denoiser, _ = imported(state, partial=True)
    assert torch.equal(denoiser.guidance.depth.weight, torch.eye(16, 17))


LEFT_OVER = {
    "a second transformer block": UNET + "input_blocks.1.1.transformer_blocks.1.norm1.weight",
    "classes": UNET + "label_emb.0.0.weight",
    "its average alone": "model_ema.diffusion_modellabel_emb00weight",
    "attention in the levels of the autoencoder": AUTOENCODER + "encoder.down.2.attn.0.q.weight",
}


@pytest.mark.parametrize("key", LEFT_OVER.values(), ids=LEFT_OVER)
def test_tensors_of_the_same_network_that_ours_has_no_place_for_are_refused(key):
    state = made_state() | {key: torch.zeros(3), AUTOENCODER + "loss.logvar": torch.zeros(())}
    plan = zero123.plan_autoencoder(made_vae(), state)
    denoiser = zero123.plan_denoiser(made_denoiser(), state, average=True)
    rows, other = (plan, denoiser) if key.startswith(AUTOENCODER) else (denoiser, plan)
    with pytest.raises(InconsistentError, match="public.ckpt is of another network.*--init-partial") as told:
        zero123.require_complete(rows, state, FILE, partial=False)
    assert key in str(told.value) and "\n" not in str(told.value)
    zero123.require_complete(rows, state, FILE, partial=True)
    zero123.require_complete(other, state, FILE, partial=False)
    assert {row.note for row in zero123.unused(rows, state) if row.theirs == key} == {
        "there is no place for it in this network"
    }


def test_a_name_that_nobody_knows_is_called_unknown_and_not_the_forward_process():
    state = made_state() | {"lvlb_weights": torch.zeros(1000), "betas_of_mine": torch.zeros(3)}
    notes = {row.theirs: row.note for row in zero123.unused(imported(state)[1], state)}
    assert notes["betas_of_mine"].startswith("unknown")
    assert notes["betas"] == notes["lvlb_weights"] == "the forward process: computed from the settings"


def test_the_autoencoder_comes_back_as_it_was():
    vae, state = made_vae(), made_state()
    zero123.copy_weights(vae, zero123.plan_autoencoder(vae, state), state, FILE)
    assert all(torch.equal(value, vae.state_dict()[name]) for name, value in made_vae(8).state_dict().items())


def test_a_partial_load_is_refused_unless_it_is_wanted():
    state = made_state(average=False)
    del state[UNET + "out.2.bias"]
    with pytest.raises(InconsistentError, match=r"public.ckpt.*unet.conv_out.bias.*--init-partial") as told:
        imported(state)
    assert "\n" not in str(told.value)
    _, rows = imported(state, partial=True)
    assert [row.ours for row in rows if row.fate == "new"] == ["unet.conv_out.bias"]


def test_a_u_net_that_was_told_no_image_gets_four_more_inputs_that_are_zero():
    state = made_state(average=False)
    key = UNET + "input_blocks.0.0.weight"
    state[key] = state[key][:, :4].clone()
    with pytest.raises(InconsistentError, match="4 inputs are new, and zero"):
        imported(state)
    denoiser, rows = imported(state, partial=True)
    first = denoiser.unet.conv_in.weight
    assert torch.equal(first[:, :4], state[key]) and not first[:, 4:].any()
    assert [row.ours for row in rows if row.fate == "resized"][0] == "unet.conv_in.weight"


def test_numbers_that_are_not_finite_are_refused():
    state = made_state(average=False)
    state[UNET + "out.2.bias"] = torch.full((4,), float("nan"))
    with pytest.raises(InconsistentError, match="out.2.bias holds numbers that are not finite"):
        imported(state)


def test_a_checkpoint_of_something_else_is_refused():
    for settings in (zero123.unet_settings, zero123.autoencoder_settings):
        with pytest.raises(InputError, match="public.ckpt holds no"):
            settings({"weight": torch.zeros(2)}, FILE)


def test_what_lies_beside_the_tensors_is_neither_needed_nor_run(tmp_path, monkeypatch):
    module = types.ModuleType("pytorch_lightning_made_up")

    class Callback:
        def __init__(self):
            self.best = 3

    Callback.__module__, Callback.__qualname__, module.Callback = module.__name__, "Callback", Callback

    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harmed"),)

    monkeypatch.setitem(sys.modules, module.__name__, module)
    state = {"state_dict": {"a": torch.ones(3)}, "callbacks": {Callback: Callback()}}
    torch.save(state, tmp_path / "lightning.ckpt")
    torch.save(state | {"more": Harmful()}, tmp_path / "harmful.ckpt")
    monkeypatch.delitem(sys.modules, module.__name__)
    assert torch.equal(read_tensors(tmp_path / "lightning.ckpt", "--init")["a"], torch.ones(3))
    with pytest.raises(InputError, match="harmful.ckpt is no checkpoint, or holds more than weights"):
        read_tensors(tmp_path / "harmful.ckpt", "--init")
    assert not (tmp_path / "harmed").exists()


def test_a_tensor_damaged_inside_the_archive_is_refused_in_one_line(tmp_path):
    file = tmp_path / "hit.ckpt"
    torch.save({"state_dict": {"a": torch.ones(9999), "b": torch.zeros(3)}}, file)
    assert read_tensors(file, "--init").keys() == {"a", "b"}
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert torch.load(file, weights_only=True)["state_dict"]["a"].isfinite().all()
    with pytest.raises(InputError, match=r"--init .*hit\.ckpt cannot be read \(.*data/0 in it is damaged\)") as told:
        read_tensors(file, "--init")
    assert "\n" not in str(told.value)


def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path):
    torch.save({"state_dict": {"a": torch.ones(9999)}}, tmp_path / "whole.ckpt")
    (tmp_path / "cut.ckpt").write_bytes((tmp_path / "whole.ckpt").read_bytes()[:20_000])
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    (tmp_path / "empty.ckpt").write_bytes(b"")
    torch.save({"state_dict": {"a": 3}}, tmp_path / "without.ckpt")
    torch.save([1, 2], tmp_path / "list.ckpt")
    for name in ("cut", "text", "empty", "without", "list", "absent"):
        with pytest.raises(InputError, match=f"--init .*{name}.ckpt") as told:
            read_tensors(tmp_path / f"{name}.ckpt", "--init")
        assert "\n" not in str(told.value) and len(str(told.value)) < 300 + len(str(tmp_path))


def cubic(distance):
    """Keys' cubic convolution kernel with a = -0.75."""
    x = abs(distance)
    if x <= 1:
        return 1.25 * x**3 - 2.25 * x**2 + 1
    return -0.75 * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def from_corner_to_corner(side, rows):
    """The weights (side, rows) of bicubic interpolation whose first and last sample lie at the ends."""
    weights = torch.zeros(side, rows, dtype=torch.float64)
    for here in range(side):
        place = here * (rows - 1) / (side - 1)
        for tap in range(int(place) - 1, int(place) + 3):
            weights[here, min(max(tap, 0), rows - 1)] += cubic(place - tap)
    return weights


def test_the_tower_sees_an_image_as_the_original_prepares_it():
    torch.manual_seed(0)
    encoder = RadiographEncoder(TowerSizes(image=28, patch=14, width=64, layers=1, heads=1, output=16))
    encoder.tower = torch.nn.Identity()
    y = torch.rand(2, 64, 64) * 2 - 1
    weights = from_corner_to_corner(28, 64)
    resized = (weights @ y.double() @ weights.T + 1) / 2
    mean, std = torch.tensor([0.48145466, 0.4578275, 0.40821073]), torch.tensor([0.26862954, 0.26130258, 0.27577711])
    wanted = (resized[:, None] - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(encoder(y)[:, 0].double(), wanted, atol=1e-4)


def test_a_tower_under_transformers_names_is_the_same_tower(tmp_path):
    torch.manual_seed(0)
    tower = RadiographEncoder(TowerSizes(image=28, patch=14, width=64, layers=2, heads=1, output=16)).eval()
    older, renamed = {}, {
        "class_embedding": "embeddings.class_embedding", "conv1.weight": "embeddings.patch_embedding.weight",
        "positional_embedding": "embeddings.position_embedding.weight",
    }  # fmt: skip
    for name, value in tower.tower.state_dict().items():
        if name == "proj":
            older["visual_projection.weight"] = value.T.contiguous()
        elif "in_proj" in name:
            layer, kind = name.split(".")[2], name.rpartition("_")[2]
            for part, third in zip("qkv", value.chunk(3), strict=True):
                older[f"vision_model.encoder.layers.{layer}.self_attn.{part}_proj.{kind}"] = third.clone()
        else:
            own = renamed.get(name, name)
            for ours, theirs in (
                ("transformer.resblocks", "encoder.layers"), ("attn.out_proj", "self_attn.out_proj"),
                ("ln_pre", "pre_layrnorm"), ("ln_post", "post_layernorm"), ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"), ("c_fc", "fc1"), ("c_proj", "fc2"),
            ):  # fmt: skip
                own = own.replace(ours, theirs)
            older[f"vision_model.{own}"] = value
    older["vision_model.embeddings.position_ids"] = torch.arange(5)[None]
    state = {f"cond_stage_model.transformer.{name}": value for name, value in older.items()}
    torch.save({"state_dict": state | {"betas": torch.zeros(3)}}, tmp_path / "older.ckpt")
    loaded = load_radiograph_encoder(tmp_path / "older.ckpt").eval()
    y = torch.rand(2, 40, 40) * 2 - 1
    assert loaded.sizes == tower.sizes and torch.equal(loaded(y), tower(y))
    assert sorted(tower_keys(state)) == sorted(state)
