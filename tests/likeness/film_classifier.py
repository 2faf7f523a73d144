"""How easily phantom joint crops are told from real ones: fixed recipes, so that figures compare over time.

python tests/likeness/film_classifier.py REAL_FOLDER [--seed 7] prints three accuracies over five folds by participant:
a logistic regression on the statistics of a crop, one on its pixels at 32 x 32, and a small network on 64 x 64. 0.5 is
the best that a phantom can have.
"""

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from xrmri.likeness.film_statistics import DrawnCrop, drawn_crop, measure
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.film import render_film
from xrmri.records import SIDES

FOLDS, EPOCHS, BATCH = 5, 15, 32


def draw_crops(seed: int, participants: int) -> list[DrawnCrop]:
    """Take the radiographs of a cohort and cut out both joints of each.

    Args:
        seed: of the cohort.
        participants: how many.

    Returns:
        two crops a participant, the right knee first.
    """
    crops = []
    for index in range(participants):
        person = draw_participant(seed, index)
        film = render_film(person)
        crops += [drawn_crop(person, film, side) for side in SIDES]
    return crops


def folds(*people: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) fold of each crop; all of a participant are in one."""
    return np.concatenate([np.unique(who, return_inverse=True)[1] % FOLDS for who in people])


def logistic_accuracy(
    values: NDArray[np.floating], real: NDArray[np.bool_], fold: NDArray[np.int64], decay: float
) -> float:
    """Share of held-out crops that a logistic regression names rightly.

    Args:
        values: (N, K) of each crop; standardised within the training folds.
        real: (N,) whether it is real.
        fold: (N,).
        decay: weight of the squared coefficients.
    """
    right = 0
    for held in range(FOLDS):
        seen, unseen = values[fold != held], values[fold == held]
        middle, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6
        weights = fitted((seen - middle) / spread, real[fold != held], decay)
        score = ((unseen - middle) / spread) @ weights[1:] + weights[0]
        right += int(((score > 0) == real[fold == held]).sum())
    return right / len(values)


def fitted(values: NDArray[np.floating], real: NDArray[np.bool_], decay: float) -> NDArray[np.float32]:
    """(1 + K,) intercept and coefficients of a logistic regression."""
    x, answers = torch.tensor(values).float(), torch.tensor(real).float()
    weights = torch.zeros(values.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        wrong = nn.functional.binary_cross_entropy_with_logits(x @ weights[1:] + weights[0], answers)
        value = wrong + decay * (weights[1:] ** 2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return weights.detach().numpy()


def shrunk(crops: NDArray[np.uint8]) -> torch.Tensor:
    """(N, 224, 224) crops as (N, 1, 64, 64) in about [-1, 1], averaged over area."""
    small = [
        np.asarray(Image.fromarray(crop).resize((64, 64), Image.Resampling.BOX), dtype=np.float32) for crop in crops
    ]
    return torch.from_numpy(np.stack(small)[:, None] / 127.5 - 1)


def network() -> nn.Sequential:
    """Three convolutions of 16, 32 and 64 channels and the mean of what they see."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(256, 1))


def network_accuracy(
    real: NDArray[np.uint8], real_people: NDArray[np.int64], drawn: NDArray[np.uint8], drawn_people: NDArray[np.int64]
) -> float:
    """Share of held-out crops that the network names rightly, over five folds by participant.

    Args:
        real: (N, 224, 224) real crops.
        real_people: (N,) whose they are.
        drawn: (M, 224, 224) phantom crops.
        drawn_people: (M,) whose they are.
    """
    pixels = shrunk(np.concatenate([real, drawn]))
    answers = torch.cat([torch.ones(len(real)), torch.zeros(len(drawn))])
    fold = folds(real_people, drawn_people)
    right = 0
    for held in range(FOLDS):
        torch.manual_seed(held)
        model = network()
        optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
        x, y = pixels[fold != held], answers[fold != held]
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(x)).split(BATCH):
                if len(batch) < 2:
                    continue
                part = x[batch]
                part = part.flip(3) if torch.rand(()) < 0.5 else part
                loss = nn.functional.binary_cross_entropy_with_logits(model(part)[:, 0], y[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        model.eval()
        with torch.no_grad():
            right += int(((model(pixels[fold == held])[:, 0] > 0).float() == answers[fold == held]).sum())
    return right / len(pixels)


def main() -> None:
    """Draw as many crops as there are real ones, train, print."""
    parser = ArgumentParser()
    parser.add_argument("real", type=Path, help="folder of crops named like 9000001R.png")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    files = sorted(given.real.glob("*.png"))
    real = np.stack([np.asarray(Image.open(file).convert("L")) for file in files])
    people = np.array([int(file.stem[:-1]) for file in files])
    drawn = draw_crops(given.seed, len(files) // 2)
    pixels = np.stack([crop.pixels for crop in drawn])
    drawn_people = np.array([crop.index for crop in drawn])
    fold, is_real = folds(people, drawn_people), np.arange(len(real) + len(pixels)) < len(real)
    both = np.concatenate([real, pixels])
    numbers = np.log1p([list(measure(crop).values()) for crop in both])
    small = both.reshape(len(both), 32, 7, 32, 7).mean(axis=(2, 4)).reshape(len(both), -1)
    print(f"statistics {logistic_accuracy(numbers, is_real, fold, 1e-3):.3f}")
    print(f"pixels {logistic_accuracy(small, is_real, fold, 1e-2):.3f}")
    print(f"network {network_accuracy(real, people, pixels, drawn_people):.3f}")


if __name__ == "__main__":
    main()
