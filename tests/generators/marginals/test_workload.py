"""The workload holds all pairs and triples; what carries a subgroup and a target weighs most."""

from itertools import combinations

from generators.marginals.workload import MOST, workload

DOMAIN = {"race": 5, "age": 9, "sex": 2, "income": 2}


def test_all_pairs_and_triples_in_the_order_of_the_domain():
    cliques = workload(DOMAIN)
    assert len(cliques) == 6 + 4
    assert ("race", "age", "income") in cliques
    assert len(set(cliques.values())) == 1


def test_weights_rise_with_what_a_clique_carries():
    weight = workload(DOMAIN, ["income"], ["race", "sex"])
    assert weight["age", "sex"] <= weight["age", "income"] <= weight["sex", "income"]
    assert weight["race", "age", "income"] == weight["race", "income"]
    assert weight["race", "age", "income"] > weight["age", "sex"]


def test_what_is_kept_together_weighs_as_outcomes_do():
    weight = workload(DOMAIN, ["income"], ["race"], keep=[("age", "sex")])
    assert weight["age", "sex"] == weight["race", "income"] > weight["age", "income"]
    assert weight["age", "sex", "income"] == weight["age", "sex"]


def test_a_triple_that_is_kept_together_is_in_the_workload_of_a_wide_table():
    wide = {f"c{i:02}": 2 for i in range(40)}
    kept = ("c03", "c17", "c29")
    assert kept not in workload(wide)
    weight = workload(wide, keep=[kept])
    assert {r for r, w in weight.items() if w > weight["c00", "c01"]} == {
        kept,
        *combinations(kept, 2),
    }


def test_of_a_very_wide_table_only_triples_that_join_a_subgroup_with_a_target_are_left():
    wide = {f"c{i:03}": 2 for i in range(150)}
    kept = ("c010", "c020", "c030")
    roles = ["c000", "c001"], ["c002"]
    found = [r for r in workload(wide, *roles, keep=[kept]) if len(r) == 3]
    apart = [r for r in found if r != kept and not {"c010", "c020", "c030"} & {*r}]
    assert kept in found
    assert all("c002" in r and {"c000", "c001"} & {*r} for r in apart)
    assert ("c001", "c002", "c149") in found
    narrower = dict([*wide.items()][:100])
    assert ("c000", "c050", "c099") in workload(narrower, *roles)
    assert ("c000", "c050", "c099") not in found


def test_of_a_very_wide_table_without_subgroups_triples_are_thinned():
    wide = {f"c{i:03}": 2 for i in range(300)}
    kept = ("c010", "c020", "c030")
    found = [r for r in workload(wide, ["c000"], keep=[kept]) if len(r) == 3]
    assert kept in found
    assert 10_000 < len(found) <= MOST + 900
    assert len({c for r in found for c in r}) == 300
