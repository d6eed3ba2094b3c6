"""The rendering tier: Slicer's real displayable managers in offscreen windows, without Qt.

Slice intersections, markups, segment outlines and 3-D surfaces are drawn by the same classes as in
Slicer, and mouse events go through Slicer's own interactor styles. The look-alike part is thin: the
window, and the way the slice image is put behind the rest. Left out: slice edges in 3-D (their
displayable manager does not work here), corner annotations, lightbox mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from . import environment

environment.prepare()

import numpy as np  # noqa: E402
import slicer  # noqa: E402
import vtk  # noqa: E402
from vtkmodules.util.numpy_support import vtk_to_numpy  # noqa: E402

SLICE_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
)
THREED_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
)
DEFAULT_SIZE = (500, 500)

Position = Sequence[float]


class OffscreenView:
    """A render window with displayable managers, and a mouse to use it with.

    Positions are in display pixels with the origin at the lower left, as VTK counts them.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.renderer = vtk.vtkRenderer()
        self.window = self._make_window(size)
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.SetSize(*size)
        # Takes VTK's default style out; with it in, clicks never reach the MRML style.
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())

    def event(
        self,
        name: str,
        xy: Position | None = None,
        *,
        shift: bool = False,
        ctrl: bool = False,
        key: str = "",
    ) -> None:
        """Send one VTK event, such as ``MouseMoveEvent``, to the interactor."""
        x, y = self.interactor.GetEventPosition() if xy is None else xy
        self.interactor.SetEventInformation(
            round(x), round(y), int(ctrl), int(shift), key[:1] or "\0", 0, key
        )
        self.interactor.InvokeEvent(name)

    def move(self, xy: Position, **modifiers: bool) -> None:
        self.event("MouseMoveEvent", xy, **modifiers)

    def click(self, xy: Position, button: str = "Left", **modifiers: bool) -> None:
        self.drag([xy], button, **modifiers)

    def drag(self, path: Iterable[Position], button: str = "Left", **modifiers: bool) -> None:
        """Press at the first position, move through the others, release at the last."""
        first, *others = path
        self.move(first, **modifiers)
        self.event(f"{button}ButtonPressEvent", first, **modifiers)
        for xy in others:
            self.move(xy, **modifiers)
        self.event(f"{button}ButtonReleaseEvent", (others or [first])[-1], **modifiers)

    def press_key(self, key: str, **modifiers: bool) -> None:
        """Press and release a key, named as VTK names it (``Escape``, ``Return``, ``a``)."""
        for name in ("KeyPressEvent", "CharEvent", "KeyReleaseEvent"):
            self.event(name, key=key, **modifiers)

    def image(self) -> np.ndarray:
        """Render, and return the picture as rows x columns x RGB, first row on top."""
        picture = self._grab()
        columns, rows, _ = picture.GetDimensions()
        pixels = vtk_to_numpy(picture.GetPointData().GetScalars())
        return np.ascontiguousarray(pixels.reshape(rows, columns, 3)[::-1])

    def png(self, path: str | Path) -> Path:
        """Render into a PNG file."""
        writer = vtk.vtkPNGWriter()
        writer.SetFileName(str(path))
        writer.SetInputData(self._grab())
        writer.Write()
        return Path(path)

    def resize(self, width: int, height: int) -> None:
        self.window.SetSize(width, height)
        self.interactor.SetSize(width, height)
        self.interactor.InvokeEvent("ConfigureEvent")

    def displayable_manager(self, class_name: str) -> vtk.vtkObject | None:
        group = self.managers
        every = map(group.GetNthDisplayableManager, range(group.GetDisplayableManagerCount()))
        return next((manager for manager in every if manager.IsA(class_name)), None)

    def _make_window(self, size: tuple[int, int]) -> vtk.vtkRenderWindow:
        window = vtk.vtkRenderWindow()
        window.SetShowWindow(False)
        window.SetOffScreenRendering(1)
        window.SetMultiSamples(0)
        window.SetSize(*size)
        return window

    def _start_managers(self, factory_class: type, names: Iterable[str]) -> None:
        factory = factory_class.GetInstance()
        factory.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        for name in names:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.managers = slicer.vtkMRMLDisplayableManagerGroup()
        self.managers.SetRenderer(self.renderer)
        self.managers.Initialize(factory, self.renderer)

    def _start_style(self, style: vtk.vtkObject) -> None:
        style.SetDisplayableManagers(self.managers)
        style.SetInteractor(self.interactor)
        self.style = style

    def _grab(self) -> vtk.vtkImageData:
        self.window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        return grabber.GetOutput()


