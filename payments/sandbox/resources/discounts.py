"""Coupons at work: who has which, and what they take off; https://docs.stripe.com/api/discounts."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ..calendar import next_after, share
from ..call import Call
from ..errors import ApiError, invalid
from ..ids import new_id
from ..messages import Json
from ..objects import Record
from ..params import array, entry, text
from . import coupons, promotion_codes

KIND = "discount"
GIVEN = array(entry(coupon=text(), discount=text(), promotion_code=text()), 20)
OWNERS = ("checkout_session", "invoice", "invoice_item", "subscription", "subscription_item")


@dataclass(frozen=True)
class Base:
    """A line before discounts: what it costs, and which product it is for."""

    amount: int
    product: str | None = None


def make_discounts(
    call: Call, entries: list[Json], customer_id: str | None, param: str, **owner: str
) -> list[str]:
    """Redeem what is given and return the ids of the discounts; known ones stay as they are."""
    return [
        _make(call, given, customer_id, f"{param}[{index}]", owner)
        for index, given in enumerate(entries)
    ]


def _make(
    call: Call, given: Json, customer_id: str | None, param: str, owner: dict[str, str]
) -> str:
    named = [name for name in ("coupon", "discount", "promotion_code") if given.get(name)]
    if len(named) != 1:
        message = "You must pass exactly one of `coupon`, `discount` and `promotion_code`."
        raise invalid(message, param=param)
    if named == ["discount"]:
        return call.reference(KIND, given["discount"], f"{param}[discount]").id
    coupon = redeem_coupon(call, given, customer_id, param)
    data = coupon.data
    end = None
    if data["duration"] == "repeating":
        end = next_after(call.now, call.now, "month", data["duration_in_months"])
    body = {
        "id": new_id("di"),
        "object": KIND,
        **dict.fromkeys(OWNERS),
        **owner,
        "customer": customer_id,
        "customer_account": None,
        "end": end,
        "promotion_code": given.get("promotion_code"),
        "source": {"coupon": coupon.id, "type": "coupon"},
        "start": call.now,
    }
    record = call.objects.add(KIND, body)
    if "subscription" in owner:
        call.emit("customer.discount.created", record.data)
    return record.id


def find_coupon(call: Call, given: Json, customer_id: str | None, param: str) -> Record:
    """Return the coupon that is named, itself or by a promotion code, without using it up."""
    if given.get("promotion_code"):
        name = f"{param}[promotion_code]"
        code_id = given["promotion_code"]
        return promotion_codes.find_redeemable(call, code_id, customer_id, name)[1]
    return coupons.find_coupon(call, given["coupon"], f"{param}[coupon]")


def redeem_coupon(call: Call, given: Json, customer_id: str | None, param: str) -> Record:
    """Return the coupon and count its use, and that of the promotion code that names it."""
    coupon = find_coupon(call, given, customer_id, param)
    if given.get("promotion_code"):
        code = call.reference(promotion_codes.KIND, given["promotion_code"], param)
        promotion_codes.count_use(call, code)
    coupons.count_use(call, coupon)
    return coupon


def check_currency_fits(coupon: Record, currency: str, param: str) -> None:
    if coupon.data["currency"] not in (None, currency):
        raise invalid(
            f"The coupon `{coupon.id}` is in {coupon.data['currency']} and cannot be applied to"
            f" {currency}.",
            param=param,
        )


def drop_ended(call: Call, owned: Json) -> None:
    """What ran out is no longer on the subscription."""
    owned["discounts"] = [each for each in owned["discounts"] if _lasts(call, each)]


def _lasts(call: Call, discount_id: str) -> bool:
    end = call.reference(KIND, discount_id, KIND).data["end"]
    return end is None or end > call.now


def drop_used(call: Call, owned: Json, invoice: Json) -> None:
    """A coupon that counts once is gone with the first invoice that it took something off."""
    used = {each["discount"] for each in invoice["total_discount_amounts"] if each["amount"]}
    owned["discounts"] = [
        each for each in owned["discounts"] if each not in used or not _counts_once(call, each)
    ]


def _counts_once(call: Call, discount_id: str) -> bool:
    return bool(_coupon_of(call, discount_id).data["duration"] == "once")


def _coupon_of(call: Call, discount_id: str) -> Record:
    discount = call.reference(KIND, discount_id, KIND)
    found = call.objects.find(coupons.KIND, discount.data["source"]["coupon"])
    if found is None:
        raise ApiError(404, f"No such coupon: '{discount.data['source']['coupon']}'")
    return found


def get_amounts_off(coupon: Record, bases: list[Base], currency: str) -> list[int]:
    """Return what the coupon takes off each line, in minor units; never more than it costs."""
    products = coupon.private.get("products")
    counted = [
        max(base.amount, 0) if not products or base.product in products else 0 for base in bases
    ]
    if coupon.data["percent_off"] is not None:
        percent = Decimal(coupon.private["percent_off"])
        return [_round(amount * percent / 100) for amount in counted]
    if coupon.data["currency"] != currency:
        return [0] * len(bases)
    whole = sum(counted)
    off = min(coupon.data["amount_off"], whole)
    return _spread(off, counted, whole)


def _spread(off: int, counted: list[int], whole: int) -> list[int]:
    """Each line bears its part of an amount, the last one what rounding has left."""
    parts = [share(off, amount, whole) if whole else 0 for amount in counted]
    bearing = [index for index, amount in enumerate(counted) if amount]
    if bearing:
        parts[bearing[-1]] += off - sum(parts)
    return parts


def _round(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def apply_to_invoice(call: Call, data: Json, lines: list[Json]) -> None:
    """Take off what the lines' own discounts say, then what those of the whole invoice say.

    https://docs.stripe.com/billing/subscriptions/coupons
    """
    for line in lines:
        line.update(discount_amounts=[], pretax_credit_amounts=[])
    for line in lines:
        for discount_id in line["discounts"]:
            _take_off(call, discount_id, [line], data["currency"])
    own = sum(_off(line) for line in lines)
    able = [line for line in lines if line["discountable"]]
    for discount_id in data["discounts"]:
        _take_off(call, discount_id, able, data["currency"])
    amount = sum(line["amount"] for line in lines)
    data["subtotal"] = amount - own
    data["total"] = amount - sum(_off(line) for line in lines)
    data["total_discount_amounts"] = _sums(lines)
    data["total_pretax_credit_amounts"] = [_credit(each) for each in _sums(lines)]


def _take_off(call: Call, discount_id: str, lines: list[Json], currency: str) -> None:
    coupon = _coupon_of(call, discount_id)
    bases = [Base(line["amount"] - _off(line), _product_of(line)) for line in lines]
    offs = get_amounts_off(coupon, bases, currency)
    for line, off in zip(lines, offs, strict=True):
        entry_ = {"amount": off, "discount": discount_id}
        line["discount_amounts"].append(entry_)
        line["pretax_credit_amounts"].append(_credit(entry_))


def _product_of(line: Json) -> str | None:
    details = (line["pricing"] or {}).get("price_details") or {}
    return details.get("product")


def _off(line: Json) -> int:
    return sum(each["amount"] for each in line["discount_amounts"])


def _credit(off: Json) -> Json:
    return {**off, "type": "discount"}


def _sums(lines: list[Json]) -> list[Json]:
    sums: dict[str, int] = {}
    for line in lines:
        for each in line["discount_amounts"]:
            sums[each["discount"]] = sums.get(each["discount"], 0) + each["amount"]
    return [{"amount": amount, "discount": name} for name, amount in sums.items()]
