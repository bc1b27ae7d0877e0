"""The mathematics of ensembles: averages, votes, weights and diversity, on arrays alone."""

from kohort.workflow.ensembling.combine import average, majority_vote
from kohort.workflow.ensembling.diversity import Diversity, diversity
from kohort.workflow.ensembling.greedy import Greedy, greedy
from kohort.workflow.ensembling.simplex import simplex

__all__ = [
    "Diversity",
    "Greedy",
    "average",
    "diversity",
    "greedy",
    "majority_vote",
    "simplex",
]
