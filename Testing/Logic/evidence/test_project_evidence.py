"""The project's own Evidences: they can be read, cover the catalog, and stand in the README."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.evidence.readme import with_table
from ImperfectSegLogic.evidence.spec import FOLDER
from ImperfectSegLogic.evidence.spec_reading import evidence_names, read_evidence
from ImperfectSegLogic.evidence.standing import standings
from ImperfectSegLogic.evidence.used_methods import check_about, modules_of, refiner_modules_of
from ImperfectSegLogic.methods.catalog import (
    query_strategies,
    refiners,
    training_methods,
    transforms,
)
from ImperfectSegLogic.training.plan import TrainingPlan


@pytest.mark.parametrize("name", evidence_names())
def test_an_evidence_names_methods_groups_and_settings_that_are_there(name):
    found = read_evidence(name)
    check_about(found)
    for arm in found.arms:
        modules_of(arm)
        refiner_modules_of(arm)
        assert set(arm.training) <= set(TrainingPlan.__dataclass_fields__), arm.name
    assert found.targets
    assert len(found.seeds) >= 3


def test_every_method_that_trains_transforms_or_refines_has_an_evidence_about_it():
    about = {method for name in evidence_names() for method in read_evidence(name).about}
    assert about >= {kind.card.name for kind in (*training_methods(), *transforms())}
    # The clean-up does nothing that was not asked for, and so claims no gain.
    assert about >= {kind.card.name for kind in refiners()} - {"clean-up"}


def test_every_query_strategy_of_a_paper_is_compared_with_both_baselines_in_a_campaign():
    campaigns = [one for one in map(read_evidence, evidence_names()) if one.campaign]
    strategies = {kind.card.name for kind in query_strategies()}
    plain = {"random", "foreground-random", "entropy", "k-center", "bald"}
    methods = {kind.card.name for kind in training_methods()}
    assert {name for one in campaigns for name in one.about} - methods == strategies - plain
    assert strategies in [{arm.query for arm in one.arms} for one in campaigns]
    for one in campaigns:
        for arm in (arm for arm in one.arms if arm.query in one.about):
            assert arm.survey
            assert any(target.arm == arm.name for target in one.targets)


def test_the_table_in_the_readme_is_that_of_today():
    readme = (FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    assert with_table(readme, standings(), "Resources/Evidence") == readme, (
        "the table of Evidences is out of date; renew it with: imperfectseg evidence readme"
    )
