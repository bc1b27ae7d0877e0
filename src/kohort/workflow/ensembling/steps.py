"""Steps of scikit-learn's pipelines as layers: what stands before an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.ask import transform
from kohort.workflow.ensembling.frozen import NoLayers, affine, less, matches


def step(fitted: Any, x: Any) -> Any:
    """What a fitted transformer makes of the columns `x`, `(None, columns)`."""
    return x if fitted is None or fitted == "passthrough" else transform(fitted, x)


@transform.of("StandardScaler", "RobustScaler", "MaxAbsScaler")
def _standard(fitted: Any, x: Any) -> Any:
    zeros = np.zeros(x.shape[-1])
    mean = getattr(fitted, "mean_", None)
    center = getattr(fitted, "center_", None) if mean is None else mean
    scale = fitted.scale_
    return less(x, zeros if center is None else center, 1 + zeros if scale is None else scale)


@transform.of("MinMaxScaler")
def _min_max(fitted: Any, x: Any) -> Any:
    low, high = fitted.feature_range
    out = less(x, fitted.data_min_ - low / fitted.scale_, 1 / fitted.scale_)
    return ops.clip(out, float(low), float(high)) if fitted.clip else out


@transform.of("SimpleImputer")
def _impute(fitted: Any, x: Any) -> Any:
    if fitted.add_indicator or not np.isnan(fitted.missing_values):
        raise NoLayers("SimpleImputer with a mark for gaps, or for gaps other than NaN")
    fill = np.asarray(fitted.statistics_, "float64")
    kept = np.flatnonzero(~np.isnan(fill))
    if len(kept) < len(fill):
        x = ops.take(x, kept.tolist(), axis=-1)
    gaps = ops.cast(ops.isnan(x), "float32")
    return ops.nan_to_num(x) + layers.Rescaling(fill[kept].tolist())(gaps)


@transform.of("OneHotEncoder")
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
        parts.append(matches(x, column, names))
    return layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


@transform.of("PCA")
def _pca(fitted: Any, x: Any) -> Any:
    kernel = fitted.components_.T
    if fitted.whiten:
        kernel = kernel / np.sqrt(fitted.explained_variance_)
    return affine(less(x, fitted.mean_), kernel, np.zeros(kernel.shape[1]))


@transform.of("VarianceThreshold", "SelectKBest")
def _selected(fitted: Any, x: Any) -> Any:
    return ops.take(x, fitted.get_support(indices=True).tolist(), axis=-1)


@transform.of("FunctionTransformer")
def _function(fitted: Any, x: Any) -> Any:
    """One of NumPy's, or none, as a `ColumnTransformer` keeps the columns that it passes on."""
    if fitted.func not in _FUNCTIONS or fitted.kw_args:
        raise NoLayers(f"FunctionTransformer of {fitted.func}")
    return _FUNCTIONS[fitted.func](x)


_FUNCTIONS: dict[Any, Any] = {
    None: lambda x: x, np.absolute: ops.absolute, np.exp: ops.exp, np.log: ops.log,
    np.log1p: ops.log1p, np.sqrt: ops.sqrt, np.square: ops.square,
}  # fmt: skip


@transform.of("Pipeline")
def _pipeline(fitted: Any, x: Any) -> Any:
    for _, one in fitted.steps:
        x = step(one, x)
    return x


@transform.of("ColumnTransformer")
def _by_columns(fitted: Any, x: Any) -> Any:
    """Each transformer's columns side by side; the rest comes last."""
    weights = fitted.transformer_weights or {}
    parts = []
    for name, one, _ in fitted.transformers_:
        columns = fitted._transformer_to_input_indices[name]
        if len(columns) and not (isinstance(one, str) and one == "drop"):
            part = step(one, ops.take(x, list(map(int, columns)), axis=-1))
            parts.append(part * float(weights[name]) if name in weights else part)
    if not parts:
        raise NoLayers("a ColumnTransformer that drops all columns")
    return layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
