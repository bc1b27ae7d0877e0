"""What fitted estimators can be asked, and which function answers with layers: tables by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort.workflow.ensembling.frozen import NoLayers, first_largest

Answer = Callable[[Any, Any], Any]  # of a fitted estimator and the columns x, (None, columns)


class Question:
    """Answers by the names of scikit-learn's classes; one for a base class serves all below it.

    Args:
        refusal: what is said of a kind that has no answer; `{}` is its name.
        otherwise: the answer for such kinds.
    """

    def __init__(self, refusal: str, otherwise: Answer | None = None):
        self._refusal, self._otherwise = refusal, otherwise
        self._answers: dict[str, Answer] = {}

    def of(self, *kinds: str) -> Callable[[Answer], Answer]:
        """Registers the decorated function as the answer of these kinds."""

        def register(answer: Answer) -> Answer:
            self._answers |= dict.fromkeys(kinds, answer)
            return answer

        return register

    def __call__(self, fitted: Any, x: Any) -> Any:
        for base in type(fitted).__mro__:
            if base.__name__ in self._answers:
                return self._answers[base.__name__](fitted, x)
        if self._otherwise is None:
            raise NoLayers(self._refusal.format(type(fitted).__name__))
        return self._otherwise(fitted, x)


def _most_probable(fitted: Any, x: Any) -> Any:
    told = say(fitted, x)
    return first_largest(told, told.shape[-1]) if hasattr(fitted, "predict_proba") else told


say = Question("{} has no layers that say the same")
"""`predict_proba` where there is one, else `predict`: a classifier's as one vote of 1."""

vote = Question("", _most_probable)
"""A classifier's `predict`: 1 for the class, 0 for the others."""

decide = Question("the decision_function of {}")
"""`decision_function`, `(None, 1)` for two classes."""

transform = Question("the step {}")
"""`transform`."""


def passes_on(*kinds: str) -> Callable[[Callable[[Any, Any], tuple[Any, Any]]], None]:
    """Registers kinds that let another estimator answer: the function gives it and its columns."""

    def register(inner: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        for question in (say, vote, decide):

            def answer(fitted: Any, x: Any, ask: Question = question) -> Any:
                return ask(*inner(fitted, x))

            question.of(*kinds)(answer)

    return register
