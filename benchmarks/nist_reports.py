"""Two releases of National 2019 against the reports that NIST's tool wrote on them, figure by figure.

    python benchmarks/nist_reports.py DATA_DIR [--output benchmarks/results/nist_reports.json]

What the reports (SDNist 2.5 for AIM, 2.1 for MWEM-PGM) hold as numbers is computed again with the
preparation of SDNist (``transform``): whole numbers, N as −1, as 999 for POVPIP and as 9,999,999 for
PINCP, DENSITY in bins. Beside them stand our own figures on the same rows. Correlations and univariate
divergences are files that the reports only name; k-marginals are in ``kmarginal_nist.py``; impossible
rows follow from our schema's rules, which are not NIST's list.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kmarginal_nist import codes, density_bins, read
from scipy.stats import ks_2samp, linregress
from sklearn.decomposition import PCA
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from evaluators.fidelity.association import KINDS, associations
from evaluators.fidelity.propensity import Pool, by_boosting, by_logistic, pmse, whitened
from evaluators.mixed import Mixed

RELEASES = ("aim_e_10_all", "mwem_pgm")
NUMBERS = ("AGEP", "PINCP", "POVPIP", "PWGTP", "WGTP", "DENSITY", "NOC", "NPF")
NOT_APPLICABLE = {"POVPIP": 999, "PINCP": 9_999_999}
DEPTH = 6
"""Gives the published figures; a stored version of SDNist's source has 5."""

ROWS = 10_000
GROUPS = {
    "total_population": ([], ""),
    "white_men": (["1"], "1"),
    "white_women": (["1"], "2"),
    "black_men": (["2"], "1"),
    "black_women": (["2"], "2"),
    "asian_men": (["6"], "1"),
    "asian_women": (["6"], "2"),
    "aiannh_men": (["3", "4", "5", "7"], "1"),
    "aiannh_women": (["3", "4", "5", "7"], "2"),
}


def prepared(table: pd.DataFrame, pumas: list[str], densest: float) -> pd.DataFrame:
    """SDNist's numbers for every column."""
    columns = {}
    for name in sorted(table):
        texts = table[name]
        if name == "PUMA":
            columns[name] = texts.map(pumas.index).to_numpy()
            continue
        filled = texts.where(texts != "N", str(NOT_APPLICABLE.get(name, -1)))
        values = pd.to_numeric(filled).to_numpy(dtype=float)
        columns[name] = (
            density_bins(values, densest) if name == "DENSITY" else values.astype(np.int64)
        )
    return pd.DataFrame(columns)


