"""Networks: the autoencoder, the radiograph encoder, the denoiser, and the folder that keeps them together."""
