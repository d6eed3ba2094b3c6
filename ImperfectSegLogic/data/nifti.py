"""Reading NIfTI files, where ITK fails without a word.

ITK fills up files that are cut short, bends sheared matrices to right angles, drops the third
coordinate of 2-D images, and takes the voxels of `x.nii` for those of `x.nii.gz` beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.compressed import count_rest, open_bytes

FIELDS: dict[int, dict[str, tuple[str, int]]] = {
    348: {
        "dim": ("8i2", 40),
        "datatype": ("i2", 70),
        "bitpix": ("i2", 72),
        "pixdim": ("8f4", 76),
        "vox_offset": ("f4", 108),
        "scale": ("2f4", 112),
        "units": ("u1", 123),
        "qform_code": ("i2", 252),
        "sform_code": ("i2", 254),
        "quaternion": ("6f4", 256),
        "srow": ("12f4", 280),
    },
    540: {
        "datatype": ("i2", 12),
        "bitpix": ("i2", 14),
        "dim": ("8i8", 16),
        "pixdim": ("8f8", 104),
        "vox_offset": ("i8", 168),
        "scale": ("2f8", 176),
        "qform_code": ("i4", 344),
        "sform_code": ("i4", 348),
        "quaternion": ("6f8", 352),
        "srow": ("12f8", 400),
        "units": ("i4", 500),
    },
}
"""Where the fields of NIfTI-1 and NIfTI-2 headers are, by the header's length."""

KINDS = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"} | {
    1024: "i8",
    1280: "u8",
}
MILLIMETERS = {1: 1000.0, 3: 0.001}


@dataclass(frozen=True)
class NiftiHeader:
    """What a NIfTI header says.

    Attributes:
        path: The file.
        shape: Voxels per axis, fastest first (i, j, k, time, channel), without trailing ones.
        order: `<` or `>`, the order of the bytes.
        fields: The header's fields as they are in the file.
    """

    path: Path
    shape: tuple[int, ...]
    order: str
    fields: dict[str, Any]

    @property
    def size(self) -> int:
        """How many bytes a complete file has, uncompressed."""
        bits = int(np.prod(self.shape, dtype=np.int64)) * int(self.fields["bitpix"])
        return int(self.fields["vox_offset"]) + (bits + 7) // 8

    @property
    def matrix(self) -> NDArray[np.float64] | None:
        """The 4x4 IJK-to-RAS matrix in mm, shear and all; None where the file gives none.

        Of sform and qform it is the one that 3D Slicer takes: the sform if its code is 1 (scanner)
        or there is no qform.
        """
        matrix, sform, qform = np.eye(4), self.fields["sform_code"], self.fields["qform_code"]
        if sform == 1 or (sform > 0 and qform <= 0):
            matrix[:3] = np.asarray(self.fields["srow"]).reshape(3, 4)
        elif qform > 0:
            matrix[:3, :3] = _rotation(self.fields["quaternion"][:3]) * self._spacing()
            matrix[:3, 3] = self.fields["quaternion"][3:]
        else:
            return None
        matrix[:3] *= MILLIMETERS.get(int(self.fields["units"]) & 7, 1.0)
        return matrix if np.linalg.det(matrix) else None

    @property
    def is_plain(self) -> bool:
        """Whether there is one number per voxel, in up to four axes, so that `voxels` works."""
        return int(self.fields["datatype"]) in KINDS and len(self._axes()) <= 4

    def voxels(self) -> NDArray[Any]:
        """Reads the scaled voxels, shape (slice, row, column), time or channels first.

        Raises:
            ValueError: If the file is cut short.
        """
        shape, kind = self._axes(), KINDS[int(self.fields["datatype"])]
        wanted = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
        with open_bytes(self.path) as file:
            file.seek(int(self.fields["vox_offset"]))
            content = file.read(wanted)
            count_rest(file)
        self.check_size(self.size - wanted + len(content))
        raw = np.frombuffer(content, self.order + kind)
        shape += (1,) * (3 - len(shape))
        array = raw.reshape(shape[::-1]).astype(kind, copy=False)
        slope, intercept = (float(v) for v in self.fields["scale"])
        if slope and np.isfinite((slope, intercept)).all() and (slope, intercept) != (1.0, 0.0):
            array = (array * slope + intercept).astype(np.float64 if kind == "f8" else np.float32)
        return array

    def check_size(self, got: int) -> None:
        """Checks how many uncompressed bytes there are.

        Raises:
            ValueError: If they are too few.
        """
        if got < self.size:
            raise ValueError(
                f"{self.path}: got a file that is cut short: {got} of {self.size} bytes. Copy or"
                " download it again."
            )

    def _axes(self) -> tuple[int, ...]:
        return tuple(n for axis, n in enumerate(self.shape) if axis < 3 or n > 1)

    def _spacing(self) -> NDArray[np.float64]:
        pixdim = np.asarray(self.fields["pixdim"], dtype=np.float64)
        i, j, k = (float(p) if p > 0 else 1.0 for p in pixdim[1:4])
        return np.array([i, j, -k if pixdim[0] < 0 else k])


def check_no_twin(path: Path) -> None:
    """Checks that no `x.nii` lies beside `x.nii.gz`, whose voxels ITK and 3D Slicer would take.

    Raises:
        ValueError: If there is one.
    """
    twin = path.with_suffix("")
    if path.suffix.lower() == ".gz" and twin.exists():
        raise ValueError(
            f"{path}: {twin.name} lies beside it, and 3D Slicer and ITK would take that file's"
            " voxels. Choose another name, or move one of the two."
        )


def read_header(path: Path) -> NiftiHeader:
    """Reads the header of a NIfTI-1 or NIfTI-2 file.

    Raises:
        ValueError: If it is no NIfTI file, or cut short in the header.
    """
    with open_bytes(path) as file:
        start = file.read(544)
    for order in "<>":
        length = int(np.frombuffer(start[:4], order + "i4")[0]) if len(start) >= 348 else 0
        if length in FIELDS and len(start) >= length:
            return _parsed(path, start, order, length)
    raise ValueError(
        f"{path}: got a file that is no NIfTI file or is cut short. Give it the extension of what"
        " it is, or copy it again."
    )


def _parsed(path: Path, start: bytes, order: str, length: int) -> NiftiHeader:
    fields = {}
    for name, (kind, offset) in FIELDS[length].items():
        count = int(kind[:-2] or 1)
        values = np.frombuffer(start, order + kind[-2:], count, offset)
        fields[name] = values if count > 1 else values[0]
    axes = int(fields["dim"][0])
    shape = tuple(int(n) for n in fields["dim"][1 : axes + 1])
    if not 1 <= axes <= 7 or min(shape) < 1 or fields["bitpix"] < 1:
        raise ValueError(f"{path}: got a damaged NIfTI header with axes {shape}. Copy it again.")
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return NiftiHeader(path, shape, order, fields)


def _rotation(bcd: NDArray[Any]) -> NDArray[np.float64]:
    imaginary = np.asarray(bcd, dtype=np.float64)
    real = 1.0 - float(imaginary @ imaginary)
    if real < 1e-7:  # A half turn; what is left is rounding of 32-bit numbers.
        imaginary, real = imaginary / np.linalg.norm(imaginary), 0.0
    a, (b, c, d) = np.sqrt(real), imaginary
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
