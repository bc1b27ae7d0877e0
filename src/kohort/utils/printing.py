"""Where progress messages go."""

from __future__ import annotations

import logging
import sys

from kohort.core import settings


def print_msg(message: object, line_break: bool = True) -> None:
    """Write a message to standard output, or to the `kohort` logger if logging is not interactive.

    >>> print_msg("3 of 5")
    3 of 5
    """
    text = str(message)
    if not settings.is_interactive_logging_enabled():
        logging.getLogger("kohort").info(text)
        return
    text = f"{text}\n" if line_break else text
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        # A console without the bar's character shows "=" as Keras does.
        encoding = sys.stdout.encoding or "utf-8"
        plain = text.replace("━", "=").encode(encoding, errors="ignore")
        sys.stdout.write(plain.decode(encoding))
    sys.stdout.flush()
