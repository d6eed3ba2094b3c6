"""A picture of a data set: one small slice of every case with its annotation on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image, ImageDraw

from ImperfectSegLogic.data.case import Case
from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.thumbnails import rgb, thumbnail
from ImperfectSegLogic.data.safe_writing import check_target, replacing
from ImperfectSegLogic.data.segmentation import distinct_color

COLUMNS, ROWS = 6, 5
SIDE, TEXT, HEAD = 200, 28, 40
PAGE = COLUMNS * ROWS
GRAY, WHITE, RED = (150, 150, 150), (255, 255, 255), (255, 110, 90)
EXTENSIONS = (".png",)


def write_contact_sheet(
    dataset: Dataset,
    path: str | os.PathLike[str],
    annotator: str | None = None,
    overwrite: bool = False,
    progress: Callable[[float, str], None] = lambda fraction, text: None,
) -> list[Path]:
    """Draws a thumbnail of every case: the middle slice through its annotation, labels in color.

    Args:
        dataset: The data set.
        path: A `.png` file for the first page of 30 cases; further ones get `-2` and so on.
        annotator: Whose annotations; the newest of all by default.
        overwrite: Whether to replace earlier pages.
        progress: Called with the share that is done, from 0 to 1, and the case's id.

    Returns:
        The pages, each at most 1200 x 1180 pixels.

    Raises:
        ValueError: If the data set has no cases, or the extension is not `.png`.
        OSError: If the pages cannot be written.
    """
    path, cases = Path(path), dataset.case_ids
    if not cases:
        raise ValueError(f"{dataset.folder}: the data set has no cases to show. Add some first.")
    count = -(-len(cases) // PAGE)
    pages = [path.with_stem(f"{path.stem}-{n + 1}") if n else path for n in range(count)]
    for page in pages:
        check_target(page, EXTENSIONS, overwrite)
    for number, page in enumerate(pages):
        listed = cases[number * PAGE : (number + 1) * PAGE]
        sheet = _page(dataset, len(listed), f"page {number + 1} of {count}" if count > 1 else "")
        for place, case in enumerate(listed):
            progress((number * PAGE + place) / len(cases), case)
            _draw_case(sheet, dataset, case, annotator, place)
        with replacing(page, EXTENSIONS, overwrite) as temporary:
            sheet.save(temporary, optimize=True)
    progress(1.0, "")
    return pages


def _page(dataset: Dataset, count: int, number: str) -> Image.Image:
    """Makes an empty page with the data set's name and the colors of its labels."""
    rows, columns = -(-count // COLUMNS), max(min(count, COLUMNS), 3)
    sheet = Image.new("RGB", (columns * SIDE, HEAD + rows * (SIDE + TEXT)))
    draw = ImageDraw.Draw(sheet)
    title = f"{dataset.description.name}, {len(dataset.case_ids)} cases {number}"
    draw.text((6, 4), title, fill=WHITE)
    _draw_legend(draw, dataset.labels, sheet.width)
    return sheet


def _draw_legend(draw: ImageDraw.ImageDraw, labels: Mapping[int, str], width: int) -> None:
    place = 6.0
    for label, name in sorted(labels.items()):
        length = draw.textlength(name) + 24
        if place + length > width - 20:
            draw.text((place, 20), "...", fill=WHITE)
            return
        draw.rectangle((place, 22, place + 8, 30), fill=rgb(distinct_color(label)))
        draw.text((place + 12, 20), name, fill=WHITE)
        place += length


def _draw_case(
    sheet: Image.Image, dataset: Dataset, case: str, annotator: str | None, place: int
) -> None:
    x, y = place % COLUMNS * SIDE, HEAD + place // COLUMNS * (SIDE + TEXT)
    draw = ImageDraw.Draw(sheet)
    try:
        small, told = thumbnail(_read(dataset, case, annotator), SIDE - 4)
        sheet.paste(small, (x + (SIDE - small.width) // 2, y + (SIDE - small.height) // 2))
        color = GRAY
    except (ValueError, OSError) as error:
        told, color = str(error).replace("\n", " "), RED
    draw.text((x + 4, y + SIDE), _fitting(draw, case), fill=WHITE)
    draw.text((x + 4, y + SIDE + 12), _fitting(draw, told), fill=color)


def _read(dataset: Dataset, case: str, annotator: str | None) -> Case:
    there = annotator is None or annotator in dataset.annotators(case)
    return dataset.case(case, annotator) if there else Case(dataset.image(case), case)


def _fitting(draw: ImageDraw.ImageDraw, text: str) -> str:
    while draw.textlength(text) > SIDE - 8:
        text = text.removesuffix("...")[:-1] + "..."
    return text
