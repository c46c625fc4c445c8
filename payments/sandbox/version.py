"""API versions: the one that accounts here default to, and all that Stripe has released."""

import re

# The version that the pinned SDK asks for.
API_VERSION = "2026-10-28.endive"

# https://docs.stripe.com/changelog, read on 2026-11-30, without those before October 2014.
DATED = frozenset(
    """
    2024-06-20 2024-04-10 2023-10-16 2023-08-16 2022-11-15 2022-08-01 2020-08-27 2020-03-02
    2019-12-03 2019-11-05 2019-10-17 2019-10-08 2019-09-09 2019-08-14 2019-05-16 2019-03-14
    2019-02-19 2019-02-11 2018-11-08 2018-10-31 2018-09-24 2018-09-06 2018-08-23 2018-07-27
    2018-05-21 2018-02-28 2018-02-06 2018-02-05 2018-01-23 2017-12-14 2017-08-15 2017-06-05
    2017-05-25 2017-04-06 2017-02-14 2017-01-27 2016-10-19 2016-07-06 2016-06-15 2016-03-07
    2016-02-29 2016-02-23 2016-02-22 2016-02-19 2016-02-03 2015-10-16 2015-10-12 2015-10-01
    2015-09-23 2015-09-08 2015-09-03 2015-08-19 2015-08-07 2015-07-28 2015-07-13 2015-07-07
    2015-06-15 2015-04-07 2015-03-24 2015-02-18 2015-02-16 2015-02-10 2015-01-26 2015-01-11
    2014-12-22 2014-12-17 2014-12-08 2014-11-20 2014-11-05 2014-10-07
    """.split()
)
NAMED = {
    "acacia": "2024-09-30 2024-10-28 2024-11-20 2024-12-18 2025-01-27 2025-02-24",
    "basil": "2025-03-31 2025-04-30 2025-05-28 2025-06-30 2025-07-30 2025-08-27",
    "clover": "2025-09-30 2025-10-29 2025-11-17 2025-12-15 2026-01-28 2026-02-25",
    "dahlia": "2026-03-25 2026-04-22 2026-05-27 2026-06-24 2026-07-29 2026-08-26",
    "endive": "2026-09-30 2026-10-28",
}
RELEASED = DATED | {f"{day}.{name}" for name, days in NAMED.items() for day in days.split()}
PREVIEW = re.compile(r"20\d\d-\d\d-\d\d\.preview")


def get_released_version(header: str) -> str | None:
    """Return the version in a `Stripe-Version` header without its beta flags, if there is one."""
    version = header.partition(";")[0].strip()
    return version if version in RELEASED or PREVIEW.fullmatch(version) else None
