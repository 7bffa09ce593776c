"""Every generator's mechanisms, audited on their worst inputs: right ones pass, wrong ones are caught.

Each audit must stay under the claim, come near it, and go above it when the noise is halved or a unit is let
in three times. ``flows.audit.worst_case`` makes the inputs; `understudy audit` runs the same with more runs.
"""

import functools

import pytest

from flows.audit.worst_case import MECHANISMS, calibrated
from generators.registry import GENERATORS, WORKERS
from privacy.accounting.guarantee import Guarantee
from tests.generators import plants

CLAIM = Guarantee(4.0, 1e-6)
"""Large, so that few runs tell a right mechanism from a wrong one."""
RUNS, FEW = 4000, 1000
"""As many as bounds need that come near a claim or, at half of its noise, surely above it; and where a unit is
not bounded. (With 1,000 of the first kind one audit in ten of halved noise saw nothing.)
"""
FEW_STEPS = {"steps": 50, "sampling_rate": 0.1}
PICTURES = FEW_STEPS | {"opening_share": 0.3}
SMALL = {
    "diffusion": FEW_STEPS,
    "ctgan": FEW_STEPS,
    "image-diffusion": PICTURES,
    "image-gan": PICTURES,
    "image-matching": {
        "opening_share": 0.25,
        "moments_share": 0.25,
        "features_share": 0.25,
        "steps": 50,
    },
}
CERTAIN = 0.9999
"""A right mechanism exceeds its claim by chance in fewer than 1e-4 of tests."""
AUDITED = [name for name in GENERATORS if name in MECHANISMS]

audited = pytest.mark.parametrize("name", AUDITED)
FIRST = {MECHANISMS[name]: name for name in reversed(AUDITED)}.values()
wronged = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in FIRST else [pytest.mark.long]) for n in AUDITED]
)
"""Of generators that are audited by the same code, the others are left to `make test-long`."""


@functools.cache
def generator(name):
    return calibrated(GENERATORS[name](**SMALL.get(name, {})), CLAIM)


@functools.cache
def claims(name):
    """What each audit of a generator is held to: its price, whatever the number of runs."""
    return [audit.claim(CLAIM.delta) for audit in audits(name, 2)]


def audits(name, runs=RUNS, copies=1):
    return MECHANISMS[name](generator(name), runs, copies)


def test_every_generator_is_audited():
    assert sorted(AUDITED) == sorted(set(GENERATORS) - set(WORKERS))


@audited
def test_an_audit_stays_under_the_claim_and_comes_near_it(name):
    for audit, claim in zip(audits(name), claims(name), strict=True):
        assert claim <= CLAIM.epsilon or "all units" in audit.name
        assert 0.4 * claim < audit.bound(CLAIM.delta, CERTAIN) <= claim, audit.name


@wronged
def test_an_audit_catches_halved_noise(name, monkeypatch):
    plants.halved_noise(monkeypatch)
    for audit, claim in zip(audits(name), claims(name), strict=True):
        assert audit.bound(CLAIM.delta, CERTAIN) > claim, audit.name


@wronged
def test_an_audit_catches_a_unit_that_is_not_bounded(name):
    for audit, claim in zip(audits(name, FEW, copies=3), claims(name), strict=True):
        assert audit.bound(CLAIM.delta, CERTAIN) > claim, audit.name


@pytest.mark.long
@audited
def test_a_long_audit_comes_nearer(name):
    for audit, claim in zip(audits(name, 50_000), claims(name), strict=True):
        assert 0.8 * claim < audit.bound(CLAIM.delta, CERTAIN) <= claim, audit.name
