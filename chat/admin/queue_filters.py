"""How the review queue is narrowed."""

from django.contrib.admin import SimpleListFilter

from inference.models import TaskVersion

CONFIDENCES = {"90": (0.9, 1.01), "75": (0.75, 0.9), "60": (0.6, 0.75), "0": (0.0, 0.6)}
OPEN = "open"


class DecisionFilter(SimpleListFilter):
    """The queue opens on what is flagged and still undecided."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request, model_admin):
        return [
            (OPEN, "Open"),
            ("disputed", "Disagreements"),
            ("decided", "Decided"),
            ("flagged", "All flagged"),
            ("all", "Everything classified"),
        ]

    def value(self):
        return super().value() or OPEN

    def choices(self, changelist):
        for value, title in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def queryset(self, request, queryset):
        match self.value():
            case "decided":
                return queryset.exclude(verdict=None)
            case "disputed":
                return queryset.disputed()
            case "flagged":
                return queryset.flagged()
            case "all":
                return queryset
        return queryset.flagged().unreviewed()


class AssigneeFilter(SimpleListFilter):
    title = "assignment"
    parameter_name = "assigned"

    def lookups(self, request, model_admin):
        return [("me", "To me"), ("nobody", "To nobody"), ("others", "To others")]

    def queryset(self, request, queryset):
        match self.value():
            case "me":
                return queryset.filter(assignee=request.user)
            case "nobody":
                return queryset.filter(assignee=None)
            case "others":
                return queryset.exclude(assignee=None).exclude(assignee=request.user)
        return queryset


class LabelFilter(SimpleListFilter):
    title = "the model's label"
    parameter_name = "label"

    def lookups(self, request, model_admin):
        wordings = TaskVersion.objects.values_list("labels", flat=True)  # far fewer than labels
        names = {label["name"] for labels in wordings for label in labels}
        return [(name, name) for name in sorted(names)]

    def queryset(self, request, queryset):
        return queryset.filter(label=self.value()) if self.value() else queryset


class ConfidenceFilter(SimpleListFilter):
    title = "confidence"
    parameter_name = "confidence"

    def lookups(self, request, model_admin):
        return [
            ("90", "90 % and more"),
            ("75", "75 to 90 %"),
            ("60", "60 to 75 %"),
            ("0", "Under 60 %"),
        ]

    def queryset(self, request, queryset):
        if self.value() not in CONFIDENCES:
            return queryset
        low, high = CONFIDENCES[self.value()]
        return queryset.filter(confidence__gte=low, confidence__lt=high)
