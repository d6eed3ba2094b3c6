"""From diameters to lesions, on phantoms of every orientation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ImperfectSegLogic.completion.recist_growth import RecistSettings, complete_recist
from ImperfectSegLogic.completion.recist_shape import Shape, places_of
from ImperfectSegLogic.data import Case, Prediction, Provenance, Recist, Scribble, Volume
from ImperfectSegLogic.measurement.recist_marks import recist_mark
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels
from ImperfectSegLogic.metrics.dice import dice
from Testing.Logic.methods.phantoms import grid, picture

CUBE = grid((40, 40, 44))
OBLIQUE = grid((14, 44, 48), spacing=(3.0, 1.0, 0.9), degrees=37.0)


def egg(geometry, center, half):
    """An ellipsoid along the patient's axes: center as index, half axes in mm."""
    index = np.indices(geometry.shape).reshape(3, -1).T
    away = (geometry.to_ras(index) - geometry.to_ras(center)) / half
    return (np.linalg.norm(away, axis=1) <= 1).reshape(geometry.shape)


def lines(mark, geometry):
    return np.concatenate(
        [scribble_voxels(Scribble(e), geometry) for e in (mark.long_axis, mark.short_axis)]
    )


@pytest.mark.parametrize(
    ("geometry", "center", "axis"),
    [(CUBE, (20, 20, 22), 0), (CUBE, (20, 20, 22), 1), (OBLIQUE, (7, 22, 24), 0)],
    ids=["axial", "coronal", "oblique and thick"],
)
def test_two_diameters_become_the_lesion(geometry, center, axis):
    truth = egg(geometry, center, (11.0, 8.0, 9.0))
    mark = recist_mark(truth, geometry, axis, label=3)
    found = complete_recist(Case(picture(geometry, [(truth, 130.0)], noise=8.0)), [mark])
    assert found.labels == (0, 3)
    np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-5)
    assert dice(found.full_labels() == 3, truth) > 0.93
    voxels = lines(mark, geometry)
    assert (found.full_probabilities()[(1, *voxels.T)] == 1).all()
    assert found.provenance.method == "recist-growth"
    assert found.provenance.settings["evidence"] == "prompted-unet"
    assert len(found.provenance.weights_hash) == 64


def test_a_slice_alone_is_segmented():
    geometry = grid((1, 60, 70), spacing=(5.0, 0.7, 0.7))
    truth = egg(geometry, (0, 30, 33), (13.0, 8.0, 9.0))
    mark = recist_mark(truth, geometry)
    found = complete_recist(Case(picture(geometry, [(truth, 130.0)], noise=8.0)), [mark])
    assert dice(found.full_labels() == 1, truth) > 0.95


def test_a_large_lesion_is_grown_at_lower_resolution():
    truth = egg(CUBE, (20, 20, 22), (12.0, 9.0, 10.0))
    case = Case(picture(CUBE, [(truth, 130.0)], noise=8.0))
    mark = recist_mark(truth, CUBE)
    found = complete_recist(case, [mark], settings=RecistSettings(most_voxels=8_000))
    assert dice(found.full_labels() == 1, truth) > 0.9


def test_a_neighbor_that_looks_alike_is_left_out():
    truth = egg(CUBE, (20, 20, 14), (8.0, 8.0, 8.0))
    other = egg(CUBE, (20, 20, 35), (7.0, 7.0, 7.0))
    case = Case(picture(CUBE, [(truth | other, 130.0)]))
    found = complete_recist(case, [recist_mark(truth, CUBE)]).full_labels() == 1
    assert dice(found, truth) > 0.93
    assert not (found & other).any()


def test_two_lesions_get_their_labels_and_two_marks_may_share_one():
    one, other = egg(CUBE, (12, 12, 12), (7.0, 6.0, 6.0)), egg(CUBE, (28, 28, 32), (6.0, 7.0, 6.0))
    case = Case(picture(CUBE, [(one, 130.0), (other, 70.0)]))
    marks = [recist_mark(other, CUBE, label=1), recist_mark(one, CUBE, label=4)]
    found = complete_recist(case, marks)
    assert found.labels == (0, 1, 4)
    assert dice(found.full_labels() == 1, other) > 0.9
    assert dice(found.full_labels() == 4, one) > 0.9
    same = complete_recist(case, [marks[0], recist_mark(one, CUBE, label=1)])
    assert same.labels == (0, 1)
    assert dice(same.full_labels() == 1, one | other) > 0.9


