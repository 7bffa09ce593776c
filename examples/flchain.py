"""Write the free light chain cohort (Dispenzieri et al. 2012) as CSV, from scikit-survival's own copy.

    python examples/flchain.py OUT.csv

7,874 residents of Olmsted County: the assay of free light chains, and death within the follow-up. It plays
the private table of the demo. scikit-survival is GPL and only this script imports it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sksurv.datasets import load_flchain


def main(out: Path) -> None:
    """Write covariates, then follow-up in days and whether the person died."""
    covariates, outcome = load_flchain()
    table = covariates.rename(columns=lambda name: name.replace(".", "_"))
    table["age"] = table["age"].astype(int)
    table["futime"] = outcome["futime"].astype(int)
    table["death"] = outcome["death"].astype(int)
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(out, index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
