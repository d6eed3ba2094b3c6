"""The MRML tier: a real scene with Slicer's real module logics, and a small ``slicer.app``.

slicer-core brings MRML, module logics and file formats as they are in Slicer, but no application.
``boot()`` fills in what ``slicer.util`` expects of one: ``slicer.mrmlScene``, ``slicer.app`` and
``slicer.modules``. Only those three are stand-ins; every node, logic and storage node is real.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import types
from pathlib import Path
from typing import Any

from . import environment

environment.prepare()

import slicer  # noqa: E402
import slicer.util  # noqa: E402
import vtk  # noqa: E402

from . import terminology  # noqa: E402
from .core_io import CoreIOManager  # noqa: E402

SLICER_VERSION = (5, 12)
MODULE_LOGICS = {  # name of the module -> class of its logic
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Sequences": "vtkSlicerSequencesLogic",
}


class LogicModule:
    """Stands in for a loadable module of Slicer: it has the real logic and no widget."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = self.title = name
        self.path = ""
        self._logic = logic

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> None:
        return None


class CoreApplication:
    """Stands in for the part of qSlicerApplication that works without a window.

    ``testingEnabled()`` is False by default, so that ``slicer.util.errorDisplay`` and the like open
    the dialogs that a user would see (the Qt tier records them); set ``testing_enabled`` to change
    that.
    """

    applicationName = "Slicer"
    organizationName = "ImperfectSegTestHost"
    os = "linux"
    revision = repositoryRevision = "0"
    extensionsInstallPath = ""

    def __init__(self, scene: Any, logic: Any) -> None:
        self._scene = scene
        self._logic = logic
        self._io = CoreIOManager()
        self._keep: list[Any] = []  # VTK objects that nothing else holds
        self.testing_enabled = False
        self.majorVersion, self.minorVersion = SLICER_VERSION
        self.applicationVersion = ".".join(map(str, SLICER_VERSION)) + ".0"
        self.temporaryPath = tempfile.mkdtemp(prefix="slicer-test-host-")
        self.slicerHome = self.temporaryPath
        self.slicerUserSettingsFilePath = str(Path(self.temporaryPath) / "Slicer.ini")

    def mrmlScene(self) -> Any:
        return self._scene

    def applicationLogic(self) -> Any:
        return self._logic

    def coreIOManager(self) -> CoreIOManager:
        return self._io

    def ioManager(self) -> CoreIOManager:
        return self._io

    def layoutManager(self) -> Any:
        return None

    def pauseRender(self) -> None:
        self._logic.PauseRender()

    def resumeRender(self) -> None:
        self._logic.ResumeRender()

    def processEvents(self, *_: Any) -> None:
        """Without Qt there are none."""

    def testingEnabled(self) -> bool:
        return self.testing_enabled

    def commandOptions(self) -> Any:
        return types.SimpleNamespace(noMainWindow=True, testingEnabled=self.testing_enabled)

    def remove_temporary_files(self) -> None:
        shutil.rmtree(self.temporaryPath, ignore_errors=True)


def boot() -> CoreApplication:
    """Start the MRML tier once; later calls return the running application."""
    if getattr(slicer, "app", None) is not None:
        return slicer.app
    scene = slicer.mrmlScene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerApplicationLogic()
    app = slicer.app = CoreApplication(scene, logic)
    slicer.modules = types.SimpleNamespace()
    slicer.util.mainWindow = lambda verbose=True: None
    _add_crosshair(scene)
    _start_data_io(app, scene, logic)
    _start_colors(scene, logic)
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    _start_modules(app, scene, logic)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    return app


def clear_scene() -> Any:
    """Close the scene as File / Close scene does (StartCloseEvent, EndCloseEvent) and return it.

    Singletons (views, selection, interaction, colours) stay, as they do in Slicer.
    """
    slicer.mrmlScene.Clear(False)
    slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
    return slicer.mrmlScene


def _add_crosshair(scene: Any) -> None:
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)


def _start_data_io(app: CoreApplication, scene: Any, logic: Any) -> None:
    """Give the scene its file cache; ReadFromMRB fails without one."""
    remote, data_io = slicer.vtkMRMLRemoteIOLogic(), slicer.vtkDataIOManagerLogic()
    data_io.SetMRMLApplicationLogic(logic)
    data_io.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.GetCacheManager().SetRemoteCacheDirectory(app.temporaryPath)
    logic.SetTemporaryPath(app.temporaryPath)
    logic.SetMRMLScene(scene)
    logic.SetMRMLSceneDataIO(scene, remote, data_io)
    app._keep += [remote, data_io]


def _start_colors(scene: Any, logic: Any) -> None:
    colors = logic.GetColorLogic()
    colors.SetMRMLScene(scene)
    colors.AddDefaultColorNodes()
    _register("Colors", colors, logic)


def _start_modules(app: CoreApplication, scene: Any, app_logic: Any) -> None:
    share = terminology.write_share(Path(app.temporaryPath) / "share")
    for name, class_name in MODULE_LOGICS.items():
        if not hasattr(slicer, class_name):
            logging.warning("slicer-core has no %s", class_name)
            continue
        logic = getattr(slicer, class_name)()
        if name == "Terminologies":
            logic.SetModuleShareDirectory(str(share))
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(app_logic)
        _register(name, logic, app_logic)


def _register(name: str, logic: Any, app_logic: Any) -> None:
    app_logic.SetModuleLogic(name, logic)
    setattr(slicer.modules, name.lower(), LogicModule(name, logic))
