"""The annotations of a data set: who made them, and in which versions."""

from __future__ import annotations

from ImperfectSegLogic.data.annotations import Annotation
from ImperfectSegLogic.data.datasets import annotation_files
from ImperfectSegLogic.data.datasets.annotation_content import labels_in
from ImperfectSegLogic.data.datasets.annotation_files import Version
from ImperfectSegLogic.data.datasets.files import check_name, visible
from ImperfectSegLogic.data.datasets.folder import Folder
from ImperfectSegLogic.data.geometry import Geometry


class Annotated(Folder):
    """A data set's folder with annotations."""

    def annotate(self, case: str, annotation: Annotation, annotator: str) -> int:
        """Writes a new version of an annotator's annotation; older versions stay.

        Returns:
            The version's number.

        Raises:
            ValueError: If a label is not in the data set's list, the mask's grid is not the
                image's, a position is outside the image, or the annotator's name is not allowed.
            OSError: If there is no such case, or it cannot be written.
        """
        check_name("annotator", annotator)
        self.check_place(case, annotation)
        self.check_labels(case, labels_in(annotation))
        folder = self.folder / "annotations" / case / annotator
        return annotation_files.add_version(
            folder, annotation, self.labels, case=case, annotator=annotator
        )

    def annotators(self, case: str) -> list[str]:
        """Gives who annotated a case, sorted."""
        folder = self.folder / "annotations" / check_name("case", case)
        return [name for name in visible(folder) if self.versions(case, name)]

    def versions(self, case: str, annotator: str) -> tuple[Version, ...]:
        """Gives the versions of an annotator's annotation of a case, oldest first."""
        check_name("annotator", annotator)
        return annotation_files.versions_in(self.folder / "annotations" / case / annotator)

    def find_version(
        self, case: str, annotator: str | None = None, version: int | None = None
    ) -> Version | None:
        """Finds an annotator's version; by default the newest of the newest; None if none.

        Raises:
            ValueError: If an annotator or version was named that is not there.
        """
        if annotator is None and version is None:
            newest = [self.versions(case, name)[-1] for name in self.annotators(case)]
            return max(newest, key=_made, default=None)
        there = self.versions(case, annotator) if annotator else ()
        if annotator and there and version is None:
            return there[-1]
        for found in there:
            if found.number == version:
                return found
        raise ValueError(
            f"case {case}: got annotator {annotator} and version {version}; there are"
            f" {self._told(case) or 'no annotations'}. Choose an annotator, then a version."
        )

    def read(self, case: str, version: Version, grid: Geometry | None = None) -> Annotation:
        """Reads one version of an annotation, without the image.

        Raises:
            FileNotFoundError: If its file is gone.
            ValueError: If it is damaged, or not on the image's grid.
        """
        grid = grid or self.record(case).geometry
        return annotation_files.read_version(version, grid, self.labels)

    def _told(self, case: str) -> str:
        there = {n: [v.number for v in self.versions(case, n)] for n in self.annotators(case)}
        return ", ".join(f"{name} {numbers}" for name, numbers in there.items())


def _made(version: Version) -> tuple[str, str]:
    return str(version.read().get("created", "")), version.path.parent.name
