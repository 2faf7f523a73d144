"""What is taken of open_clip."""

import torch


def _declare_missing_operators() -> torch.library.Library | None:
    """Let torchvision's Python parts import where its compiled part was built for another torch.

    open_clip imports torchvision at start-up, for image transforms only. Next to a CPU build of torch the
    torchvision of PyPI (built for CUDA) finds none of its compiled operators, and then fails on describing `nms` and
    `qnms`, which nothing here calls. Declaring those two, and only then, lets the rest import.

    Returns:
        The library that holds the declarations: they exist as long as it does.
    """
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return None  # open_clip says itself what it cannot do without it
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    else:
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


_TORCHVISION = _declare_missing_operators()

from open_clip.transformer import QuickGELU, VisionTransformer  # noqa: E402 - as said above

__all__ = ["QuickGELU", "VisionTransformer"]
