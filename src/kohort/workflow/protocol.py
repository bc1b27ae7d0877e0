"""Stage 3: which rows teach, which judge, and a test part that is sealed before anything else."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kohort.workflow.failure import UsageError, WorkflowError
from kohort.workflow.honest import duplicates_across_splits
from kohort.workflow.problem import Problem
from kohort.workflow.table import Table, blocks_of, is_row_number

TEST_SHARE = 0.2
HOLD_OUT_FROM = 5000  # rows from which one validation part is precise enough
REPEAT_BELOW = 400  # rows under which the folds are drawn twice


@dataclass(frozen=True)
class Protocol:
    """Row numbers: the sealed `test` part, the `development` rest, and its `folds`.

    A fold is a pair of row-number arrays (train, validation), all of them development rows; the
    folds of one repeat come after those of another.
    """

    kind: str
    test: np.ndarray
    development: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]
    repeats: int = 1
    duplicates: int = 0
    text: list[str] = field(default_factory=list)


def make_protocol(
    table: Table, problem: Problem, seed: int = 0, folds: int | None = None
) -> Protocol:
    """Seals the test part, then plans hold-out, K-fold or repeated K-fold by size.

    Rows with equal inputs stay on one side. Rows in the order of a date column are split by
    time: what comes later judges what came before.
    """
    _check_folds(folds, table.rows)
    text: list[str] = []
    if (by_time := _time_column(table)) and not table.given_test:
        return _time_ordered(table, by_time, text)
    generator = np.random.default_rng(seed)
    groups = row_groups(table)
    duplicates = table.rows - len(np.unique(groups))
    strata = strata_of(problem)
    if not table.given_test:
        text += [
            f"The rows are not in the order of {column.name!r} and are dealt by chance: if later "
            "rows are to be foreseen from earlier ones, sort the file by it."
            for column in table.inputs if column.kind == "date"
        ]  # fmt: skip
    if table.given_test:
        test, development = _given_test(table, groups, text)
    else:
        share = deal(groups, strata, round(1 / TEST_SHARE), generator)
        test, development = np.flatnonzero(share == 0), np.flatnonzero(share != 0)
        text.append(
            f"A test part of {len(test)} rows ({len(test) / table.rows:.0%}) is sealed first: "
            "nothing is fitted, chosen or scaled on it, and it is opened once, at the end."
        )
    if duplicates:
        many = "rows repeat" if duplicates > 1 else "row repeats"
        text.append(
            f"{duplicates} {many} the inputs of an earlier row; equal rows stay on one side "
            "of every split, so none is learnt and tested at once."
        )
    kind, pairs, repeats = _folds(development, groups, strata, folds, generator, text)
    return Protocol(kind, test, development, pairs, repeats, duplicates, text)


def _check_folds(folds: int | None, rows: int) -> None:
    if folds is not None and (folds < 2 or folds > rows // 4):
        raise UsageError(
            f"--folds must lie between 2 and a quarter of the rows ({rows // 4}).",
            str(folds),
            "leave it away: the number follows from the size",
        )


def row_groups(table: Table) -> np.ndarray:
    """A number for each row, equal for rows whose inputs are equal (row numbers aside)."""
    telling = [column for column in table.inputs if not is_row_number(column)]
    return duplicates_across_splits(blocks_of(telling or table.inputs), []).groups


def strata_of(problem: Problem) -> np.ndarray:
    """The class of each row, or the tenth of the target's range that it falls in."""
    if problem.task == "regression":
        edges = np.quantile(problem.y, np.linspace(0, 1, 11)[1:-1])
        return np.searchsorted(edges, problem.y)
    if problem.task == "multi-label":
        return problem.y.sum(axis=1)
    return problem.y


