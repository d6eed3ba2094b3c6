"""The package that reads DICOM reports and writes DICOM segmentations, where it is installed."""

from __future__ import annotations


def need_highdicom(what: str) -> None:
    """Checks that highdicom, and with it pydicom, is installed.

    Args:
        what: What needs it, for the message.

    Raises:
        ValueError: If it is not.
    """
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"highdicom: not installed, but {what} need it ({error}). Install it with: pip install"
            " 'imperfectseg[dicom]'"
        ) from error
