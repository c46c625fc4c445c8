"""An account is recognized across its keys: by what the API said, else by the key itself."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex

import pytest
import requests
from flask import Flask

from payments.gateway import account_names
from payments.gateway.account_ids import get_account_id
from tests.support.developers import sandbox_key
from tests.support.shop import Shop


@pytest.fixture(autouse=True)
def forgetful(context: Flask) -> Iterator[None]:
    """Let this process know nothing from before."""
    account_names._known.clear()
    yield
    account_names._known.clear()


def stripes_key(kind: str, account: str) -> str:
    """Make a key of the form that Stripe gives accounts today."""
    return f"{kind}_5{account}{token_hex(40)}"


def name(key: str) -> str:
    return account_names.name_account(key)


def test_keys_of_one_account() -> None:
    account = "1" + token_hex(20)[:15]
    kinds = ("sk_live", "rk_live", "sk_test", "rk_test")
    assert {name(stripes_key(kind, account)) for kind in kinds} == {f"acct_{account}"}
    assert name(stripes_key("sk_live", "1" + token_hex(20)[:15])) != f"acct_{account}"


@pytest.mark.parametrize("key", ["sk_test_short", "sk_test_4eC39HqLyjWDarjtT1zdp7dc"])
def test_a_key_of_another_form_is_an_account_of_its_own(key: str) -> None:
    assert name(key) == name(key)
    assert name(key) != name(key + "x")
    assert key not in name(key)


def test_what_the_api_said_counts() -> None:
    key, other = sandbox_key(), sandbox_key()
    assert name(key) != name(other)
    for each in (key, other):
        account_names.learn_account_id(each, "acct_common")
    assert name(key) == name(other) == "acct_common"
    account_names._known.clear()
    assert name(key) == "acct_common"  # other processes know it too


def test_stripe_is_asked_once(shop: Shop) -> None:
    key = sandbox_key()
    restricted = key.replace("sk_", "rk_", 1)
    found = get_account_id(key)
    assert found == get_account_id(restricted) == name(key) == name(restricted)
    assert found == shop_of(shop, key)
    assert get_account_id(key) == found


def shop_of(shop: Shop, key: str) -> str:
    """Return the id of the key's account at the sandbox, asked without our own client."""
    answer = requests.get(f"{shop.stripe_url}/v1/account", auth=(key, ""), timeout=10)
    return str(answer.json()["id"])


def test_a_key_that_may_not_ask(shop: Shop) -> None:
    key = sandbox_key().replace("sk_", "rk_", 1)
    requests.post(
        f"{shop.stripe_url}/_sandbox/keys/restrict",
        auth=(key, ""),
        json={"key": key, "allow": ["customer_read"]},
        timeout=10,
    ).raise_for_status()
    assert get_account_id(key) is None
