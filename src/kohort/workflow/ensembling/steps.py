"""Steps of scikit-learn's pipelines as layers: what stands before an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.frozen import NoLayers, affine, less


def step(fitted: Any, x: Any) -> Any:
    """What a fitted transformer makes of the columns `x`, `(None, columns)`."""
    if fitted is None or fitted == "passthrough":
        return x
    known = _KNOWN.get(type(fitted).__name__)
    if known is None:
        raise NoLayers(f"the step {type(fitted).__name__}")
    return known(fitted, x)


def _standard(fitted: Any, x: Any) -> Any:
    zeros = np.zeros(x.shape[-1])
    mean = getattr(fitted, "mean_", None)
    center = getattr(fitted, "center_", None) if mean is None else mean
    scale = fitted.scale_
    return less(x, zeros if center is None else center, 1 + zeros if scale is None else scale)


def _min_max(fitted: Any, x: Any) -> Any:
    low, high = fitted.feature_range
    out = less(x, fitted.data_min_ - low / fitted.scale_, 1 / fitted.scale_)
    return ops.clip(out, float(low), float(high)) if fitted.clip else out


def _impute(fitted: Any, x: Any) -> Any:
    if fitted.add_indicator or not np.isnan(fitted.missing_values):
        raise NoLayers("SimpleImputer with a mark for gaps, or for gaps other than NaN")
    fill = np.asarray(fitted.statistics_, "float64")
    kept = np.flatnonzero(~np.isnan(fill))
    if len(kept) < len(fill):
        x = ops.take(x, kept.tolist(), axis=-1)
    gaps = ops.cast(ops.isnan(x), "float32")
    return ops.nan_to_num(x) + layers.Rescaling(fill[kept].tolist())(gaps)


def _one_hot(fitted: Any, x: Any) -> Any:
    """A column for each category; a category that was not there is none of them."""
    if any(found is not None for found in getattr(fitted, "infrequent_categories_", [None])):
        raise NoLayers("OneHotEncoder with infrequent categories")
    drops = fitted.drop_idx_ if fitted.drop_idx_ is not None else [None] * len(fitted.categories_)
    parts = []
    for column, (own, drop) in enumerate(zip(fitted.categories_, drops, strict=True)):
        if own.dtype.kind not in "fiub" or np.isnan(own.astype("float64")).any():
            raise NoLayers("OneHotEncoder of texts or gaps")
        names = own.astype("float64") if drop is None else np.delete(own.astype("float64"), drop)
        offsets: Any = (-names).tolist()
        apart = layers.Rescaling(1.0, offsets)(
            ops.repeat(x[:, column : column + 1], len(names), axis=-1)
        )
        parts.append(ops.cast(ops.equal(apart, 0), "float32"))
    return layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def _pca(fitted: Any, x: Any) -> Any:
    kernel = fitted.components_.T
    if fitted.whiten:
        kernel = kernel / np.sqrt(fitted.explained_variance_)
    return affine(less(x, fitted.mean_), kernel, np.zeros(kernel.shape[1]))


def _selected(fitted: Any, x: Any) -> Any:
    return ops.take(x, fitted.get_support(indices=True).tolist(), axis=-1)


_KNOWN = {
    "StandardScaler": _standard,
    "RobustScaler": _standard,
    "MaxAbsScaler": _standard,
    "MinMaxScaler": _min_max,
    "SimpleImputer": _impute,
    "OneHotEncoder": _one_hot,
    "PCA": _pca,
    "VarianceThreshold": _selected,
    "SelectKBest": _selected,
}
