"""Figures as trees of numbers: percentiles of a sample, medians over repeats, ratios of arms."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

Figures = dict[str, "float | Figures"]
PERCENTILES = (50, 95, 99)


def percentile(sample: Sequence[float], share: float) -> float:
    """The value below which `share` percent of the sample lies, linear between two of them.

    Position (n - 1) * share / 100 in the sorted sample: definition 7 of Hyndman & Fan 1996,
    "Sample Quantiles in Statistical Packages", which numpy takes too.
    """
    ordered = sorted(sample)
    position = (len(ordered) - 1) * share / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def spread(sample: Sequence[float]) -> Figures:
    """p50, p95 and p99 of a sample that is not empty."""
    return {f"p{share}": percentile(sample, share) for share in PERCENTILES}


def merged(trees: Sequence[Figures]) -> Figures:
    """One tree with the leaves of all; they have none in common."""
    whole: Figures = {}
    for tree in trees:
        for key, value in tree.items():
            branch = isinstance(value, Mapping)
            whole[key] = merged([whole.get(key, {}), value]) if branch else value
    return whole


def medians(repeats: Sequence[Figures]) -> Figures:
    """Leaf by leaf the median over repeats that have the same leaves."""
    return _each(repeats, median)


def ratios(one: Sequence[Figures], other: Sequence[Figures]) -> Figures:
    """Leaf by leaf the median over repeats of `one` / `other`, each pair from the same repeat.

    Leaves that only one of them has, and those where the other is 0, are left out.
    """
    pairs = [_divided(left, right) for left, right in zip(one, other, strict=True)]
    return medians([_only(pair, pairs) for pair in pairs])


def leaves(tree: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every number of a tree with the keys that lead to it."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _each(trees: Sequence[Figures], combine) -> Figures:
    return {
        key: _each([tree[key] for tree in trees], combine)
        if isinstance(value, Mapping)
        else combine([tree[key] for tree in trees])
        for key, value in trees[0].items()
    }


def _divided(one: Figures, other: Figures) -> Figures:
    quotients: Figures = {}
    for key, value in one.items():
        against = other.get(key)
        if isinstance(value, Mapping) and isinstance(against, Mapping):
            branch = _divided(value, against)
            quotients |= {key: branch} if branch else {}
        elif against and not isinstance(value, Mapping):
            quotients[key] = value / against
    return quotients


def _only(tree: Figures, trees: Sequence[Figures]) -> Figures:
    """The part of a tree that all of the others have too."""
    kept: Figures = {}
    for key, value in tree.items():
        if any(key not in other for other in trees):
            continue
        branch = isinstance(value, Mapping)
        kept[key] = _only(value, [other[key] for other in trees]) if branch else value
    return kept
