"""The rule of InstructMining: the logarithm of the evaluation loss, linear in the indicators.

Source: Cao et al. 2023, arXiv 2307.06290, equation 4. Its published coefficients are for its own
models and data, so none is in here: the rule is fitted to what was measured.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gym_reason.errors import DataError
from gym_reason.trainers.data.files import Line, read_table
from gym_reason.trainers.data.indicators import Indicators

_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Measurement:
    """A set of examples, and how well a model does that was trained on it."""

    indicators: Indicators
    """Means over the set."""
    eval_loss: float
    """Loss on the evaluation data after the training; positive."""


@dataclass(frozen=True, slots=True)
class LossFit:
    """The rule."""

    constant: float
    """c0."""
    coefficients: Mapping[str, float]
    """Of each indicator, for its own unit."""
    r2: float
    """Share of the variance of the log loss that the rule explains, on the very sets it knows."""
    adjusted_r2: float
    """The same, corrected for the number of indicators; NaN without a set to spare."""
    measurements: int
    """Sets that it was fitted to."""
    rank: int
    """Independent indicators among them."""
    constant_indicators: tuple[str, ...]
    """Indicators that were the same in every set, and have no coefficient."""

    def predict(self, indicators: Indicators) -> float:
        """Return the log loss that the rule expects."""
        return self.constant + sum(c * indicators[n] for n, c in self.coefficients.items())


def fit_loss(measurements: Sequence[Measurement]) -> LossFit:
    """Return the least-squares fit; of several that are as good, the one of least coefficients.

    Indicators are put on one scale before, which decides between those, and taken back after.
    Raises DataError for fewer than three sets.
    """
    if len(measurements) < 3:
        raise DataError(
            f"{len(measurements)} measurements of sets", "three or more", "train on more subsets"
        )
    names = sorted(measurements[0].indicators)
    values_KI = torch.tensor(
        [[m.indicators[name] for name in names] for m in measurements], dtype=torch.float64
    )
    logs_K = torch.tensor([math.log(m.eval_loss) for m in measurements], dtype=torch.float64)
    mean_I, spread_I = values_KI.mean(0), values_KI.std(0, correction=0)
    varies = [i for i in range(len(names)) if spread_I[i] > _SAME * max(1.0, abs(mean_I[i].item()))]
    scaled_KI = (values_KI[:, varies] - mean_I[varies]) / spread_I[varies]
    centred_K = logs_K - logs_K.mean()
    slopes_I = torch.linalg.pinv(scaled_KI, rtol=1e-10) @ centred_K
    left = float((centred_K - scaled_KI @ slopes_I).square().sum())
    total = float(centred_K.square().sum())
    r2 = 1.0 - left / total if total > 0.0 else 0.0
    rank = int(torch.linalg.matrix_rank(scaled_KI)) if varies else 0
    spare = len(measurements) - rank - 1
    coefficients_I = slopes_I / spread_I[varies]
    return LossFit(
        constant=float(logs_K.mean() - (coefficients_I * mean_I[varies]).sum()),
        coefficients={names[i]: float(c) for i, c in zip(varies, coefficients_I, strict=True)},
        r2=r2,
        adjusted_r2=1.0 - (1.0 - r2) * (len(measurements) - 1) / spare if spare > 0 else math.nan,
        measurements=len(measurements),
        rank=rank,
        constant_indicators=tuple(n for i, n in enumerate(names) if i not in varies),
    )


def read_measurements(path: Path, names: Sequence[str]) -> list[Measurement]:
    """Return the measurements of a file with rows of `indicators` and `eval_loss`.

    Raises DataError, with the row, where one lacks an indicator of `names` or has no number.
    """
    return [_read_measurement(path, line, names) for line in read_table(path)]


def _read_measurement(path: Path, line: Line, names: Sequence[str]) -> Measurement:
    if line.problem:
        raise DataError(f"{line.where} of {path} is {line.problem}", "a measurement")
    given: Any = line.row.get("indicators")
    loss: Any = line.row.get("eval_loss")
    if not isinstance(given, dict) or not _is_number(loss) or loss <= 0.0:
        raise DataError(
            f"{line.where} of {path} has no 'indicators' or no positive 'eval_loss'",
            '{"indicators": {...}, "eval_loss": 1.2}',
        )
    missing = [name for name in names if not _is_number(given.get(name))]
    if missing:
        raise DataError(
            f"{line.where} of {path} has no number for {', '.join(missing)}",
            "every indicator that this run measures",
        )
    return Measurement({name: float(given[name]) for name in names}, float(loss))


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
