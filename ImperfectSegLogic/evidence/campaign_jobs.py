"""The jobs of an Evidence of query strategies: what all campaigns share, then each campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import read_json
from ImperfectSegLogic.evidence.campaign_plan import CampaignPlan
from ImperfectSegLogic.evidence.code_hash import SUPERVISED, code_hash
from ImperfectSegLogic.evidence.spec import Arm, Evidence, hash_of

FORMAT, VERSION = "ImperfectSeg evidence campaign", 1
FULL, START, CAMPAIGN = "all annotations", "start", "campaign"


@dataclass(frozen=True)
class CampaignJob:
    """One campaign, or one training that all campaigns of a seed share.

    Attributes:
        part: `FULL` trains on all annotations, `START` on those of the first round, and `CAMPAIGN`
            runs the arm's campaign.
        arm: What is asked, and how to train.
        seed: Fixes all chance.
        plan: What is annotated.
        dataset: The data set's folder.
        train_cases: Case ids whose masks are revealed.
        test_cases: Case ids to score.
        folder: Of its result.
        work: Of trainings, shared by all jobs that train in the same way.
        version: Another text makes strategies be asked again.
        device: Where to train.
    """

    part: str
    arm: Arm
    seed: int
    plan: CampaignPlan
    dataset: str
    train_cases: tuple[str, ...]
    test_cases: tuple[str, ...]
    folder: Path
    work: Path
    version: str = ""
    device: str = "auto"

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.arm.name if self.part == CAMPAIGN else self.part}, seed {self.seed}"

    @property
    def path(self) -> Path:
        """Of its result."""
        return self.folder / "campaign.json"


def make_jobs(
    evidence: Evidence,
    dataset: Dataset,
    work: Path,
    modules: Mapping[str, tuple[str, ...]],
    device: str = "auto",
) -> tuple[list[CampaignJob], list[CampaignJob]]:
    """Says what is to be done: first what campaigns of a seed share, then seed by seed all of them.

    Shared trainings are jobs of their own, so that no two processes do the same at once.

    Args:
        evidence: What is to be shown.
        dataset: Its data set.
        work: Folder for trainings and results.
        modules: Those of each arm's strategy, by the arm's name.
        device: Where to train.

    Returns:
        Shared trainings, and campaigns.
    """
    plan = evidence.campaign
    assert plan is not None
    cases = dataset.split(evidence.data.train)
    test = dataset.split(evidence.data.test)[: evidence.test_cases or None]

    def trained(arm: Arm) -> str:
        own = [[asdict(one) for one in arm.methods], arm.rounds, code_hash(modules[arm.name])]
        how = [dict(arm.training), plan.models, code_hash((SUPERVISED,))]
        how += own if arm.methods or arm.rounds > 1 else []
        return hash_of([evidence.data.hash, how, cases, test])

    def job(part: str, arm: Arm, seed: int, version: str = "") -> CampaignJob:
        how = trained(arm)
        place = work / "campaign-trainings" / how
        asked = [arm.name, arm.query, dict(arm.query_settings), arm.flips, version]
        own = asked if part == CAMPAIGN else []
        folder = work / "campaigns" / hash_of([how, asdict(plan), part, seed, own])
        where = (str(dataset.folder), cases, test, folder, place, version, device)
        return CampaignJob(part, arm, seed, plan, *where)

    ways = {trained(arm): arm for arm in reversed(evidence.arms)}.values()
    seeds = evidence.seeds
    shared = [job(part, one, seed) for part in (FULL, START) for seed in seeds for one in ways]
    versions = {arm.name: _version(arm, modules[arm.name]) for arm in evidence.arms}
    pairs = ((arm, seed) for seed in evidence.seeds for arm in evidence.arms)
    return shared, [job(CAMPAIGN, arm, seed, versions[arm.name]) for arm, seed in pairs]


def is_done(job: CampaignJob) -> bool:
    """Tells whether a job is done."""
    return job.path.is_file()


def result_of(job: CampaignJob) -> dict[str, Any]:
    """Reads what a campaign gave.

    Raises:
        ValueError: If it is not done, or its file is damaged.
    """
    if not is_done(job):
        raise ValueError(f"{job.name}: is not done. Run the same command again.")
    return read_json(job.path, FORMAT, VERSION)


def _version(arm: Arm, modules: tuple[str, ...]) -> str:
    return hash_of([dict(arm.query_settings), arm.flips, code_hash(modules)])
