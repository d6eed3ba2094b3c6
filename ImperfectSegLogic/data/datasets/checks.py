"""Finds what is wrong in a data set, case by case, holding one image at a time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ImperfectSegLogic.data.annotations import DenseMask
from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.annotation_content import check_place, labels_in, says_nothing
from ImperfectSegLogic.data.datasets.annotation_files import Version, orphans_in
from ImperfectSegLogic.data.datasets.case_records import CaseRecord
from ImperfectSegLogic.data.datasets.files import sha256, visible
from ImperfectSegLogic.data.datasets.findings import Finding, note, problem
from ImperfectSegLogic.data.datasets.image_checks import image_findings
from ImperfectSegLogic.data.datasets.split_checks import split_findings


@dataclass
class Seen:
    """What has been seen so far of all cases: a few numbers for each, no voxels.

    Attributes:
        hashes: Of the voxels of each case.
        subjects: Who was imaged, for each case that says so.
        dense_labels: Which labels the newest dense mask of a case has.
        declared: Which cases declare the labels that were looked for.
    """

    hashes: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    dense_labels: dict[str, set[int]] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    labels: set[int] = field(default_factory=set)


def check(
    dataset: Dataset, progress: Callable[[float, str], None] = lambda fraction, text: None
) -> Iterator[Finding]:
    """Checks a data set and tells what it finds as it goes.

    Images and the newest annotation of every annotator are read, one at a time; older versions
    are compared with their checksums.

    Args:
        dataset: The data set.
        progress: Called with the share that is done, from 0 to 1, and the case's id.

    Yields:
        Problems, which somebody has to mend, and notes, which somebody should know.
    """
    seen, cases = Seen(), dataset.case_ids
    for number, case in enumerate(cases):
        progress(number / len(cases), case)
        yield from _case_findings(dataset, case, seen)
    if not cases:
        yield note("empty", "", "the data set has no cases. Add some with `add_case`.")
    for case in visible(dataset.folder / "annotations"):
        if case not in cases:
            yield problem("unknown case", case, "there are annotations but no such case.")
    yield from _duplicates(seen)
    yield from _partly_labeled(dataset, seen)
    yield from split_findings(dataset, seen.hashes, seen.subjects)
    progress(1.0, "")


def _case_findings(dataset: Dataset, case: str, seen: Seen) -> Iterator[Finding]:
    try:
        record = dataset.record(case)
    except (ValueError, OSError) as error:
        yield problem("record", case, str(error))
        return
    seen.subjects |= {case: record.subject} if record.subject else {}
    seen.declared |= {case} if record.labels is not None else set()
    unknown = sorted(set(record.labels or ()) - set(dataset.labels))
    if unknown:
        yield problem("labels", case, f"declares labels {unknown}, which dataset.json has not.")
    voxels = yield from image_findings(dataset, record)
    if voxels:
        seen.hashes[case] = voxels
    annotators = dataset.annotators(case)
    if not annotators:
        yield note("unlabeled", case, "nobody has annotated it.")
    for annotator in annotators:
        yield from _annotator_findings(dataset, record, annotator, seen)
    for name in visible(dataset.folder / "annotations" / case):
        for orphan in orphans_in(dataset.folder / "annotations" / case / name):
            text = f"{name}/{orphan} belongs to no version. Add it with `annotate`, or delete it."
            yield note("left over", case, text)


def _annotator_findings(
    dataset: Dataset, record: CaseRecord, annotator: str, seen: Seen
) -> Iterator[Finding]:
    versions = dataset.versions(record.identifier, annotator)
    for version in versions:
        intact = True
        for finding in _file_findings(record.identifier, version):
            intact = False
            yield finding
        if intact and version is versions[-1]:
            yield from _newest_findings(dataset, record, version, seen)


def _file_findings(case: str, version: Version) -> Iterator[Finding]:
    try:
        said, mask = version.read(), version.mask_path
        if mask is None:
            return
        if not mask.exists():
            yield problem("missing file", case, f"{mask}: there is no such file. Restore it.")
        elif sha256(mask) != said.get("sha256"):
            text = f"{mask}: was changed or cut short since it was saved. Restore it, or save what"
            yield problem("changed file", case, f"{text} it holds as a new version.")
    except (ValueError, OSError) as error:
        yield problem("annotation", case, str(error))


def _newest_findings(
    dataset: Dataset, record: CaseRecord, version: Version, seen: Seen
) -> Iterator[Finding]:
    case, name = record.identifier, version.path.parent.name
    try:
        annotation = dataset.read(case, version, record.geometry)
        check_place(annotation, record.geometry)
    except (ValueError, OSError) as error:
        kind = "geometry" if re.search("grid|outside", str(error)) else "annotation"
        yield problem(kind, case, f"{name}: {error}")
        return
    found = labels_in(annotation)
    seen.labels |= found
    unknown = sorted(found - set(dataset.labels))
    if unknown:
        text = f"{name}'s annotation has labels {unknown}, allowed are {sorted(dataset.labels)}."
        yield problem("labels", case, text)
    undeclared = sorted(found & set(dataset.labels) - set(record.labels or found))
    if undeclared:
        text = f"{name}'s annotation has labels {undeclared}, but case.json says that only"
        yield problem("labels", case, f"{text} {list(record.labels or ())} were looked for.")
    if says_nothing(annotation):
        yield note("unlabeled", case, f"{name}'s annotation labels nothing.")
    if isinstance(annotation, DenseMask):
        seen.dense_labels[case] = seen.dense_labels.get(case, set()) | found


def _duplicates(seen: Seen) -> Iterator[Finding]:
    groups = defaultdict(list)
    for case, voxels in seen.hashes.items():
        groups[voxels].append(case)
    for first, *others in groups.values():
        for other in others:
            yield problem("duplicate", other, f"has the same voxels as case {first}. Remove one.")


def _partly_labeled(dataset: Dataset, seen: Seen) -> Iterator[Finding]:
    for label in sorted(set(dataset.labels) - seen.labels):
        text = f"label {label} ({dataset.labels[label]}) occurs in no annotation of any case."
        yield note("labels", "", text)
    usual = set().union(*seen.dense_labels.values())
    for case, labels in seen.dense_labels.items():
        lacking = sorted(usual - labels)
        if lacking and case not in seen.declared:
            text = f"its mask lacks labels {lacking}, which other cases have. If nobody looked for"
            yield note("partly labeled", case, f'{text} them here, say so in case.json: "labels".')
