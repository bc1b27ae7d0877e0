"""Keep files and functions short: print what is too long, and exit with 1 if anything is.

    python tools/check_sizes.py [--file-lines 400] [--function-lines 60] PATH...

A file counts all its lines. A function counts from `def` to its last line, without its
docstring (an example in a docstring is never too much); nested functions count in the
outer one as well.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60


def python_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the Python files among and below `paths`, in order; a missing path is an error."""
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"No such file or folder: {path}")
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function, less its docstring."""
    lines = _span(node)
    if ast.get_docstring(node, clean=False) is not None:
        lines -= _span(node.body[0])
    return lines


def offenders(path: Path, file_lines: int, function_lines_: int) -> Iterator[str]:
    """Yield one line of text for the file and each function in it that is too long."""
    source = path.read_text(encoding="utf-8")
    length = len(source.splitlines())
    if length > file_lines:
        yield f"{path}: {length} lines (at most {file_lines})"
    for node in ast.walk(ast.parse(source, filename=str(path))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        count = function_lines(node)
        if count > function_lines_:
            yield f"{path}:{node.lineno}: {node.name} has {count} lines (at most {function_lines_})"


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def main(argv: list[str] | None = None) -> int:
    """Check the paths on the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--file-lines", type=int, default=FILE_LINES)
    parser.add_argument("--function-lines", type=int, default=FUNCTION_LINES)
    options = parser.parse_args(argv)
    try:
        files = list(python_files(options.paths))
    except FileNotFoundError as error:
        parser.error(str(error))
    limits = (options.file_lines, options.function_lines)
    found = [line for path in files for line in offenders(path, *limits)]
    print("\n".join([*found, f"sizes: {len(files)} files, {len(found)} too long"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
