"""Search, with its own small language and its lag.

https://docs.stripe.com/search#search-query-language
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from ..call import Call
from ..errors import ApiError, invalid
from ..messages import Json
from ..params import EXPAND, Schema, integer, text
from ..registry import route

Test = Callable[[Json], bool]

# https://docs.stripe.com/search#supported-query-fields-for-each-resource: where each is found
CARD = "payment_method_details.card"
SUBSCRIPTION = "parent.subscription_details.subscription"
FIELDS: dict[str, dict[str, str]] = {
    "charge": {
        **{name: name for name in ("amount", "created", "currency", "customer", "disputed")},
        **{name: name for name in ("refunded", "status")},
        "billing_details.address.postal_code": "billing_details.address.postal_code",
        **{
            f"{CARD}.{name}": f"{CARD}.{name}"
            for name in ("brand", "exp_month", "exp_year", "fingerprint", "last4")
        },
    },
    "customer": {name: name for name in ("created", "email", "name", "phone")},
    "invoice": {
        **{name: name for name in ("created", "currency", "customer", "number")},
        **{name: name for name in ("receipt_number", "status", "total")},
        "last_finalization_error_code": "last_finalization_error.code",
        "last_finalization_error_type": "last_finalization_error.type",
        "subscription": SUBSCRIPTION,
    },
    "payment_intent": {
        name: name for name in ("amount", "created", "currency", "customer", "status")
    },
    "price": {name: name for name in ("active", "currency", "lookup_key", "product", "type")},
    "product": {name: name for name in ("active", "description", "name", "shippable", "url")},
    "subscription": {name: name for name in ("canceled_at", "created", "status")},
}
CLAUSE = re.compile(
    r"""\s*(?P<minus>-?)
    (?P<field>[a-z0-9_.]+)(?:\[(?P<quote>['"])(?P<key>.{1,40}?)(?P=quote)\])?
    (?P<compare>:|~|>=|<=|>|<)
    (?:(?P<number>-?\d{1,18})|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<null>null))
    (?:\s+(?P<joint>AND|OR)\s+(?=\S)|\s*$)""",
    re.VERBOSE | re.IGNORECASE,
)
ORDERED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


SEARCH: Schema = {**EXPAND, "limit": integer(1, 100), "page": text(), "query": text()}


@route("GET", "/v1/charges/search", SEARCH, ["query"])
def search_charges(call: Call) -> Json:
    return _search(call, "charge")


@route("GET", "/v1/customers/search", SEARCH, ["query"])
def search_customers(call: Call) -> Json:
    return _search(call, "customer")


@route("GET", "/v1/invoices/search", SEARCH, ["query"])
def search_invoices(call: Call) -> Json:
    return _search(call, "invoice")


@route("GET", "/v1/payment_intents/search", SEARCH, ["query"])
def search_payment_intents(call: Call) -> Json:
    return _search(call, "payment_intent")


@route("GET", "/v1/prices/search", SEARCH, ["query"])
def search_prices(call: Call) -> Json:
    return _search(call, "price")


@route("GET", "/v1/products/search", SEARCH, ["query"])
def search_products(call: Call) -> Json:
    return _search(call, "product")


@route("GET", "/v1/subscriptions/search", SEARCH, ["query"])
def search_subscriptions(call: Call) -> Json:
    return _search(call, "subscription")


def _search(call: Call, kind: str) -> Json:
    matches = _parse(call.params["query"], FIELDS[kind])
    indexed = call.now - call.settings.search_lag
    found = [
        record.data
        for record in reversed(call.objects.all(kind))
        if record.data["created"] <= indexed and matches(record.data)
    ]
    start, limit = _offset(call.params.get("page")), call.params.get("limit", 10)
    has_more = len(found) > start + limit
    counted = "total_count" in call.params.get("expand", [])
    return {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": has_more,
        "next_page": str(start + limit) if has_more else None,
        **({"total_count": len(found)} if counted else {}),
        "url": call.url_path,
    }


def _offset(page: str | None) -> int:
    if page is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", page):
        raise invalid("Invalid page token.", param="page")
    return int(page)


def _parse(query: str, fields: dict[str, str]) -> Test:
    tests, joints, position = [], set(), 0
    while position < len(query):
        clause = CLAUSE.match(query, position)
        if clause is None:
            raise _malformed(f"could not be understood at position {position}")
        tests.append(_test(clause, fields))
        joints.add((clause["joint"] or "").upper())
        position = clause.end()
    if {"AND", "OR"} <= joints:
        raise _malformed("mixes AND and OR")
    return lambda data: (any if "OR" in joints else all)(test(data) for test in tests)


def _test(clause: re.Match[str], fields: dict[str, str]) -> Test:
    field, key = clause["field"].lower(), clause["key"]
    if field not in fields and not (field == "metadata" and key):
        raise _malformed(f"names a field that cannot be searched: {field}")
    wanted = next((clause[name] for name in ("number", "double", "single") if clause[name]), None)

    def value(data: Json) -> object:
        return data["metadata"].get(key) if field == "metadata" else _find(data, fields[field])

    compare = _comparison(clause["compare"], wanted)
    negated = clause["minus"] == "-"
    return lambda data: compare(value(data)) is not negated


def _find(data: Json, path: str) -> Any:
    found: Any = data
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _comparison(sign: str, wanted: str | None) -> Callable[[object], bool]:
    if sign in ORDERED:
        if wanted is None or not re.fullmatch(r"-?\d+", wanted):
            raise _malformed(f"compares with something that is not a number: {wanted}")
        number = int(wanted)
        return lambda value: isinstance(value, int) and ORDERED[sign](value, number)
    if sign == "~":
        return lambda value: wanted is not None and wanted.lower() in str(value).lower()
    return lambda value: _written(value) == (wanted and wanted.lower())


def _written(value: object) -> str | None:
    return None if value is None else str(value).lower()


def _malformed(why: str) -> ApiError:
    return invalid(f"We were unable to parse your search query: it {why}.", param="query")
