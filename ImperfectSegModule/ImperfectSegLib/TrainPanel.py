"""The train panel: puts its two parts together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ImperfectSegLib.PackageInstaller import PackageInstaller
from ImperfectSegLib.PanelWidget import Panel
from ImperfectSegLib.PredictPart import PredictPart
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.TrainPart import TrainPart


class TrainPanel(Panel):
    """Everything of the panel that is no business of Slicer's module classes.

    Attributes:
        training: The part that trains.
        predicting: The part that predicts.
    """

    def __init__(self, ui: Any, needed: Path) -> None:
        """Takes the widgets, and the list of needed packages."""
        ui.dataSetPath.filters = type(ui.dataSetPath).Dirs
        self.predicting: PredictPart | None = None
        processes = Processes()
        self.training = TrainPart(ui, processes, PackageInstaller(needed), self._onChanged)
        self.predicting = PredictPart(ui, processes, self.training)

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        assert self.predicting is not None
        self.training.follow(parameters)
        self.predicting.follow(parameters)

    def enter(self) -> None:
        """Called each time the user opens the module; curves stay live when it is left."""
        self.training.enter()

    def close(self) -> None:
        """Called when the module is closed for good; training goes on."""
        assert self.predicting is not None
        self.training.close()
        self.predicting.session.close()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        assert self.predicting is not None
        self.predicting.session.forgetScene()

    def endClose(self) -> None:
        """Shows the curves again, in the empty scene."""
        self.training.session.showAgain()
        self._onChanged()

    def _onChanged(self) -> None:
        if self.predicting is not None:  # None while the parts are being made.
            self.predicting.update()
