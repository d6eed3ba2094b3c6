"""Someone who works in Segment Editor with the effect ImperfectSeg."""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util
import vtk

from ImperfectSegLib import Bridge, EngineSlot
from ImperfectSegLib.PromptStore import PromptStore
from Testing.Module.ball_segmenter import BallSegmenter
from Testing.Module.conftest import MODULES

MODULE = MODULES / "SegmentEditorImperfectSeg" / "SegmentEditorImperfectSeg.py"
SHAPE = (40, 44, 48)
INSIDE = (10.0, 12.0, 15.0)  # RAS in mm, well inside the image
ELSEWHERE = (-8.0, -6.0, 2.0)


def oblique_matrix():
    """The image's axes, turned by 10 degrees, with slices 1.5 mm apart."""
    angle = np.radians(10)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, :3] = matrix[:3, :3] @ np.diag([-1.0, -1.0, 1.5])
    matrix[:3, 3] = (28, 24, -25)
    return matrix


def make_volume(name="phantom", matrix=None, shape=SHAPE):
    voxels = np.random.default_rng(0).integers(0, 100, shape).astype(np.int16)
    matrix = oblique_matrix() if matrix is None else matrix
    return slicer.util.addVolumeFromArray(voxels, ijkToRAS=matrix, name=name)


def transform_node(angle=25.0, shift=(4, -3, 2)):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = vtk.vtkTransform()
    turn.RotateZ(angle)
    turn.RotateX(angle / 2)
    turn.Translate(*shift)
    node.SetMatrixTransformToParent(turn.GetMatrix())
    return node


class EditorPerson:
    """Someone at the screen; the engine's answers are balls, unless told otherwise."""

    def __init__(self, host, monkeypatch):
        self.host = host
        self.engine = BallSegmenter()
        self.asked = []
        monkeypatch.setattr(EngineSlot, "interactive_segmenter", self._make_engine)
        if "SegmentEditorImperfectSeg" not in host.app.moduleManager().modulesNames():
            host.load_module(MODULE)
        host.app.startupCompleted.emit()
        self.volume = make_volume()
        host.show_volume(self.volume, INSIDE)
        self.opens_segment_editor()

    def _make_engine(self, name, model=None):
        self.asked.append((name, model))
        return self.engine

    def opens_segment_editor(self):
        self.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        self.segmentation.CreateDefaultDisplayNodes()
        self.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        self.editor = slicer.qMRMLSegmentEditorWidget()
        self.editor.setMRMLScene(slicer.mrmlScene)
        self.parameters = slicer.vtkMRMLSegmentEditorNode()
        self.parameters.SetSingletonTag("SegmentEditor")
        self.parameters = slicer.mrmlScene.AddNode(self.parameters)
        self.editor.setMRMLSegmentEditorNode(self.parameters)
        self.editor.setSegmentationNode(self.segmentation)
        self.editor.setSourceVolumeNode(self.volume)
        self.host.window.show_panel(self.editor)
        self.adds_a_segment()
        self.takes_the_effect()

    def closes_segment_editor(self):
        self.host.window.show_panel(None)
        self.editor.close()

    # What they do -----------------------------------------------------------------------------

    def adds_a_segment(self, name=""):
        segmentation = self.segmentation.GetSegmentation()
        segment = segmentation.AddEmptySegment(name or segmentation.GenerateUniqueSegmentID("S"))
        self.editor.setCurrentSegmentID(segment)
        self.host.process_events()
        return segment

    def takes_the_effect(self, name="ImperfectSeg"):
        self.editor.setActiveEffectByName(name)
        self.host.process_events()

    def looks_at(self, ras, view="Red"):
        self.host.show_volume(self.volume, ras)
        return self.host.slice_view(view)

    def clicks(self, ras, view="Red", wait=True, **keys):
        pane = self.looks_at(ras, view)
        pane.click(pane.ras_to_xy(ras), **keys)
        self.host.process_events()
        if wait:
            self.waits()

    def drags(self, start, end, view="Red", **keys):
        pane = self.looks_at(start, view)
        a, b = pane.ras_to_xy(start), pane.ras_to_xy(end)
        pane.drag([a + (b - a) * t for t in np.linspace(0, 1, 12)], **keys)
        self.waits()

    def paints(self, ras, segment=None, radius=3.0, undoable=True):
        """Paints a ball into a segment as another effect would, masking apart."""
        segment = segment or self.parameters.GetSelectedSegmentID()
        geometry = self.geometry
        places = geometry.to_ras(np.argwhere(np.ones(geometry.shape, bool)))
        near = np.linalg.norm(places - ras, axis=1) < radius
        ball = near.reshape(geometry.shape)
        image = Bridge.modifierLabelmap(ball, geometry.whole, geometry, self.segmentation)
        if undoable:
            self.editor.saveStateForUndo()
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        mode = logic.MODE_MERGE_MAX
        logic.SetBinaryLabelmapToSegment(image, self.segmentation, segment, mode)
        self.host.process_events()

    def undoes(self):
        self.editor.undo()
        self.host.process_events()

    def redoes(self):
        self.editor.redo()
        self.host.process_events()

    def presses(self, name):
        getattr(self.ui, name).click()
        self.host.process_events()

    def waits(self):
        self.host.wait_until(lambda: not self.session.isComputing)

    # What they see ----------------------------------------------------------------------------

    @property
    def effect(self):
        return self.editor.effectByName("ImperfectSeg").self()

    @property
    def session(self):
        return self.effect.session

    @property
    def ui(self):
        return self.effect.ui

    @property
    def status(self):
        return self.ui.statusLabel.text

    @property
    def store(self):
        return PromptStore(self.segmentation)

    @property
    def prompts(self):
        return self.store.prompts()[0]

    @property
    def geometry(self):
        return Bridge.volumeFromNode(self.volume).geometry

    def mask(self, segment=None):
        segment = segment or self.parameters.GetSelectedSegmentID()
        return Bridge.segmentMask(self.segmentation, segment, self.geometry)

    def is_at(self, ras, segment=None):
        return bool(self.mask(segment)[tuple(self.geometry.to_index(ras))])


def working(host, monkeypatch):
    """For a fixture: someone who has taken up the effect, with one empty segment."""
    someone = EditorPerson(host, monkeypatch)
    yield someone
    someone.engine.release()
    someone.closes_segment_editor()
