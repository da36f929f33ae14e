"""Errors that are meant for the user: one line that says what was given, what is allowed, what to do."""


class ToymcError(Exception):
    """A failure that the user can mend; the command line prints it in one line and exits with code 2."""


class InputError(ToymcError, ValueError):
    """Something given to toymc (option, card, file, parameter) is outside what is allowed."""
