"""Honest selection: what a chosen model is worth, less the luck of having been chosen."""

from kohort.workflow.honest.bbc import Estimate, bbc_cv
from kohort.workflow.honest.bootstrap import resamples
from kohort.workflow.honest.choice import jackknife_error, one_standard_error
from kohort.workflow.honest.compare import Comparison, corrected_t_test
from kohort.workflow.honest.duplicates import Duplicates, duplicates_across_splits
from kohort.workflow.honest.nested import Nested, nested
from kohort.workflow.honest.per_row import PerRow
from kohort.workflow.honest.row_keys import fingerprint, row_keys
from kohort.workflow.honest.sealed import SealedTest
from kohort.workflow.honest.splits import Fold, make_folds
from kohort.workflow.honest.time_order import TimeOrder, time_order

__all__ = [
    "Comparison",
    "Duplicates",
    "Estimate",
    "Fold",
    "Nested",
    "PerRow",
    "SealedTest",
    "TimeOrder",
    "bbc_cv",
    "corrected_t_test",
    "duplicates_across_splits",
    "fingerprint",
    "jackknife_error",
    "make_folds",
    "nested",
    "one_standard_error",
    "resamples",
    "row_keys",
    "time_order",
]
