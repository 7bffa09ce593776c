"""A candidate: the files a run wants to publish, waiting for a person, known by one hash.

    bundle/candidate/   the very files of a public bundle (flows.bundle.write), for their owner's eyes

Its hash is the SHA-256 of manifest.json, which lists every file with its SHA-256: whoever was shown the hash
was shown these files. Approval is bound to it. What is exported is a copy that was held against it, with
``approval.json`` beside; ``public/`` is there whole or not at all, whenever a process is killed.

Nothing here opens a private row: label, schema and synthetic rows are public in kind, though not yet in fact.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.bundle.manifest import APPROVAL, MANIFEST, differences, digests
from flows.stages.run import folder_atomically, locked, write_json
from generators.registry import charge_of
from privacy.errors import InputError, LedgerError
from privacy.ledger.address import address
from privacy.ledger.chain import Head
from privacy.ledger.decisions import APPROVED, REJECTED, Decision, decide, decision_on
from privacy.ledger.ledger import Ledger

CANDIDATE, PUBLIC = "candidate", "public"
REPORT = (
    "figures on real rows that nobody was charged for: what is decided beside them is not covered"
)
"""What stands in the house's report, for whoever decides."""
HOW = {
    "added": "added after the candidate was made",
    "missing": "missing from the candidate",
    "changed": "changed after the candidate was made",
}
REFUSED = "nothing is exported"
WAITS = "waits for approval"
MODEL = "internal/model"
"""The model that the rows were drawn from; it stays in the house."""
LEDGER = "ledger.json"
"""Says, among what stays in the house, in which ledger the run was charged."""


@dataclass(frozen=True)
class Candidate:
    """Files that were held against their manifest; ``folder`` is where they lie."""

    folder: Path
    hash: str
    files: dict[str, str]
    label: dict[str, Any]

    @classmethod
    def of(cls, run: Path) -> Candidate:
        """The candidate of a run's folder, or what became of it when it was exported.

        Raises InputError where there is none, or where its files are not those of its manifest.
        """
        return cls.read(_folder(run))

    @classmethod
    def read(cls, folder: Path) -> Candidate:
        """The candidate in a folder, every file held against the manifest, by name and by content."""
        text, files = _manifest(folder)
        beside = {MANIFEST, *([APPROVAL] if folder.name == PUBLIC else [])}
        for path, how in differences(folder, files, beside):
            raise InputError(f"{path}: {HOW[how]}; {REFUSED}")
        label = json.loads((folder / "label.json").read_text(encoding="utf-8"))
        return cls(folder, hashlib.sha256(text).hexdigest(), files, label)

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.folder.parents[1]

    @property
    def exported(self) -> bool:
        return self.folder.name == PUBLIC

    def facts(self) -> dict[str, str]:
        """What whoever decides has to know, all of it public."""
        guarantee, release = self.label["guarantee"], self.label["release"]
        return {
            "release": release["name"],
            "data set": release["data_set"],
            "guarantee": f"ε={guarantee['epsilon']:.4g}, δ={guarantee['delta']:g} for each {guarantee['unit']}",
            **({"risk": self.label["risk"]["in_words"]} if "risk" in self.label else {}),
            "generator": release["generator"]["name"],
            "synthetic rows": f"{release['synthetic_rows']}",
            "gate": self._gate(),
            "files": f"{len(self.files)}",
            "candidate": self.hash,
        }

    def _gate(self) -> str:
        """What the policy decided, and on which figures: a person's word after it is not covered either way."""
        decision = self.label["decision"]
        figures = {"charged": "charged figures alone", "all": "figures that were not charged for"}
        on = f", on {figures[decision['figures']]}" if "figures" in decision else ""
        return f"{decision['decision']} under policy {decision['policy']}{on}"

    @property
    def report(self) -> Path:
        """The page on real rows, which stays in the house."""
        return self.run / "bundle" / "internal" / "report.html"

    def command(self) -> str:
        """The command that approves it."""
        words = ["understudy", "approve", str(self.run), "--candidate", self.hash]
        return f"{shlex.join(words)} --reviewer NAME --reason TEXT"

    def ledger(self) -> Ledger:
        """The ledger that the run was charged in; UNDERSTUDY_LEDGER may bring its password."""
        path = self.run / "bundle" / "internal" / LEDGER
        found = json.loads(path.read_text(encoding="utf-8"))["address"]
        if "://" not in found:
            if not Path(found).exists():
                raise LedgerError(f"ledger {found}: no such file; say where it lies now")
            return Ledger(found)
        known = os.environ.get("UNDERSTUDY_LEDGER", "")
        return Ledger(known if "://" in known and address(known) == found else found)

    def standing(self, ledger: Ledger) -> str:
        """How far it has come: ``approved``, ``rejected`` or ``waits for approval``."""
        if self.exported:
            return APPROVED
        made = decision_on(ledger, self.hash)
        return REJECTED if made is not None and made.decision == REJECTED else WAITS


def settle(
    run: Path,
    candidate: str,
    decision: str,
    reviewer: str,
    reason: str,
    ledger: Ledger | None = None,
) -> Decision:
    """Record a decision about the candidate with that hash, then export it where it is approved.

    Idempotent: the same again finishes an export that was cut off. Raises InputError where the files are not
    those of ``candidate``, LedgerError where the opposite was decided or the ledger never charged this run.
    """
    _bundle(run)  # a mistyped run is told before anything is made in it
    with locked(run):
        found = Candidate.of(run)
        _check_hash(found, candidate)
        if found.exported and not (found.folder / APPROVAL).exists():
            raise InputError(f"{found.folder}: public by its policy alone; nobody was to be asked")
        ledger = ledger or found.ledger()
        _check_charge(found.folder, found.label, ledger)
        check_model(found.run / "bundle" / MODEL, found.label)
        made = decide(
            ledger,
            dataset=found.label["release"]["data_set"],
            run=found.label["release"]["name"],
            candidate=found.hash,
            decision=decision,
            reviewer=reviewer,
            reason=reason,
        )
        if made.decision == APPROVED:
            _export(found, made)
    return made


