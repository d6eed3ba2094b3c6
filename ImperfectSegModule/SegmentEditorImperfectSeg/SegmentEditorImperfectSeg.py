"""Scripted module that adds the effect ImperfectSeg to Segment Editor; it has no panel."""

import sys
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

# Installed, everything lies in one folder. In a source tree that folder is two levels up.
for folder in (Path(__file__).resolve().parents[1], Path(__file__).resolve().parents[2]):
    if any(folder.glob("ImperfectSegL*/__init__.py")) and str(folder) not in sys.path:
        sys.path.append(str(folder))

EFFECT = "ImperfectSeg"


class SegmentEditorImperfectSeg(ScriptedLoadableModule):
    """Registers the effect when the application has started."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Segment Editor ImperfectSeg")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["ImperfectSeg developers"]
        parent.hidden = True
        parent.helpText = _(
            "Adds the effect ImperfectSeg to Segment Editor: click or scribble on what belongs to"
            " the selected segment and on what does not."
        )
        parent.acknowledgementText = _(
            'After the survey "Embracing Imperfect Datasets" by Tajbakhsh et al.'
        )
        slicer.app.connect("startupCompleted()", self.registerEditorEffect)

    def registerEditorEffect(self) -> None:
        """Gives Segment Editor the effect; a second time changes nothing."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        instance = effects.qSlicerSegmentEditorScriptedEffect(None)
        source = Path(__file__).parent / "SegmentEditorImperfectSegLib" / "SegmentEditorEffect.py"
        instance.setPythonSource(source.as_posix())
        instance.self().register()


class SegmentEditorImperfectSegTest(ScriptedLoadableModuleTest):
    """Runs inside 3D Slicer (Reload and Test) and, outside of it, in the project's test host."""

    def runTest(self) -> None:
        """Segments a ball in Segment Editor."""
        slicer.mrmlScene.Clear()
        self.test_a_click_segments_a_ball_and_one_undo_takes_it_back()

    def test_a_click_segments_a_ball_and_one_undo_takes_it_back(self) -> None:
        """A click inside finds a bright ball in the dark; undo empties the segment again."""
        import numpy as np

        k, j, i = np.mgrid[:40, :40, :40]
        ball = (k - 20) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 < 10**2
        noise = np.random.default_rng(0).normal(0, 5, ball.shape)
        volume = slicer.util.addVolumeFromArray((100 * ball + noise).astype(np.float32))
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        segmentation.CreateDefaultDisplayNodes()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        segmentId = segmentation.GetSegmentation().AddEmptySegment("Ball")
        slicer.util.getModule("SegmentEditorImperfectSeg")
        slicer.modules.SegmentEditorImperfectSegInstance.registerEditorEffect()
        editor = slicer.qMRMLSegmentEditorWidget()
        editor.setMRMLScene(slicer.mrmlScene)
        parameters = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        editor.setMRMLSegmentEditorNode(parameters)
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(volume)
        editor.setCurrentSegmentID(segmentId)
        editor.setActiveEffectByName(EFFECT)
        session = editor.activeEffect().self().session
        session.addClick([20, 20, 20])
        self._waitFor(session)
        self._check(segmentation, segmentId, volume, ball, "after a click")
        editor.undo()
        self._check(segmentation, segmentId, volume, np.zeros_like(ball), "after undo")
        editor.setActiveEffectByName("")

    def _waitFor(self, session: Any) -> None:
        import time

        end = time.monotonic() + 60
        while session.isComputing and time.monotonic() < end:
            slicer.app.processEvents()
            time.sleep(0.01)

    def _check(
        self, segmentation: Any, segmentId: str, volume: Any, wanted: Any, when: str
    ) -> None:
        found = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume)
        found = wanted & False if found is None else found > 0
        both = found.sum() + wanted.sum()
        dice = 2 * (found & wanted).sum() / both if both else 1.0
        if dice < 0.95:
            raise AssertionError(f"{when} the ball was found with a Dice of {dice:.2f} only")
