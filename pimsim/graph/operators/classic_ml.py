"""ai.onnx.ml, text, and training: what is no matrix product, the linear models that are, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from pimsim.graph.nodes import Constant
from pimsim.graph.operators.products import stationary
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.special import digital


def _entries(site: Site, name: str) -> int:
    """Entries of a list attribute (0 when absent)."""
    value = site.node.attributes.get(name)
    return len(value) if isinstance(value, (list, tuple, np.ndarray)) else 0


def _distinct(site: Site, name: str) -> int:
    """Different entries of a list attribute, at least 1."""
    value = site.node.attributes.get(name)
    return max(1, len({str(entry) for entry in value})) if isinstance(value, (list, tuple, np.ndarray)) else 1


def text(site: Site) -> None:
    """Strings, maps and dictionaries: one operation an element on the digital units."""
    site.note("no matrix product: text and maps are handled by the host or digital units, one operation an element")
    known = all(tensor.shape is not None for tensor in site.node.outputs)
    n = max([1, site.output_size() if known else 1, *(site.elements(t) for t in site.node.inputs if t is not None)])
    digital(site, vector=n, size=n)


def trees(site: Site) -> None:
    """Tree ensembles: every row walks down every tree: as many comparisons as the tree is deep, if it is balanced."""
    shape = site.need(0).shape
    if shape is None:
        site.note("the number of rows is not known: counted as one")
    rows = shape[0] if shape is not None and len(shape) > 1 else 1
    nodes = max(_entries(site, "nodes_treeids"), _entries(site, "nodes_featureids"), 1)
    count = _entries(site, "tree_roots") or _distinct(site, "nodes_treeids")
    depth = max(1, (nodes // max(1, count)).bit_length())
    site.note(f"no matrix product: {count} trees of about {depth} comparisons a row, on digital units")
    known = all(tensor.shape is not None for tensor in site.node.outputs)
    digital(site, vector=rows * count * (depth + 1), size=None if known else rows)


def linear(site: Site) -> None:
    """LinearRegressor and LinearClassifier: a matrix of constant coefficients, so an MVM."""
    shape = site.shape(0, 1)
    features = shape[-1]
    rows = prod(shape[:-1])
    coefficients = _entries(site, "coefficients")
    if features < 1 or coefficients < features or coefficients % features:
        site.fail(f"it has {coefficients} coefficients, which the {features} features of its input do not divide")
    targets = coefficients // features
    weight = Constant(f"{site.builder.prefix}{site.node.name}:coefficients", 32, False, coefficients)
    stationary(
        site, site.edge(0, (0,)), weight, groups=1, rows=features, cols=targets, vectors=rows, order=(0,),
        x=site.need(0),
        out_elements=rows * targets, bias=_entries(site, "intercepts"), extra_vector=rows * targets,
    )  # fmt: skip


def support_vectors(site: Site) -> None:
    """SVMClassifier, SVMRegressor: the kernel of every row with every support vector (2 operations a feature, one
    special), then the weighted sum."""
    shape = site.shape(0, 1)
    features, rows = max(1, shape[-1]), prod(shape[:-1])
    vectors = max(1, _entries(site, "support_vectors") // features)
    site.note(f"kernels of {vectors} support vectors, on digital units")
    digital(site, vector=rows * vectors * (2 * features + 2), special=rows * vectors)


def normalizer(site: Site) -> None:
    """Normalizer: a norm of every row, then a division."""
    n = prod(site.shape(0))
    digital(site, vector=2 * n, special=n, order=(0,), in_order=(0,))


def training(site: Site) -> None:
    """Operators of training graphs are refused."""
    site.fail("this is an operator of training, and pimsim counts inference; export the model for inference")


ML = "ai.onnx.ml."

OPERATORS: Mapping[str, Handler] = {
    "StringConcat": text,
    "StringNormalizer": text,
    "StringSplit": text,
    "RegexFullMatch": text,
    "TfIdfVectorizer": text,
    "com.microsoft.Tokenizer": text,
    "com.microsoft.MurmurHash3": text,
    ML + "ArrayFeatureExtractor": text,
    ML + "CastMap": text,
    ML + "CategoryMapper": text,
    ML + "DictVectorizer": text,
    ML + "FeatureVectorizer": text,
    ML + "LabelEncoder": text,
    ML + "OneHotEncoder": text,
    ML + "ZipMap": text,
    ML + "LinearClassifier": linear,
    ML + "LinearRegressor": linear,
    ML + "Normalizer": normalizer,
    ML + "SVMClassifier": support_vectors,
    ML + "SVMRegressor": support_vectors,
    ML + "TreeEnsemble": trees,
    ML + "TreeEnsembleClassifier": trees,
    ML + "TreeEnsembleRegressor": trees,
    "ai.onnx.preview.training.Adagrad": training,
    "ai.onnx.preview.training.Adam": training,
    "ai.onnx.preview.training.Gradient": training,
    "ai.onnx.preview.training.Momentum": training,
}
