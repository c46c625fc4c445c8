"""The bounds as libpq gets them."""

from __future__ import annotations

from payments.kit.postgres import DatabaseBounds, connect_arguments

ADDRESS = "postgresql+psycopg://host/database"


def test_the_bounds_are_sent_in_milliseconds() -> None:
    options = connect_arguments(ADDRESS, DatabaseBounds(lock=1.5, statement=20, idle=15))["options"]
    assert options == (
        "-c lock_timeout=1500 -c statement_timeout=20000"
        " -c idle_in_transaction_session_timeout=15000"
    )


def test_zero_leaves_a_bound_out() -> None:
    sent = connect_arguments(ADDRESS, DatabaseBounds(lock=0, statement=3, idle=0))
    assert sent["options"] == "-c statement_timeout=3000"
    assert "options" not in connect_arguments(ADDRESS, DatabaseBounds(0, 0, 0))


def test_options_of_the_address_outrank_ours() -> None:
    address = f"{ADDRESS}?options=-c%20lock_timeout%3D9"
    sent = connect_arguments(address, DatabaseBounds(lock=1, statement=0, idle=0))
    assert sent["options"] == "-c lock_timeout=1000 -c lock_timeout=9"


def test_a_peer_that_is_gone_is_noticed() -> None:
    sent = connect_arguments(ADDRESS, DatabaseBounds())
    assert (sent["connect_timeout"], sent["tcp_user_timeout"]) == (5, 20_000)
    assert sent["keepalives_idle"] + sent["keepalives_interval"] * sent["keepalives_count"] == 25
