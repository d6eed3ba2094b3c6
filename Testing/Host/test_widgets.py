"""The look-alike widgets and the window, on the real scene and with Qt's own mouse events."""

from __future__ import annotations

import numpy as np
import pytest

TARGET = (6.0, -9.0, 15.0)


@pytest.fixture
def volume(scene):
    import slicer

    k, j, i = np.mgrid[:40, :48, :56]
    ball = (k - 20) ** 2 + (j - 24) ** 2 + (i - 28) ** 2 < 15**2
    matrix = np.diag([-2.0, -2.0, 3.0, 1.0])
    matrix[:3, 3] = [56, 48, -60]
    return slicer.util.addVolumeFromArray(ball.astype(np.int16) * 200, matrix, "Ball")


@pytest.fixture
def volume_box(scene):
    import slicer

    box = slicer.qMRMLNodeComboBox()
    box.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    box.setMRMLScene(scene)
    return box


def add_volume(scene, name):
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


class TestNodeComboBox:
    def test_it_selects_the_first_node_that_comes(self, scene, volume_box):
        seen: list[object] = []
        volume_box.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
        node = add_volume(scene, "first")
        add_volume(scene, "second")
        assert volume_box.currentNode() is node
        assert (seen, volume_box.nodeCount()) == ([node], 2)

    def test_with_none_enabled_it_waits(self, scene, volume_box):
        volume_box.noneEnabled = True
        add_volume(scene, "first")
        assert volume_box.currentNode() is None
        assert volume_box.currentNodeID == ""

    def test_it_lists_only_what_it_should(self, scene, volume_box):
        scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
        add_volume(scene, "hidden").SetHideFromEditors(True)
        volume_box.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
        add_volume(scene, "shown")
        assert [volume_box.nodeFromIndex(0).GetName(), volume_box.nodeCount()] == ["shown", 1]

    def test_it_forgets_a_removed_node(self, scene, volume_box):
        node, other = add_volume(scene, "first"), add_volume(scene, "second")
        valid: list[bool] = []
        volume_box.connect("currentNodeChanged(bool)", valid.append)
        scene.RemoveNode(node)
        assert volume_box.currentNode() is other
        scene.RemoveNode(other)
        assert (volume_box.currentNode(), valid) == (None, [True, False])

    def test_it_follows_a_new_name(self, scene, volume_box):
        add_volume(scene, "old").SetName("new")
        assert volume_box._box.itemText(0) == "new"

    def test_the_user_can_make_a_node(self, scene, volume_box):
        made: list[object] = []
        volume_box.baseName = "Mine"
        volume_box.connect("nodeAddedByUserAction(vtkMRMLNode*)", made.append)
        index = volume_box._box.findText("Create new ScalarVolume")
        volume_box._box.setCurrentIndex(index)
        volume_box._box.activated.emit(index)
        assert made == [volume_box.currentNode()]
        assert made[0].GetName() == "Mine"


class TestSegmentsTable:
    @pytest.fixture
    def segmentation(self, scene):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Seg")
        node.CreateDefaultDisplayNodes()
        for name in ("one", "two"):
            node.GetSegmentation().AddEmptySegment(name, name.title())
        return node

    @pytest.fixture
    def table(self, scene, segmentation):
        import slicer

        table = slicer.qMRMLSegmentsTableView()
        table.setMRMLScene(scene)
        table.setSegmentationNode(segmentation)
        return table

    def test_it_follows_the_segmentation(self, table, segmentation):
        assert (table.segmentCount, table.displayedSegmentIDs()) == (2, ["one", "two"])
        segmentation.GetSegmentation().AddEmptySegment("three", "Three")
        segmentation.GetSegmentation().RemoveSegment("one")
        segmentation.GetSegmentation().GetSegment("two").SetName("Deux")
        assert table.displayedSegmentIDs() == ["two", "three"]
        assert table.tableWidget().item(0, 2).text() == "Deux"

    def test_selecting(self, table, segmentation):
        calls: list[object] = []
        table.connect("selectionChanged(QItemSelection,QItemSelection)", lambda: calls.append(1))
        table.setSelectedSegmentIDs(["two"])
        assert (table.selectedSegmentIDs(), len(calls)) == (["two"], 1)
        segmentation.GetSegmentation().RemoveSegment("one")
        assert (table.selectedSegmentIDs(), len(calls)) == (["two"], 1)
        segmentation.GetSegmentation().RemoveSegment("two")
        assert (table.selectedSegmentIDs(), len(calls)) == ([], 2)

    def test_the_eye_hides_a_segment(self, table, segmentation):
        table.tableWidget().cellClicked.emit(1, 0)
        assert not segmentation.GetDisplayNode().GetSegmentVisibility("two")


