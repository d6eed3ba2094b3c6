"""How good models are on a set of cases, and which of two is better."""

from ImperfectSegLogic.evaluation.comparison import Comparison, compare
from ImperfectSegLogic.evaluation.evaluating import evaluate
from ImperfectSegLogic.evaluation.folders import evaluate_folders
from ImperfectSegLogic.evaluation.score import Score
from ImperfectSegLogic.evaluation.summaries import Summary, summary

__all__ = [
    "Comparison",
    "Score",
    "Summary",
    "compare",
    "evaluate",
    "evaluate_folders",
    "summary",
]
