"""What the files of `imperfectseg dataset add-recist` hold, and which cases they are about."""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from ImperfectSegLogic.completion.recist_checks import check_recist
from ImperfectSegLogic.data import Dataset, Geometry, Recist, RecistMarks
from ImperfectSegLogic.data.dicom_measurement_places import OtherImageError, marks_on
from ImperfectSegLogic.data.dicom_measurements import read_measurements
from ImperfectSegLogic.data.dicom_references import DicomReferences, read_references
from ImperfectSegLogic.data.dicom_series import is_dicom
from ImperfectSegLogic.data.recist_csv import read_recist_csv, stem_of
from ImperfectSegLogic.data.recist_csv_cases import place_rows
from ImperfectSegLogic.data.recist_markups import read_recist_markups

SHOWN = 20
"""How many wrong marks or cases a message lists."""


@dataclass
class Found:
    """What the files hold so far.

    Attributes:
        marks: The marks of each case.
        notes: What is worth knowing.
        wrong: What is wrong with single marks.
    """

    marks: dict[str, list[Recist]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, file: Path, case: str, grid: Geometry, marks: RecistMarks) -> None:
        """Takes the marks of one case that a file holds, and tells which of them are wrong."""
        for number, mark in enumerate(marks.marks, start=1):
            try:
                check_recist(mark, grid)
                self.marks[case].append(mark)
            except ValueError as error:
                self.wrong.append(f"{file}: case {case}, lesion {number}: {error}")


@dataclass
class Cases:
    """The cases of a data set that marks may be about, read when needed.

    Attributes:
        dataset: The data set.
        series: Folder of the DICOM series of the only case, if it was given.
        ids: Their ids.
        known: What the DICOM series of each case is called, once it was read.
    """

    dataset: Dataset
    series: Path | None
    ids: list[str]
    known: dict[str, DicomReferences] | None = None

    def names(self) -> dict[str, str]:
        """Gives the case of every name that an image goes by: the case's id, its file's name."""
        files: dict[str, set[str]] = defaultdict(set)
        for case in self.ids:
            record = self.dataset.record(case)
            for name in {stem_of(record.image), stem_of(record.source)} - {"", "image"}:
                files[name].add(case)
        alone = {name: cases.pop() for name, cases in files.items() if len(cases) == 1}
        return alone | {case: case for case in self.ids}

    def geometry(self, case: str) -> Geometry:
        """Gives the grid of a case's image."""
        return self.dataset.record(case).geometry

    def references(self) -> dict[str, DicomReferences]:
        """Gives what the DICOM series are called that cases were read from, where they are."""
        if self.known is None:
            own = {case: self._own_series(case) for case in self.ids}
            self.known = {case: image for case, image in own.items() if image}
            if self.series:
                (case,) = self.ids
                self.known[case] = _same_series(case, own[case], read_references(self.series))
        return self.known

    def _own_series(self, case: str) -> DicomReferences | None:
        record = self.dataset.record(case)
        places = [record.image_path(self.dataset.folder)]
        places += [Path(record.source)] if record.source else []
        there = [place for place in places if _has_dicom(place)]
        return read_references(there[0]) if there else None


def _same_series(case: str, own: DicomReferences | None, told: DicomReferences) -> DicomReferences:
    if own and (own.study, own.series) != (told.study, told.series):
        raise ValueError(
            f"--series: got series {told.series} of study {told.study}, but case {case} was read"
            f" from series {own.series} of study {own.study}. Leave out --series."
        )
    return told


def _has_dicom(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and is_dicom(path))


def read_marks(file: Path, cases: Cases, options: argparse.Namespace, found: Found) -> None:
    """Reads the marks of one file.

    Args:
        file: A table, markups or a DICOM report.
        cases: Which it may be about.
        options: `label`, `case` and `pixels`.
        found: What is added to.

    Raises:
        ValueError: If the file is damaged, of another kind, or about no case.
        OSError: If it is not there.
    """
    name = file.name.lower()
    if name.endswith(".csv"):
        _from_table(file, cases, options, found)
    elif name.endswith(".json"):
        case = options.case or _case_of_file(file, cases)
        marks, notes = read_recist_markups(file, options.label, cases.dataset.labels)
        found.add(file, case, cases.geometry(case), marks)
        found.notes += notes
    elif name.endswith(".dcm") or (file.is_file() and is_dicom(file)):
        _from_report(file, cases, options.label, found)
    else:
        raise ValueError(
            f"{file}: allowed are .mrk.json files of 3D Slicer, .csv tables in DeepLesion's form"
            " and DICOM structured reports."
        )


def _from_table(file: Path, cases: Cases, options: argparse.Namespace, found: Found) -> None:
    rows, wrong = read_recist_csv(file)
    names = cases.names()
    placed = place_rows(rows, names, cases.geometry, options.label, options.pixels, check_recist)
    for case, marks in placed.marks.items():
        found.marks[case] += marks.marks
    found.wrong += [f"{file}: {text}" for text in (*wrong, *placed.wrong)]
    if placed.elsewhere and placed.elsewhere == len(rows):
        raise ValueError(
            f"{file}: got {len(rows)} rows, and not one is about an image of this data set. Name"
            " cases after the series or the file, such as 000001_01_01 or 000001_01_01_103-115."
        )
    if placed.elsewhere:
        found.notes.append(f"{file}: {placed.elsewhere} rows are about other images.")


def _case_of_file(file: Path, cases: Cases) -> str:
    """Finds the case whose name a file's name begins with."""
    stem = stem_of(file.name)
    fitting = [
        (len(name), case)
        for name, case in cases.names().items()
        if stem == name or (stem.startswith(name) and stem[len(name)] in "._- ")
    ]
    if not fitting:
        raise ValueError(
            f"{file}: is called as no case of the data set, such as"
            f" {', '.join(cases.ids[:3]) or '(none)'}. Tell which with --case."
        )
    return max(fitting)[1]


def _from_report(file: Path, cases: Cases, label: int, found: Found) -> None:
    lesions, notes = read_measurements(file)
    images = cases.references()
    if not images:
        raise ValueError(
            f"{file}: not one case knows its DICOM series. Tell where it is with --case and"
            " --series, or add cases from their DICOM folders."
        )
    others = []
    for case, image in images.items():
        try:
            marks, more = marks_on(lesions, image, label)
        except OtherImageError as error:
            others.append(f"case {case}: {error}")
            continue
        found.add(file, case, cases.geometry(case), marks)
        found.notes += more
    if len(others) == len(images):
        raise ValueError(
            f"{file}: was not measured on the image of any case:\n  " + "\n  ".join(others[:SHOWN])
        )
    found.notes += notes
