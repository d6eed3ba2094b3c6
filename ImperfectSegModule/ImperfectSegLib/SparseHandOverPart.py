"""The part of the sparse panel that hands the case to a data set, in one press."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ImperfectSegLib import Bridge, SceneDataset
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.SparseLogic import SparseLogic
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseStore import labelsOf
from ImperfectSegLib.SparseTaken import KINDS, Taken
from ImperfectSegLogic.data import Dataset, Volume

ALL = "All that I marked"


class SparseHandOverPart:
    """Writes the image and its marks beside the window; each press is a new version.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self,
        ui: Any,
        logic: SparseLogic,
        session: SparseSession,
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, who takes marks out of the scene, the session, and who speaks."""
        self._ui, self._logic, self._session, self._say = ui, logic, session, say
        self._jobs = JobRunner()
        self.parameters: Any = None
        ui.datasetPath.filters = type(ui.datasetPath).Dirs
        ui.handOverKindBox.addItems([ALL, *reversed(KINDS)])
        ui.handOverButton.connect("clicked(bool)", lambda _checked: self.handOver())
        ui.datasetPath.connect("currentPathChanged(QString)", self._onPath)

    @property
    def isBusy(self) -> bool:
        """Whether it is being written."""
        return self._jobs.isRunning

    def handOver(self) -> None:
        """Writes the case with what was marked into the data set."""
        known, session = self.parameters, self._session
        try:
            annotator = known.annotator.strip()
            if not annotator:
                raise ValueError("annotator: nobody is named. Say who annotates.")
            volume = Bridge.volumeFromNode(session.volumeNode)
            dataset = self._dataset()
            numbers = SceneDataset.labelNumbers(dataset, session.segmentationNode)
            taken = self._logic.taken(session.volumeNode, session.segmentationNode, numbers)
            kinds = self._kinds(taken)
        except (ValueError, OSError) as error:
            self._say(str(error), True)
            return
        case = known.caseName.strip()
        self._jobs.start(
            lambda progress: _written(dataset, volume, taken, kinds, annotator, case),
            lambda text: self._onDone(text),
            self._onError,
            lambda fraction, text: None,
        )
        self._say("Writing into the data set...", False)
        self.update()

    def update(self) -> None:
        """Brings the widgets up to date."""
        has = self._session.segmentationNode is not None and self._session.volumeNode is not None
        isChosen = bool(self._ui.datasetPath.currentPath.strip())
        self._ui.handOverButton.enabled = has and isChosen and not self.isBusy

    def _onPath(self, path: str) -> None:
        if self.parameters is not None and self.parameters.dataset != path.strip():
            self.parameters.dataset = path.strip()
        self.update()

    def close(self) -> None:
        """Called when the module is closed for good; what is being written is written."""
        self._jobs.close()

    def _dataset(self) -> Dataset:
        """Opens the data set; makes one with the segments as labels where no folder is."""
        folder = Path(self._ui.datasetPath.currentPath.strip())
        if folder.exists():
            return Dataset.open(folder)
        node = self._session.segmentationNode
        inside = node.GetSegmentation()
        names = {n: inside.GetSegment(s).GetName() for s, n in labelsOf(node).items() if n}
        return Dataset.create(folder, names)

    def _kinds(self, taken: Taken) -> tuple[str, ...]:
        chosen = str(self._ui.handOverKindBox.currentText)
        if chosen != ALL:
            taken.annotation(chosen)
            return (chosen,)
        if not taken.kinds:
            raise ValueError("nothing was marked yet. Mark something, then hand the case over.")
        return taken.kinds

    def _onDone(self, text: str) -> None:
        self._say(text, False)
        self.update()

    def _onError(self, error: Exception) -> None:
        self._say(str(error) or type(error).__name__, True)
        self.update()
        if not isinstance(error, ValueError | OSError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.


def _written(
    dataset: Dataset,
    volume: Volume,
    taken: Taken,
    kinds: tuple[str, ...],
    annotator: str,
    case: str,
) -> str:
    """Writes a version per kind, the one that says most last, so that it is the newest."""
    versions = []
    for kind in kinds:
        annotation = taken.annotation(kind)
        case, version = SceneDataset.addVolume(dataset, volume, annotation, annotator, case)
        versions.append(f"{kind} (version {version})")
    newest = " The last one is read unless another is asked for." if len(versions) > 1 else ""
    name = dataset.description.name
    return f"In data set {name}, case {case}, by {annotator}: {', '.join(versions)}.{newest}"
