"""What time does to subscriptions: trials end, periods are renewed, promises run out.

https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

from collections.abc import Callable

from ..calendar import DAY, next_after
from ..call import Call
from ..ids import random_text
from ..messages import Json
from ..objects import Record
from ..registry import job, tell
from . import billing_meters, invoice_lines, invoice_totals, subscription_parts
from .subscription_states import (
    ENDED,
    announce,
    end,
    expire,
    mark_paused,
    method_of,
    period,
    set_period,
)

Step = Callable[[Call, Record], None]
TRIAL_NOTICE = 3 * DAY
RENEWAL_NOTICE = 7 * DAY
FIRST_PAYMENT = 23 * 3600


def plan(call: Call, subscription: Record) -> None:
    """Ask to be called at the next moment that matters, unless that is already arranged."""
    moments = [moment for moment, _ in agenda(subscription)]
    if moments and min(moments) != subscription.private.get("tick"):
        subscription.private["tick"] = min(moments)
        call.objects.save(subscription)
        call.when(min(moments), "subscription.tick", subscription.id)


@job("subscription.tick")
def tick(call: Call, subscription_id: str) -> None:
    catch_up(call, call.reference("subscription", subscription_id, "subscription"))


def catch_up(call: Call, subscription: Record) -> None:
    while due := [step for moment, step in agenda(subscription) if moment <= call.now]:
        due[0](call, subscription)
        subscription = call.fresh(subscription)
    plan(call, subscription)


def agenda(subscription: Record) -> list[tuple[int, Step]]:
    data, private = subscription.data, subscription.private
    status, (start, until) = data["status"], period(data)
    if status in ENDED:
        return []
    if status == "incomplete":
        return [(data["created"] + FIRST_PAYMENT, expire)]
    steps: list[tuple[int, Step]] = []
    if private.get("phase_end"):
        steps.append((private["phase_end"], _end_phase))
    if data["cancel_at"] is not None:
        steps.append((data["cancel_at"], end))
    if (data["pause_collection"] or {}).get("resumes_at"):
        steps.append((data["pause_collection"]["resumes_at"], _resume_collection))
    if status == "trialing" and private.get("warned") != data["trial_end"]:
        steps.append((data["trial_end"] - TRIAL_NOTICE, _warn))
    if status != "paused":
        steps += _renewals(private, start, until)
    return sorted(steps, key=lambda step: step[0])


def _renewals(private: Json, start: int, until: int) -> list[tuple[int, Step]]:
    notice = until - RENEWAL_NOTICE
    told = private.get("foretold") == until or notice <= start
    return [*([] if told else [(notice, _foretell)]), (until, renew)]


def _end_phase(call: Call, subscription: Record) -> None:
    """First of all that happens at a moment: what is renewed is what the next phase says."""
    tell(call, "subscription.phase_ended", subscription)


def _warn(call: Call, subscription: Record) -> None:
    subscription.private["warned"] = subscription.data["trial_end"]
    call.objects.save(subscription)
    call.emit("customer.subscription.trial_will_end", subscription.data)


def _resume_collection(call: Call, subscription: Record) -> None:
    subscription.data["pause_collection"] = None
    announce(call, subscription)


def _foretell(call: Call, subscription: Record) -> None:
    """https://docs.stripe.com/billing/subscriptions/webhooks: only a preview."""
    data = subscription.data
    subscription.private["foretold"] = period(data)[1]
    call.objects.save(subscription)
    ending = data["cancel_at"] is not None and data["cancel_at"] <= period(data)[1]
    if not ending and data["status"] != "unpaid":
        call.emit("invoice.upcoming", upcoming(call, subscription))


def upcoming(call: Call, subscription: Record) -> Json:
    """The next renewal's invoice as it would be today."""
    customer = call.reference("customer", subscription.data["customer"], "customer")
    start, until = period(subscription.data)
    body = invoice_totals.body(call, customer, "upcoming", subscription, (start, until))
    waiting = invoice_totals.pending_items(call, customer.id, subscription)
    lines = [invoice_lines.of_invoice_item(call, item.data) for item in waiting]
    following = _following(subscription.data, until)
    lines += lines_for(call, subscription.data, (until, following), used_in=(start, until))
    body["id"] = f"upcoming_in_{random_text(24)}"
    body.update(auto_advance=True, next_payment_attempt=until + call.settings.invoice_grace)
    invoice_totals.put(call, body, lines)
    return body


def _following(data: Json, moment: int) -> int:
    interval, count = subscription_parts.rhythm(data["items"]["data"][0])
    return next_after(data["billing_cycle_anchor"], moment, interval, count)


def lines_for(
    call: Call, data: Json, ahead: tuple[int, int], used_in: tuple[int, int] | None = None
) -> list[Json]:
    """Licensed items are billed for the period ahead, metered ones for the use in the last one.

    https://docs.stripe.com/billing/subscriptions/usage-based
    """
    return [_line_for(call, data, item, ahead, used_in) for item in data["items"]["data"]]


def _line_for(
    call: Call, data: Json, item: Json, ahead: tuple[int, int], used_in: tuple[int, int] | None
) -> Json:
    if "quantity" in item or used_in is None:
        return invoice_lines.of_item(call, item, *ahead)
    meter = item["price"]["recurring"]["meter"]
    used = billing_meters.get_usage(call, meter, data["customer"], *used_in)
    return invoice_lines.of_item(call, item, *used_in, used=used)


def renew(call: Call, subscription: Record) -> None:
    data = subscription.data
    ended = period(data)
    if data["status"] == "trialing" and not _may_start(call, subscription):
        return
    set_period(data, ended[1], _following(data, ended[1]))
    invoice = invoice_totals.draft(
        call,
        call.reference("customer", data["customer"], "customer"),
        "subscription_cycle",
        lines_for(call, data, period(data), used_in=ended),
        subscription=subscription,
        period=ended,
        about=_release(call, data),
    )
    data["latest_invoice"] = invoice.id
    if invoice.data["auto_advance"]:
        due = invoice.data["automatically_finalizes_at"]
        call.when(due, "invoice.finalize", invoice.id)
    announce(call, subscription)


def _may_start(call: Call, subscription: Record) -> bool:
    """https://docs.stripe.com/billing/subscriptions/trials#create-free-trials-without-payment"""
    data = subscription.data
    behavior = data["trial_settings"]["end_behavior"]["missing_payment_method"]
    if behavior == "create_invoice" or method_of(call, data) is not None:
        data["status"] = "active"
        return True
    if behavior == "cancel":
        end(call, subscription)
        return False
    mark_paused(call, subscription, "trial_end_without_payment_method")
    return False


def _release(call: Call, data: Json) -> Json:
    """A draft goes on by itself after an hour, unless collection is at rest."""
    keep = (data["pause_collection"] or {}).get("behavior") == "keep_as_draft"
    if data["status"] == "unpaid" or keep:
        return {"auto_advance": False}
    due = call.now + call.settings.invoice_grace
    return {"auto_advance": True, "automatically_finalizes_at": due}