def deal(
    groups: np.ndarray, strata: np.ndarray, parts: int, generator: np.random.Generator
) -> np.ndarray:
    """Deals rows to `parts` parts of equal make-up, as cards: stratum by stratum, in turn.

    Equal groups go to one part. A class with too few rows for every part still has some in
    each that it reaches. Returns the part of each row, shape `(rows,)`.

    >>> import numpy as np
    >>> part = deal(np.arange(8), np.array([0, 1] * 4), 2, np.random.default_rng(0))
    >>> np.bincount(part).tolist()
    [4, 4]
    """
    _, first = np.unique(groups, return_index=True)
    shuffled = generator.permutation(first)
    ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
    start = int(generator.integers(parts))  # so that rare classes do not all fall in part 0
    part_of_group = np.empty(len(first), dtype=int)
    part_of_group[groups[ordered]] = (np.arange(len(ordered)) + start) % parts
    return part_of_group[groups]


def even_out(part: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Makes the parts equal in size: rows too many get part -1, so they train in every fold.

    Folds of one shape share one compiled program. Rows with copies stay where they are.
    """
    out = part.copy()
    sizes = np.bincount(part)
    single = np.bincount(groups)[groups] == 1
    for k, size in enumerate(sizes):
        out[np.flatnonzero((part == k) & single)[: size - sizes.min()]] = -1
    return out


def _given_test(table: Table, groups: np.ndarray, text: list[str]) -> tuple[np.ndarray, np.ndarray]:
    start = table.rows - table.given_test
    test = np.arange(start, table.rows)
    development = np.arange(start)
    shared = np.isin(groups[development], groups[test])
    text.append(
        f"The data comes with its own test part of {len(test)} rows: it is sealed as it is, "
        "and opened once, at the end."
    )
    if shared.any():
        text.append(
            f"Left out of training, since their inputs stand in the test part too: "
            f"{int(shared.sum())} rows."
        )
        development = development[~shared]
    if len(development) < 10:
        raise WorkflowError(
            "Too few training rows are left beside the test part.",
            f"{len(development)} rows that are not in the test part, too",
            "check how the two parts were made",
        )
    return test, development


def _folds(
    development: np.ndarray,
    groups: np.ndarray,
    strata: np.ndarray,
    folds: int | None,
    generator: np.random.Generator,
    text: list[str],
) -> tuple[str, list[tuple[np.ndarray, np.ndarray]], int]:
    rows = len(development)
    own = np.unique(groups[development], return_inverse=True)[1]
    if folds is None and rows >= HOLD_OUT_FROM:
        part = deal(own, strata[development], 5, generator)
        text.append(
            f"Hold-out: {int((part != 0).sum())} of the other rows train and "
            f"{int((part == 0).sum())} validate; with {rows} rows one split is precise enough."
        )
        return "hold-out", [(development[part != 0], development[part == 0])], 1
    count = folds or 4
    repeats = 2 if rows < REPEAT_BELOW else 1
    pairs = []
    for _ in range(repeats):
        part = even_out(deal(own, strata[development], count, generator), own)
        pairs += [(development[part != k], development[part == k]) for k in range(count)]
    why = f"with {rows} rows, one validation part would be a matter of luck"
    if repeats == 1:
        text.append(f"{count}-fold cross-validation on the other rows: {why}.")
        return f"{count}-fold", pairs, 1
    text.append(f"{count}-fold cross-validation, drawn {repeats} times over: {why}.")
    return f"{repeats} × {count}-fold", pairs, repeats


def _time_column(table: Table) -> str | None:
    for column in table.inputs:
        if column.kind == "date" and not column.missing.any():
            if np.all(np.diff(column.values) >= 0) and len(np.unique(column.values)) > 10:
                return column.name
    return None


def _time_ordered(table: Table, name: str, text: list[str]) -> Protocol:
    rows = np.arange(table.rows)
    cut = round(table.rows * (1 - TEST_SHARE))
    test, development = rows[cut:], rows[:cut]
    blocks = np.array_split(development, 5)
    pairs = [(np.concatenate(blocks[:k]), blocks[k]) for k in range(2, 5)]
    text.append(f"The rows stand in the order of {name!r}, so they are split by time.")
    text.append(
        f"The last {len(test)} rows are the test part, sealed first: nothing is fitted, chosen "
        "or scaled on them, and they are opened once, at the end."
    )
    text.append("Three validation parts, each later than the rows that train for it.")
    return Protocol("time-ordered", test, development, pairs, text=text)