class Model:
    """Stands for a trained model that has learned where a lesion is."""

    def __init__(self, truth, labels=(0, 1)):
        self.truth, self.labels, self.calls = truth, labels, 0

    def predict(self, volume: Volume, progress: Progress | None = None):
        self.calls += 1
        chances = np.full((len(self.labels), *volume.geometry.shape), 0.02, dtype=np.float32)
        chances[-1][self.truth] = 0.95
        chances[0] = 1 - chances[1:].sum(axis=0)
        grid_ = volume.geometry
        source = Provenance("net", weights_hash="abc")
        found = Prediction(chances, self.labels, grid_.whole, grid_, source)
        return SimpleNamespace(prediction=found)


@pytest.mark.parametrize("label", [1, 5])
def test_a_trained_model_comes_first(label):
    truth = egg(CUBE, (20, 20, 22), (10.0, 8.0, 8.0))
    case = Case(picture(CUBE, [(~truth, 102.0)], noise=20.0))  # Nothing to be seen.
    model = Model(truth)
    found = complete_recist(case, [recist_mark(truth, CUBE, label=label)], model)
    assert model.calls == 1
    assert dice(found.full_labels() == label, truth) > 0.9
    assert found.provenance.settings["evidence"] == "net"
    assert found.provenance.weights_hash == "abc"


def test_what_does_not_hang_together_with_the_marks_is_left_out():
    truth = egg(CUBE, (20, 20, 22), (8.0, 7.0, 6.0))
    apart = egg(CUBE, (31, 20, 22), (3.0, 3.0, 2.5))
    case = Case(picture(CUBE, [(truth | apart, 130.0)]))
    found = complete_recist(case, [recist_mark(truth, CUBE)], Model(truth | apart))
    assert found.region.stop[0] > 31
    assert not (found.full_labels() > 0)[apart].any()


def test_what_cannot_be_worked_on_is_refused():
    truth = egg(CUBE, (20, 20, 22), (10.0, 8.0, 8.0))
    case, mark = Case(picture(CUBE, [(truth, 130.0)])), recist_mark(truth, CUBE)
    with pytest.raises(ValueError, match="got none"):
        complete_recist(case, [])
    swapped = Recist(mark.short_axis, mark.long_axis)
    with pytest.raises(ValueError, match="longer than the long"):
        complete_recist(case, [mark, swapped])
    with pytest.raises(ValueError, match="labels 1 and 2"):
        complete_recist(case, [mark, Recist(mark.long_axis, mark.short_axis, label=2)])
    with pytest.raises(ValueError, match="same value"):
        complete_recist(Case(Volume(np.ones(CUBE.shape), CUBE.ijk_to_ras)), [mark])


def test_it_can_be_cancelled_and_tells_how_far_it_is():
    truth = egg(CUBE, (20, 20, 22), (10.0, 8.0, 8.0))
    case, mark = Case(picture(CUBE, [(truth, 130.0)])), recist_mark(truth, CUBE)
    told: list[float] = []

    def listen(fraction, message):
        told.append(fraction)
        if message == "growing":
            progress.cancel()

    progress = Progress(listen)
    with pytest.raises(CancelledError):
        complete_recist(case, [mark], progress=progress)
    assert told == sorted(told)
    assert told[-1] < 1


def test_the_frame_of_diameters_fits_an_ellipse():
    truth = egg(CUBE, (20, 20, 22), (12.0, 7.0, 9.0))
    mark = recist_mark(truth, CUBE)
    shape = Shape.of(mark, CUBE)
    assert (shape.axis, shape.index) == (0, 20)
    np.testing.assert_allclose(np.abs(np.linalg.det(shape.axes)), 1)
    radius = shape.radius(places_of(CUBE, CUBE.whole))[20]
    assert dice(radius <= 1.03, truth[20]) > 0.92
    assert shape.region(CUBE).shape < CUBE.shape
