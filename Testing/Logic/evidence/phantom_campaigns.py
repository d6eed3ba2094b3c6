"""An Evidence of query strategies about phantoms, and a runner that trains nothing."""

from __future__ import annotations

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import make_folder, write_json
from ImperfectSegLogic.evidence.campaign_jobs import FORMAT, FULL, START, VERSION

NAME = "few-queries"
SPEC = """
title = "Slices asked for"
claim = "Asking helps."
survey = "half is enough"
about = ["entropy"]
data = "hearts"
metric = "dice"
seeds = [1, 2]
headline = "entropy"

[campaign]
units = "slice"
start = 3
per_round = 2
rounds = 3

[training]
dims = 2
network_settings = { features = [4, 8], strides = [2] }
patch = [24, 24]
batch = 2
steps = 2
steps_per_validation = 2

[[arms]]
query = "random"

[[arms]]
query = "foreground-random"
query_settings = { foreground = 0.5 }
baseline = "random"

[[arms]]
query = "entropy"
baseline = "random"
flips = true
survey = "50 %"

[[targets]]
text = "a quarter is enough"
arm = "entropy"
goal = 1.0
at_most = 0.25

[[targets]]
text = "lies above random"
arm = "entropy"
over = "random"
at_least = 0.0
interval = true
"""
HEIGHTS = {
    "random": (0.2, 0.4, 0.6),
    "foreground-random": (0.2, 0.5, 0.7),
    "entropy": (0.2, 0.7, 0.8),
}
FULL_DICE, TOTAL = 0.75, 24


class Runner:
    """Remembers its jobs; Dice is `HEIGHTS`, apart for both labels and the subjects."""

    def __init__(self, fails=(), ends_early=()):
        self.jobs, self.fails, self.ends_early = [], set(fails), set(ends_early)

    def __call__(self, job):
        if job.name in self.fails:
            raise ValueError("loss became NaN.")
        self.jobs.append(job)
        rounds = []
        if job.part not in (FULL, START):
            plan, heights = job.plan, HEIGHTS[job.arm.query]
            heights = heights[:2] if job.name in self.ends_early else heights
            units = [plan.start + plan.per_round * n for n in range(len(heights))]
            rounds = [self._round(job, *pair) for pair in zip(units, heights, strict=True)]
        said = {
            "format": FORMAT,
            "version": VERSION,
            "seconds": 3.0,
            "circumstances": {"commit": "abc", "cores": 2},
            "total": TOTAL,
            "full": self._round(job, TOTAL, FULL_DICE),
            "rounds": rounds,
        }
        write_json(make_folder(job.folder) / "campaign.json", said)

    def _round(self, job, units, height):
        subjects = sorted({case[:3] for case in job.test_cases})
        height += 0.01 * job.seed - 0.015
        apart = {case: 0.1 * subjects.index(case[:3]) - 0.05 for case in job.test_cases}
        dice = {c: {"1": height + a + 0.02, "4": height + a - 0.02} for c, a in apart.items()}
        return {"units": units, "voxels": 100 * units, "cases": dice}


def robots(work) -> set[str]:
    """Names of all robots that annotated something in a work folder."""
    (folder,) = work.glob("campaign-trainings/*/data")
    data = Dataset.open(folder)
    return {robot for case in data.case_ids for robot in data.annotators(case)}
