"""The workload holds all pairs and triples; what carries a subgroup and a target weighs most."""

from generators.marginals.workload import workload

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
