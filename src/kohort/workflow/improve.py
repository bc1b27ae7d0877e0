"""`kohort improve`: the stages from a data file to a model, a report and a verdict."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kohort.errors import KohortWarning
from kohort.workflow import final as last
from kohort.workflow.baselines import Baselines, run_baselines
from kohort.workflow.bench import Bench, make_bench
from kohort.workflow.blend import Blend, blend
from kohort.workflow.budget import Budget
from kohort.workflow.calibrate import Calibration, calibrate, threshold
from kohort.workflow.candidates import Judge, Result
from kohort.workflow.capacity import Capacity, grow
from kohort.workflow.encode import CodeBook, constant_columns, make_code_book
from kohort.workflow.failure import UsageError, WorkflowError
from kohort.workflow.honest import SealedTest, fingerprint
from kohort.workflow.interrupts import heard
from kohort.workflow.measure import Measure, choose_measure
from kohort.workflow.problem import Problem, find_problem
from kohort.workflow.protocol import Protocol, make_protocol
from kohort.workflow.readers import read
from kohort.workflow.regularise import Regularising, regularise
from kohort.workflow.run_folder import FORMAT, RunFolder, begun
from kohort.workflow.series import lag_name, lags_of, with_lags
from kohort.workflow.story import Story
from kohort.workflow.table import Table, blocks_of
from kohort.workflow.tune import Tuning, tune
from kohort.workflow.verdict import Verdict, judge_run

SEARCH_ROWS = 20_000  # the search trains on so many rows at most; the final fit takes all


@dataclass
class Findings:
    """What a run knows so far; a stage that was not reached is None."""

    data: str
    out: str
    options: dict[str, Any]
    table: Table
    problem: Problem
    fingerprint: str
    state: str = "running"
    budget: Budget = field(default_factory=Budget)
    seconds: float = 0.0
    measure: Measure | None = None
    protocol: Protocol | None = None
    sealed: SealedTest | None = None
    book: CodeBook | None = None
    encoding_text: list[str] = field(default_factory=list)
    baselines: Baselines | None = None
    capacity: Capacity | None = None
    regularising: Regularising | None = None
    tuning: Tuning | None = None
    blend: Blend | None = None
    calibration: Calibration | None = None
    threshold: float = 0.5
    calibration_text: list[str] = field(default_factory=list)
    final: last.FinalFit | None = None
    test: last.TestResult | None = None
    verdict: Verdict | None = None
    results: list[Result] = field(default_factory=list)
    pictures: dict[str, str | None] = field(default_factory=dict)  # of the report, by name

    @property
    def problem_text(self) -> list[str]:
        """Stage 1 in words: the table, what was noticed in it, and the task."""
        size = f"{self.table.rows} rows, {len(self.table.inputs)} input columns"
        return [f"{size}, from {self.table.source}.", *self.table.notes, *self.problem.text]

    def _repr_html_(self) -> str:
        from kohort.workflow.notebook import findings_html

        return findings_html(self)


def improve(
    data: str | Path,
    target: str | None = None,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    trials: int = 16,
    epochs: int | None = None,
    folds: int | None = None,
    budget: float | None = None,
    resume: bool = False,
    task: str | None = None,
    lags: int | None = None,
    header: bool | None = None,
    encoding: str = "utf-8",
    quiet: bool = False,
) -> Findings:
    """Walks the workflow of machine learning on `data` and writes a run folder.

    `data` is a CSV, Parquet or .npz file, the name of an embedded set, or a folder that holds a
    folder of images or of texts for each class; `target` is a column of a table. The target's
    last `lags` values are inputs, too, where they are given, or the table is a mere series.

    `trials` settings are tried in the search. The run takes `budget` seconds, about: what the last
    fit and the report will cost is kept aside, and stages that there is no time for are left out;
    the test part is opened in any case. An interruption (Ctrl-C) leaves the files with what is
    known and is raised again; a kill leaves the log, the configuration and the results of all
    candidates judged so far. `resume` goes on in such a folder: what was trained is not trained
    again.

    The stages follow Chollet, *Deep Learning with Python* (2021), chapter 6.
    """
    clock = Budget(budget or None)
    for name, value in (("trials", trials), ("epochs", epochs)):
        if value is not None and value < 1:
            raise UsageError(f"--{name} must be at least 1.", str(value))
    problem, table = find_problem(with_lags(read(data, target, header, encoding), lags), task)
    path = Path(out or default_folder(data))
    options: dict[str, Any] = {"target": target, "seed": seed, "trials": trials, "epochs": epochs}
    options |= {"folds": folds, "budget": budget, "task": task, "lags": lags}
    found = fingerprint(*_blocks(table))
    if resume:
        _check_same(path, found, options)
    folder = RunFolder(path, resume)
    findings = Findings(str(data), str(folder.path), options, table, problem, found, budget=clock)
    story = Story(folder, quiet, lambda: report(findings, folder))
    try:
        note(findings, folder)
        with heard():
            bench, coded = _understand(findings, story, folder)
            judge = _judge(findings, story, folder, bench)
            _search(findings, story, judge)
            _finish(findings, story, folder, bench, coded)
        findings.state = "done"
    except KeyboardInterrupt:
        findings.state = "interrupted"
        raise
    except Exception:
        findings.state = "failed"
        raise
    finally:
        _write(findings, story, folder)
    return findings


def _blocks(table: Table) -> tuple[np.ndarray, ...]:
    return blocks_of([*table.inputs, *table.targets])


def _check_same(path: Path, found: str, options: dict[str, Any]) -> None:
    """A run goes on with the data and the options that it began with, budget and trials aside."""
    config = begun(path)
    if config["state"] == "done":
        raise UsageError(
            "--resume goes on with a run that did not come to its end.",
            f"{path}, which is done",
            "leave --resume away to run anew: the test part is then opened again",
        )
    free = ("trials", "budget")
    now = {"fingerprint": found} | {k: v for k, v in options.items() if k not in free}
    then = {"fingerprint": config["fingerprint"], **config["options"]}
    changes = [f"{name} was {then.get(name)}, is {now[name]}" for name in now
               if then.get(name) != now[name]]  # fmt: skip
    if changes:
        raise WorkflowError(
            "A run goes on with the data and the options that it began with.",
            "; ".join(changes),
            "give the same options",
            "name another folder with --out for the new run",
        )


def _judge(findings: Findings, story: Story, folder: RunFolder, bench: Bench) -> Judge:
    """Trains candidates; whatever it learns is on the disk at once."""
    known = folder.kept()
    if known:
        story.say([f"Resumed: {len(known)} candidates need not be trained again."])

    def progress(text: str) -> None:
        note(findings, folder)
        story.progress(text)

    return Judge(
        bench,
        findings.budget,
        known,
        folder.keep,
        progress,
        findings.results,
        story.watch,
    )


def default_folder(data: str | Path) -> Path:
    """Where a run goes if nothing is said: `runs/NAME`, from the file's name without its ending."""
    return Path("runs") / Path(data).name.split(".")[0]


