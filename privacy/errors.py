"""The errors a person meets, each one line, with the exit code the command line gives them.

An error that quotes private rows carries the quotation apart (``private``): only the terminal of whoever
started the run may show it, never a log, an artifact or Prefect's state.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UnderstudyError(Exception):
    """Base of everything we raise on purpose."""

    exit_code = 2


class InputError(UnderstudyError):
    """A config, schema or command that cannot be carried out as written; quotes public text only."""


class PrivateError(UnderstudyError):
    """An error with a part that may quote private rows.

    ``str(error)`` is safe anywhere; ``error.private`` stays in the house.
    """

    def __init__(self, message: str, private: str) -> None:
        super().__init__(message)
        self.private = private


class DataError(PrivateError):
    """Private rows that do not fit the schema; ``private`` names column and value."""

    def __init__(self, private: str) -> None:
        super().__init__("the private table does not fit its schema", private)


class WorkerError(PrivateError):
    """A worker that gave no answer; ``private`` is what it wrote to its stderr."""


class PermitError(UnderstudyError):
    """Private rows were asked for without a permit that covers them."""


class BudgetError(UnderstudyError):
    """A charge that would overspend; nothing was read."""

    exit_code = 4


class LedgerError(UnderstudyError):
    """The ledger is unreachable, altered or contradicts the request."""


class PeopleError(PrivateError, LedgerError):
    """People who are known from elsewhere; ``private`` says from where, found out without a charge."""

    def __init__(self, private: str) -> None:
        super().__init__(
            "people in the private table are known from before, otherwise than config and schema say; nothing "
            "was charged",
            private,
        )


class EvidenceError(PrivateError):
    """Too few people to assess what a release claims; ``private`` says whom, found without a charge."""

    def __init__(self, private: str) -> None:
        super().__init__(
            "too few people would be held out to assess everything that the policy asks; nothing was charged. "
            "To go on all the same: --accept-unassessed (of the flow, accept_unassessed)",
            private,
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'age'?", where a known name is near; "" where none is."""
    alike = {k.casefold(): k for k in known if k != name}
    near = get_close_matches(name.casefold(), alike, n=1)
    return f"; did you mean {alike[near[0]]!r}?" if near else ""
