"""Who may use a saved card, and how it gets on and off a customer."""

from ..call import Call
from ..cards import Card, card_for
from ..declines import Decline
from ..errors import ApiError, invalid
from ..objects import Record
from . import other_methods


def attach_to(call: Call, record: Record, customer_id: str) -> Record:
    """https://docs.stripe.com/api/payment_methods/attach"""
    if record.data["customer"] is not None:
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            "payment_method_unexpected_state",
        )
    check_reusable(record)
    kind = record.data["type"]
    if not other_methods.is_reusable(kind):
        raise invalid(f"Payment methods of type `{kind}` cannot be saved to customers.")
    refusal = card_of(record).attach
    if refusal is not None:
        raise declined(refusal)
    return join(call, record, customer_id)


def join(call: Call, record: Record, customer_id: str) -> Record:
    record.data["customer"] = customer_id
    if "card" in record.data and record.data["card"]["checks"]["cvc_check"] == "unchecked":
        record.data["card"]["checks"]["cvc_check"] = "pass"
    call.objects.save(record)
    call.emit("payment_method.attached", record.data)
    return record


def release(call: Call, record: Record) -> Record:
    """For good: https://docs.stripe.com/api/payment_methods/detach"""
    owner_id = record.data["customer"]
    record.data["customer"] = None
    record.private["spent"] = True
    previous = record.previous_attributes()
    call.objects.save(record)
    call.emit("payment_method.detached", record.data, previous)
    owner = call.objects.find("customer", owner_id)
    if owner and owner.data["invoice_settings"]["default_payment_method"] == record.id:
        owner.data["invoice_settings"]["default_payment_method"] = None
    if owner and owner.data["default_source"] == record.id:
        owner.data["default_source"] = None
    if owner:
        call.update(owner, "customer.updated")
    return record


def card_of(record: Record) -> Card:
    return card_for(record.private["number"])


def check_usable(record: Record, customer_id: str | None) -> None:
    """A method serves its own customer only, and an unattached one serves once."""
    owner = record.data["customer"]
    if owner is None:
        check_reusable(record)
    elif customer_id is None:
        raise invalid(
            f"The PaymentMethod {record.id} belongs to the Customer {owner}. Please include the"
            " Customer in the `customer` parameter on the PaymentIntent.",
            "payment_method_unexpected_state",
            "payment_method",
        )
    elif owner != customer_id:
        raise not_attached(record.id)


def check_reusable(record: Record) -> None:
    if record.private.get("spent"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer"
            " attachment, shared with a connected account without Customer attachment, or was"
            " detached from a Customer. It may not be used again. To use a PaymentMethod multiple"
            " times, you must attach it to a Customer first.",
            "payment_method_unexpected_state",
            "payment_method",
        )


def not_attached(method_id: str) -> ApiError:
    return invalid(
        f"The customer does not have a payment method with the ID {method_id}. The payment method"
        " must be attached to the customer.",
        "resource_missing",
        "payment_method",
    )


def declined(decline: Decline) -> ApiError:
    error = {"param": "", **decline.error()}  # empty where Stripe names none
    message, code = error.pop("message"), error.pop("code")
    return ApiError(402, message, kind=error.pop("type"), code=code, **error)
