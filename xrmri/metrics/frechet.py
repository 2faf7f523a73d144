"""How far two sets of slices lie apart as sets, by features of them: the Fréchet distance of two normal distributions.

It is the formula behind "FID", which is this distance on features of an Inception network trained on photographs. The
features here are others, so the name is not used.
"""

import numpy as np
from numpy.typing import NDArray


def frechet_distance(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Squared Fréchet distance between the normal distributions fitted to two sets (Dowson and Landau 1982).

    Args:
        one: (n, D) features, n at least 2.
        other: (m, D) features, m at least 2.

    Returns:
        at least 0, in squared units of the features. It is too large by about a term that shrinks with n and m, so
        only sets of the same sizes compare.
    """
    first, second = (np.asarray(values, np.float64) for values in (one, other))
    between = first.mean(axis=0) - second.mean(axis=0)
    a, b = (np.atleast_2d(np.cov(values, rowvar=False)) for values in (first, second))
    # tr (AB)^(1/2) is the sum of the singular values of A^(1/2) B^(1/2): no root of an unsymmetric matrix is needed.
    roots = np.linalg.svd(_root(a) @ _root(b), compute_uv=False).sum()
    return max(float(between @ between + np.trace(a) + np.trace(b) - 2 * roots), 0.0)


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
