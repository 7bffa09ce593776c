import pytest

from privacy.errors import LedgerError
from privacy.ledger.transcript import Transcript


def refuse():
    raise AssertionError("a recorded answer must not be drawn again")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "attempt.jsonl"


def test_answers_are_replayed_and_then_drawn(path):
    first = Transcript(path)
    assert first.answer(["a"], lambda: [1, 2]) == [1, 2]
    assert first.answer(["b"], lambda: 3) == 3
    again = Transcript(path)
    assert again.attempt == first.attempt
    assert again.answer(["a"], refuse) == [1, 2]
    assert again.answer(["b"], refuse) == 3
    assert again.answer(["c"], lambda: 4) == 4
    assert Transcript(path).answers == again.answers


def test_a_half_written_answer_was_seen_by_nobody_and_is_drawn_again(path, tmp_path, monkeypatch):
    monkeypatch.setenv(
        "UNDERSTUDY_STATE", str(path)
    )  # no folder: a kill came before it was remembered
    Transcript(path).answer(["a"], lambda: 1)
    whole = path.read_bytes()
    Transcript(path).answer(["a"], refuse)
    for cut in range(len(whole) - 1):
        path.write_bytes(whole[: len(whole) - 1 - cut])
        resumed = Transcript(path)
        assert resumed.answer(["a"], lambda: 2) == 2
        assert Transcript(path).answer(["a"], refuse) == 2


def test_an_older_copy_put_back_is_refused(path):
    """From it, answers would be drawn a second time on the same charge."""
    first = Transcript(path)
    first.answer(["a"], lambda: 1)
    older = path.read_bytes()
    first.answer(["b"], lambda: 2)
    newest = path.read_bytes()
    path.write_bytes(older)
    with pytest.raises(LedgerError, match="older copy"):
        Transcript(path)
    path.write_bytes(newest)
    assert Transcript(path).answers == first.answers


def test_another_question_does_not_get_the_answer(path):
    Transcript(path).answer(["a", 0.5], lambda: 1)
    with pytest.raises(LedgerError, match="another question"):
        Transcript(path).answer(["a", 0.6], refuse)


def test_a_deleted_transcript_is_a_new_attempt(path):
    first = Transcript(path).attempt
    path.unlink()
    assert Transcript(path).attempt != first


def test_a_checkpoint_goes_on_behind_the_answers_it_holds(path):
    first = Transcript(path)
    for i in range(3):
        first.answer(["a", i], lambda i=i: i)
    again = Transcript(path)
    again.go_to(1)
    assert again.answer(["a", 1], refuse) == 1
    again.go_to(3)
    assert again.answer(["a", 3], lambda: 3) == 3
    with pytest.raises(LedgerError, match="behind answer 5"):
        again.go_to(5)
