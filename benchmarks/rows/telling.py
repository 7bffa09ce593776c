"""How well a boosting classifier tells a table from the real one, on raw columns: .5 is not at all.

Numbers are numbers and dates days; categories are categories, as many as the learner takes, the rarest as one.
Each row is judged by a model that saw neither it nor another of its group: the rows of one person, or a row and
its own copy after binning.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from rows.figures import as_numbers, numeric
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from privacy.schema.schema import Schema

FOLDS = 5
MOST_CATEGORIES = 255


def auroc(
    schema: Schema,
    real: pd.DataFrame,
    ours: pd.DataFrame,
    groups: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> float:
    """Out of fold. ``groups``: a number for each row of both tables."""
    X, y = features(schema, real, ours), np.repeat([0, 1], [len(real), len(ours)])
    group = np.concatenate(groups)
    fold = np.random.default_rng(seed).permutation(group.max() + 1)[group] % FOLDS
    told = np.zeros(len(y))
    for one in range(FOLDS):
        unseen = fold == one
        model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
        model.fit(X[~unseen], y[~unseen])
        told[unseen] = model.predict_proba(X[unseen])[:, 1]
    return round(float(roc_auc_score(y, told)), 4)


def features(schema: Schema, real: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Both tables, one below the other."""
    numbers = set(numeric(schema))
    return pd.DataFrame(
        {
            name: np.concatenate([as_numbers(t[name]) for t in (real, ours)])
            if name in numbers
            else _categories(pd.concat([t[name] for t in (real, ours)], ignore_index=True))
            for name in schema.modelled
        }
    )


def _categories(texts: pd.Series) -> pd.Categorical:
    """Numbered by how common they are; missing stays missing."""
    commonest = texts.value_counts().index
    place = pd.Series(np.arange(len(commonest)), index=commonest).clip(upper=MOST_CATEGORIES - 1)
    return pd.Categorical(texts.map(place))
