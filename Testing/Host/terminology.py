"""A share folder with the least that the terminologies logic wants to find at start-up.

Real Slicer ships large dictionaries of anatomy. The host only needs the logic to start without
complaints, so it writes one context with one category and two types into a temporary folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_SCHEME = "SCT"
_TYPES = (("85756007", "Tissue", (128, 174, 128)), ("4147007", "Mass", (144, 238, 144)))


def write_share(folder: Path) -> Path:
    """Write the JSON files into ``folder`` and return it, ready for SetModuleShareDirectory."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "Segmentation category and type"
    contexts = {
        "SegmentationCategoryTypeContextName": f"{name} - 3DSlicer General Anatomy list",
        "@schema": "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/schemas/"
        "segment-context-schema.json#",
        "SegmentationCodes": {"Category": [_category()]},
    }
    regions = {
        "AnatomicContextName": "Anatomic codes - DICOM master list",
        "@schema": "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/schemas/"
        "anatomic-context-schema.json#",
        "AnatomicCodes": {"AnatomicRegion": [_code("123037004", "Body structure")]},
    }
    for file, content in _files(contexts, regions).items():
        (folder / file).write_text(json.dumps(content), encoding="utf-8")
    return folder


def _files(contexts: dict[str, Any], regions: dict[str, Any]) -> dict[str, dict[str, Any]]:
    master = {
        **contexts,
        "SegmentationCategoryTypeContextName": "Segmentation category and type - DICOM master list",
    }
    return {
        "SegmentationCategoryTypeModifier-SlicerGeneralAnatomy.term.json": contexts,
        "SegmentationCategoryTypeModifier-DICOM-Master.term.json": master,
        "AnatomicRegionAndModifier-DICOM-Master.term.json": regions,
    }


def _category() -> dict[str, Any]:
    types = [{**_code(*t[:2]), "recommendedDisplayRGBValue": list(t[2])} for t in _TYPES]
    return {**_code("85756007", "Tissue"), "showAnatomy": True, "Type": types}


def _code(value: str, meaning: str) -> dict[str, Any]:
    return {
        "CodingSchemeDesignator": _SCHEME,
        "CodeValue": value,
        "CodeMeaning": meaning,
        "cid": "7150",
        "contextGroupName": "Segmentation Property Categories",
    }
