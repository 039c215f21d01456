"""Root-mean-square norm without its weight, which is folded into the matrices behind it."""

import torch


def inverse_rms(x: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Return `1 / sqrt(mean(x^2) + epsilon)` over the last axis, which is kept with length 1."""
    norm: torch.Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    norm.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
    return norm


def add_norm_gradient(
    dx: torch.Tensor, d_unit: torch.Tensor, unit: torch.Tensor, inverse: torch.Tensor
) -> None:
    """Add the gradient through `unit = x * inverse` to `dx`; overwrites `d_unit`.

    `dx += inverse * (d_unit - unit * mean(d_unit * unit))`, the mean over the last axis.
    """
    mean = torch.linalg.vecdot(d_unit, unit).div_(unit.shape[-1]).unsqueeze(-1)
    dx.addcmul_(d_unit.addcmul_(unit, mean, value=-1.0), inverse)
