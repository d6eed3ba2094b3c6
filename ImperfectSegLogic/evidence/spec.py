"""What an Evidence declares: data, arms to train, which of them to compare, and what to expect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ImperfectSegLogic.evidence.campaign_plan import CampaignPlan

FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "Evidence"
"""Where the project's own are: `NAME.toml`, what was measured as `NAME.json` and `NAME.png`."""
METRICS = {"dice": "Dice", "iou": "IoU"}
"""What people call each metric."""
ANNOTATIONS = ("masks", "scribbles", "slices", "pixels", "grid", "recist", "frames")
TESTED = ("clicks", "refine", "calibrate", "margin")
"""Fields of an arm that say how a network is tested, not how it is trained."""
LATER = ("adapt", "stride", "padding", "rounds", "query", "query_settings", "flips")
"""Fields of an arm that there were not from the beginning, those of tests aside."""


@dataclass(frozen=True)
class DataRecipe:
    """How a data set is made of files in the data folder.

    Attributes:
        name: What the data set is called.
        images: Pattern of the images, seen from the data folder; `*` is the case's id. In an HDF5
            file, the name of the array of shape (case, 1, row, column).
        label_maps: Pattern of the label maps, or the name of their array.
        scribbles: Pattern of the scribbles; none if empty.
        unlabeled: The number of unlabeled voxels in scribbles.
        labels: The name of every label.
        subject: Regular expression that finds in a case's id who was imaged.
        splits: JSON file with cases or subjects by split; empty if `split` says them.
        train: The split to train on.
        validation: The split to choose weights by.
        test: The split to report on.
        hdf5: File that holds all images and label maps, whose cases are p000, p001 and so on; empty
            if each is a file of its own.
        spacing: Of images in an HDF5 file in mm, (slice, row, column).
        split: Cases or subjects by split.
    """

    name: str
    images: str
    label_maps: str
    scribbles: str
    unlabeled: int
    labels: Mapping[int, str]
    subject: str
    splits: str
    train: str = "train"
    validation: str = "val"
    test: str = "test"
    hdf5: str = ""
    spacing: tuple[float, ...] = ()
    split: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, Any]:
        """All fields; those of later versions only if they say something."""
        return _without_unsaid(self, ("hdf5", "spacing", "split"))

    @property
    def hash(self) -> str:
        """A short hash of all that the data set depends on."""
        return hash_of(self.said)


