"""Reading and writing prompts, as 3D Slicer's markups or in a plain JSON file of our own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.data.markups_reading import Meanings, prompts_from_markups
from ImperfectSegLogic.data.markups_writing import markups_from_prompts
from ImperfectSegLogic.data.prompts import Box, Click, Lasso, Prompt, Recist, Scribble
from ImperfectSegLogic.data.safe_writing import check_target, extension_of, replacing

MARKUPS = ".mrk.json"
EXTENSIONS = (MARKUPS, ".json")
FORMAT, VERSION = "ImperfectSeg prompts", 1
KINDS: dict[str, type[Prompt]] = {k.__name__: k for k in (Click, Scribble, Box, Lasso, Recist)}


def read_prompts(
    path: str | os.PathLike[str], label: int = 1, names: Mapping[int, str] | None = None
) -> list[Prompt]:
    """Reads prompts: clicks, scribbles, boxes, lassos and RECIST diameters.

    In 3D Slicer's markups, points are clicks, curves and lines are scribbles, closed curves are
    lassos, ROIs are boxes, and two lines that `write_prompts` wrote are the diameters of a lesion.
    The text of a control point tells the label: `+1` or `1` label 1, `-2` not label 2, `0`
    background, `liver` and `not liver` by `names`; any other text, such as 3D Slicer's `F-1`,
    means `label`. Points that are not placed yet are left out.

    Args:
        path: A `.mrk.json` file of 3D Slicer, or a `.json` file that `write_prompts` wrote.
        label: What markups are about whose text names no label.
        names: The name of each label; small and capital letters are the same.

    Returns:
        The prompts, RAS in mm, in the order in which they were given; none if there are none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, or something in it is missing or not allowed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. Check the path.")
    extension_of(path, EXTENSIONS)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"got a {type(content).__name__}, allowed is a file of prompts.")
        if content.get("format") == FORMAT:
            return _own(content)
        meanings = Meanings(label, {name: value for value, name in (names or {}).items()})
        return prompts_from_markups(content, meanings)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: got a file that is no JSON ({error}). Save it again.") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_prompts(
    prompts: Sequence[Prompt], path: str | os.PathLike[str], overwrite: bool = False
) -> None:
    """Writes prompts so that `read_prompts` gives them back, in their order.

    Args:
        prompts: The prompts.
        path: `.mrk.json` for a file that 3D Slicer opens (two RECIST diameters are two lines
            there), any other `.json` for our own, which is exact to the last bit.
        overwrite: Whether it may replace a file that is there.

    Raises:
        FileExistsError: If the file is there and must not be replaced.
        ValueError: If the extension is not allowed.
        OSError: If it cannot be written, as on a full disk; an earlier file stays as it was.
    """
    check_target(path, EXTENSIONS, overwrite)
    if extension_of(path, EXTENSIONS) == MARKUPS:
        content = markups_from_prompts(prompts)
    else:
        content = {"format": FORMAT, "version": VERSION, "coordinates": "RAS, mm"}
        content["prompts"] = [prompt_fields(prompt) for prompt in prompts]
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    with replacing(path, EXTENSIONS, overwrite) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def prompt_fields(prompt: Prompt) -> dict[str, Any]:
    """Gives what JSON can hold of a prompt, its kind first."""
    said: dict[str, Any] = {"kind": type(prompt).__name__}
    for field in fields(prompt):
        value = getattr(prompt, field.name)
        said[field.name] = value.tolist() if isinstance(value, np.ndarray) else value
    return said


def _own(content: Mapping[str, Any]) -> list[Prompt]:
    if content.get("version") != VERSION:
        raise ValueError(
            f"got version {content.get('version')} of the file format, allowed is {VERSION}."
            " Install a newer ImperfectSeg."
        )
    listed = content.get("prompts")
    if not isinstance(listed, list):
        raise ValueError("got no list of prompts.")
    prompts = []
    for number, said in enumerate(listed, start=1):
        try:
            prompts.append(prompt_of_fields(dict(said)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"prompt {number}: {error}") from error
    return prompts


def prompt_of_fields(said: dict[str, Any]) -> Prompt:
    """Makes a prompt of what `prompt_fields` gave, which is changed by that.

    Raises:
        ValueError: If its kind or one of its values is not allowed.
        TypeError: If a value is missing or unknown.
    """
    kind = said.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"got kind {kind!r}, allowed are {', '.join(KINDS)}.")
    if not isinstance(said.get("positive", True), bool):
        raise ValueError(f"got positive {said['positive']!r}, allowed are true and false.")
    return KINDS[kind](**said)
