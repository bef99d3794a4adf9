"""Errors that say what was wrong, where, and what to type next."""

import difflib
from collections.abc import Iterable


class AgirError(Exception):
    """Something a user can mend. The command prints the message without a traceback and exits with 2."""


SHOWN = 24  # names in one message


class UnknownName(AgirError):
    """A task, method, network, claim or field that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], listing: str | None = None, it_is: str = ""):
        """`it_is`: another kind that has this name."""
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = (
            f" Did you mean {' or '.join(near)}?" if near else f" Known: {', '.join(known[:SHOWN])}{' and others' * (len(known) > SHOWN)}."
        )
        hint = f" It is a {it_is}." if it_is else hint
        super().__init__(f"There is no {kind} called '{name}'.{hint}" + (f" `{listing}` lists them." if listing else ""))


class Stopped(KeyboardInterrupt):
    """Ctrl-C, after what was being done is saved."""


class BadSpec(AgirError):
    """Two things that should agree about observations or actions do not."""


class BadData(AgirError):
    """A dataset that cannot be learnt from: the message names episode, column and row."""


class BadCheckpoint(AgirError):
    """A torn, edited or foreign checkpoint or bundle."""


class BadEnvironment(AgirError):
    """An environment that breaks its own word: NaN, wrong shape, an error in mid-run."""


class BadSetting(AgirError):
    """A setting out of range, or one that does not fit another."""


class Missing(AgirError):
    """A package, a library of the system or a file that is not there; the message has the command that mends it."""

    @classmethod
    def extra(cls, what: str, extra: str, error: Exception | str) -> "Missing":
        """Of a package that one of agir's extras (or several, with a comma) brings."""
        sync = " ".join(f"--extra {name}" for name in extra.split(","))
        mend = f"In agir's folder: `uv sync {sync}`, or `pip install '.[{extra}]'` into the environment in use."
        return cls(f"{what} needs what is not installed here ({error}). {mend}")


class BadPolicy(AgirError):
    """A policy that gives what is not an action: NaN, a wrong shape, a choice that is none."""
