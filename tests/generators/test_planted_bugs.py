"""Bugs that others had, planted here: a check that passes without the bug must fail with it."""

from pathlib import Path

import pytest

from tests.generators import checks, plants

CAUGHT = {
    plants.batch_size_normalisation: checks.the_divisor_is_public,
    plants.class_means_by_actual_counts: checks.a_unit_moves_class_sums_by_one,
    plants.noise_by_private_count: checks.the_noise_does_not_tell_how_many_there_are,
    plants.halved_noise: checks.the_audit_stays_under_the_claim,
    plants.clip_skipped_for_one_layer: checks.a_unit_moves_the_sum_by_no_more_than_the_clip,
    plants.draws_clipped_separately: checks.a_unit_moves_the_sum_by_no_more_than_the_clip,
    plants.shuffled_batches: checks.samples_are_poisson,
    plants.masks_in_turn: checks.what_a_row_meets_does_not_follow_from_its_neighbours,
    plants.generator_on_real_rows: checks.training_sees_real_rows_through_the_engine_only,
    plants.overlapping_teachers: checks.a_unit_changes_one_teachers_votes,
    plants.ties_learnt_from: checks.a_table_of_one_column_is_trained_on,
    plants.uncharged_votes: checks.a_vote_too_many_is_refused,
    plants.uncharged_steps: checks.a_step_too_many_is_refused,
    plants.mechanism_again_at_sampling: checks.sampling_asks_nothing,
    plants.threshold_of_the_continuous_tail: checks.a_category_of_one_is_named_no_more_often_than_delta,
    plants.numbers_read_by_column: checks.a_number_is_read_alone,
    plants.halves_of_real_rows: checks.a_resumed_fit_reads_no_row,
    plants.gaps_of_whole_tables: checks.one_row_moves_a_score_by_no_more_than_is_noised_for,
    plants.domain_read_from_data: checks.the_domain_is_the_schemas,
}


@pytest.mark.parametrize("check", dict.fromkeys(CAUGHT.values()), ids=lambda c: c.__name__)
def test_a_check_passes_without_a_bug(check):
    check()


@pytest.mark.parametrize("plant", CAUGHT, ids=lambda p: p.__name__)
def test_a_planted_bug_is_caught(plant, monkeypatch):
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        CAUGHT[plant]()


def test_the_table_in_the_docs_is_this_one():
    table = (Path(__file__).parents[2] / "docs" / "planted-bugs.md").read_text(encoding="utf-8")
    for plant, check in CAUGHT.items():
        (line,) = [row for row in table.splitlines() if f"`{plant.__name__}`" in row]
        assert f"`{check.__name__}`" in line
