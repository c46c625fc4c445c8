"""When billing periods end, and how much of one is left: whole seconds, whole cents."""

from calendar import monthrange
from datetime import UTC, datetime

DAY = 24 * 3600
SECONDS = {"day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "year": 12}


def next_after(anchor: int, moment: int, interval: str, count: int) -> int:
    """The first date of the cycle after a moment; from 31 January it is 28 February, 31 March.

    https://docs.stripe.com/billing/subscriptions/billing-cycle
    """
    if interval in SECONDS:
        step = SECONDS[interval] * count
        return anchor + ((moment - anchor) // step + 1) * step
    months = MONTHS[interval] * count
    steps = _months_between(anchor, moment) // months - 1
    while _shifted(anchor, steps * months) <= moment:
        steps += 1
    return _shifted(anchor, steps * months)


def last_before(anchor: int, moment: int, interval: str, count: int) -> int:
    """The last date of the cycle that is not after a moment."""
    if interval in SECONDS:
        step = SECONDS[interval] * count
        return anchor + (moment - anchor) // step * step
    months = MONTHS[interval] * count
    steps = _months_between(anchor, moment) // months + 1
    while _shifted(anchor, steps * months) > moment:
        steps -= 1
    return _shifted(anchor, steps * months)


def _months_between(start: int, end: int) -> int:
    first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    return (last.year - first.year) * 12 + last.month - first.month


def _shifted(start: int, months: int) -> int:
    """The same day and second some months on, or the month's last day."""
    at = datetime.fromtimestamp(start, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def share(amount: int, part: int, whole: int) -> int:
    """A part of an amount, to the nearest unit, halves away from zero."""
    sign = -1 if amount < 0 else 1
    return sign * ((abs(amount) * part * 2 + whole) // (whole * 2))


def written_day(moment: int) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at.day} {at:%b %Y}"
