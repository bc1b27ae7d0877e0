"""`python -m kohort.cli` is the `kohort` command."""

from kohort.cli.main import main

main()
