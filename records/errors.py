"""Errors that are the user's to mend, and how a command reports them."""

import errno
import functools
import os
import re
import sys
from collections.abc import Iterable


class UserError(Exception):
    """A bad setting, file or record: one sentence that says what, where and what to do.

    exit_code: of a command that ends so.
    """

    exit_code = 2


def printable(text: str, most: int = 500) -> str:
    """Text from elsewhere on one line, without anything that a terminal obeys."""
    shown = "".join(c if c.isprintable() else " " for c in text[:most])
    return shown.encode(errors="replace").decode()


def pattern_of(given: object, setting: str) -> re.Pattern:
    """The regular expression that a setting or flag gives. Raises UserError where it is none."""
    try:
        return re.compile(given)
    except (re.error, TypeError) as error:
        raise UserError(f"{setting}: {given!r} is no regular expression ({error}).") from error


def pattern_table(given: Iterable, setting: str) -> list[tuple[re.Pattern, float]]:
    """The (pattern, number) pairs that `setting` gives. Raises UserError where it gives others."""
    table = []
    for pair in given:
        try:
            pattern, number = pair
            number = float(number)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{setting} holds {pair!r}: it takes pairs of a pattern and a number, like "
                "(('a pattern', 1.0),)."
            ) from error
        table.append((pattern_of(pattern, setting), number))
    return table


def is_disk_full(error: BaseException | None) -> bool:
    """Whether this, or what it was raised from, says so; TensorStore says it in a text only."""
    codes = (errno.ENOSPC, errno.EDQUOT)
    while error is not None:
        if getattr(error, "errno", None) in codes:
            return True
        if any(os.strerror(code) in str(error) for code in codes):
            return True
        error = error.__cause__ or error.__context__
    return False


def exit_on_user_error(main):
    """Turns a UserError or a full disk in `main` into one line on stderr and an exit code, 2 but
    for a UserError that has another."""

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        code = UserError.exit_code
        try:
            return main(*args, **kwargs)
        except UserError as error:
            sentence, code = str(error), error.exit_code
        except (OSError, ValueError) as error:
            if not is_disk_full(error):
                raise
            where = getattr(error, "filename", None) or "an output"
            sentence = (
                f"no room left on the disk while writing {where}: what was complete before is "
                "whole; make room and give the same command again."
            )
        print(f"error: {sentence}", file=sys.stderr)
        sys.exit(code)

    return wrapped