class SliceView(OffscreenView):
    """One slice view: stands in for qMRMLSliceWidget and its vtkMRMLSliceView."""

    def __init__(
        self,
        name: str = "Red",
        orientation: str = "Axial",
        size: tuple[int, int] = DEFAULT_SIZE,
    ) -> None:
        super().__init__(size)
        self._add_layers()
        self._add_slice_image()  # before the managers, or it would cover what they draw
        self._start_managers(slicer.vtkMRMLSliceViewDisplayableManagerFactory, SLICE_MANAGERS)
        self.logic = self._make_logic()
        self.node = self.logic.AddSliceNode(name)
        self.node.SetOrientation(orientation)
        self.node.SetMappedInLayout(1)
        style = slicer.vtkMRMLSliceViewInteractorStyle()
        style.SetSliceLogic(self.logic)
        self._start_style(style)
        self.managers.SetMRMLDisplayableNode(self.node)
        self.logic.ResizeSliceNode(*size)

    def show(self, volume: slicer.vtkMRMLVolumeNode, position: Position | None = None) -> None:
        """Put a volume behind this view, in its own planes, and go to a RAS position."""
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        self.node.RotateToVolumePlane(volume)
        self.logic.FitSliceToAll()
        if position is not None:
            self.jump_to(position)
        self.logic.SnapSliceOffsetToIJK()

    def jump_to(self, position: Position) -> None:
        """Move the slice, without panning, so that a RAS position lies in it."""
        normal = np.array([self.node.GetSliceToRAS().GetElement(i, 2) for i in range(3)])
        self.logic.SetSliceOffset(float(normal @ np.asarray(position)))

    def ras_to_xy(self, position: Position) -> np.ndarray:
        """Display pixel of a RAS position (its distance from the slice plane is lost)."""
        ras_to_xy = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), ras_to_xy)
        return np.array(ras_to_xy.MultiplyPoint((*position, 1.0)))[:2]

    def xy_to_ras(self, xy: Position) -> np.ndarray:
        return np.array(self.node.GetXYToRAS().MultiplyPoint((*xy, 0.0, 1.0)))[:3]

    def resize(self, width: int, height: int) -> None:
        super().resize(width, height)
        self.logic.ResizeSliceNode(width, height)

    def _grab(self) -> vtk.vtkImageData:
        # The logic makes a new pipeline whenever the layers change.
        self._mapper.SetInputConnection(self.logic.GetImageDataConnection())
        self._actor.SetVisibility(self.logic.GetImageDataConnection() is not None)
        return super()._grab()

    def _add_layers(self) -> None:
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.overlay = vtk.vtkRenderer()
        self.overlay.SetLayer(1)
        self.overlay.GetActiveCamera().ParallelProjectionOn()
        self.window.SetNumberOfLayers(2)
        self.window.AddRenderer(self.overlay)

    def _add_slice_image(self) -> None:
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(self._mapper)
        self._actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(self._actor)

    def _make_logic(self) -> slicer.vtkMRMLSliceLogic:
        application_logic = slicer.app.applicationLogic()
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetSliceLogics().AddItem(logic)
        logic.SetMRMLScene(slicer.mrmlScene)
        return logic


class ThreeDView(OffscreenView):
    """One 3-D view: stands in for qMRMLThreeDWidget and its qMRMLThreeDView."""

    def __init__(self, name: str = "1", size: tuple[int, int] = DEFAULT_SIZE) -> None:
        super().__init__(size)
        self._start_managers(slicer.vtkMRMLThreeDViewDisplayableManagerFactory, THREED_MANAGERS)
        self.logic = self._make_logic()
        self.node = self.logic.AddViewNode(name)
        self.node.SetMappedInLayout(1)
        self._ensure_camera()
        self._start_style(slicer.vtkMRMLThreeDViewInteractorStyle())
        self.managers.SetMRMLDisplayableNode(self.node)

    def reset(self) -> None:
        """Bring everything into view."""
        self.renderer.ResetCamera()
        self.renderer.ResetCameraClippingRange()

    def _ensure_camera(self) -> None:
        camera = slicer.vtkMRMLCameraNode()
        slicer.mrmlScene.AddNode(camera)
        camera.SetLayoutName(self.node.GetLayoutName())

    def _make_logic(self) -> slicer.vtkMRMLViewLogic:
        application_logic = slicer.app.applicationLogic()
        logic = slicer.vtkMRMLViewLogic()
        logic.SetMRMLApplicationLogic(application_logic)
        application_logic.GetViewLogics().AddItem(logic)
        logic.SetMRMLScene(slicer.mrmlScene)
        return logic
