"""What the geodesic walker promises: crisp edges, local corrections, frequent reports."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ImperfectSegLogic.data import Box, Click, Geometry, Scribble, Volume
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive import resolution
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import Settings
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_region, box_voxels
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts
from ImperfectSegLogic.methods.scarce.interactive.smoothing import noise_of, without_noise
from ImperfectSegLogic.metrics.dice import dice
from Testing.Logic.methods.phantoms import ball, click, grid, picture
from Testing.Logic.methods.test_geodesic_walker import segmenter

THICK = grid((20, 40, 40), spacing=(2.0, 1.0, 1.0))
CENTER = (10, 20, 20)


@pytest.mark.parametrize(("noise", "least"), [(5.0, 0.995), (15.0, 0.99), (30.0, 0.97)])
@pytest.mark.parametrize("boxed", [False, True], ids=["click", "click and box"])
def test_the_border_of_a_bright_ball_is_right_after_one_click(noise, least, boxed):
    truth = ball(THICK, CENTER, 9.9)
    prompts = [click(THICK, CENTER)]
    if boxed:
        prompts.append(Box(center=THICK.to_ras(CENTER), size=[24.0, 24.0, 24.0]))
    answer = segmenter(picture(THICK, [(truth, 200.0)], noise)).respond(prompts)
    assert dice(answer.full_labels() == 1, truth) > least


def test_noise_is_measured_and_taken_out_but_not_the_step():
    rng = np.random.default_rng(0)
    image = np.zeros((1, 60, 60), dtype=np.float32)
    image[:, :, 30:] = 1
    noisy = image + rng.normal(0, 0.05, image.shape).astype(np.float32)
    assert noise_of(noisy) == pytest.approx(0.05, rel=0.15)
    smooth = without_noise(noisy, (1.0, 1.0, 1.0), 1.0, 0.2, lambda fraction: None)
    assert (smooth - image).std() < 0.03
    assert (smooth[:, :, 30] - smooth[:, :, 29]).min() > 0.85


GRAY = grid((40, 60, 100))


def _fallen(settings):
    """Gives how much of a long object's far half one correction beside its near end takes."""
    rng = np.random.default_rng(1)
    truth = np.zeros(GRAY.shape, dtype=bool)
    truth[14:26, 22:38, 8:92] = True
    extra = np.zeros_like(truth)
    extra[14:26, 38:52, 8:22] = True
    array = np.where(truth | extra, 150.0, 100.0) + rng.normal(0, 6, GRAY.shape)
    walker = segmenter(Volume(array.astype(np.float32), GRAY.ijk_to_ras), settings)
    prompts = [click(GRAY, (20, 30, 40)), click(GRAY, (20, 46, 14), positive=False)]
    before, after = (walker.respond(prompts[:n]).full_labels() == 1 for n in (1, 2))
    far = truth.copy()
    far[:, :, :50] = False
    assert before[far].mean() > 0.9
    assert before[extra].mean() > 0.5 > after[extra].mean()
    return float(before[far].mean() - after[far].mean())


def test_a_correction_leaves_good_parts_far_away_alone():
    assert _fallen(None) < 0.02
    assert _fallen(Settings(recede=1.0)) > 0.2


def test_first_prompts_reach_far_and_corrections_ever_less():
    prompts = [
        click(GRAY, (20, 30, 40), 1),
        click(GRAY, (20, 30, 50), 2),
        click(GRAY, (20, 30, 60), 1, positive=False),
        click(GRAY, (20, 30, 70), 2),
    ]
    seeds = read_prompts(prompts, GRAY, ("Click",))
    assert seeds.ranks.tolist() == [0, 0, 1, 2]
    assert seeds.first().voxels.tolist() == [[20, 30, 40], [20, 30, 50]]


def test_strokes_of_one_label_in_a_row_are_one_correction_however_many_parts_they_have():
    def stroke(row, label):
        return Scribble(points=GRAY.to_ras([(20, row, 10), (20, row, 20)]), label=label)

    prompts = [stroke(5, 1), stroke(6, 1), stroke(20, 0), stroke(21, 0), stroke(8, 1)]
    seeds = read_prompts(prompts, GRAY, ("Scribble",))
    rows = {int(j): int(rank) for (_, j, _), rank in zip(seeds.voxels, seeds.ranks, strict=True)}
    assert rows == {5: 0, 6: 0, 20: 1, 21: 1, 8: 2}


@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_the_region_of_a_box_holds_its_voxels(degrees):
    geometry = grid((20, 30, 40), spacing=(2.0, 1.0, 0.5), degrees=degrees)
    box = Box(center=geometry.to_ras((9, 14, 21)), size=[9.0, 8.0, 12.0])
    voxels, region = box_voxels(box, geometry), box_region(box, geometry)
    assert (voxels.min(axis=0) >= region.start).all()
    assert (voxels.max(axis=0) < region.stop).all()


def test_the_inverse_matrix_is_made_once():
    geometry = grid((4, 5, 6), degrees=20.0)
    assert geometry.ras_to_ijk is geometry.ras_to_ijk
    np.testing.assert_allclose(geometry.ras_to_ijk @ geometry.ijk_to_ras, np.eye(4), atol=1e-12)
    assert not geometry.ras_to_ijk.flags.writeable


def test_blocks_are_averaged_and_put_back_where_they_were():
    ramp = np.broadcast_to(np.arange(23.0, dtype=np.float32), (7, 9, 23))
    small = resolution.averaged(ramp, (2, 1, 4), lambda fraction: None)
    assert small.shape == (4, 9, 6)
    np.testing.assert_allclose(small[0, 0], [1.5, 5.5, 9.5, 13.5, 17.5, 21.0])
    back = resolution.stretched(small, 2, 23, 4)
    np.testing.assert_allclose(back[:, :, 2:18], ramp[:4, :, 2:18])


def test_no_more_than_a_slab_is_worked_on_between_two_reports(monkeypatch):
    monkeypatch.setattr(resolution, "SLAB", 30_000)
    geometry = Geometry((60, 100, 90), np.diag([1.0, 1.0, 1.0, 1.0]))
    volume = picture(geometry, [(ball(geometry, (30, 50, 45), 20.0), 160.0)])
    corners = [click(geometry, (0, 0, 0), positive=False), click(geometry, (59, 99, 89), 2)]
    settings = Settings(most_voxels=40_000, growths=0)
    said = Counter()
    walker = segmenter(volume, settings)
    prompts: list[Click] = [click(geometry, (30, 50, 45)), *corners]
    answer = walker.respond(
        prompts, progress=Progress(lambda fraction, message: said.update([message]))
    )
    assert answer.region.shape == geometry.shape
    voxels = int(np.prod(geometry.shape))
    assert said["reading the image"] >= voxels / 30_000
    assert said["full resolution"] >= len(answer.labels) * voxels / 30_000
