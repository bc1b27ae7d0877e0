"""Commands, their options, and exit codes: 0 done, 1 the job failed, 2 wrong usage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="kohort",
    help="Improve a network honestly, from a data file to a report, a model and a verdict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Verbose = Annotated[
    bool, typer.Option("--verbose", help="Show the whole traceback if something fails.")
]
Target = Annotated[
    str | None,
    typer.Option(
        help="The column to predict: a name, a place (-1 is the last), or several 0/1 columns "
        "separated by commas.",
        show_default=False,
    ),
]
Lags = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Rows are a series: the target's last values are inputs.",
        show_default="14 for a date and a number, else none",
    ),
]
Task = Annotated[
    str | None,
    typer.Option(help="binary, multi-class, multi-label or regression.", show_default="found out"),
]
NoHeader = Annotated[
    bool | None,
    typer.Option("--no-header/--header", help="Whether a CSV file's first line holds data."),
]
Encoding = Annotated[str, typer.Option(help="The text encoding of a CSV file.")]


def main() -> None:
    """The entry point of the `kohort` command."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def _options(
    show: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Improve a network honestly, from a data file to a report, a model and a verdict."""


@app.command()
def version() -> None:
    """Show the versions of Kohort, JAX and Python."""
    import platform

    import jax

    import kohort

    typer.echo(f"kohort {kohort.__version__}, jax {jax.__version__}", nl=False)
    typer.echo(f", python {platform.python_version()}")


@app.command()
def improve(
    data: Annotated[
        str,
        typer.Argument(
            help="A CSV, Parquet or .npz file, a folder with a folder of images or .txt files for "
            "each class, or an embedded set: digits, breast_cancer, wine, diabetes, iris, "
            "boston_housing, mnist, …",
            show_default=False,
        ),
    ],
    target: Target = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder.", show_default="runs/NAME")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Settings that the search tries.")] = 16,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="The most epochs of one training.", show_default="by size"),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Folds of the cross-validation.", show_default="by size"),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="About how long the run may take: 90s, 10m, 1h.", show_default="none"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the interrupted run in the run folder.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the splits, weights and draws.")] = 0,
    lags: Lags = None,
    task: Task = None,
    no_header: NoHeader = None,
    encoding: Encoding = "utf-8",
    verbose: Verbose = False,
) -> None:
    """Walk from a data file to a network, a report and a plain verdict.

    Eight stages: the problem, the measure, the protocol (a test part is sealed first), encoding,
    baselines, growing the network until it overfits, regularising and tuning, ensemble and
    probabilities. Then the test part is opened, once.

    Example: `kohort improve patients.csv --target survived --out runs/patients`
    """
    seconds = _seconds(budget)
    folders: list[Path] = []

    def job() -> None:
        from kohort.workflow.improve import default_folder
        from kohort.workflow.improve import improve as walk

        folders.append(out or default_folder(data))
        walk(
            data, target, out=folders[0], seed=seed, trials=trials, epochs=epochs, folds=folds,
            budget=seconds, resume=resume, task=task, lags=lags,
            header=None if no_header is None else not no_header, encoding=encoding,
        )  # fmt: skip

    _guard(job, verbose, lambda: _to_go_on(folders))


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a `kohort improve` run.")],
    data: Annotated[Path, typer.Argument(help="A file with the same input columns.")],
    out: Annotated[
        Path | None, typer.Option(help="Write a CSV file here.", show_default="print it")
    ] = None,
    no_header: NoHeader = None,
    encoding: Encoding = "utf-8",
    verbose: Verbose = False,
) -> None:
    """Predict the rows of a file with the model of a run.

    Example: `kohort predict runs/patients new.csv --out predictions.csv`
    """

    def job() -> None:
        import csv
        import io

        from kohort.workflow.predict import predict as apply

        header = None if no_header is None else not no_header
        names, rows = apply(run, data, header, encoding)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(
            [f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in rows
        )
        if out is None:
            typer.echo(text.getvalue(), nl=False)
        else:
            out.write_text(text.getvalue(), encoding="utf-8")
            typer.echo(f"{len(rows)} predictions in {out}")

    _guard(job, verbose)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    options_metavar="[--verbose]",
)
def run(
    context: typer.Context,
    script: Annotated[Path, typer.Argument(help="A Python script written for Keras.")],
    verbose: Verbose = False,
) -> None:
    """Run a Keras script on Kohort, without an edit.

    In the script, `import keras`, `from keras.layers import Dense` and the same under
    `tensorflow.keras` mean Kohort. Further arguments are the script's own.

    Example: `kohort run train.py --epochs 5`
    """
    from kohort.cli.script import run_script

    if not script.is_file():
        typer.echo(f"Error: no such script: {script}", err=True)
        raise typer.Exit(2)
    _guard(lambda: run_script(script, context.args), verbose)


@app.command()
def watch(
    runs: Annotated[Path, typer.Argument(help="A run folder, or a folder of run folders.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen.", show_default="a free one")
    ] = 0,
    report: Annotated[
        bool, typer.Option("--report", help="Show the reports even if TensorBoard could be used.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Look at runs in a browser while they go on; Ctrl-C ends it.

    Where there are event files and TensorBoard is installed, it is started on the folder; else the
    live reports of `kohort improve` are served. Either can be reached from this machine only.

    Example: `kohort watch runs`
    """

    def job() -> None:
        from kohort.cli.watch import watch as look

        look(runs, port, report, typer.echo)

    _guard(job, verbose)


def _to_go_on(folders: list[Path]) -> str:
    """What an interrupted run has left, where it had begun."""
    if any((folder / "config.json").exists() for folder in folders):
        return "What is known so far lies in the run folder; --resume goes on from there."
    return "Nothing was begun yet."


def _seconds(budget: str | None) -> float | None:
    """Seconds of a duration such as `90`, `90s`, `10m`, `1.5h`."""
    if budget is None:
        return None
    factor = {"s": 1, "m": 60, "h": 3600}
    number, unit = (budget[:-1], budget[-1]) if budget[-1:] in factor else (budget, "s")
    try:
        seconds = float(number) * factor[unit]
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise typer.BadParameter(f"{budget!r} is no duration; write 90s, 10m or 1h.")
    return seconds


def _guard(
    job: Callable[[], Any], verbose: bool, interrupted: Callable[[], str] = lambda: ""
) -> None:
    """Runs a job; turns its failures into one clear line on stderr and an exit code."""
    from kohort.cli.cache import keep_programs
    from kohort.workflow.failure import UsageError

    try:
        keep_programs()
        job()
    except KeyboardInterrupt:
        typer.echo(f"\nInterrupted. {interrupted()}".rstrip(), err=True)
        raise typer.Exit(1) from None
    except Exception as error:
        if verbose:
            import traceback

            traceback.print_exc()
        name = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        hint = "" if verbose else " (--verbose shows where)"
        typer.echo(f"Error: {name}{error or 'no message'}{_hint(error, hint)}", err=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from None


def _hint(error: Exception, hint: str) -> str:
    from kohort.workflow.failure import WorkflowError

    return "" if isinstance(error, WorkflowError) else hint
