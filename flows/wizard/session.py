"""What one wizard holds while it runs: its folder, its project, the last check, the release it started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

from flows.wizard.project import Project
from privacy.errors import InputError

if TYPE_CHECKING:
    from flows.checking.checked import Checked
    from flows.wizard.running import Running

Form = Mapping[str, tuple[str, ...]]
"""What a page was sent: by field, its values."""


class OutdatedError(InputError):
    """A page was sent that showed what is no longer so: what was typed on it belongs nowhere."""


def check_seen(form: Form, now: str) -> None:
    """Raise OutdatedError for a page that was made of something else than what its ``seen`` should be now."""
    if one(form, "seen") != now:
        raise OutdatedError(
            "this page was made before something changed, in another tab perhaps; look at it as it is now, and "
            "send it again"
        )


@dataclass
class Session:
    """One person at one page. ``home``: the working folder. ``folder``: where a new project would lie.

    ``written``: when its files were. ``told``: what the last step had to say. ``checked``: the last check, and
    the schema it was of.
    """

    home: Path
    folder: Path | None = None
    first: Path | None = None
    project: Project | None = None
    written: tuple[int, ...] = ()
    told: tuple[str, ...] = ()
    checked: tuple[str, Checked] | None = None
    running: Running | None = None
    lock: RLock = field(default_factory=RLock)

    @property
    def open(self) -> Project:
        """The project, where there is one, as it stands in its folder: an editor may have changed it."""
        if self.project is None:
            raise InputError("no file was chosen yet; begin with the first page")
        if self.written != (written := self.project.written):
            self.project, self.written = Project.of(self.project.folder), written
        return self.project

    def near(self, path: Path) -> Path:
        """A path as one would say it in the working folder."""
        return path.relative_to(self.home) if path.is_relative_to(self.home) else path

    def keep(self, project: Project) -> None:
        """Go on with a changed project, written down."""
        project.save()
        self.project, self.written = project, project.written


class Step(Protocol):
    """One page: what it shows, and what it does with what it is sent.

    ``take`` returns the name of the page to go to; it raises UnderstudyError where what was sent is wrong.
    """

    NAME: str
    TITLE: str

    def show(self, session: Session) -> dict[str, Any]: ...

    def take(self, session: Session, form: Form) -> str: ...


def one(form: Form, name: str, otherwise: str = "") -> str:
    """A field's first value, without blanks around it."""
    return (form.get(name) or (otherwise,))[0].strip()
