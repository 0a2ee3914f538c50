"""What may go wrong in a measurement, in words for the person who started it."""


class BenchError(Exception):
    """A measurement cannot be made; the message names the option or the arm."""


class ArmFailed(BenchError):
    """One arm cannot be measured (further); the others can."""


class Overdue(Exception):
    """The turn had not begun when the time of its measurement was over."""
