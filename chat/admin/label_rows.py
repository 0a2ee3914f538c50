"""A task's labels as rows of a form: no JSON by hand."""

from itertools import zip_longest

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from unfold.widgets import BASE_INPUT_CLASSES, SELECT_CLASSES

from inference.labelset import GUIDANCE_LENGTH, LABEL_FLAGS, LABEL_LENGTH, labels_problem

COLUMNS = ("name", "description", "polarity", "flags", "guidance")
POLARITIES = ((1, "+1 good"), (0, "0"), (-1, "−1 bad"))
FLAG_TITLES = {"review": "Review", "person": "Bring a person"}
BLANK = {"name": "", "description": "", "polarity": 0, "flags": [], "guidance": ""}
BLANK_ROWS = 2  # enough for a first task without a script; the page's script adds more


class LabelRows(forms.Widget):
    """Each column is sent as a list, in the order of the rows on the page."""

    class Media:
        js = ["chat-admin/labels.js"]

    def value_from_datadict(self, data, files, name) -> list[dict]:
        columns = [data.getlist(f"{name}-{column}") for column in COLUMNS]
        rows = zip_longest(*columns, fillvalue="")
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def value_omitted_from_data(self, data, files, name) -> bool:
        return f"{name}-name" not in data

    def render(self, name, value, attrs=None, renderer=None):
        rows = [_shown(label) for label in value or [BLANK] * BLANK_ROWS]
        context = {
            "name": name,
            "rows": rows,
            "blank": _shown(BLANK),
            "polarities": POLARITIES,
            "flags": [(flag, FLAG_TITLES.get(flag, flag)) for flag in LABEL_FLAGS],
            "name_length": LABEL_LENGTH,
            "guidance_length": GUIDANCE_LENGTH,
            "input_class": " ".join(BASE_INPUT_CLASSES),
            "select_class": " ".join(each for each in SELECT_CLASSES if each != "max-w-2xl"),
        }
        return render_to_string("admin/inference/task/labels.html", context)

    def id_for_label(self, id_):
        return ""  # every cell has a label of its own


class LabelsField(forms.Field):
    """A list of `{name, description, polarity, flags}`, and `guidance` where there is some.

    Rows left wholly blank are no labels. It is for the form to say whether there may be none.
    """

    widget = LabelRows

    def to_python(self, value) -> list[dict]:
        return [_label(row) for row in value or [] if _is_written(row)]

    def validate(self, value) -> None:
        super().validate(value)
        if value and (problem := labels_problem(value)):
            raise ValidationError(problem)

    def has_changed(self, initial, data) -> bool:
        try:
            return self.to_python(data) != (initial or [])
        except ValidationError:
            return True


def _is_written(row: dict) -> bool:
    return any(row[column].strip() for column in ("name", "description", "guidance"))


def _label(row: dict) -> dict:
    name = " ".join(row["name"].split())
    try:
        polarity = int(row["polarity"])
    except ValueError:
        raise ValidationError(f"The polarity of {name} must be -1, 0 or 1.") from None
    flags = [row["flags"]] if row["flags"] else []
    description, guidance = row["description"].strip(), " ".join(row["guidance"].split())
    label = {"name": name, "description": description, "polarity": polarity, "flags": flags}
    return {**label, "guidance": guidance} if guidance else label


def _shown(label: dict) -> dict:
    """A label, stored or just typed, with the strings that its selects compare."""
    flags = label.get("flags") or ""
    chosen = flags if isinstance(flags, str) else flags[0]
    return {**BLANK, **label, "polarity": str(label.get("polarity", 0)), "flags": chosen}
