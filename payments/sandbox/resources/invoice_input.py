"""What invoices may be given; https://docs.stripe.com/api/invoices/create."""

from typing import Any

from ..errors import invalid
from ..messages import Json
from ..params import (
    ADDRESS,
    Schema,
    anything,
    array,
    boolean,
    choice,
    entry,
    fields,
    integer,
    metadata,
    moment,
    option,
    text,
    word,
)
from . import discounts
from .transfers import CONNECT

CUSTOM_FIELD = entry(["name", "value"], name=word(40), value=word(140))


def custom_fields(name: str, value: Any) -> list[Json] | None:
    """At most four; an empty value takes them away."""
    given: list[Json] = array(CUSTOM_FIELD, 4)(name, value)
    return given or None


def number(name: str, value: Any) -> str | None:
    given: str | None = text(26)(name, value)
    if given is not None and not given.isprintable():
        raise invalid(f"Invalid string: {given}", "parameter_invalid_string", name)
    return given


# These are kept as they are given.
PLAIN: Schema = {
    **CONNECT,
    "account_tax_ids": array(word()),
    "auto_advance": boolean,
    "automatically_finalizes_at": moment,
    "custom_fields": custom_fields,
    "default_source": text(),
    "description": text(1500),
    "due_date": moment,
    "effective_at": moment,
    "footer": text(),
    "number": number,
    "shipping_details": fields(["address", "name"], address=ADDRESS, name=text(), phone=text()),
    "statement_descriptor": text(22),
}
EDITABLE: Schema = {
    **PLAIN,
    "automatic_tax": fields(["enabled"], enabled=boolean, liability=anything),
    "collection_method": option("charge_automatically", "send_invoice"),
    "days_until_due": integer(0, 3650),
    "default_payment_method": text(),
    "discounts": discounts.GIVEN,
    "issuer": fields(["type"], account=text(), type=option("account", "self")),
    "metadata": metadata,
    "payment_settings": fields(
        default_mandate=text(),
        payment_method_options=anything,
        payment_method_types=array(word()),
    ),
    "rendering": fields(
        amount_tax_display=choice("exclude_tax", "include_inclusive_tax"),
        pdf=fields(page_size=option("a4", "auto", "letter")),
        template=text(),
        template_version=integer(1),
    ),
}
NEW: Schema = {
    **EDITABLE,
    "currency": text(),
    "customer": text(),
    "customer_account": text(),
    "pending_invoice_items_behavior": option("exclude", "include"),
    "subscription": text(),
}
AS_RENDERED: Json = {
    "amount_tax_display": None, "pdf": {"page_size": "letter"}, "template": None,
    "template_version": None,
}  # fmt: skip


def merge_settings(data: Json, params: Json) -> None:
    """Put those that are objects of their own into the invoice."""
    settings = params.get("payment_settings")
    if settings:
        data["payment_settings"] = {**data["payment_settings"], **settings}
    if "rendering" in params:
        data["rendering"] = {**AS_RENDERED, **(params["rendering"] or {})}
    if params.get("issuer"):
        data["issuer"] = params["issuer"]
    if params.get("automatic_tax"):
        data["automatic_tax"] = _automatic_tax(enabled=params["automatic_tax"]["enabled"])


def _automatic_tax(*, enabled: bool) -> Json:
    """Nothing is registered anywhere, so there is no tax to pay."""
    return {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": {"type": "self"} if enabled else None,
        "provider": "stripe" if enabled else None,
        "status": "complete" if enabled else None,
    }
