"""Says in a plain sentence what an entry means, made when it is read: no entry is ever reworded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from payments.kit import money
from payments.timeline.models import TimelineEntry

# A part in brackets is left out when the entry does not hold what it names.
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"\{(\w+)\}")

_CHARGE = "{subject}[ of {amount}][ for plan {plan_name}]"
_REFUND = "{subject}[ of {amount}][ on invoice {invoice}]"
_PLAN = "[ from {previous_name}][ to {plan_name}][, paid by charge {charge}][ (invoice {invoice})]"
_INVOICE = "Invoice [{invoice}][ of {amount}][ for plan {plan_name}]"
_PAYMENT = "Payment[ {stripe_id}][ of {amount}]"
_SUBSCRIPTION = "Subscription[ {stripe_id}][ to {plan_name}]"

_GRACE = "[; its keys will be destroyed after {keys_destroyed_in_days} days]"

_DISPUTE = "[ {stripe_id}][ of {amount}][ on invoice {invoice}]"
_DUE = "[ ({reason})][; the bank takes an answer until {response_due_at}]"

_SENTENCES = {
    "workspace.created": "The workspace was created[ on plan {plan_name}]",
    "workspace.closed": "The workspace was closed, as its only member was erased",
    "workspace.updated": "The workspace's details were changed[: {fields}]",
    "user.signed_up": "{subject} signed up",
    "user.registered": "{subject} registered",
    "user.email_verified": "{subject} verified the email address",
    "user.address_released": "{subject} lost the email address to whoever verified it",
    "user.password_reset": "{subject} set a new password by a mailed link",
    "user.second_factor_enabled": "{subject} added a second factor",
    "user.second_factor_disabled": "The second factor of {subject} was removed",
    "user.promoted": "{subject} became an administrator of the platform",
    "user.demoted": "{subject} is no longer an administrator of the platform",
    "user.deactivated": "{subject} was deactivated",
    "member.invited": "{subject} was sent[ as {role}]",
    "invitation.revoked": "{subject} was revoked",
    "user.logged_out_everywhere": "{subject} logged out everywhere[, {sessions} sessions ended]",
    "user.password_changed": "{subject} changed the password[, {sessions} sessions ended]",
    "session.reuse_detected": (
        "A refresh token of {subject} was used twice, so its session was ended"
    ),
    "user.erased": "{subject} was erased; the account names nobody any more",
    "member.added": "{subject} became a member[ as {role}]",
    "member.role_changed": "{subject} is[ {role}] now[, {previous} before]",
    "member.left": "{subject}[, {role},] left",
    "member.removed": "{subject}[, {role},] was removed",
    "payment_method.added": "{card} was saved",
    "payment_method.restored": "{card} was saved again",
    "payment_method.updated": "{card} was renewed[: {fields}]",
    "payment_method.made_default": "{card} became the default",
    "payment_method.removed": "{card} was removed",
    "payment_method.setup_failed": "A card could not be set up[: {code}]",
    "charge.reserved": f"{_CHARGE} was asked for[, invoice {{invoice}}]",
    "charge.requires_action": f"{_CHARGE} waits for the card's holder to authenticate",
    "charge.succeeded": f"{_CHARGE} succeeded",
    "charge.failed": f"{_CHARGE} failed[: {{code}}]",
    "charge.canceled": f"{_CHARGE} was canceled",
    "charge.abandoned": f"{_CHARGE} was given up",
    "charge.paid_twice": (
        "{subject} was paid a second time[ by {stripe_id}][: {amount}]; that payment waits to be "
        "refunded"
    ),
    "anomaly.refunded": "Payment[ {stripe_id}], which settles nothing here, was refunded",
    "anomaly.dismissed": "Payment[ {stripe_id}], which settles nothing here, was looked at",
    "charge.needs_attention": "{subject} needs a person to look at it[: {reason}]",
    "charge.attention_cleared": "A person has looked at {subject}",
    "refund.attention_cleared": "A person has looked at {subject}",
    "plan.upgraded": f"The plan moved up{_PLAN}",
    "plan.downgraded": f"The plan moved down{_PLAN}",
    "pricing_plan.added": "Plan {plan_name} was added[ at {amount}]",
    "pricing_plan.changed": "Plan {plan_name} was changed[: {fields}][; it cost {former_price}]",
    "invoice.issued": f"{_INVOICE} was issued",
    "invoice.paid": f"{_INVOICE} is paid",
    "invoice.failed": f"{_INVOICE} failed: nothing was charged",
    "invoice.refunded": f"{_INVOICE} is refunded[ by {{refunded}}]",
    "refund.reserved": f"{_REFUND} was asked for",
    "refund.found": f"{_REFUND} was found at Stripe, where somebody had made it",
    "refund.submitted": f"{_REFUND} was taken by Stripe",
    "refund.succeeded": f"{_REFUND} succeeded",
    "refund.failed": f"{_REFUND} failed[: {{code}}]",
    "refund.abandoned": f"{_REFUND} was given up",
    "refund.canceled": f"{_REFUND} was canceled",
    "refund.needs_attention": "{subject} needs a person to look at it[: {reason}]",
    "customer.created": "Customer[ {stripe_id}] was made at Stripe",
    "customer.forgotten": "Customer[ {stripe_id}] is no longer at Stripe and was forgotten",
    "project.created": "The project was created",
    "project.updated": "The project was changed[: {fields}]",
    "project.deleted": f"The project was switched off{_GRACE}",
    "project_key.created": "An API key[ {prefix}...] was made",
    "project_key.revoked": "The API key[ {prefix}...] was revoked",
    "stripe_config.saved": "The Stripe configuration was saved[: {fields}][; replaced: {replaced}]",
    "stripe_config.deactivated": f"The Stripe configuration was switched off{_GRACE}",
    "stripe_config.keys_destroyed": "Stripe keys were destroyed[: {fields}]",
    "subscription.plan_changed": f"{_SUBSCRIPTION} changed[ from {{previous_name}}]",
    "subscription.updated": f"{_SUBSCRIPTION} was changed though it is over",
    "subscription.renewed": f"{_SUBSCRIPTION} has a new period[, until {{period_end}}]",
    "subscription.cancel_scheduled": f"{_SUBSCRIPTION} will end[ on {{cancel_at}}]",
    "subscription.cancel_withdrawn": f"{_SUBSCRIPTION} will go on after all",
    "subscription.add_ons_changed": "The add-ons of subscription[ {stripe_id}] changed",
    "subscription.gone_at_stripe": (
        "Subscription[ {stripe_id}] is no longer at Stripe, so it ended here"
    ),
    "stripe.refused": "Stripe refused to {action}[ for {user}][: {message}][ ({code})]",
    "subscription.duplicate": (
        "Subscription[ {stripe_id}] runs beside[ {beside},] another one of the same end user: "
        "a person has to look at it"
    ),
    "subscription.duplicate_over": "Subscription[ {stripe_id}] no longer runs beside another one",
    "reconciliation.finished": (
        "A comparison of[ {mode}] {what} with Stripe found {missing} missing and {drifted} "
        "different, and mended {fixed}"
    ),
    "reconciliation.failed": "A comparison of[ {mode}] {what} with Stripe failed",
    "payment.pending": f"{_PAYMENT} is not settled yet",
    "payment.succeeded": f"{_PAYMENT} succeeded",
    "payment.failed": f"{_PAYMENT} failed",
    "payment.refunded": f"{_PAYMENT} is refunded in full",
    "payment.partially_refunded": f"{_PAYMENT} is refunded[ by {{refunded}}]",
    "dispute.opened": f"Dispute{_DISPUTE} was opened{_DUE}",
    "dispute.inquiry_opened": f"Inquiry{_DISPUTE} was opened, no money was taken{_DUE}",
    "dispute.escalated": f"Inquiry{_DISPUTE} became a chargeback{_DUE}",
    "dispute.updated": f"Dispute{_DISPUTE} was updated[: {{fields}}][; it is {{stripe_status}}]",
    "dispute.reopened": f"Dispute{_DISPUTE} was opened again[; it is {{stripe_status}}]",
    "dispute.won": f"Dispute{_DISPUTE} was won: the bank returns the money",
    "dispute.lost": f"Dispute{_DISPUTE} was lost: the money is not returned",
    "dispute.prevented": f"Dispute{_DISPUTE} was settled before it became a chargeback",
    "dispute.inquiry_closed": f"Inquiry{_DISPUTE} was closed, no money was taken",
    "event.without_effect": "Event[ {stripe_id}] changed nothing[: {reason}]",
    "event.replayed": "Event[ {stripe_id}] was put back to be handled again",
}

# Statuses are Stripe's words, and it may add some: any is said as it is.
_OF_STATUS = {
    "payment": f"{_PAYMENT} is {{status}}",
    "subscription": f"{_SUBSCRIPTION} is {{status}}",
}


def sentence(entry: TimelineEntry, names: Mapping[int, str]) -> str:
    """Write the entry's sentence; `names` are those of users whom the reader may know."""
    noun, _, status = entry.kind.partition(".")
    template = _SENTENCES.get(entry.kind) or _OF_STATUS.get(noun, "{subject}: {status}")
    words = _words(entry, names) | {"status": status.replace("_", " ")}
    return _NAME.sub(lambda m: words[m[1]], _OPTIONAL.sub(lambda m: _part(m[1], words), template))