def _understand(findings: Findings, story: Story, folder: RunFolder) -> tuple[Bench, np.ndarray]:
    """Stages 1 to 4: problem, measure, protocol, encoding."""
    table, problem, options = findings.table, findings.problem, findings.options
    story.heading(f"kohort improve {findings.data}")
    story.heading("1. The problem")
    story.say(findings.problem_text)
    measure = findings.measure = choose_measure(problem)
    story.heading("2. The measure")
    story.say(measure.text)
    protocol = make_protocol(table, problem, options["seed"], options["folds"])
    findings.protocol = protocol
    findings.sealed = SealedTest(folder.path, _blocks(table), protocol.test)
    story.heading("3. The protocol")
    story.say(protocol.text)
    book = findings.book = make_code_book(table, protocol.development)
    coded = book.apply(table.inputs)
    findings.encoding_text = list(book.text)
    constant = constant_columns(book, coded[protocol.development])
    if constant:
        named = ", ".join(constant[:8]) + (", …" if len(constant) > 8 else "")
        findings.encoding_text.append(
            f"{len(constant)} columns are the same in every row and get weight zero: {named}."
        )
    most = SEARCH_ROWS if len(protocol.development) > 1.25 * SEARCH_ROWS else None
    if most:
        findings.encoding_text.append(
            f"To save time, the search trains on {most} rows; the last fit takes all."
        )
    story.heading("4. Encoding")
    story.say(findings.encoding_text)
    bench = make_bench(
        table, coded, book, problem, protocol, measure, options["epochs"], options["seed"], most,
        table.row_shape if len(book.features) == np.prod(table.row_shape or (0,)) else None,
    )  # fmt: skip
    return bench, coded


def _search(findings: Findings, story: Story, judge: Judge) -> None:
    """Stages 5 to 8: baselines, capacity, regularisation and tuning, ensemble."""
    story.heading("5. Baselines")
    findings.baselines = run_baselines(judge)
    story.say(findings.baselines.text)
    story.heading("6. Growing the network until it overfits")
    findings.budget.begin(0.5)
    findings.capacity = grow(judge, findings.baselines.default)
    story.say(findings.capacity.text)
    story.heading("7. Regularising and tuning")
    findings.budget.begin(0.5)
    findings.regularising = regularise(judge, findings.capacity)
    story.say(findings.regularising.text)
    findings.budget.begin(1)
    findings.tuning = tune(
        judge, findings.regularising, findings.options["trials"], findings.baselines.default
    )
    story.say(findings.tuning.text)
    story.heading("8. Ensemble and probabilities")
    bench = judge.bench
    joined = findings.blend = blend(judge.results, findings.tuning.chosen, bench, judge.budget)
    y = bench.truth[joined.rows]
    if judge.budget.left < 0:
        findings.calibration, text = Calibration(), [judge.budget.not_tried(["calibration"])]
    else:
        findings.calibration, text = calibrate(y, joined.prediction, bench.goal, bench.seed)
    calibrated = findings.calibration.apply(joined.prediction)
    findings.threshold, more = threshold(y, calibrated, bench.goal)
    findings.calibration_text = [*text, *more]
    story.say([*joined.text, *findings.calibration_text])


