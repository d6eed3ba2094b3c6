"""The part of the refine panel that keeps method, settings and margin in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ImperfectSegLib.RefinerPart import RefinerPart
from ImperfectSegLogic.refinement.profile import Profile, read_profile, write_profile

FILES = "Profiles (*.json)"
ABOUT = {"made": "in the panel ImperfectSeg Refine"}


class ProfilePart:
    """Loads and saves profiles, which `imperfectseg refine --profile` takes too.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, method: RefinerPart, say: Callable[[str, bool], None]) -> None:
        """Takes the widgets, who knows method and settings, and who tells the user."""
        self._ui, self._method, self._say = ui, method, say
        self.parameters: Any = None
        ui.loadProfileButton.connect("clicked(bool)", lambda _checked: self._load())
        ui.saveProfileButton.connect("clicked(bool)", lambda _checked: self._save())

    @property
    def margin(self) -> float | None:
        """How near to a segment voxels are that are refined, in mm; None for all."""
        known = self.parameters
        return float(known.margin) if known is not None and known.nearSegments else None

    def profile(self) -> Profile:
        """Gives what is chosen.

        Raises:
            ValueError: If there is no method, or numbers were typed that are none.
        """
        return Profile(self._method.steps(), self.margin, ABOUT)

    def show(self, profile: Profile) -> None:
        """Shows a profile.

        Raises:
            ValueError: If the panel cannot: see `RefinerPart.showSteps`.
        """
        self._method.showSteps(profile.steps)
        known = self.parameters
        wasModified = known.StartModify()
        known.nearSegments = profile.margin is not None
        if profile.margin is not None:
            known.margin = profile.margin
        known.EndModify(wasModified)

    def _load(self) -> None:
        path = qt.QFileDialog.getOpenFileName(self._ui.methodBox, _("Load profile"), "", FILES)
        if path:
            self._try(lambda: self.show(read_profile(path)), f"Loaded: {path}")

    def _save(self) -> None:
        path = qt.QFileDialog.getSaveFileName(self._ui.methodBox, _("Save profile"), "", FILES)
        if path:
            file = Path(path if path.endswith(".json") else f"{path}.json")
            self._try(lambda: write_profile(self.profile(), file, overwrite=True), f"Saved: {file}")

    def _try(self, action: Callable[[], None], told: str) -> None:
        try:
            action()
        except (ValueError, OSError) as error:
            self._say(str(error), True)
            return
        self._say(told, False)
