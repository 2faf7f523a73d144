"""Networks: the autoencoder, the radiograph encoder, the denoiser, and the folder that keeps them together."""

import torch


def _declare_missing_operators() -> torch.library.Library | None:
    """Let torchvision's Python parts import where its compiled part was built for another torch.

    diffusers and open_clip import torchvision at start-up, for image transforms only. Next to a CPU build of torch the
    torchvision of PyPI (built for CUDA) finds none of its compiled operators, and then fails on describing `nms` and
    `qnms`, which nothing here calls. Declaring those two, and only then, lets the rest import.

    Returns:
        The library that holds the declarations: they exist as long as it does.
    """
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return None  # diffusers and open_clip say themselves what they cannot do without it
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    else:
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


# At import, because a package runs before its modules, and those import diffusers before anything else of theirs runs.
_TORCHVISION = _declare_missing_operators()
