"""Images that do not fit the memory as a whole: slabs of slices that overlap."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple


class Slab(NamedTuple):
    """Some slices: `inner` get an answer, `outer` are looked at, `kept` is inner within outer."""

    inner: slice
    outer: slice

    @property
    def kept(self) -> slice:
        """Where the inner slices are among the outer ones."""
        return slice(self.inner.start - self.outer.start, self.inner.stop - self.outer.start)


def slabs(depth: int, most: int, halo: int, method: str, each: int = 0) -> list[Slab]:
    """Cuts slices into slabs of about the same size.

    Args:
        depth: Number of slices.
        most: Number of slices that can be looked at at once.
        halo: Slices to look at beyond both ends of what gets an answer.
        method: Who asks, for messages.
        each: Bytes that a slice takes, for messages.

    Raises:
        ValueError: If not even one slice with its halo fits.
    """
    if depth <= most:
        return [Slab(slice(0, depth), slice(0, depth))]
    inner = most - 2 * halo
    if inner < 1:
        needed = min(2 * halo + 1, depth)
        raise ValueError(
            f"{method}: got a region of {depth} slices of {each / 1e9:.2g} GB each, of which"
            f" {needed} have to be in memory at once, {needed * each / 1e9:.2g} GB; allowed are"
            f" {most * each / 1e9:.2g} GB. Raise memory, lower the widths, work slice by slice"
            " (dims=2), or choose a smaller region or fewer labels."
        )
    count = -(-depth // inner)
    edges = [depth * number // count for number in range(count + 1)]
    return [
        Slab(slice(a, b), slice(max(a - halo, 0), min(b + halo, depth))) for a, b in pairwise(edges)
    ]