def tree_pmse(real: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    X = np.concatenate([real, synthetic])
    y = np.repeat([0, 1], [len(real), len(synthetic)])
    tree = DecisionTreeClassifier(max_depth=DEPTH, random_state=0).fit(X, y)
    return pmse(tree.predict_proba(X)[:, 1], float(y.mean()))


def component_distances(real: pd.DataFrame, synthetic: pd.DataFrame) -> list[float]:
    """Kolmogorov–Smirnov distances along the first five components of the real rows."""
    scaled = StandardScaler().fit(real.to_numpy(float))
    basis = PCA(5).fit(scaled.transform(real.to_numpy(float)))
    sides = [basis.transform(scaled.transform(t.to_numpy(float))) for t in (real, synthetic)]
    pairs = zip(*(side.T for side in sides), strict=True)
    return [round(float(ks_2samp(a, b).statistic), 4) for a, b in pairs]


def regression(table: pd.DataFrame, races: list[str], sex: str) -> list[float]:
    """Slope and intercept of PINCP_DECILE on EDU where neither is N."""
    kept = (table["EDU"] != "N") & (table["PINCP_DECILE"] != "N")
    if races:
        kept &= table["RAC1P"].isin(races) & (table["SEX"] == sex)
    line = linregress(*(pd.to_numeric(table.loc[kept, c]) for c in ("EDU", "PINCP_DECILE")))
    return [round(float(line.slope), 2), round(float(line.intercept), 2)]


def copies(real: pd.DataFrame, synthetic: pd.DataFrame) -> list[int]:
    """Real rows that are unlike any other, and how many of them stand in the release."""
    unique = real.drop_duplicates(keep=False)
    return [len(unique), len(unique.merge(synthetic.drop_duplicates()))]


def our_propensity(real: pd.DataFrame, synthetic: pd.DataFrame, numbers: np.ndarray) -> Any:
    """Both models on equally many rows: one-hot codes for one, NIST's numbers for the other."""
    rng = np.random.default_rng(0)
    rows = [np.sort(rng.choice(len(t), ROWS, replace=False)) for t in (real, synthetic)]
    coded = np.concatenate([real.iloc[rows[0]], synthetic.iloc[rows[1]]])
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(coded)
    both = np.concatenate([rows[0], len(real) + rows[1]])
    pool = Pool(
        np.repeat([0.0, 1.0], ROWS),
        np.tile(np.arange(ROWS), 2),
        {"logistic": whitened(one_hot), "boosting": numbers[both]},
    )
    return {
        name: {"AUROC": round(found.auroc, 3), "pMSE over its expectation": round(found.ratio, 2)}
        for name, found in (
            ("logistic", by_logistic(pool, rng)),
            ("boosting", by_boosting(pool, rng)),
        )
    }


def our_associations(tables: list[pd.DataFrame], coded: list[pd.DataFrame]) -> dict[str, float]:
    """Mean absolute difference of each kind."""
    found = []
    names = [c for c in coded[0] if c not in NUMBERS]
    sizes = tuple(1 + max(int(t[c].max()) for t in coded) for c in names)
    for texts, table in zip(tables, coded, strict=True):
        numbers = np.column_stack(
            [pd.to_numeric(texts[c].where(texts[c] != "N")).to_numpy(float) for c in NUMBERS]
        )
        found.append(
            associations(Mixed(NUMBERS, numbers, tuple(names), table[names].to_numpy(), sizes))
        )
    means = {}
    for kind in KINDS:
        gap = np.abs(getattr(found[0], kind) - getattr(found[1], kind))
        square = kind != "correlation_ratio"
        gap = gap[np.triu_indices(len(gap), 1)] if square else gap
        means[kind] = round(float(np.nanmean(gap)), 4)
    return means


def compared(real: pd.DataFrame, synthetic: pd.DataFrame, report: Any, densest: float) -> Any:
    """Published and computed, figure by figure."""
    pumas = sorted(set(real["PUMA"]))
    a, b = (prepared(table, pumas, densest) for table in (real, synthetic))
    coded = codes(real, synthetic, densest)[:2]
    lines = {
        name: {
            "published": report["linear_regression"][name][
                "deidentified_regression_slope_and_intercept"
            ],
            "computed": regression(synthetic, *group),
        }
        for name, group in GROUPS.items()
    }
    matches = report["unique_exact_matches"]
    return {
        "pMSE of a tree": {
            "published": round(report["propensity mean square error"]["pmse_score"], 4),
            "computed": round(tree_pmse(a, b), 4),
        },
        "components, KS": {
            "published": [round(v, 4) for v in report["pca"]["ks_scores"]],
            "computed": component_distances(a, b),
        },
        "income on education, slope and intercept": lines,
        "unique rows, copied": {
            "published": [
                matches["unique target records"],
                matches["records matched in target data"],
            ],
            "computed": copies(real, synthetic),
        },
        "ours": our_propensity(*coded, np.concatenate([a, b]).astype(float))
        | {"association, mean difference": our_associations([real, synthetic], list(coded))},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data_dir", type=Path)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "nist_reports.json"
    )
    given = parser.parse_args()
    real = read(given.data_dir / "national2019.csv.gz")
    dictionary = json.loads((given.data_dir / "data_dictionary.json").read_text("utf-8"))
    densest = float(dictionary["DENSITY"]["values"]["max"])
    found = {}
    for name in RELEASES:
        folder = given.data_dir / "releases"
        synthetic = read(folder / f"{name}.csv.gz")[list(real)]
        report = json.loads((folder / f"{name}.report.json").read_text("utf-8"))
        found[name] = compared(real, synthetic, report, densest)
        print(name, json.dumps(found[name], indent=1), flush=True)
    given.output.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
