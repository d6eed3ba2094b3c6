"""From the options of the command line to importers and exporters."""

from __future__ import annotations

import argparse
from pathlib import Path

from ImperfectSegLogic.commands.terminal import named_labels
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import check_name, read_object
from ImperfectSegLogic.data.formats import (
    bids,
    bids_export,
    decathlon,
    image_folders,
    nnunet,
    nnunet_export,
)
from ImperfectSegLogic.data.formats.plan import Listener, Plan

IMPORTERS = EXPORTERS = ("nnunet", "decathlon", "folder", "bids")
FOLDER_ONLY = ("label_maps", "scribbles", "names")


def plan(options: argparse.Namespace) -> Plan:
    """Finds what is to be imported.

    Raises:
        ValueError: If something is damaged, or an option is for another format.
        OSError: If something is not there.
    """
    given = [name for name in FOLDER_ONLY if getattr(options, name)]
    if given and options.format != "folder":
        raise ValueError(f"--{given[0].replace('_', '-')}: is only for --format folder.")
    found = _found(options)
    if options.subject:
        found = found.with_subjects(options.subject)
    if options.splits:
        splits = read_object(options.splits)
        if not all(isinstance(keys, list) for keys in splits.values()):
            raise ValueError(
                f"{options.splits}: allowed are lists of cases or subjects by name, such as"
                ' {"train": ["a", "b"], "test": ["c"]}.'
            )
        found = found.with_splits(splits)
    return found


def export(dataset: Dataset, options: argparse.Namespace, listener: Listener) -> list[str]:
    """Exports a data set; gives what the format cannot hold."""
    common = (dataset, options.out, options.annotator, listener)
    if options.format == "nnunet":
        return nnunet_export.export(*common, ending=options.ending)
    if options.format == "folder":
        return image_folders.export(*common, ending=options.ending)
    if options.format == "bids":
        return bids_export.export(*common, suffix=options.suffix)
    return decathlon.export(*common)


def _found(options: argparse.Namespace) -> Plan:
    if options.annotator:
        check_name("annotator", options.annotator)
    if options.format == "folder":
        return image_folders.plan(
            options.source,
            options.label_maps,
            options.scribbles,
            options.unlabeled,
            named_labels("--names", options.names),
            options.annotator or "import",
            options.out.resolve().name,
        )
    source = Path(options.source)
    if not source.is_dir():
        raise FileNotFoundError(f"{source}: there is no such folder. Check the path.")
    if options.format == "bids":
        return bids.plan(source, options.suffix, options.annotator)
    one = nnunet if options.format == "nnunet" else decathlon
    return one.plan(source, options.annotator or "import")
