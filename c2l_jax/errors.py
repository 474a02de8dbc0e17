"""The one kind of error that is the user's to mend, and how a command reports it."""

import functools
import sys


class UserError(Exception):
    """A bad setting, file or record: one sentence that says what, where and what to do."""


def exit_on_user_error(main):
    """Turns a UserError out of `main` into one line on stderr and exit code 2."""

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    return wrapped
