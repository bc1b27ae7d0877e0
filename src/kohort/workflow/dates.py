"""Dates and times of day as numbers: what a calendar says that a network can learn from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

_EPOCH = date(1970, 1, 1).toordinal()
_SECONDS = 86_400
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ELAPSED, YEAR, DAY = "elapsed", "year", "day"
_NAMES = {
    ELAPSED: ["days since the first"],
    YEAR: ["sin of the year", "cos of the year"],
    DAY: ["sin of the day", "cos of the day"],
}


def day_number(text: str) -> float | None:
    """A date, with or without a time, as a day number with fractions; None for other text.

    Known are ISO 8601, slashes or dots in place of its hyphens, and day.month.year. The time is
    taken as the clock showed it: zones are left out, since weekdays and hours are local.

    >>> day_number("1970-01-02 12:00"), day_number("1970/1/2"), day_number("2.1.1970")
    (719164.5, 719164.0, 719164.0)
    """
    head, _, rest = text.strip().replace("T", " ").partition(" ")
    parts = head.replace("/", "-").replace(".", "-").split("-")
    if len(parts) != 3:
        return None
    if "." in head and len(parts[2]) == 4:
        parts.reverse()
    if len(parts[0]) != 4:
        return None
    try:
        day = date(*(int(part) for part in parts)).toordinal()
        clock = datetime.fromisoformat(f"2000-01-01 {rest.strip()}") if rest.strip() else None
    except ValueError:
        return None
    if clock is None:
        return float(day)
    seconds = 3600 * clock.hour + 60 * clock.minute + clock.second + clock.microsecond / 1e6
    return day + seconds / _SECONDS


def is_ambiguous(text: str) -> bool:
    """Whether it is a date whose day and month cannot be told apart in all countries.

    >>> is_ambiguous("12/31/2024"), is_ambiguous("31.12.2024")
    (True, False)
    """
    return re.match(r"\s*\d{1,2}[/-]\d{1,2}[/-]\d{4}\b", text) is not None


def day_numbers(times: np.ndarray) -> np.ndarray:
    """NumPy's dates and times as day numbers with fractions; NaN for those that are missing."""
    seconds = times.astype("datetime64[ms]").astype("int64") / (1000 * _SECONDS)
    return np.where(np.isnat(times), np.nan, seconds + _EPOCH)


def telling_parts(values: np.ndarray) -> list[str]:
    """Which parts of dates can say something: those that vary, and cycles that came round.

    A year's cycle that was never seen whole is no more than the time that has passed.

    >>> telling_parts(719163 + np.arange(400.0))[:3]
    ['elapsed', 'year', 'Monday']
    """
    known = values[~np.isnan(values)]
    span = np.ptp(known)
    parts = [ELAPSED] if span else []
    if span >= 360 and np.ptp(_of_year(known)) > 0.01:
        parts.append(YEAR)
    if span >= 0.9 and np.ptp(known % 1) > 0:
        parts.append(DAY)
    # The first of each month falls on any weekday, which means nothing.
    if len(found := np.unique(_weekday(known))) > 1 and len(np.unique(_of_month(known))) > 1:
        parts += [DAYS[int(day)] for day in found]
    return parts


def names_of(parts: Sequence[str]) -> list[str]:
    """The columns that parts of dates become."""
    return [name for part in parts for name in _NAMES.get(part, [part])]


def describe(parts: Sequence[str]) -> str:
    """Parts of dates in words.

    >>> describe(["elapsed", "day", "Monday", "Sunday"])
    'the time that has passed, the hour, the weekday'
    """
    words = {ELAPSED: "the time that has passed", YEAR: "the season", DAY: "the hour"}
    return ", ".join(dict.fromkeys(words.get(part, "the weekday") for part in parts))


def columns_of(values: np.ndarray, parts: Sequence[str], origin: float) -> np.ndarray:
    """Days since `origin`, cycles as sine and cosine, 0 or 1 for weekdays: `(rows, columns)`.

    What is missing is NaN, and no weekday.
    """
    known = ~np.isnan(values)
    whole = np.where(known, values, origin)
    columns: list[np.ndarray] = []
    for part in parts:
        if part in DAYS:
            columns.append(known & (_weekday(whole) == DAYS.index(part)))
        elif part == ELAPSED:
            columns.append(values - origin)
        else:
            angle = 2 * np.pi * (_of_year(whole) if part == YEAR else whole % 1)
            columns += [np.where(known, wave(angle), np.nan) for wave in (np.sin, np.cos)]
    return np.stack(columns, axis=1).astype("float32")


def _weekday(values: np.ndarray) -> np.ndarray:
    return (np.floor(values) - 1) % 7  # day 1 was a Monday


def _dates(values: np.ndarray, unit: str) -> np.ndarray:
    return (np.floor(values).astype("int64") - _EPOCH).astype("datetime64[D]").astype(unit)


def _of_year(values: np.ndarray) -> np.ndarray:
    """The share of its year that has passed: on the first of January 0 in every year."""
    year = _dates(values, "datetime64[Y]")
    start, end = (y.astype("datetime64[D]").astype("int64") + _EPOCH for y in (year, year + 1))
    return (values - start) / (end - start)


def _of_month(values: np.ndarray) -> np.ndarray:
    month = _dates(values, "datetime64[M]").astype("datetime64[D]")
    return np.floor(values) - month.astype("int64") - _EPOCH