def _part(text: str, words: Mapping[str, str]) -> str:
    return text if all(name in words for name in _NAME.findall(text)) else ""


def _words(entry: TimelineEntry, names: Mapping[int, str]) -> dict[str, str]:
    data = entry.data
    words = {name: _written(value) for name, value in data.items() if value not in (None, [])}
    subject = _subject(entry.subject, names)
    words |= {"subject": subject, "card": _card(data) or subject}
    if entry.stripe_id:
        words["stripe_id"] = entry.stripe_id
    return words | _amounts(data)


def _written(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _subject(subject: str, names: Mapping[int, str]) -> str:
    noun, _, key = subject.partition(":")
    if noun == "user" and key.isdecimal() and names.get(int(key)):
        return f"{names[int(key)]} (user {key})"
    return f"{noun.replace('_', ' ').capitalize()} {key}".strip()


def _card(data: Mapping[str, Any]) -> str | None:
    if not data.get("last4"):
        return None
    return f"The {data.get('brand') or 'card'} card ending in {data['last4']}"


def _amounts(data: Mapping[str, Any]) -> dict[str, str]:
    currency = data.get("currency")
    amounts = {
        "amount": data.get("amount_minor", data.get("amount_cents")),
        "refunded": data.get("refunded_minor", data.get("refunded_amount_cents")),
    }
    return {
        name: f"{money.plain(minor, currency)} {currency.upper()}"
        for name, minor in amounts.items()
        if currency and minor is not None
    }
