"""Whatever the pages, each row that no page shows is judged once, and no other is."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.kit import clock
from payments.kit.db import UTCDateTime
from payments.runs import window
from payments.runs.window import Window, batch, opened

metadata = sa.MetaData()
THINGS = sa.Table(
    "things",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("made", UTCDateTime),
)
END = 1000
LATEST = 10


def judged(engine: sa.Engine, listed: list[tuple[str, int, int]], lag: int, size: int) -> list[str]:
    """Read the list by pages of `size`; return the rows that it did not show."""
    found, at, place = [], Window(high=END), None
    while at is not None:
        place = json.loads(json.dumps(at.place))
        at = opened(place)
        if at.low is None:
            begin = next((i + 1 for i, item in enumerate(listed) if item[0] == at.after), 0)
            page = listed[begin : begin + size]
            at = at.read(
                {key: made for key, _, made in page},
                after=page[-1][0] if page else None,
                more=begin + size < len(listed),
                down_to=page[-1][1] + lag if page else None,
            )
            continue
        query = batch(sa.select(THINGS), at, made=THINGS.c.made, key=THINGS.c.key)
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        found += [row.key for row in rows if row.key not in at.listed]
        at = at.judged(rows[-1].made, rows[-1].key) if len(rows) == window.BATCH else at.closed()
    return found


@settings(derandomize=True, database=None, max_examples=150, deadline=None)
@given(
    # When it was listed, how much earlier or later its row was made, and what lacks: the row, the
    # list's object, or neither.
    things=st.lists(
        st.tuples(
            st.integers(0, 40), st.integers(-LATEST, LATEST), st.sampled_from(["row", "list", ""])
        ),
        max_size=30,
    ),
    size=st.integers(1, 7),
)
def test_exactly_what_is_not_listed_is_found(things: list[tuple[int, int, str]], size: int) -> None:
    window.BATCH, former = 3, window.BATCH
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    named = [(f"k{i}", at + 20, at + 20 + moved, lacks) for i, (at, moved, lacks) in
             enumerate(things)]  # fmt: skip
    listed = [(key, at, made) for key, at, made, lacks in named if lacks != "list"]
    with engine.begin() as connection:
        for key, _, made, lacks in named:
            if lacks != "row":
                moment = clock.from_timestamp(made) + timedelta(milliseconds=made % 3)
                connection.execute(sa.insert(THINGS).values(key=key, made=moment))
    try:
        newest_first = sorted(listed, key=lambda item: -item[1])
        found = judged(engine, newest_first, lag=LATEST + 1, size=size)
    finally:
        window.BATCH = former
        engine.dispose()
    assert sorted(found) == sorted(key for key, *_, lacks in named if lacks == "list")


def test_what_is_kept_of_the_pages_stays_small() -> None:
    at = Window(high=END)
    for number in range(50):
        listed = {f"k{number}-{i}": 900 - 10 * number - i for i in range(10)}
        after = at.read(listed, after=f"k{number}-9", more=True, down_to=891 - 10 * number).closed()
        assert after is not None
        at = after
    assert len(at.listed) == 1


@pytest.mark.parametrize("vain", [99, 100])
def test_looks_in_vain_are_counted(vain: int) -> None:
    at = Window(high=END, in_vain=vain - 1).judged(clock.now(), "k", in_vain=True)
    assert at.given_up is (vain == 100)
    assert at.judged(clock.now(), "k").in_vain == vain
