"""The demo plays, and its figures are those of a fair game."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic import cli, demo
from ImperfectSegLogic.data import Click, read_prompts, read_segmentation, read_volume

try:
    demo.image_paths()
except FileNotFoundError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    assert cli.main(["demo", "--out", str(folder)]) == 0
    return folder


def test_the_demo_writes_files_that_hold_what_was_played(played):
    brain = read_volume(played / "brain.nii.gz")
    segmentation = read_segmentation(played / "brain.seg.nrrd", brain.geometry)
    assert [s.name for s in segmentation.segments] == list(demo.NAMES.values())
    labels = segmentation.label_map()
    prompts = read_prompts(played / "clicks.mrk.json")
    clicks = [p for p in prompts if isinstance(p, Click)]
    assert len(clicks) >= 6
    for click in clicks:
        found = labels[tuple(brain.geometry.to_index(click.position))]
        assert (found == click.label) == click.positive


def test_each_ventricle_is_found_on_its_own_side_of_the_brain(played):
    segmentation = read_segmentation(played / "brain.seg.nrrd")
    for name, side in (("Left lateral ventricle", -1), ("Right lateral ventricle", 1)):
        segment = next(s for s in segmentation.segments if s.name == name)
        places = segmentation.geometry.to_ras(np.argwhere(segmentation.mask(segment.id)))
        assert 2_000 < len(places) < 30_000, "a lateral ventricle is some 5 to 15 ml"
        assert (places[:, 0] * side > 0).mean() > 0.9


def test_the_demo_keeps_existing_files_unless_told_otherwise(played, capsys):
    before = (played / "brain.seg.nrrd").read_bytes()
    step = next(iter(demo.rounds()))
    with pytest.raises(FileExistsError, match="--overwrite"):
        demo.write(step, played)
    assert (played / "brain.seg.nrrd").read_bytes() == before