@dataclass(frozen=True)
class Choice:
    """A method or transform by the name on its card, with the settings that are not defaults."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        series: What arms that differ in one number only are called together.
        vary: Name of that number, `patients`, `share`, `clicks` or `stride`; empty if it stands
            alone.
        baseline: Name of the arm that its gain is measured against; empty if there is none.
        patients: Train on this many subjects, the first of an order drawn by the seed; 0 for all.
        annotation: `masks`, `scribbles`, or what is left of the masks: `slices`, `pixels`, `grid`
            (points of a hexagonal grid on each slice), `recist` (two diameters per label) or
            `frames` (all of each subject's first image, nothing of the others).
        share: Share of the slices, or of each label's voxels, that stay annotated.
        stride: Distance of neighboring points of a `grid` in voxels of the slice.
        padding: Radius in voxels of the discs that points of a `grid` are made to; 0 for points.
        unlabeled: Whether the other training cases are there too, without annotation.
        validation: Whether the best weights are chosen on the validation split; else the last.
        methods: Training methods.
        augment: Group of transforms that come first; empty for none.
        transforms: More transforms.
        training: Fields of the training plan that are decided.
        rounds: How often the steps are gone through; between rounds methods may change the data.
        clicks: Test after this many clicks of the robot user on each object; 0 tests what the
            network says by itself.
        adapt: Settings of BIFSeg, which adapts the network to the image before each answer to
            clicks; empty if it stays as it is.
        refine: Refiners that are applied one after the other to what the network says.
        calibrate: Search the first refiner's settings on the validation cases, by this many trials;
            0 takes them as they are.
        margin: Refine only what is this near to a segment, in mm; 0 refines all.
        query: Query strategy whose campaigns are run, in an Evidence of campaigns.
        query_settings: Its settings that are not defaults.
        flips: Whether it asks about predictions in all flips, which stand in for an ensemble.
        survey: What the survey reports of it, where each arm has a line of its own.
    """

    series: str
    vary: str = ""
    baseline: str = ""
    patients: int = 0
    annotation: str = "masks"
    share: float = 1.0
    unlabeled: bool = False
    validation: bool = False
    methods: tuple[Choice, ...] = ()
    augment: str = ""
    transforms: tuple[Choice, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    clicks: int = 0
    adapt: Mapping[str, Any] = field(default_factory=dict)
    refine: tuple[Choice, ...] = ()
    calibrate: int = 0
    margin: float = 0.0
    stride: int = 0
    padding: int = 0
    rounds: int = 1
    query: str = ""
    query_settings: Mapping[str, Any] = field(default_factory=dict)
    flips: bool = False
    survey: str = ""

    @property
    def trained(self) -> dict[str, Any]:
        """All fields that the training depends on; not how it is called or tested."""
        named = ("series", "vary", "baseline", "survey", *TESTED)
        said = _without_unsaid(self, LATER)
        return {key: value for key, value in said.items() if key not in named}

    @property
    def name(self) -> str:
        """Unique in its Evidence, such as `no augmentation, patients 7`."""
        return f"{self.series}, {self.vary} {self.varied:g}" if self.vary else self.series

    @property
    def varied(self) -> float:
        """The number in which it differs from the others of its series."""
        return float(getattr(self, self.vary)) if self.vary else 0.0


@dataclass(frozen=True)
class Target:
    """Something that the verdict depends on.

    Attributes:
        text: What is expected, for people.
        arm: Whose score.
        over: Arm whose score is subtracted; empty for none.
        at_least: The number that the score, or the gain, has to reach.
        interval: Whether the lower end of the gain's 95 % interval has to lie above it too.
        goal: Share of the Dice with all annotations that a campaign has to reach; 0 for none.
        at_most: The share of the annotations that it may take for that.
    """

    text: str
    arm: str
    over: str
    at_least: float
    interval: bool = False
    goal: float = 0.0
    at_most: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """What an Evidence declares.

    Attributes:
        name: Of its file.
        title: In a few words.
        claim: What is to be shown, in one sentence.
        survey: What the survey, or else the literature, reports.
        about: Names of the methods that are proven if it is reproduced.
        data: The data set.
        metric: `dice` or `iou`, mean over labels, cases and subjects of the test split.
        seeds: Each arm is trained once per seed.
        arms: What is trained, baselines included.
        headline: Name of the arm that stands in the table.
        targets: All of them met is `reproduced`, some is `partial`, none is `not reproduced`.
        test_cases: Only the first ones of the test split; 0 for all, as files declare it.
        campaign: How annotations are asked for, if arms are query strategies.
    """

    name: str
    title: str
    claim: str
    survey: str
    about: tuple[str, ...]
    data: DataRecipe
    metric: str
    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    headline: str
    targets: tuple[Target, ...]
    test_cases: int = 0
    campaign: CampaignPlan | None = None

    def arm(self, name: str) -> Arm:
        """Gives an arm by its name.

        Raises:
            ValueError: If there is none of that name.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        allowed = "; ".join(arm.name for arm in self.arms)
        raise ValueError(f"evidence {self.name}: got arm {name!r}, allowed are: {allowed}.")

    @property
    def hash(self) -> str:
        """A short hash of all that its numbers and verdict depend on; wording does not matter."""
        said = asdict(self) | {"data": self.data.said}
        said["arms"] = [_without_unsaid(arm, (*TESTED, *LATER)) for arm in self.arms]
        said["targets"] = [_without_unsaid(one, ("goal", "at_most")) for one in self.targets]
        for wording in ("title", "claim", "survey"):
            del said[wording]
        for arm in said["arms"]:
            del arm["survey"]
        for target in said["targets"]:
            del target["text"]
        if not self.campaign:
            del said["campaign"]
        return hash_of(said)


def _without_unsaid(one: Arm | DataRecipe | Target, later: tuple[str, ...]) -> dict[str, Any]:
    """Leaves out fields that there were not once, where they are as by default: old hashes hold."""
    default: dict[str, Any] = {
        known.name: known.default if known.default_factory is MISSING else known.default_factory()
        for known in fields(one)
    }
    said = asdict(one).items()
    return {key: value for key, value in said if key not in later or value != default[key]}


def hash_of(content: Any) -> str:
    """Gives a short hash of plain values."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
