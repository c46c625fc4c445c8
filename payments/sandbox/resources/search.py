"""Search over payment intents, with its own small language and its lag.

https://docs.stripe.com/search#search-query-language
"""

import operator
import re
from collections.abc import Callable

from ..call import Call
from ..errors import ApiError, invalid
from ..messages import Json
from ..params import EXPAND, integer, text
from ..registry import route

Test = Callable[[Json], bool]

FIELDS = ("amount", "created", "currency", "customer", "status")
CLAUSE = re.compile(
    r"""\s*(?P<minus>-?)
    (?P<field>[a-z_]+)(?:\[(?P<quote>['"])(?P<key>.{1,40}?)(?P=quote)\])?
    (?P<compare>:|~|>=|<=|>|<)
    (?:(?P<number>-?\d{1,18})|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<null>null))
    (?:\s+(?P<joint>AND|OR)\s+(?=\S)|\s*$)""",
    re.VERBOSE | re.IGNORECASE,
)
ORDERED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


@route(
    "GET",
    "/v1/payment_intents/search",
    {**EXPAND, "limit": integer(1, 100), "page": text(), "query": text()},
    ["query"],
)
def search(call: Call) -> Json:
    matches = _parse(call.params["query"])
    indexed = call.now - call.settings.search_lag
    found = [
        record.data
        for record in reversed(call.objects.all("payment_intent"))
        if record.data["created"] <= indexed and matches(record.data)
    ]
    start, limit = _offset(call.params.get("page")), call.params.get("limit", 10)
    has_more = len(found) > start + limit
    return {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": has_more,
        "next_page": str(start + limit) if has_more else None,
        "url": call.url_path,
    }


def _offset(page: str | None) -> int:
    if page is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", page):
        raise invalid("Invalid page token.", param="page")
    return int(page)


def _parse(query: str) -> Test:
    tests, joints, position = [], set(), 0
    while position < len(query):
        clause = CLAUSE.match(query, position)
        if clause is None:
            raise _malformed(f"could not be understood at position {position}")
        tests.append(_test(clause))
        joints.add((clause["joint"] or "").upper())
        position = clause.end()
    if {"AND", "OR"} <= joints:
        raise _malformed("mixes AND and OR")
    return lambda data: (any if "OR" in joints else all)(test(data) for test in tests)


def _test(clause: re.Match[str]) -> Test:
    field, key = clause["field"].lower(), clause["key"]
    if field not in FIELDS and not (field == "metadata" and key):
        raise _malformed(f"names a field that cannot be searched: {field}")
    wanted = next((clause[name] for name in ("number", "double", "single") if clause[name]), None)

    def value(data: Json) -> object:
        return data["metadata"].get(key) if field == "metadata" else data[field]

    compare = _comparison(clause["compare"], wanted)
    negated = clause["minus"] == "-"
    return lambda data: compare(value(data)) is not negated


def _comparison(sign: str, wanted: str | None) -> Callable[[object], bool]:
    if sign in ORDERED:
        if wanted is None or not re.fullmatch(r"-?\d+", wanted):
            raise _malformed(f"compares with something that is not a number: {wanted}")
        number = int(wanted)
        return lambda value: isinstance(value, int) and ORDERED[sign](value, number)
    if sign == "~":
        return lambda value: wanted is not None and wanted.lower() in str(value).lower()
    return lambda value: (None if value is None else str(value)) == wanted


def _malformed(why: str) -> ApiError:
    return invalid(f"We were unable to parse your search query: it {why}.", param="query")
