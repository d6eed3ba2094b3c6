"""Pools measure each unit once, keep what they measured, and leave out what cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from ImperfectSegLogic.active import measurements
from ImperfectSegLogic.active.features import pictures
from ImperfectSegLogic.active.pool import DatasetImages, Pool
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Dataset
from Testing.Logic.data.phantom_cases import LABELS, image

CASES = ("case0", "case1", "case2")
UNITS = tuple(Unit(case, 0, k) for case in CASES for k in range(4))


@pytest.fixture
def dataset(tmp_path):
    made = Dataset.create(tmp_path / "data", LABELS)
    for n, case in enumerate(CASES):
        made.add_case(case, image(n))
    return made


class Meter:
    """Measures the mean gray value of units, and remembers which."""

    def __init__(self):
        self.asked = []

    def __call__(self, volume, units):
        self.asked += [unit.name() for unit in units]
        parts = [volume.array[unit.slices(volume.geometry.shape)] for unit in units]
        return {
            "mean": np.array([part.mean() for part in parts]),
            "corner": np.stack([part[0, 0, :3] for part in parts]),
        }


def truth(dataset, unit):
    return dataset.image(unit.case).array[unit.index]


def test_units_are_sorted_and_get_their_own_rows(dataset):
    pool = Pool(DatasetImages(dataset), UNITS[::-1])
    table, known = pool.measured("key", Meter())
    assert pool.units == table.units == UNITS
    assert len(known) == 0
    for row, unit in enumerate(table.units):
        assert table["mean"][row] == pytest.approx(truth(dataset, unit).mean())
        np.testing.assert_array_equal(table["corner"][row], truth(dataset, unit)[0, :3])


def test_labeled_units_are_measured_only_if_wanted(dataset):
    pool = Pool(DatasetImages(dataset), UNITS[2:], UNITS[:2])
    meter = Meter()
    assert len(pool.measured("key", meter)[1]) == 0
    assert len(meter.asked) == 10
    table, known = pool.measured("key", meter, labeled=True)
    assert (table.units, known.units) == (UNITS[2:], UNITS[:2])
    assert known["mean"][0] == pytest.approx(truth(dataset, UNITS[0]).mean())


def test_another_process_goes_on_with_what_was_measured(dataset, tmp_path):
    images = DatasetImages(dataset)
    Pool(images, UNITS[:6], folder=tmp_path / "kept").measured("key", Meter())
    meter = Meter()
    table, _ = Pool(images, UNITS, folder=tmp_path / "kept").measured("key", meter)
    assert meter.asked == [unit.name() for unit in UNITS[6:]]
    assert table.units == UNITS
    assert table["mean"][3] == pytest.approx(truth(dataset, UNITS[3]).mean())
    other = Meter()
    Pool(images, UNITS, folder=tmp_path / "kept").measured("another key", other)
    assert len(other.asked) == len(UNITS)


def test_a_changed_image_is_measured_again_for_good(dataset, tmp_path):
    pool = Pool(DatasetImages(dataset), UNITS, folder=tmp_path / "kept")
    pool.measured("key", Meter())
    path = dataset.record("case1").image_path(dataset.folder)
    os.utime(path, ns=(1, 1))
    for wanted in (4, 0):
        meter = Meter()
        pool.measured("key", meter)
        assert len(meter.asked) == wanted


def test_what_fails_midway_keeps_what_was_measured_before(dataset, tmp_path):
    pool = Pool(DatasetImages(dataset), UNITS, folder=tmp_path / "kept")
    meter = Meter()

    def breaks(volume, units):
        if units[0].case == "case1":
            raise RuntimeError("a bug")
        return meter(volume, units)

    with pytest.raises(RuntimeError):
        pool.measured("key", breaks)
    pool.measured("key", meter)
    assert meter.asked == [unit.name() for unit in UNITS]


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from ImperfectSegLogic.active import measurements
from ImperfectSegLogic.active.features import pictures
from ImperfectSegLogic.active.pool import DatasetImages, Pool
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import Dataset
measurements.SECONDS = 0
def measure(volume, units):
    if units[0].case == "case2":
        os._exit(9)
    return {"mean": np.zeros(len(units)), "corner": np.zeros((len(units), 3))}
units = [parse(name) for name in sys.argv[3:]]
Pool(DatasetImages(Dataset.open(sys.argv[1])), units, folder=Path(sys.argv[2])).measured(
    "key", measure
)
"""


