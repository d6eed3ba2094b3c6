"""The hash of methods' code changes with what they do, and with nothing else."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.evidence.code_hash import code_hash

METHOD = '''"""A method."""
from ImperfectSegLogic.losses.half import half
from ImperfectSegLogic.methods.base import TrainingMethod
from ImperfectSegLogic.training import plan


class Method(TrainingMethod):
    """Does something."""

    card = Card(name="it", claims="much")

    def loss(self, batch):
        """Gives the loss."""
        return half(batch) * 2
'''
FILES = {
    "losses/__init__": "",
    "losses/half": "def half(x):\n    return x / 2\n",
    "losses/other": "def other(x):\n    return x\n",
    "methods/__init__": "",
    "methods/base": "class TrainingMethod: ...\n",
    "methods/mine": METHOD,
    "training/__init__": "",
    "training/plan": "STEPS = 1\n",
}


@pytest.fixture
def hash_with(tmp_path):
    def hashed(**changed):
        files = FILES | {name.replace("__in__", "/"): text for name, text in changed.items()}
        for name, text in files.items():
            path = tmp_path / "ImperfectSegLogic" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return code_hash(["ImperfectSegLogic.methods.mine"], tmp_path)

    return hashed


@pytest.mark.parametrize(
    "changed",
    [
        METHOD.replace("Does something.", "Does something else."),
        METHOD.replace('"""A method."""\n', ""),
        METHOD.replace("        return", "        # Twice.\n        return"),
        METHOD.replace("half(batch) * 2", "(\n            half(batch)\n            * 2\n        )"),
        METHOD.replace("much", "more"),
    ],
    ids=["docstring", "no docstring", "comment", "formatting", "claim on the card"],
)
def test_what_is_for_people_does_not_make_it_stale(hash_with, changed):
    assert changed != METHOD
    assert hash_with(methods__in__mine=changed) == hash_with()


@pytest.mark.parametrize(
    "changed",
    [
        {"methods__in__mine": METHOD.replace("* 2", "* 3")},
        {"methods__in__mine": METHOD.replace("half(batch) * 2", "2 * half(batch)")},
        {"methods__in__mine": METHOD.replace("* 2", "* 2.0")},
        {"losses__in__half": "def half(x):\n    return x / 3\n"},
    ],
    ids=["number", "order", "kind of number", "imported loss"],
)
def test_what_the_method_or_a_loss_that_it_imports_does_makes_it_stale(hash_with, changed):
    assert hash_with(**changed) != hash_with()


@pytest.mark.parametrize(
    "changed",
    [
        {"losses__in__other": "def other(x):\n    return 2 * x\n"},
        {"methods__in__base": "class TrainingMethod:\n    more = 1\n"},
        {"training__in__plan": "STEPS = 2\n"},
    ],
    ids=["loss not imported", "interface", "training"],
)
def test_code_that_is_not_the_methods_own_does_not_make_it_stale(hash_with, changed):
    assert hash_with(**changed) == hash_with()


def test_a_module_that_is_gone_is_told(tmp_path):
    with pytest.raises(ValueError, match="there is none below"):
        code_hash(["ImperfectSegLogic.methods.gone"], tmp_path)


def test_the_real_methods_have_a_hash():
    names = ["supervised", "weak.selective_loss.cicek2016", "weak.selective_loss.bokhorst2018"]
    hashes = {code_hash([f"ImperfectSegLogic.methods.{name}"]) for name in names}
    assert len(hashes) == 3
