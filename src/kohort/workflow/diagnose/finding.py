"""Findings, and the diagnosis that they make up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

WORDS = ((0.7, "strong"), (0.4, "clear"), (0.2, "slight"), (0.0, "a hint"))


@dataclass(frozen=True)
class Finding:
    """One thing that the curves say.

    `severity` lies between 0 (nothing wrong) and 1; `evidence` is a sentence with numbers;
    `try_next` lists remedies, the likeliest first; `epoch`, from 1, says where it begins.
    """

    name: str
    severity: float
    evidence: str
    try_next: tuple[str, ...] = ()
    epoch: int | None = None

    def __str__(self) -> str:
        title = self.name.replace("_", " ").capitalize()
        if self.severity > 0:
            word = next(word for least, word in WORDS if self.severity >= least)
            title += f" ({word}, {self.severity:.2f})"
        return "\n".join([f"{title}: {self.evidence}", *(f"   - {t}" for t in self.try_next)])


@dataclass(frozen=True)
class Diagnosis:
    """Findings, strongest first. `name in diagnosis` and `diagnosis[name]` look one up.

    >>> print(Diagnosis([Finding("good_fit", 0.0, "both losses are flat.")]))
    1. Good fit: both losses are flat.
    """

    findings: list[Finding]

    def __str__(self) -> str:
        return "\n".join(f"{i}. {finding}" for i, finding in enumerate(self.findings, 1))

    def _repr_html_(self) -> str:
        from kohort.workflow.notebook import diagnosis_html

        return diagnosis_html(self)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __contains__(self, name: object) -> bool:
        return any(finding.name == name for finding in self.findings)

    def __getitem__(self, name: str) -> Finding:
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(f"{name!r} was not found; found: {[f.name for f in self.findings]}")
