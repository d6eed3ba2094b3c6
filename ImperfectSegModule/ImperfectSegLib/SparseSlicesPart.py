"""The part of the sparse panel with slices: annotated ones, wanted ones, and their tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ImperfectSegLib import Bridge
from ImperfectSegLib.Requests import Place
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseViews import jumpToSlice, viewedPlace
from ImperfectSegLogic.completion.completed import WantedSlice
from ImperfectSegLogic.data.slices import AXIS_NAMES


class SparseSlicesPart:
    """Marks the slice in view as annotated completely, and goes to slices that are wanted."""

    def __init__(
        self,
        ui: Any,
        session: SparseSession,
        sliceNode: Callable[[], Any],
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, the session, who knows the view used last, and who speaks."""
        self._ui, self._session, self._sliceNode, self._say = ui, session, sliceNode, say
        self._at = -1
        ui.annotatedButton.connect("clicked(bool)", lambda _checked: self.toggle())
        ui.proposeButton.connect("clicked(bool)", lambda _checked: self.propose())
        ui.wantedList.connect("itemClicked(QListWidgetItem*)", lambda _item: self._onClicked())
        session.listeners.append(self._onSession)

    @property
    def place(self) -> Place | None:
        """The slice of the image in the view used last; None if that is none."""
        try:
            geometry = Bridge.geometryFromNode(self._session.volumeNode)
        except ValueError:
            return None
        return viewedPlace(geometry, self._sliceNode())

    def toggle(self) -> None:
        """Says that the slice in view is annotated completely, or that it is not."""
        place, notes = self.place, self._session.notes
        if self._session.segmentationNode is None or place is None:
            self._say("No slice of the image as it is in this view. Align the view first.", True)
            self.update()
            return
        known = set(notes.slices)
        slices = tuple(sorted(known ^ {place}))
        self._session.note(replace(notes, slices=slices))
        what = "is annotated" if place in slices else "is not annotated any more"
        self._say(f"{textOfPlace(place)} {what}.", False)

    def propose(self) -> None:
        """Wants every which slice along the axis of the view used last."""
        place = self.place
        if place is None:
            self._say("No slice of the image as it is in this view. Align the view first.", True)
            return
        axis, every = place[0], int(self._ui.everySliceBox.value)
        count = Bridge.geometryFromNode(self._session.volumeNode).shape[axis]
        done = set(self._session.notes.slices)
        wanted = [n for n in range(every // 2, count, every) if (axis, n) not in done]
        reason = f"every {every} slices"
        self._session.propose(tuple(WantedSlice(axis, n, 0.0, reason) for n in wanted))

    def next(self) -> None:
        """Goes to the next wanted slice, and round at the end."""
        if self._session.wanted:
            self.goTo((self._at + 1) % len(self._session.wanted))

    def goTo(self, number: int) -> None:
        """Goes to a wanted slice, counted from 0."""
        wanted = self._session.wanted[number]
        self._at = number
        self._ui.wantedList.currentRow = number
        geometry = Bridge.geometryFromNode(self._session.volumeNode)
        jumpToSlice(geometry, (wanted.axis, wanted.index))
        self.update()

    def update(self) -> None:
        """Brings the widgets up to date; cheap, so that it can follow a slice that is scrolled."""
        ui, place = self._ui, self.place
        has = self._session.segmentationNode is not None
        isDone = place in self._session.notes.slices
        ui.annotatedButton.enabled = has and place is not None
        ui.annotatedButton.checked = has and isDone
        ui.proposeButton.enabled = place is not None
        text = textOfPlace(place) if place else "No slice of the image as it is"
        state = ": annotated completely" if isDone else ""
        if ui.placeLabel.text != text + state:
            ui.placeLabel.text = text + state

    def _onClicked(self) -> None:
        self.goTo(int(self._ui.wantedList.currentRow))

    def _onSession(self, what: str) -> None:
        if what == "wanted":
            self._at = -1
            self._ui.wantedList.clear()
            for wanted in self._session.wanted:
                place = textOfPlace((wanted.axis, wanted.index))
                self._ui.wantedList.addItem(f"{place}: {wanted.reason}")


def textOfPlace(place: Place) -> str:
    """Names a slice for people."""
    return f"Slice {place[1]} along {AXIS_NAMES[place[0]]}"