def _finish(
    findings: Findings, story: Story, folder: RunFolder, bench: Bench, coded: np.ndarray
) -> None:
    """Fits the choice, saves the model, opens the test part once and gives the verdict."""
    problem, measure = findings.problem, findings.measure
    protocol, book, tuning = findings.protocol, findings.book, findings.tuning
    joined, calibration, sealed = findings.blend, findings.calibration, findings.sealed
    assert measure and protocol and book and tuning and joined and calibration and sealed
    story.heading("The test part, opened once")
    story.progress("the last fit, on all development rows")
    findings.final = last.fit_chosen(
        joined, calibration, findings.threshold, bench, coded, book, problem, protocol
    )
    folder.save_model(findings.final.model)
    note(findings, folder)
    story.say(findings.final.text)
    earlier = sealed.earlier()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KohortWarning)  # the story says it
        rows = sealed.open("; ".join(map(str, findings.final.settings)))
    if earlier:
        story.say(
            [
                f"This data's test part was opened before: {len(earlier)} time(s), last on "
                f"{earlier[-1]['time'][:16].replace('T', ' ')} in {earlier[-1]['run']}."
            ]
        )
    findings.test = last.open_test(
        findings.final, coded, problem, protocol, measure, rows, bench.seed,
        book.place_of(lag_name(problem.target, 1)),
    )  # fmt: skip
    story.say(findings.test.text)
    findings.verdict = judge_run(tuning, findings.final, findings.test, measure, len(earlier))
    findings.verdict.text.extend(findings.budget.overrun())
    story.heading("Verdict")
    story.say([findings.verdict.headline, *findings.verdict.text])


def _write(findings: Findings, story: Story, folder: RunFolder) -> None:
    """Writes what is known, whether the run came to its end or not."""
    note(findings, folder)
    report(findings, folder)
    if findings.state == "done":
        story.heading(f"Files in {folder.path} ({findings.seconds:.0f} s)")
        story.say(
            [
                "report.html: this story with pictures",
                "model.keras: takes unscaled rows; `kohort predict` applies it to a file",
                "trials.csv, history.csv, config.json, log.txt, test_openings.jsonl",
            ]
        )
    story.close()


def report(findings: Findings, folder: RunFolder) -> None:
    """Writes what is known as a page."""
    from kohort.workflow.report import render

    start, before = findings.budget.spent, _drawn(findings)
    folder.write("report.html", render(findings))
    findings.budget.drew(_drawn(findings) - before, findings.budget.spent - start)


def _drawn(findings: Findings) -> int:
    return sum(picture is not None for picture in findings.pictures.values())


def note(findings: Findings, folder: RunFolder) -> None:
    """Writes what is known as data: the configuration and the results."""
    findings.seconds = findings.budget.spent
    folder.write_json("config.json", configuration(findings))
    folder.write_results(findings.results)


def configuration(findings: Findings) -> dict[str, Any]:
    """All that is needed to use the model and to repeat the run, as plain JSON values."""
    out: dict[str, Any] = {
        "kohort": _version(),
        "format": FORMAT,
        "data": findings.data,
        "state": findings.state,
        "seconds": round(findings.seconds, 2),
        "options": findings.options,
    }
    out["fingerprint"] = findings.fingerprint
    out["rows"] = findings.table.rows
    out["task"] = findings.problem.task
    out["target"] = findings.problem.target
    out["classes"] = findings.problem.classes
    if findings.measure:
        out["measure"] = findings.measure.name
    if findings.book:
        out["code_book"] = findings.book.to_json()
        out["row_shape"] = findings.table.row_shape
        out["lags"] = lags_of(findings.problem.target, findings.book.features)
    if findings.final:
        out["networks"] = [asdict(setting) for setting in findings.final.settings]
        out["weights"] = findings.final.weights
        out["epochs"] = findings.final.epochs
        out["calibration"] = findings.final.calibration.to_json()
        out["threshold"] = findings.final.threshold
        out["fill"] = [float(value) for value in findings.final.scaler.fill]
    if findings.test and findings.verdict:
        out["test"] = asdict(findings.test.figure)
        out["verdict"] = findings.verdict.headline
    return out


def _version() -> str:
    import kohort

    return kohort.__version__
