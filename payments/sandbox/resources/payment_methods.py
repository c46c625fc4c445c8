"""Payment methods; https://docs.stripe.com/api/payment_methods."""

import hashlib
from datetime import UTC, datetime

from ..call import Call
from ..cards import Card, card_for, number_for_token
from ..errors import invalid, missing_param
from ..ids import new_id
from ..listing import list_objects
from ..messages import Json
from ..objects import Record
from ..params import (
    BILLING_DETAILS,
    PAGING,
    Schema,
    anything,
    choice,
    fields,
    integer,
    merge_metadata,
    metadata,
    option,
    put_metadata,
    text,
)
from ..registry import route
from . import bank_debits, other_methods, saved_cards
from .card_input import check_card_input, full_year

REDISPLAY = choice("always", "limited", "unspecified")
CARD = fields(
    cvc=text(), exp_month=integer(), exp_year=integer(), number=text(), token=text(),
    networks=anything,
)  # fmt: skip
NEW: Schema = {
    "allow_redisplay": REDISPLAY,
    "billing_details": BILLING_DETAILS,
    "card": CARD,
    "metadata": metadata,
    "radar_options": anything,
    "type": option("card", *other_methods.KINDS),
    **other_methods.INPUTS,
}
DISPLAY_BRANDS = {
    "amex": "american_express",
    "diners": "diners_club",
    "unionpay": "union_pay",
}
NO_DETAILS: Json = {
    "address": {
        "city": None, "country": None, "line1": None, "line2": None, "postal_code": None,
        "state": None,
    },
    "email": None, "name": None, "phone": None, "tax_id": None,
}  # fmt: skip


@route("POST", "/v1/payment_methods", NEW, ["type"], browser=True)
def create(call: Call) -> Json:
    return make(call, call.params).data


def make(call: Call, given: Json, prefix: str = "pm") -> Record:
    """Also behind `payment_method_data` of the intents."""
    if given["type"] != "card":
        return _store_other(call, given)
    card = given.get("card")
    if not card:
        raise missing_param("card")
    number = _number(card)
    check_card_input(card, number, call.now)
    return _store(call, number, given, prefix)


def _number(card: Json) -> str:
    token = card.get("token")
    if token is not None:
        number = number_for_token(token, "tok_")
        if number is None:
            raise invalid(f"No such token: '{token}'", "resource_missing", "card[token]")
        return number
    if not card.get("number"):
        raise missing_param("card[number]")
    return str(card["number"]).replace(" ", "")


def _store(call: Call, number: str, given: Json, prefix: str = "pm") -> Record:
    entered = given.get("card") or {}
    shown = _card_body(card_for(number), entered, call.now)
    body = {"id": new_id(prefix), **_body(call, given, "card", shown)}
    return call.objects.add("payment_method", body, {"number": number})


def _store_other(call: Call, given: Json) -> Record:
    kind = given["type"]
    shown, behaviour = other_methods.describe(kind, given)
    body = {"id": new_id("pm"), **_body(call, given, kind, shown)}
    return call.objects.add("payment_method", body, {"number": behaviour})


def _body(call: Call, given: Json, kind: str, shown: Json) -> Json:
    return {
        "object": "payment_method",
        "allow_redisplay": given.get("allow_redisplay") or "unspecified",
        "billing_details": _billing_details(NO_DETAILS, given.get("billing_details")),
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "livemode": call.account.livemode,
        "metadata": merge_metadata({}, given.get("metadata") or {}),
        "type": kind,
        kind: shown,
    }


def _card_body(card: Card, entered: Json, now: int) -> Json:
    names = ("address_line1_check", "address_postal_code_check", "cvc_check")
    checks: Json = dict.fromkeys(names)
    if entered.get("cvc") or not entered.get("number"):  # tokens stand for cards with a code
        checks["cvc_check"] = "unchecked"
    checks.update(card.checks)
    fingerprint = hashlib.sha256(card.number.encode()).hexdigest()[:16]
    year = entered.get("exp_year") or datetime.fromtimestamp(now, UTC).year + 4
    return {
        "brand": card.brand,
        "checks": checks,
        "country": card.country,
        "display_brand": DISPLAY_BRANDS.get(card.brand, card.brand),
        "exp_month": entered.get("exp_month") or 12,
        "exp_year": full_year(year),
        "fingerprint": fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _billing_details(present: Json, given: Json | None) -> Json:
    given = given or {}
    merged = {**present, **given}
    if "address" in given:
        merged["address"] = {**NO_DETAILS["address"], **(given["address"] or {})}
    return merged


def referenced(call: Call, method_id: str, param: str = "payment_method") -> Record:
    """`pm_card_visa` and its like stand for a new card each time they are named."""
    number = number_for_token(method_id, "pm_card_")
    if number is not None:
        return _store(call, number, {})
    return call.reference("payment_method", method_id, param)


@route("GET", "/v1/payment_methods/{id}")
def retrieve(call: Call) -> Json:
    return _subject(call).data


def _subject(call: Call) -> Record:
    number = number_for_token(call.path["id"], "pm_card_")
    return call.subject("payment_method") if number is None else _store(call, number, {})


CHANGES: Schema = {
    "allow_redisplay": REDISPLAY,
    "billing_details": BILLING_DETAILS,
    "card": fields(exp_month=integer(), exp_year=integer(), networks=anything),
    "metadata": metadata,
    "us_bank_account": fields(
        account_holder_type=option("company", "individual"),
        account_type=option("checking", "savings"),
    ),
}


@route("POST", "/v1/payment_methods/{id}", CHANGES)
def update(call: Call) -> Json:
    record, given = call.subject("payment_method"), call.params
    if record.data["customer"] is None:
        raise invalid(
            "You must save this PaymentMethod to a customer before you can update it.",
            "payment_method_unexpected_state",
        )
    data = record.data
    data["allow_redisplay"] = given.get("allow_redisplay") or data["allow_redisplay"]
    details = given.get("billing_details")
    data["billing_details"] = _billing_details(data["billing_details"], details)
    if bank_debits.KIND in data:
        data[bank_debits.KIND].update(given.get(bank_debits.KIND) or {})
    if "card" in data:
        _update_card(call, record, given.get("card") or {})
    put_metadata(data, given)
    return call.update(record, "payment_method.updated").data


def _update_card(call: Call, record: Record, given: Json) -> None:
    check_card_input(given, record.private["number"], call.now)
    card = record.data["card"]
    card["exp_month"] = given.get("exp_month", card["exp_month"])
    card["exp_year"] = full_year(given.get("exp_year", card["exp_year"]))


LISTED: Schema = {
    **PAGING,
    "allow_redisplay": text(),
    "customer": text(),
    "customer_account": text(),
    "type": text(),
}


@route("GET", "/v1/payment_methods", LISTED)
def list_all(call: Call) -> Json:
    if call.params.get("customer"):
        call.reference("customer", call.params["customer"], "customer")
    filters = {key: call.params.get(key) for key in ("customer", "type", "allow_redisplay")}
    return list_objects(call, "payment_method", **filters)


@route("POST", "/v1/payment_methods/{id}/attach", {"customer": text()}, ["customer"])
def attach(call: Call) -> Json:
    record = _subject(call)
    customer = call.reference("customer", call.params["customer"], "customer")
    return saved_cards.attach_to(call, record, customer.id).data


@route("POST", "/v1/payment_methods/{id}/detach")
def detach(call: Call) -> Json:
    record = call.subject("payment_method")
    if record.data["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible.",
            "payment_method_unexpected_state",
        )
    return saved_cards.release(call, record).data
