"""What happens when a customer presses the button of the Checkout page."""

import re
from dataclasses import dataclass, replace

from ..call import Call
from ..errors import invalid
from ..messages import Json
from ..objects import Record
from ..params import email, merge_metadata
from . import (
    bank_debits,
    checkout_completion,
    customers,
    invoice_collection,
    payment_intents,
    payment_methods,
    payments,
    setup_intents,
    setups,
)

PLAIN = (
    "capture_method", "description", "receipt_email", "setup_future_usage", "shipping",
    "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip


@dataclass
class Form:
    """What the customer has typed."""

    email: str = ""
    name: str = ""
    number: str = ""
    expiry: str = ""
    cvc: str = ""
    method: str = "card"
    bank_outcome: str = "succeed"

    @property
    def billing_details(self) -> Json:
        return {**payment_methods.NO_DETAILS, "email": self.email or None,
                "name": self.name or None}  # fmt: skip


def submit(call: Call, session: Record, form: Form) -> str | None:
    """Where the customer has to go for 3D Secure, if anywhere; refusals are raised."""
    _identify(call, session, form)
    if session.data["mode"] == "payment" and not session.data["amount_total"]:
        checkout_completion.finish(call, session, "no_payment_required")
        return None
    free = session.data["mode"] == "subscription" and not session.data["amount_total"]
    if free and session.data["payment_method_collection"] == "if_required" and not form.number:
        session.private["subscription"] = checkout_completion.begin(call, session, None).id
        checkout_completion.finish(call, session, "no_payment_required")
        return None
    method = make_method(call, form, session.data["payment_method_types"])
    if session.data["mode"] == "setup" or free:
        return _set_up(call, session, method)
    if session.data["mode"] == "subscription":
        return _subscribe(call, session, method)
    return _pay(call, session, method)


def _identify(call: Call, session: Record, form: Form) -> None:
    """Who pays: the given customer, a new one, or a guest."""
    known = session.data["customer_details"] or {}
    address = known.get("email") or email("email", form.email)
    if not address:
        raise invalid("Enter your email address.", param="email")
    form.email = address
    session.private.update(email=address, name=form.name or known.get("name"))
    wanted = session.data["customer_creation"] == "always" or session.data["mode"] == "setup"
    present = session.data["customer"] or session.private.get("customer")
    if present is None and wanted:
        present = _new_customer(call, form).id
    session.private["customer"] = present
    call.objects.save(session)


def _new_customer(call: Call, form: Form) -> Record:
    record = customers.make(call)
    record.data.update(email=form.email, name=form.name or None)
    call.objects.save(record)
    call.emit("customer.created", record.data)
    return record


def make_method(call: Call, form: Form, allowed: list[str]) -> Record:
    if form.method == "bank" and bank_debits.KIND in allowed:
        returned = form.bank_outcome == "fail"
        return bank_debits.make(call, form.billing_details, returned=returned)
    if "card" not in allowed:
        raise invalid("Cards are not accepted here.", param="number")
    expiry = re.fullmatch(r"\s*(\d{1,2})\s*[/-]?\s*(\d{2}|\d{4})\s*", form.expiry)
    if not form.number.strip():
        raise invalid("Your card number is incomplete.", "incomplete_number", "number")
    if expiry is None:
        message = "Your card's expiration date is incomplete."
        raise invalid(message, "incomplete_expiry", "expiry")
    if not form.cvc.strip():
        raise invalid("Your card's security code is incomplete.", "incomplete_cvc", "cvc")
    card = {
        "number": re.sub(r"[ -]", "", form.number),
        "exp_month": int(expiry[1]),
        "exp_year": int(expiry[2]),
        "cvc": form.cvc.strip(),
    }
    given = {"type": "card", "card": card, "billing_details": form.billing_details}
    return payment_methods.make(call, given)


def _subscribe(call: Call, session: Record, method: Record) -> str | None:
    """The subscription of a declined attempt waits, incomplete, for the next one."""
    begun = session.private.get("subscription")
    if begun is None:
        begun = checkout_completion.begin(call, session, None).id
        session.private["subscription"] = begun
        call.objects.save(session)
    subscription = call.reference("subscription", begun, "subscription")
    invoice = call.reference("invoice", subscription.data["latest_invoice"], "invoice")
    intent = invoice_collection.intent_for(call, invoice)
    intent.private["session"] = session.id
    call.objects.save(intent)
    refusal = invoice_collection.collect(
        call.in_time_of(subscription.data), invoice, method, return_url=back(call, session)
    )
    if refusal is not None:
        raise refusal
    return challenge(call.fresh(intent))


def back(call: Call, session: Record) -> str:
    return f"{call.base_url}/c/pay/{session.id}/return"


def challenge(intent: Record) -> str | None:
    action = intent.data["next_action"]
    return str(action["redirect_to_url"]["url"]) if action else None


def _pay(call: Call, session: Record, method: Record) -> str | None:
    present = session.data["payment_intent"]
    intent = (
        call.reference("payment_intent", present, "payment_intent")
        if present
        else _intent(call, session)
    )
    intent.data.update(payment_method=method.id, status="requires_confirmation")
    payments.confirm(replace(call, params={"return_url": back(call, session)}), intent)
    return challenge(intent)


def _intent(call: Call, session: Record) -> Record:
    given = session.private["params"]["payment_intent_data"]
    data = session.data
    body = payment_intents.blank(call, data["amount_total"], data["currency"])
    body["customer"] = session.private["customer"]
    body["metadata"] = merge_metadata({}, given.get("metadata") or {})
    body.update({name: given[name] for name in PLAIN if given.get(name)})
    record = call.objects.add("payment_intent", body, {"session": session.id})
    call.emit("payment_intent.created", record.data)
    data["payment_intent"] = record.id
    call.objects.save(session)
    return record


def _set_up(call: Call, session: Record, method: Record) -> str | None:
    """The card is checked today and charged later."""
    present = session.data["setup_intent"] or session.private.get("setup_intent")
    if present is None:
        body = setup_intents.blank(replace(call, params={}))
        present = call.objects.add("setup_intent", body, {"session": session.id}).id
        session.private["setup_intent"] = present
        call.objects.save(session)
        call.emit("setup_intent.created", body)
    intent = call.reference("setup_intent", present, "setup_intent")
    intent.data.update(
        customer=session.private["customer"],
        payment_method=method.id,
        status="requires_confirmation",
    )
    setups.confirm(replace(call, params={"return_url": back(call, session)}), intent)
    return challenge(intent)
