"""Our k-marginal against NIST's: two releases of National 2019, scored with NIST's binning.

    python benchmarks/kmarginal_nist.py DATA_DIR [--output benchmarks/results/kmarginal_nist.json]

DATA_DIR holds national2019.csv.gz, data_dictionary.json and releases/*.csv.gz of NIST's
Collaborative Research Cycle. The binning is that of SDNist 2.5 (``sdnist/report/dataset``): whole
numbers are rounded; AGEP, PINCP, POVPIP, PWGTP and WGTP are cut at the percentiles of the real rows
into 20 bins, less one for "N" and less one for each end beyond which a release has values; DENSITY
is cut at fixed logarithmic edges; everything else stays as it is. The score is the mean over the
253 pairs of features, each with PUMA.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from evaluators.fidelity.kmarginal import REPEATS, equals_percent, score_tables, subsample_scores

PUBLISHED = {"aim_e_10_all": 710, "mwem_pgm": 827}
"""The scores of SDNist 2.5 (mwem_pgm: 847 with SDNist 2.1, which binned by rank and left out
INDP)."""

PERCENTILE_BINNED = ("AGEP", "PINCP", "POVPIP", "PWGTP", "WGTP")
BINS = 20
GROUP = "PUMA"
NOT_APPLICABLE = "N"


def read(path: Path) -> pd.DataFrame:
    """A table as texts."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def codes(
    real: pd.DataFrame, synthetic: pd.DataFrame, densest: float
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Integer codes of both tables under NIST's binning, and the number of codes of each column."""
    out: list[dict[str, np.ndarray]] = [{}, {}]
    sizes = {}
    for name in real:
        values = [cells(table[name]) for table in (real, synthetic)]
        if name == "DENSITY":
            values = [density_bins(v, densest) for v in values]
        elif name in PERCENTILE_BINNED:
            values = percentile_bins(*values)
        known, code = np.unique(np.concatenate(values), return_inverse=True)
        out[0][name], out[1][name] = np.split(code, [len(real)])
        sizes[name] = len(known)
    return pd.DataFrame(out[0]), pd.DataFrame(out[1]), sizes


def cells(texts: pd.Series) -> np.ndarray:
    """Numbers, whole where the feature is whole; "N" becomes −inf; PUMA keeps its text."""
    if texts.name == GROUP:
        return texts.to_numpy(dtype=str)
    numbers = pd.to_numeric(texts.where(texts != NOT_APPLICABLE, "-inf")).to_numpy(dtype=float)
    return numbers if texts.name == "DENSITY" else np.round(numbers)


def density_bins(values: np.ndarray, densest: float) -> np.ndarray:
    """Bins at 0, 150 and the upper part of 20 logarithmic ones up to 500 above the densest PUMA.

    Larger values are top-coded into the last bin.
    """
    logarithmic = np.logspace(1, np.log10(densest + 500), 21)
    edges = np.concatenate([[0, 150], logarithmic[8:]])
    return np.digitize(np.minimum(values, edges[-1]), edges, right=True)


def percentile_bins(real: np.ndarray, synthetic: np.ndarray) -> list[np.ndarray]:
    """Bins (edge, next edge] at percentiles of the real values; −inf ("N") stays apart."""
    of_real, of_synthetic = real[np.isfinite(real)], synthetic[np.isfinite(synthetic)]
    n = BINS - int(np.isneginf(real).any())
    ends = [of_real.max()]
    if of_synthetic.max() > of_real.max():
        ends.append(of_synthetic.max())
        n -= 1
    if of_synthetic.min() < of_real.min():
        ends.append(of_synthetic.min())
        n -= 1
    inner = np.percentile(of_real, np.arange(n) * (100 / n), method="higher")
    edges = np.unique(np.concatenate([inner, ends]))
    return [
        np.where(np.isneginf(v), v, np.maximum(np.digitize(v, edges, right=True), 1))
        for v in (real, synthetic)
    ]


def pairs_with_group(names: list[str]) -> list[tuple[str, str, str]]:
    """The sets of columns that NIST scores."""
    return [(GROUP, *pair) for pair in combinations(sorted(set(names) - {GROUP}), 2)]


def k_marginal(real: pd.DataFrame, synthetic: pd.DataFrame, densest: float) -> float:
    """NIST's score, 0 to 1000."""
    of_real, of_synthetic, sizes = codes(real, synthetic, densest)
    return float(score_tables(of_real, [of_synthetic], pairs_with_group(list(real)), sizes)[0])


def densest(folder: Path) -> float:
    """The density of the densest PUMA, from the data dictionary."""
    dictionary = json.loads((folder / "data_dictionary.json").read_text("utf-8"))
    return float(dictionary["DENSITY"]["values"]["max"])


def score(real: pd.DataFrame, synthetic: pd.DataFrame, densest: float) -> dict[str, float]:
    """NIST's score of one release, its subsample reading, and the plain 2-marginal score."""
    of_real, of_synthetic, sizes = codes(real, synthetic, densest)
    sets = pairs_with_group(list(real))
    found = float(score_tables(of_real, [of_synthetic], sets, sizes)[0])
    reference = subsample_scores(of_real, sets, sizes, np.random.default_rng(0))
    pairs = list(combinations(sorted(real), 2))
    plain = score_tables(of_real, [of_synthetic], pairs, sizes)[0]
    return {
        "k-marginal": round(found, 2),
        "equals a subsample of, %": round(equals_percent(found, reference), 2),
        "a 40 % subsample scores": round(float(reference.reshape(-1, REPEATS)[6].mean()), 2),
        "plain 2-marginals": round(float(plain), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "kmarginal_nist.json"
    )
    given = parser.parse_args()
    real = read(given.data_dir / "national2019.csv.gz")
    highest = densest(given.data_dir)
    found = {}
    for name, published in PUBLISHED.items():
        synthetic = read(given.data_dir / "releases" / f"{name}.csv.gz")[list(real)]
        found[name] = {"published": published} | score(real, synthetic, highest)
        print(name, found[name], flush=True)
    given.output.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
