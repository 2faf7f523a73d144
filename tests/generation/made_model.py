"""A small model with random weights that answers to all it is told, in memory or as a folder: no training needed."""

import torch

from tests.made_facts import MODEL_FACTS
from xrmri.data.features import feature_set
from xrmri.models.autoencoder import build_autoencoder
from xrmri.models.bundle import Model, in_precision, save_bundle
from xrmri.models.unet import Denoiser, build_unet

SIZE = MODEL_FACTS.image_size


def made_bundle(precision="fp32"):
    torch.manual_seed(0)
    vae = build_autoencoder(channels=(16, 32), blocks=1, latent_channels=4, middle_attention=True)
    unet = build_unet(
        channels=(32, 64), blocks=1, attention=(False, True), heads=2, context_width=16, latent_channels=4
    )
    features = feature_set("full")
    denoiser = Denoiser(unet, features=features.slots, guidance="context")
    for network in (vae, denoiser):
        network.requires_grad_(False).eval()
    with torch.no_grad():  # a new U-Net answers zero to everything
        for weight in denoiser.parameters():
            weight.add_(0.05 * torch.randn(weight.shape))
    return in_precision(Model(vae=vae, denoiser=denoiser, radiograph_encoder=None, facts=MODEL_FACTS), precision)


def made_model(folder):
    folder.mkdir()
    save_bundle(folder, made_bundle(), card="# Made for a test\n")
    return folder
