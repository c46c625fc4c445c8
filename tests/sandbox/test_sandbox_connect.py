"""Payments on behalf of others, as far as one account can show them."""

import pytest
import stripe

ELSEWHERE = "acct_1234567890abcdef"


def test_a_destination_charge_says_where_it_goes(v1, pay):
    intent = pay(
        1000,
        application_fee_amount=123,
        transfer_data={"destination": ELSEWHERE},
        expand=["latest_charge"],
    )
    assert intent.application_fee_amount == 123
    assert intent.transfer_data.to_dict() == {"destination": ELSEWHERE}
    assert intent.transfer_group == f"group_{intent.id}"
    charge = intent.latest_charge
    assert charge.application_fee_amount == 123
    assert charge.transfer_data.to_dict() == {"amount": None, "destination": ELSEWHERE}
    plain = pay(1000, expand=["latest_charge"])
    assert (plain.transfer_data, plain.latest_charge.transfer_data) == (None, None)


def test_transfers_leave_the_balance(v1, event_types):
    made = v1.transfers.create(
        {"amount": 700, "currency": "usd", "destination": ELSEWHERE, "transfer_group": "7"}
    )
    assert (made.amount, made.reversed, made.source_type) == (700, False, "card")
    assert v1.balance_transactions.retrieve(made.balance_transaction).net == -700
    v1.transfers.update(made.id, {"description": "week 7", "metadata": {"week": "7"}})
    again = v1.transfers.retrieve(made.id)
    assert (again.description, again.metadata["week"]) == ("week 7", "7")
    v1.transfers.create({"amount": 1, "currency": "usd", "destination": ELSEWHERE})
    assert [each.id for each in v1.transfers.list({"transfer_group": "7"}).data] == [made.id]
    assert event_types()[:2] == ["transfer.created", "transfer.updated"]


def test_a_transfer_goes_to_an_account(v1):
    with pytest.raises(stripe.InvalidRequestError, match="No such destination") as refusal:
        v1.transfers.create({"amount": 700, "currency": "usd", "destination": "ba_1"})
    assert refusal.value.code == "resource_missing"


def test_no_account_is_connected(v1, call):
    own = call("GET", "/v1/account").json()["id"]
    assert v1.customers.list(options={"stripe_account": own}).data == []
    with pytest.raises(stripe.PermissionError, match="does not have access") as refusal:
        v1.customers.list(options={"stripe_account": ELSEWHERE})
    assert refusal.value.error.code == "account_invalid"