def test_a_killed_process_loses_only_what_was_not_yet_written(dataset, tmp_path):
    names = [unit.name() for unit in UNITS]
    command = [sys.executable, "-c", KILLED, dataset.folder, tmp_path / "kept", *names]
    assert subprocess.run(command, check=False).returncode == 9
    meter = Meter()
    Pool(DatasetImages(dataset), UNITS, folder=tmp_path / "kept").measured("key", meter)
    assert meter.asked == names[8:]


class Pixels(Meter):
    """Measures as many numbers as the unit has slices."""

    def __call__(self, volume, units):
        found = super().__call__(volume, units)
        return {"ends": [volume.array[u.slices(volume.geometry.shape)][:, 0, 0] for u in units]} | {
            "mean": found["mean"]
        }


def test_slices_and_volumes_can_be_measured_in_one_folder(dataset, tmp_path):
    images, folder = DatasetImages(dataset), tmp_path / "kept"

    def measure(volume, units):
        return {name: np.stack(one) for name, one in Pixels()(volume, units).items()}

    Pool(images, UNITS, folder=folder).measured("key", measure)
    whole, _ = Pool(images, map(Unit, CASES), folder=folder).measured("key", measure)
    assert whole["ends"].shape == (3, 4)
    slices, _ = Pool(images, UNITS[::2], folder=folder).measured("key", measure)
    assert slices["ends"].shape == (6, 1)
    assert slices["mean"][5] == pytest.approx(truth(dataset, UNITS[10]).mean())
    both = Pool(images, [*UNITS, Unit("case0")], folder=folder)
    with pytest.raises(ValueError, match="units: got ends of"):
        both.measured("key", measure)


def test_images_with_unlike_channels_do_not_go_together(tmp_path):
    made = Dataset.create(tmp_path / "data", LABELS)
    made.add_case("case0", image(0))
    made.add_case("case1", image(1, channels=2))

    def measure(volume, units):
        return {"pictures": pictures(volume, units)}

    for folder in (None, tmp_path / "kept"):
        pool = Pool(DatasetImages(made), UNITS[:8], folder=folder)
        with pytest.raises(ValueError, match=r"pictures of \(256,\) and \(512,\) numbers"):
            pool.measured("key", measure)


def test_many_units_are_written_before_time(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(measurements, "UNITS", 4)
    Pool(DatasetImages(dataset), UNITS, folder=tmp_path / "kept").measured("key", Meter())
    assert len(list((tmp_path / "kept/key").glob("*.npz"))) == 3


def test_a_damaged_file_is_named(dataset, tmp_path):
    pool = Pool(DatasetImages(dataset), UNITS, folder=tmp_path / "kept")
    pool.measured("key", Meter())
    (file,) = (tmp_path / "kept/key").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"{file.name}.*Delete it"):
        pool.measured("key", Meter())
    file.unlink()
    assert len(pool.measured("key", Meter())[0]) == len(UNITS)


def test_cases_that_cannot_be_read_are_left_out_and_told(dataset):
    dataset.record("case0").image_path(dataset.folder).unlink()
    dataset.record("case2").image_path(dataset.folder).write_bytes(b"no image")
    pool = Pool(DatasetImages(dataset), UNITS)
    table, _ = pool.measured("key", Meter())
    assert {unit.case for unit in table.units} == {"case1"}
    assert set(pool.problems) == {"case0", "case2"}
    assert "there is no such image" in pool.problems["case0"]


def test_a_unit_beyond_its_image_is_told(dataset):
    pool = Pool(DatasetImages(dataset), [*UNITS, Unit("case1", 0, 99)])
    table, _ = pool.measured("key", Meter())
    assert {unit.case for unit in table.units} == {"case0", "case2"}
    assert "reaches out" in pool.problems["case1"]


def test_no_readable_case_is_an_error(dataset):
    for case in CASES:
        dataset.record(case).image_path(dataset.folder).unlink()
    with pytest.raises(ValueError, match="none of 3 cases can be measured; case0"):
        Pool(DatasetImages(dataset), UNITS).measured("key", Meter())
