"""Thousands of subscriptions at the sandbox in a moment: one is played, the others are copies."""

from __future__ import annotations

import json
from typing import Any

from payments.sandbox.accounts import authenticate_key
from payments.sandbox.objects import Objects, Record
from tests.support.histories import Account


def herd(sandbox: Any, account: Account, count: int) -> list[str]:
    """Let the account have `count` paid subscriptions; return their ids, the oldest first.

    A minute lies between them, and the last one is an hour old.
    The copies go into the sandbox's store as its own API would have put them there.
    """
    price = account.price(2000, name="Herd", nickname="Herd")
    first = str(account.call(
        "POST", "subscriptions", customer=account.customer(), **{"items[0][price]": price}
    )["id"])  # fmt: skip
    with stored(sandbox, account.key) as objects:
        group = _group(objects, first)
        for record in group:
            record.data["created"] -= 3600 + 60 * count
            objects.save(record)
        return [first, *(_copy(objects, group, number) for number in range(1, count))]


class stored:
    """The account's objects in the sandbox's store, changed in one transaction."""

    def __init__(self, sandbox: Any, key: str) -> None:
        store = sandbox._app.parts.store
        self._transaction = store.transaction()
        self._objects = store.objects(authenticate_key(key).scope)

    def __enter__(self) -> Objects:
        self._transaction.__enter__()
        return self._objects

    def __exit__(self, *error: Any) -> None:
        self._transaction.__exit__(*error)


def _group(objects: Objects, subscription: str) -> list[Record]:
    """Return the subscription with all that it made."""
    held = objects.find("subscription", subscription)
    assert held is not None
    made_on = objects.all("invoice_payment", invoice=held.data["latest_invoice"])
    intents = [each.data["payment"]["payment_intent"] for each in made_on]
    records = [held, objects.find_any(held.data["latest_invoice"]), *made_on]
    for intent in intents:
        payment = objects.find_any(intent)
        assert payment is not None
        records += [payment, objects.find_any(payment.data["latest_charge"])]
    return [record for record in records if record is not None]


def _copy(objects: Objects, group: list[Record], number: int) -> str:
    ids = {record.id: f"{record.id[:-6]}{number:06d}" for record in group}
    for record in group:
        data, private = json.dumps(record.data), json.dumps(record.private)
        for old, new in ids.items():
            data, private = data.replace(old, new), private.replace(old, new)
        copy = json.loads(data)
        copy["created"] += 60 * number
        objects.add(record.kind, copy, json.loads(private))
    return ids[group[0].id]
