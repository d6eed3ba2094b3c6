"""Who annotates: the name that was used last on this computer, else that of its user."""

from __future__ import annotations

import getpass
import re

import qt

SETTING = "ImperfectSeg/Annotator"
NOBODY = "annotator"


def lastAnnotator() -> str:
    """Gives a name that a data set allows."""
    known = str(qt.QSettings().value(SETTING, "") or "")
    return known or userName()


def rememberAnnotator(name: str) -> None:
    """Keeps a name for the next time."""
    qt.QSettings().setValue(SETTING, name)


def userName() -> str:
    """Gives the name of the computer's user, without what a data set does not allow in names."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # There is none, as in some containers.
        return NOBODY
    return re.sub(r"[^A-Za-z0-9_+-]+", "-", name).strip("-_+") or NOBODY
