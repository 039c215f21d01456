"""Matrix products in the precision of the surrounding autocast region."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Products:
    """Matrix products whose operands are rounded to one type; all else keeps its own."""

    dtype: torch.dtype | None = None
    """The type of the operands, or None where they stay as they are."""

    @classmethod
    def current(cls, device: torch.device) -> "Products":
        """Return the products that an autocast region asks for on a device."""
        if not torch.is_autocast_enabled(device.type):
            return cls()
        return cls(torch.get_autocast_dtype(device.type))

    def mm(self, a_MK: torch.Tensor, b_KN: torch.Tensor) -> torch.Tensor:
        """Return `a @ b` in the type of `a`."""
        if self.dtype is None:
            return torch.mm(a_MK, b_KN)
        return torch.mm(a_MK.to(self.dtype), b_KN.to(self.dtype)).to(a_MK.dtype)

    def add_mm(self, total_MN: torch.Tensor, a_MK: torch.Tensor, b_KN: torch.Tensor) -> None:
        """Add `a @ b` to `total` in place."""
        if self.dtype is None:
            total_MN.addmm_(a_MK, b_KN)
        else:
            total_MN.add_(torch.mm(a_MK.to(self.dtype), b_KN.to(self.dtype)))

    def bmm(self, a_BMK: torch.Tensor, b_BKN: torch.Tensor) -> torch.Tensor:
        """Return the product of each pair of matrices, in the type of `a`."""
        if self.dtype is None:
            return torch.bmm(a_BMK, b_BKN)
        return torch.bmm(a_BMK.to(self.dtype), b_BKN.to(self.dtype)).to(a_BMK.dtype)