def test_place_widget_and_a_click_in_the_window(slicer_app, scene, volume):
    """From Qt's mouse event to a point in RAS, in each of the three slice views."""
    import qt
    import slicer
    from PySide6.QtTest import QTest

    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "P")
    points.CreateDefaultDisplayNodes()
    place = slicer.qSlicerMarkupsPlaceWidget()
    place.setMRMLScene(scene)
    place.setCurrentNode(points)
    place.placeMultipleMarkups = place.ForcePlaceMultipleMarkups
    modes: list[bool] = []
    place.connect("activeMarkupsPlaceModeChanged(bool)", modes.append)
    QTest.mouseClick(place.placeButton(), qt.Qt.LeftButton)
    slicer_app.show_volume(volume, TARGET)
    for name in ("Red", "Green", "Yellow"):
        view = slicer.app.layoutManager().sliceWidget(name).sliceView()
        x, y, _ = view.convertRASToXYZ(TARGET)
        where = qt.QPoint(round(x), view.height - 1 - round(y))
        QTest.mouseMove(view, where)
        QTest.mouseClick(view, qt.Qt.LeftButton, qt.Qt.NoModifier, where)
        slicer_app.process_events()
    got = slicer.util.arrayFromMarkupsControlPoints(points)
    assert got.shape == (3, 3)
    pixel = max(slicer_app.slice_view("Red").node.GetFieldOfView()) / 300
    assert np.abs(got - TARGET).max() < max(pixel, 1.5)
    slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
    assert (modes, place.placeModeEnabled) == ([True, False], False)


def test_the_screenshot_shows_volume_segment_and_panel(slicer_app, scene, volume, tmp_path):
    from PySide6.QtGui import QImage

    slicer_app.show_volume(volume, (0, 0, 0))
    image = QImage(str(slicer_app.screenshot(tmp_path / "window.png")))
    for name in ("Red", "Green", "Yellow"):
        view = slicer_app.app.layoutManager().sliceWidget(name).sliceView()
        middle = view.mapTo(slicer_app.window, view.rect().center())
        colors = {
            image.pixelColor(middle.x() + dx, middle.y() + dy).lightness()
            for dx in range(-view.width // 3, view.width // 3, 9)
            for dy in range(-view.height // 3, view.height // 3, 9)
        }
        assert max(colors) - min(colors) > 100


def test_a_collapsible_button_hides_what_is_in_it(slicer_app, scene):
    import ctk
    import qt

    button, told = ctk.ctkCollapsibleButton("Advanced"), []
    label = qt.QLabel("inside")
    qt.QVBoxLayout(button).addWidget(label)
    button.connect("contentsCollapsed(bool)", told.append)
    button.show()
    button.collapsed = True
    assert (label.visible, told) == (False, [True])
    button.click()
    assert (label.visible, button.collapsed, told) == (True, False, [True, False])


def test_a_slider_widget_keeps_its_number_in_range(slicer_app, scene):
    import ctk

    slider, told = ctk.ctkSliderWidget(), []
    slider.connect("valueChanged(double)", told.append)
    slider.minimum, slider.maximum, slider.singleStep = 0, 1, 0.25
    slider.value = 0.5
    slider.value = 7
    slider._slider.setValue(1)
    assert (slider.value, told) == (0.25, [0.5, 1.0, 0.25])


def test_shortcuts_groups_and_timers(slicer_app, scene):
    import qt

    told: list[object] = []
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+G"), slicer_app.window)
    shortcut.connect("activated()", lambda: told.append("shortcut"))
    shortcut.activated.emit()
    group, button = qt.QButtonGroup(), qt.QToolButton()
    button.checkable = True
    group.addButton(button, 4)
    group.connect("idClicked(int)", told.append)
    button.click()
    qt.QTimer.singleShot(0, lambda: told.append("later"))
    slicer_app.wait_until(lambda: "later" in told, timeout=2)
    assert told == ["shortcut", 4, "later"]


@pytest.mark.parametrize("polite", [False, True])
def test_as_in_slicer_a_thread_gets_on_only_while_a_slot_sleeps(slicer_app, scene, polite):
    """The trap of Slicer's event loop, and the way out of it."""
    import threading
    import time

    import qt

    counted: list[int] = []
    stop = threading.Event()

    def work():
        while not stop.wait(0.001):
            counted.append(1)

    timer = qt.QTimer()
    timer.setInterval(5)
    timer.connect("timeout()", lambda: time.sleep(0.005))
    thread = threading.Thread(target=work)
    slicer_app.hold_gil = True
    thread.start()
    if polite:
        timer.start()
    counted.clear()
    end = time.monotonic() + 0.3
    slicer_app.wait_until(lambda: time.monotonic() > end)
    got = len(counted)
    timer.stop()
    stop.set()
    thread.join()
    assert got > 20 if polite else got < 15
