"""What the geodesic walker can be told about how to work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How `GeodesicWalker` works; lengths in units of the image's shortest spacing if not in mm.

    Attributes:
        margin: How far in mm the region reaches beyond the prompts.
        margin_voxels: How far it reaches at most, in voxels of each axis.
        growths: How often the region grows where an object touches its border.
        most_voxels: Regions with more voxels are worked on at lower resolution.
        smoothing: How far noise is averaged out.
        crispness: Steps of gray values this many times the noise stay as they are.
        likeness: Difference of gray values (1 is black to white) that still counts as alike.
        reach: How far around a seed its gray value counts.
        recede: By what the reach of each further prompt is multiplied: corrections are local.
        least_reach: Reach that the last corrections still have.
        core: Seeds nearer than this count alike; farther ones by the square of their distance.
        doubt: Weight of "neither"; higher trusts gray values less.
        length_price: Price of a unit of length where gray values are alike.
        edge_price: Price of crossing an edge from black to white.
        border: Distance at which the border of the region counts as background.
        trust: Weight of the distances against smoothness.
        contrast: How much a difference of gray values separates two neighbors.
    """

    margin: float = 60.0
    margin_voxels: int = 40
    growths: int = 3
    most_voxels: int = 1_500_000
    smoothing: float = 1.0
    crispness: float = 4.0
    likeness: float = 0.12
    reach: float = 40.0
    recede: float = 0.4
    least_reach: float = 8.0
    core: float = 4.0
    doubt: float = 0.2
    length_price: float = 0.05
    edge_price: float = 3.0
    border: float = 6.0
    trust: float = 0.001
    contrast: float = 80.0

    @classmethod
    def for_one_slice(cls) -> Settings:
        """Gives what suits 2-D images: thin walls matter, noise and size matter less."""
        return cls(likeness=0.05, reach=15.0, recede=0.3, least_reach=3.0, doubt=0.3, border=3.0)
