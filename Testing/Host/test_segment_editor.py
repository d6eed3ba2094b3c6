"""The look-alike of Segment Editor behaves as Slicer's does, also where an effect is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

SOURCE = """
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    def __init__(self, scriptedEffect):
        scriptedEffect.name = "Host test"
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.seen = []

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        cloned = effects.qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(__file__)
        return cloned

    def setMRMLDefaults(self):
        self.scriptedEffect.setParameterDefault("Number", 3)

    def activate(self):
        self.seen.append("activate")

    def deactivate(self):
        self.seen.append("deactivate")

    def sourceVolumeNodeChanged(self):
        self.seen.append("source")

    def updateGUIFromMRML(self):
        self.seen.append("update")

    def cleanup(self):
        self.seen.append("cleanup")

    def processInteractionEvents(self, interactor, event, widget):
        return self.answer

    answer = False
"""


@pytest.fixture
def editor(slicer_app, scene, tmp_path):
    """Segment Editor with one volume, one segment and one effect."""
    import qSlicerSegmentationsEditorEffectsPythonQt as effects

    folder = tmp_path / "HostTestLib"
    folder.mkdir()
    (folder / "SegmentEditorEffect.py").write_text(SOURCE, encoding="utf-8")
    factory = slicer.qSlicerSegmentEditorEffectFactory.instance()
    known = list(factory._effects)
    instance = effects.qSlicerSegmentEditorScriptedEffect(None)
    assert instance.setPythonSource((folder / "SegmentEditorEffect.py").as_posix())
    instance.self().register()
    volume = slicer.util.addVolumeFromArray(np.arange(24.0).reshape(2, 3, 4))
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation.GetSegmentation().AddEmptySegment("one")
    widget = slicer.qMRMLSegmentEditorWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    widget.setMRMLSegmentEditorNode(node)
    widget.setSegmentationNode(segmentation)
    yield widget
    widget.close()
    factory._effects[:] = known


def effect_of(editor):
    return editor.effectByName("Host test")


def test_an_effect_is_told_what_happens_in_slicers_order(editor):
    effect = effect_of(editor)
    seen = effect.self().seen
    assert seen == ["source"], "the reference volume became the source volume"
    editor.setActiveEffect(effect)
    assert editor.activeEffect() is effect
    effect.setParameter("Number", 4)
    editor.setActiveEffectByName("")
    effect.setParameter("Number", 5)
    assert seen == ["source", "update", "activate", "update", "deactivate"]


def test_parameters_are_kept_apart_by_effect_and_have_types(editor):
    effect = effect_of(editor)
    assert effect.integerParameter("Number") == 3
    assert editor.mrmlSegmentEditorNode().GetAttribute("Host test.Number") == "3"
    with pytest.raises(TypeError, match="bool"):
        effect.setParameter("Flag", True)
    with pytest.raises(KeyError, match="Missing"):
        effect.parameter("Missing")


def test_modifying_and_undo_are_slicers_own(editor):
    effect, segmentation = effect_of(editor), editor.segmentationNode()
    labelmap = effect.defaultModifierLabelmap()
    labelmap.GetPointData().GetScalars().Fill(1)
    effect.saveStateForUndo()
    effect.modifySelectedSegmentByLabelmap(labelmap, effect.ModificationModeAdd)
    volume = editor.sourceVolumeNode()
    full = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "one", volume)
    assert full.all()
    editor.undo()
    empty = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "one", volume)
    assert empty is None or not empty.any()


def test_the_source_volume_is_on_the_segmentations_grid(editor):
    image = effect_of(editor).sourceVolumeImageData()
    assert image.GetExtent() == (0, 3, 0, 2, 0, 1)
    assert image.GetScalarRange() == (0, 23)


@pytest.mark.parametrize("answer", [True, False])
def test_an_event_is_the_views_own_unless_the_effect_uses_it_up(editor, slicer_app, answer):
    effect = effect_of(editor)
    editor.setActiveEffect(effect)
    effect.self().answer = answer
    view, reached = slicer_app.slice_view("Red"), []
    tag = view.interactor.AddObserver("LeftButtonPressEvent", lambda *_: reached.append(1), 0.5)
    view.click((100, 100))
    view.interactor.RemoveObserver(tag)
    assert bool(reached) != answer


def test_an_answer_that_is_no_boolean_is_recorded(editor, slicer_app):
    effect = effect_of(editor)
    editor.setActiveEffect(effect)
    effect.self().answer = 1
    slicer_app.slice_view("Red").click((100, 100))
    assert "boolean" in str(slicer_app.errors[0])
    slicer_app.clear_records()


def test_an_unknown_property_of_an_effect_is_refused(editor):
    with pytest.raises(AttributeError):
        effect_of(editor).colour = "red"


def test_deleting_the_editor_cleans_its_effects_up(editor):
    seen = effect_of(editor).self().seen
    editor.close()
    assert seen[-1] == "cleanup"
