"""A run at work: its entry in the ledger, what it charges, and the rows that are opened for it.

What a release plans, with the accountants behind it, is imported when it is asked for: a run that is finished
asks for nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flows.frames.export import stored_synthetic
from flows.stages.run import CANDIDATES, Run
from privacy.errors import LedgerError
from privacy.ledger.charges import Permit
from privacy.ledger.ledger import Ledger
from privacy.ledger.register import Dataset
from privacy.ledger.transcript import Transcript
from privacy.reading.formats.digest import source_digest
from privacy.reading.images import stack
from privacy.reading.share import Reached, nobody
from privacy.recognise import recognise
from privacy.schema.schema import Schema, load_schema
from privacy.stored.rows import AnyRows
from privacy.table import Partition, PrivateTable

if TYPE_CHECKING:
    from dp_accounting import DpEvent

    from flows.stages.plan import Plan


@dataclass(frozen=True)
class Work:
    """A run with its plan, its ledger and its data set's entry there."""

    run: Run
    schema: Schema
    ledger: Ledger
    dataset: Dataset
    public_rows: bool = False
    """Whether a person declared the rows public, so that nobody's budget is at stake."""
    planned: Plan | None = None

    @classmethod
    def of(cls, run: Run, public_key: bytes | None = None) -> Work:
        """Register the data set (first run) or check it against its entry; reads no row.

        ``public_key``: of public rows, what their split follows from.
        """
        public, config, schema = public_key is not None, run.config, run.config.load_schema()
        # what cannot be planned is registered nowhere; what is fitted was planned when it was begun
        planned = None if run.fitted else _plan(run, public)
        ledger = Ledger(config.ledger)
        _check_paid(run, ledger)
        dataset = ledger.register(
            schema.name,
            config.lifetime,
            config.holdout,
            schema,
            public_key=public_key,
            same_people_as=config.same_people_as,
            other_people_than=config.other_people_than,
        )
        return cls(run, schema, ledger, dataset, public, planned)

    @cached_property
    def plan(self) -> Plan:
        """How the guarantee is divided; calibrated anew where a fitted run asks for it."""
        return self.planned or _plan(self.run, self.public_rows)

    @cached_property
    def transcript(self) -> Transcript:
        later = self.synthetic_file.name, "scores", "bundle"
        return self._transcript("attempt.jsonl", "model", CANDIDATES, *later)

    @cached_property
    def asked(self) -> Transcript:
        """The noised answers of the people held out."""
        return self._transcript("evaluation.jsonl", "charged")

    def _transcript(self, name: str, *results: str) -> Transcript:
        """Raises LedgerError where the file is gone and a result of it is there: that was paid for."""
        there = next((r for r in results if (self.run / r).exists()), None)
        if there is not None and not (self.run / name).exists():
            shown = there if Path(there).suffix else f"{there}/"
            raise LedgerError(
                f"{self.run / name}: gone, though {shown} came of it, and a new attempt would be charged for "
                "nothing. Put the file back, or start a new run"
            )
        return Transcript(self.run / name)

    def _charge(
        self, partition: Partition, transcript: Transcript, purpose: str, event: DpEvent
    ) -> Permit:
        """Charge a partition for this attempt; the same attempt is charged once."""
        return self.ledger.charge(
            self.dataset.name,
            partition,
            run=self.run.name,
            attempt=transcript.attempt,
            purpose=purpose,
            event=event,
        )

    def charge_evaluation(self) -> Permit | None:
        """Charge the holdout for figures that may be published; None where none are wanted."""
        if self.run.config.evaluation is None:
            return None
        return self._charge("holdout", self.asked, "evaluate", self.plan.evaluation_event)

    @cached_property
    def compared(self) -> Transcript:
        """The noised answers that candidates are compared on."""
        return self._transcript("choice.jsonl", "model")

    def charge_choice(self) -> Permit:
        """Charge the holdout for choosing between candidates."""
        return self._charge("holdout", self.compared, "choose", self.plan.choice_event)

    def charge(self) -> Permit:
        """Charge the train partition for the fit; what promises nothing comes this far on public rows only."""
        if self.run.config.non_private:
            return self.ledger.open_public(
                self.dataset.name,
                "train",
                run=self.run.name,
                attempt=self.transcript.attempt,
                purpose="fit",
            )
        return self._charge("train", self.transcript, "fit", self.plan.event)

    def recognise(self, told: Reached = nobody) -> None:
        """Look whether the people in the files were charged under another name; before anything is charged.

        ``told``: the share that has been read.
        """
        if not self.public_rows:
            recognise(
                self.ledger,
                self.schema,
                self.run.config.data,
                run=self.run.name,
                attempt=self.transcript.attempt,
                room=self.run.folder,
                told=told,
            )

    def open(self, permit: Permit, told: Reached = nobody) -> AnyRows:
        """The rows of the permit's partition; files that hold people known under another name are refused.

        Rows that are too many for memory lie in the run's folder, in files without a name. ``told``: the share
        that has been read.
        """
        partition: Partition = "train" if permit.partition == "train" else "holdout"
        self.recognise()
        return PrivateTable(self.schema, self.run.config.data, partition).open(
            permit, self.run.folder, told
        )

    def opened_internally(self, partition: Partition, told: Reached = nobody) -> AnyRows:
        """Rows for judging, as they came: categories outside the completed schema are not ``other`` yet.

        Nothing computed on them may leave the house.
        """
        permit = self.ledger.open_internally(
            self.dataset.name,
            partition,
            run=self.run.name,
            attempt=self.transcript.attempt,
            purpose="judge",
        )
        rows = self.open(permit, told)
        if partition == "train":
            self._check_files(permit, rows)
        return rows

    def _check_files(self, permit: Permit, rows: AnyRows) -> None:
        """Raise LedgerError where the files are not those that the model was trained on."""
        if [a["question"] for a in self.transcript.answers[:1]] != [self.files(permit, rows)]:
            raise LedgerError(
                f"{self.run.folder}: the files are not those that the model was trained on; "
                "put them back, or start a new run, which is charged anew"
            )

    def files(self, permit: Permit, rows: AnyRows) -> list[str]:
        """A question whose answer ties a transcript to these files: answers are not continued on others."""
        files = "".join(map(source_digest, self.run.config.data))
        if self.schema.image is not None:  # a CSV file only names its pictures
            files += hashlib.sha256(stack(rows.frame[self.schema.image]).tobytes()).hexdigest()
        return ["files", permit.split.digest(files)]

    def completed_schema(self) -> Schema:
        """The schema with what was measured under the charge put in."""
        return load_schema(self.run / "model" / "schema.yaml")

    @property
    def chosen(self) -> int:
        """Which of the config's candidates the model is."""
        if self.run.config.select is None:
            return 0
        from generators.selection import chosen_candidate

        return chosen_candidate(self.run / "model")

    @property
    def synthetic_file(self) -> Path:
        """Where the synthetic rows are kept; pictures need Parquet."""
        return self.run / ("synthetic.parquet" if self.schema.image else "synthetic.csv")

    @cached_property
    def synthetic(self) -> AnyRows:
        """The synthetic rows, checked against the schema as they are read."""
        return stored_synthetic(self.synthetic_file, self.completed_schema(), self.run.folder)


def _check_paid(run: Run, ledger: Ledger) -> None:
    """Raise LedgerError where a run that was begun was charged in another ledger.

    That one splits people otherwise: whoever is in train would be asked as one of those held out.
    """
    transcript = run / "attempt.jsonl"
    begun = Transcript(transcript) if transcript.exists() else None
    if begun is None or not (begun.answers or run.fitted):
        return
    if not any(c.attempt == begun.attempt and c.purpose == "fit" for c in ledger.charges()):
        raise LedgerError(
            f"{run.folder}: what was done here was charged in another ledger than {ledger.address}; put "
            "back or name the one that it began with (`ledger:`, UNDERSTUDY_LEDGER), or start a new run, which "
            "is charged anew"
        )


def _plan(run: Run, public_rows: bool) -> Plan:
    from flows.stages.plan import Plan

    return Plan.of(run, public_rows)
