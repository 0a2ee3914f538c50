"""Judgements as the object that scripts read and as the page that people read."""

from collections.abc import Mapping

from chat.evaluation.judgement import Judgement

DIGITS = 4  # of a share in the JSON object


def rounded(judged: Judgement) -> dict:
    """What the JSON object tells of a judgement; a baseline tells less."""
    shares = {
        "accuracy": round(judged.accuracy, DIGITS),
        "macro_f1": round(judged.macro_f1, DIGITS),
    }
    if judged.ece is None:
        return shares
    return {
        "n": judged.n,
        **shares,
        "ece": round(judged.ece, DIGITS),
        "confusion": judged.confusion,
    }


def page(figures: Mapping) -> str:
    """The figures as a person reads them."""
    title = f"{figures['task']} version {figures['version']} on {figures['data']}"
    compared = {"model": figures, **figures["baselines"]}
    return "\n".join(
        [
            f"{title}: {figures['n']} texts, {figures['seconds']} s",
            f"model: {figures['model']}",
            "",
            f"{'':<12}{'accuracy':>10}{'macro-F1':>10}{'ECE':>8}",
            *(_row(name, each) for name, each in compared.items()),
            "",
            *_table(figures["confusion"]),
        ]
    )


def attack_page(found: Mapping) -> str:
    """The counts of attacks as a person reads them."""
    groups = {**found["kinds"], **found["languages"], "all": found}
    return "\n".join(
        [
            f"{found['task']} version {found['version']}: {found['n']} attacks",
            f"model: {found['model']}",
            "",
            f"{'':<16}{'attacks':>9}{'flipped':>9}{'as wanted':>11}{'obeyed':>9}",
            *(_attack_row(name, each) for name, each in groups.items()),
        ]
    )


def sensitivity_page(found: Mapping) -> str:
    """The spreads of a version as a person reads them."""
    title = f"{found['task']} version {found['version']} on {found['data']}: {found['n']} texts"
    kinds = {**found["kinds"], "all": found}
    return "\n".join(
        [
            title,
            f"model: {found['model']}",
            f"unchanged: accuracy {found['accuracy']:.3f}, macro-F1 {found['macro_f1']:.3f}",
            "",
            f"{'':<12}{'variants':>9}{'accuracy':>10}{'macro-F1':>10}{'agree':>8}{'flipped':>9}",
            *(_spread_row(name, each) for name, each in kinds.items()),
            "",
            "accuracy, macro-F1: best less worst; agree: least share; flipped: under any variant",
        ]
    )


def _spread_row(name: str, each: Mapping) -> str:
    spreads = f"{each['accuracy_spread']:>10.3f}{each['macro_f1_spread']:>10.3f}"
    return (
        f"{name:<12}{each['variants']:>9}{spreads}{each['agreement']:>8.1%}{each['flipped']:>9.1%}"
    )


def interference_page(found: Mapping) -> str:
    """What other tasks in the request change, as a person reads it."""
    return "\n".join(
        [
            f"{found['task']} version {found['version']} on {found['data']}: {found['n']} texts",
            f"model: {found['model']}",
            f"beside: {', '.join(found['others'])}",
            "",
            f"labels that differ from those alone: {found['differences']}",
            f"largest gap between two probabilities: {found['largest_gap']:.2g}",
        ]
    )


def _attack_row(name: str, counts: Mapping[str, int]) -> str:
    flipped = f"{counts['flipped']:>9}{counts['reached']:>11}"
    return f"{name:<16}{counts['n']:>9}{flipped}{counts['obeyed']:>9}"


def _row(name: str, figures: Mapping) -> str:
    ece = f"{figures['ece']:>8.3f}" if "ece" in figures else ""
    return f"{name:<12}{figures['accuracy']:>10.3f}{figures['macro_f1']:>10.3f}{ece}"


def _table(confusion: Mapping[str, Mapping[str, int]]) -> list[str]:
    width = max(12, *(len(label) + 2 for label in confusion))
    head = "true \\ said".ljust(width) + "".join(label.rjust(width) for label in confusion)
    return [
        head,
        *(
            label.ljust(width) + "".join(str(count).rjust(width) for count in row.values())
            for label, row in confusion.items()
        ),
    ]