def _export(found: Candidate, made: Decision) -> None:
    bundle = found.run / "bundle"
    if not found.exported:
        with folder_atomically(bundle / PUBLIC) as partial:
            shutil.copytree(found.folder, partial, dirs_exist_ok=True)
            _check_hash(Candidate.read(partial), made.candidate)  # what is copied, not what was
            told = {"candidate": made.candidate, "decision": made.number, "hash": made.hash}
            write_json(partial / APPROVAL, told | {"time": made.time})
    shutil.rmtree(bundle / CANDIDATE, ignore_errors=True)


def _folder(run: Path) -> Path:
    """Where a run's candidate lies by now."""
    bundle = _bundle(run)
    for name in (
        PUBLIC,
        CANDIDATE,
        PUBLIC,
    ):  # it may be exported between the first look and the second
        if (bundle / name).is_dir():
            return bundle / name
    raise InputError(f"{run}: nothing to approve; the run was not approved by its policy")


def _bundle(run: Path) -> Path:
    if not (run / "bundle").is_dir():
        raise InputError(f"{run}: no finished run; expected a folder with bundle/ in it")
    return run / "bundle"


def _manifest(folder: Path) -> tuple[bytes, dict[str, str]]:
    """The manifest as it is, and what it says: names and digests."""
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise InputError(f"{path}: {HOW['missing']}; {REFUSED}")
    text = path.read_bytes()
    try:
        return text, digests(text)
    except ValueError as error:
        raise InputError(f"{path}: {HOW['changed']}; {REFUSED}") from error


def _check_hash(found: Candidate, wanted: str) -> None:
    if found.hash != wanted:
        raise InputError(
            f"{found.folder}: the candidate's hash is {found.hash}, not {wanted}; look at it again"
        )


def trace(label: Path, ledger: Ledger) -> str:
    """What a ledger holds of a release: its charge and, where a person was asked, the decision; in words.

    Raises LedgerError where either is not there, InputError where the decision was about other files.
    """
    found = json.loads(label.read_text(encoding="utf-8"))
    _check_charge(label, found, ledger)
    check_model(label.absolute().parents[1] / MODEL, found)
    if not ledger.holds(heads_on(found)):
        raise LedgerError(
            f"{label}: names rows that this ledger held when it was written and holds no more: an older "
            "copy was put back, or rows were changed"
        )
    approval = label.with_name(APPROVAL)
    if not approval.exists():
        return f"the charge of {label}"
    told = json.loads(approval.read_text(encoding="utf-8"))
    if hashlib.sha256(_manifest(label.parent)[0]).hexdigest() != told["candidate"]:
        raise InputError(f"{approval}: the decision was about another manifest than this one")
    made = decision_on(ledger, told["candidate"])
    if made is None or (made.number, made.hash) != (told["decision"], told["hash"]):
        raise LedgerError(f"{approval}: decision {told['decision']} is not in this ledger")
    return f"the charge of {label} and decision {made.number}, {made.decision} by {made.reviewer}"


def check_model(folder: Path, label: dict[str, Any]) -> None:
    """Raise LedgerError where a saved model names another charge than the label that its rows go out under.

    Where none lies in ``folder``, as beside a label that left the house, there is nothing to hold against it.
    """
    if not folder.exists():
        return
    mine, named = charge_of(folder), label["accounting"]["ledger"]["hash"]
    if mine != named:
        raise LedgerError(
            f"{folder / 'model.json'}: names charge {mine:.16}…, and the label {named:.16}…: this is the model "
            "of another fit; put back the one that this run trained, or start a new run, which is charged anew"
        )


def heads_on(label: dict[str, Any]) -> dict[str, Head]:
    """The heads that a label names; none on labels from before there were any."""
    found = label["accounting"]["ledger"].get("heads", {})
    return {table: Head(number, digest) for table, (number, digest) in found.items()}


def _check_charge(where: Path, label: dict[str, Any], ledger: Ledger) -> None:
    """Raise LedgerError unless the charge on the label stands in the ledger, and is what the label says."""
    from privacy.accounting.composition import spent
    from privacy.ledger.budget import TOLERANCE

    on_label = label["accounting"]["ledger"]
    for charge in ledger.charges(label["release"]["data_set"]):
        if (charge.number, charge.hash) != (on_label["charge"], on_label["hash"]):
            continue
        told = label["guarantee"]
        if json.loads(charge.event) != label["accounting"]["events"][0]["event"]:
            raise LedgerError(
                f"{where}: charge {charge.number} was for other draws than its label says"
            )
        cost = spent([charge.dp_event], told["delta"]).epsilon
        if cost > told["epsilon"] * (1 + TOLERANCE):
            raise LedgerError(
                f"{where}: charge {charge.number} costs ε={cost:.4g} at δ={told['delta']:g}, and the label "
                f"says {told['epsilon']:.4g}"
            )
        return
    raise LedgerError(
        f"{where}: charge {on_label['charge']} on its label is not in this ledger; give the ledger that "
        "the run was charged in"
    )
