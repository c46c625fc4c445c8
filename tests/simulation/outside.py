"""What happens around the service: Stripe's events, people, operators and machines."""

from __future__ import annotations

from tests.simulation.ledgers import Row
from tests.simulation.preparation import PUBLISHABLE_KEY, authenticate
from tests.simulation.processes import Fate, Process
from tests.simulation.work import part_of
from tests.simulation.world import World

# Stripe forgets idempotency keys after 24 hours (https://docs.stripe.com/api/idempotent_requests):
# a process that wakes even later and sends a refund once more is a case of its own.
LONGEST_PAUSE = 20 * 3600


def deliver_event(world: World, *, index: int, again: bool, fate: Fate) -> None:
    """Stripe delivers an event, in whatever order; with `again` it will come once more."""
    events = world.ledgers.new_events()
    if events:
        place = index % len(events)
        event = events[place] if again else events.pop(place)
        world.deliver(event, fate)


def let_time_pass(world: World, *, seconds: float) -> None:
    """Nobody does anything but wait."""
    world.advance(seconds)


def answer_bank(world: World, *, index: int, passed: bool) -> None:
    """A card's holder does what confirmCardPayment asks for, however late, and answers the bank."""
    asked = asked_by_bank(world)
    if not asked:
        return
    intent = asked[index % len(asked)]
    error = intent["last_payment_error"] or {}
    method = intent["payment_method"] or error["payment_method"]["id"]
    params = {"client_secret": intent["client_secret"], "payment_method": method}
    path = f"/v1/payment_intents/{intent['id']}/confirm"
    confirmed = world.call_stripe("POST", path, PUBLISHABLE_KEY, **params)
    if confirmed.get("status") == "requires_action":
        authenticate(world, confirmed, passed=passed)


def asked_by_bank(world: World) -> list[Row]:
    """Return the PaymentIntents whose client secret was handed out, the newest first."""
    return [
        payment
        for payment in reversed(world.ledgers.facts().payments)
        if payment["status"] == "requires_action" or _needs_authentication(payment)
    ]


def _needs_authentication(payment: Row) -> bool:
    error = payment["last_payment_error"] or {}
    needed = error.get("code") == "authentication_required"
    return bool(payment["status"] == "requires_payment_method" and needed)


def refund_in_dashboard(world: World, *, index: int, part: str) -> None:
    """Somebody gives money back without us."""
    facts = world.ledgers.facts()
    paid = [each for each in reversed(facts.payments) if each["status"] == "succeeded"]
    if paid:
        payment = paid[index % len(paid)]
        amount = part_of(payment["amount"], part)
        minor = {} if amount is None else {"amount": amount.replace(".", "").lstrip("0")}
        world.call_stripe("POST", "/v1/refunds", payment_intent=payment["id"], **minor)


def cancel_in_dashboard(world: World, *, index: int) -> None:
    """Somebody cancels a payment that has not succeeded."""
    payments = world.ledgers.facts().payments
    unpaid = [each for each in reversed(payments) if each["status"] in _CANCELABLE]
    if unpaid:
        payment = unpaid[index % len(unpaid)]
        world.call_stripe("POST", f"/v1/payment_intents/{payment['id']}/cancel")


_CANCELABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}


def detach_card(world: World, *, workspace: int, card: str) -> None:
    """Somebody detaches a card in the dashboard."""
    method = world.service.workspaces[workspace].cards[card]
    world.call_stripe("POST", f"/v1/payment_methods/{method}/detach")


def delete_customer(world: World, *, workspace: int) -> None:
    """Somebody deletes a workspace's customer in the dashboard."""
    wanted = world.service.workspaces[workspace].id
    for row in world.ledgers.facts().workspaces:
        if row["id"] == wanted:
            world.call_stripe("DELETE", f"/v1/customers/{row['stripe_customer_id']}")


def pay_under_our_names(world: World, *, index: int) -> None:
    """A stranger's payment bears the metadata of one of our charges, as a copied database does."""
    payments = world.ledgers.facts().payments
    if not payments:
        return
    copied = payments[index % len(payments)]["metadata"]
    customer = world.call_stripe("POST", "/v1/customers")["id"]
    attached = world.call_stripe(
        "POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer
    )
    made = world.call_stripe(
        "POST",
        "/v1/payment_intents",
        amount="50",
        currency="usd",
        customer=customer,
        payment_method=attached["id"],
        confirm="true",
        off_session="true",
        **{f"metadata[{name}]": value for name, value in copied.items()},
    )
    world.ledgers.strangers.add(made["id"])


def continue_process(world: World, *, index: int) -> None:
    """A paused process goes on (SIGCONT), however much has happened since."""
    process = _nth(world.scheduler.paused, index)
    if process is not None:
        wake(world, process)


def wake(world: World, process: Process) -> None:
    """Let a paused process go on, or end it when it was away for longer than Stripe keeps keys."""
    if world.clock.now - process.paused_at > LONGEST_PAUSE:
        world.scheduler.kill(process)
        return
    world.note(f"    {process.name} goes on after {process.last_step}")
    world.scheduler.resume(process)


def kill_process(world: World, *, index: int) -> None:
    """A process that is paused, or waits for Stripe, is killed."""
    process = _nth(world.scheduler.alive, index)
    if process is not None:
        world.scheduler.kill(process)


def restart_everything(world: World) -> None:
    """Every process is killed and the queue is lost; the database and Stripe remain."""
    world.scheduler.kill_all()
    world.queue.clear()


def _nth(processes: list[Process], index: int) -> Process | None:
    return processes[index % len(processes)] if processes else None
