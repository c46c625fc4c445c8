"""Where a portal session leads at once; https://docs.stripe.com/customer-management/portal-deep-links."""

from ..call import Call
from ..errors import invalid
from ..messages import Json
from ..params import anything, array, choice, entry, fields, integer, text, url, word

FLOWS = (
    "customer_update", "payment_method_update", "subscription_cancel", "subscription_pause",
    "subscription_update", "subscription_update_confirm",
)  # fmt: skip
ABOUT_SUBSCRIPTION = fields(["subscription"], subscription=word())
FLOW = fields(
    ["type"],
    after_completion=fields(
        ["type"],
        hosted_confirmation=fields(custom_message=text(500)),
        redirect=fields(["return_url"], return_url=url),
        type=choice("hosted_confirmation", "portal_homepage", "redirect"),
    ),
    subscription_cancel=fields(["subscription"], retention=anything, subscription=word()),
    subscription_pause=ABOUT_SUBSCRIPTION,
    subscription_update=ABOUT_SUBSCRIPTION,
    subscription_update_confirm=fields(
        ["items", "subscription"],
        discounts=array(fields(coupon=text(), promotion_code=text())),
        items=array(entry(["id"], id=word(), price=text(), quantity=integer(0))),
        subscription=word(),
    ),
    type=choice(*FLOWS),
)


def build_flow(call: Call, customer_id: str, given: Json | None) -> Json | None:
    """Return what a session shows of it; raise when it is about somebody else's subscription."""
    if not given:
        return None
    kind = given["type"]
    about = given.get(kind)
    if kind.startswith("subscription_"):
        if not about:
            param = f"flow_data[{kind}]"
            raise invalid(f"Missing required param: {param}.", "parameter_missing", param)
        _check_subscription(call, customer_id, kind, about["subscription"])
    return {
        "after_completion": _after(given.get("after_completion")),
        **dict.fromkeys(name for name in FLOWS if name != "payment_method_update"),
        **_shown(kind, about),
        "type": kind,
    }


def _check_subscription(call: Call, customer_id: str, kind: str, subscription_id: str) -> None:
    param = f"flow_data[{kind}][subscription]"
    found = call.reference("subscription", subscription_id, param)
    if found.data["customer"] != customer_id:
        raise invalid("The subscription must belong to the customer.", param=param)


def _after(given: Json | None) -> Json:
    given = given or {"type": "portal_homepage"}
    confirmation = given.get("hosted_confirmation")
    if given["type"] == "hosted_confirmation":
        confirmation = {"custom_message": (confirmation or {}).get("custom_message")}
    return {
        "hosted_confirmation": confirmation,
        "redirect": given.get("redirect"),
        "type": given["type"],
    }


def _shown(kind: str, about: Json | None) -> Json:
    if kind == "payment_method_update":
        return {}
    shown = dict(about or {})
    if kind == "subscription_cancel":
        shown.setdefault("retention", None)
    if kind == "subscription_update_confirm":
        shown["discounts"] = [_discount(each) for each in shown.get("discounts") or []] or None
        shown["items"] = [{"price": None, **item} for item in shown["items"]]
    return {kind: shown}


def _discount(given: Json) -> Json:
    return {"coupon": given.get("coupon"), "promotion_code": given.get("promotion_code")}
