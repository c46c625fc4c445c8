"""What the service itself does when it is asked, woken or its time has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from payments import jobs
from payments.gateway.errors import GatewayError
from payments.idempotency.store import prune
from payments.invoices.proof import close_due
from payments.kit import clock
from payments.runs.slices import Comparer, Difference
from payments.webhooks import drain, gaps
from payments.webhooks.models import PLATFORM
from payments.workspaces import compare, reconcile
from payments.workspaces.charges import call as charge_call
from payments.workspaces.charges.action import close_failed_intents
from payments.workspaces.refunds import call as refund_call
from payments.workspaces.refunds import follow
from tests.simulation.ledgers import Row
from tests.simulation.processes import Fate, Process
from tests.simulation.world import World

TASKS: dict[str, Callable[..., Any]] = {
    jobs.RUN_CHARGE: charge_call.run,
    jobs.RUN_REFUND: refund_call.run,
    jobs.DRAIN_INBOX: drain.drain,
}
SWEEPS: dict[str, Callable[[], object]] = {
    "due": reconcile.wake_due,
    "expired": reconcile.expire_unauthenticated,
    "failed": close_failed_intents,
    "submitted": follow.look_at_submitted,
    "closed days": close_due,
    "kept answers": prune,
    "missed events": lambda: compare_all(gaps.compare),
}
ASYNC = {"Prefer": "respond-async"}
# So often at most something is done within one `live_on`: histories stay short.
_MOST_ROUNDS = 40
_TURN_SECONDS = 5
_A_MOMENT = 0.01


# Requests


def upgrade_plan(
    world: World, *, workspace: int, plan: str, card: str, client_key: str | None, fate: Fate
) -> None:
    """Somebody moves a workspace up."""
    chosen = world.service.workspaces[workspace]
    body = {"planSlug": plan, "paymentMethodId": chosen.cards[card]}
    path = f"/api/payments/workspace/{chosen.slug}/upgrade-plan"
    world.request("POST", path, body, fate=fate, **ASYNC, **_with_key(client_key))


def downgrade_plan(world: World, *, workspace: int, plan: str) -> None:
    """Somebody moves a workspace down."""
    slug = world.service.workspaces[workspace].slug
    world.request("POST", f"/api/payments/workspace/{slug}/downgrade-plan", {"planSlug": plan})


def refund_invoice(
    world: World, *, index: int, part: str, client_key: str | None, fate: Fate
) -> None:
    """An operator gives back some of an invoice."""
    query = "SELECT id, amount_minor FROM invoices WHERE amount_minor > 0 ORDER BY id DESC"
    invoice = _nth(world.ledgers.select(query), index)
    if invoice is not None:
        body = {"amount": part_of(invoice["amount_minor"], part)}
        path = f"/api/admin/invoices/{invoice['id']}/refund"
        world.request("POST", path, body, fate=fate, **ASYNC, **_with_key(client_key))


def part_of(amount_minor: int, part: str) -> str | None:
    """Return how much of an amount is meant, in major units of two decimals; None is the rest."""
    minor = {"all": None, "third": amount_minor // 3, "ten": 10}[part]
    return None if minor is None else f"{minor / 100:.2f}"


def cancel_charge(world: World, *, index: int, fate: Fate) -> None:
    """Somebody gives up a charge."""
    charge = _nth_charge(world, index)
    if charge is not None:
        path = f"/api/payments/{charge['slug']}/charges/{charge['id']}/cancel"
        world.request("POST", path, {}, fate=fate)


def look_at_charge(world: World, *, index: int) -> None:
    """A client polls a charge, which asks Stripe while it waits for its holder."""
    charge = _nth_charge(world, index)
    if charge is not None:
        world.request("GET", f"/api/payments/{charge['slug']}/charges/{charge['id']}")


def _nth_charge(world: World, index: int) -> Row | None:
    query = (
        "SELECT charges.id, slug FROM charges JOIN workspaces ON workspaces.id = workspace_id"
        " ORDER BY charges.id DESC"
    )
    return _nth(world.ledgers.select(query), index)


def _nth(rows: list[Any], index: int) -> Any:
    return rows[index % len(rows)] if rows else None


def _with_key(client_key: str | None) -> dict[str, str]:
    return {} if client_key is None else {"Idempotency-Key": client_key}


# The worker


def run_message(world: World, *, index: int, fate: Fate, again: bool) -> None:
    """A worker takes a message; with `again` it is delivered once more."""
    if world.queue:
        place = index % len(world.queue)
        message = world.queue[place] if again else world.queue.pop(place)
        _run(world, message, fate)


def _run(world: World, message: tuple[str, dict[str, Any]], fate: Fate | None = None) -> Process:
    name, ids = message
    told = " ".join([name, *map(str, ids.values())])
    return world.task(told, partial(TASKS[name], **ids), fate)


def lose_message(world: World, *, index: int) -> None:
    """Redis forgets a message."""
    if world.queue:
        world.queue.pop(index % len(world.queue))


def sweep(world: World, *, kind: str, fate: Fate) -> None:
    """Beat starts one of the sweeps."""
    world.task(f"sweep {kind}", SWEEPS[kind], fate)


def drain_inbox(world: World, *, fate: Fate) -> None:
    """A worker handles the events that wait."""
    world.task("drain", drain.drain, fate)


def compare_with_stripe(world: World, *, fate: Fate) -> None:
    """The daily comparison of our account is due."""
    world.task("comparison", compare_all, fate)


def compare_all(comparer: Comparer = compare.compare) -> tuple[Difference, ...] | None:
    """Run a comparison to its end; return what differed, None when Stripe failed meanwhile."""
    position: dict[str, Any] = {}
    found: list[Difference] = []
    while True:
        deadline = clock.monotonic() + _TURN_SECONDS
        try:
            part = comparer(
                PLATFORM, "test", position, dry_run=False, actor="simulation", deadline=deadline
            )
        except GatewayError:
            return None
        found += part.differences
        position = part.position
        if part.done:
            return tuple(found)


# The service by itself


def live_on(world: World, *, seconds: float, with_events: bool) -> None:
    """Let beat and the workers do their work for a while, undisturbed but for the weather."""
    until = world.clock.now + seconds
    for _ in range(_MOST_ROUNDS):
        work_off(world, with_events=with_events)
        following = min([*next_moments(world), until])
        if following >= until:
            break
        # A lease has lapsed only after its last moment.
        world.advance(max(following - world.clock.now, 0) + _A_MOMENT)
    world.advance(max(until - world.clock.now, 0))
    work_off(world, with_events=with_events)


def work_off(world: World, *, with_events: bool) -> None:
    """Do what is due now: messages, sweeps, events."""
    if with_events:
        deliver_all(world)
    if is_due(world):
        world.task("sweep due", reconcile.wake_due)
        world.task("sweep expired", reconcile.expire_unauthenticated)
        world.task("sweep failed", close_failed_intents)
        world.task("sweep submitted", follow.look_at_submitted)
    messages, world.queue[:] = list(dict.fromkeys(map(_frozen, world.queue))), []
    for name, ids in messages:
        _run(world, (name, dict(ids)))
    if has_events(world):
        world.task("drain", drain.drain)


def has_events(world: World) -> bool:
    """Return whether the inbox holds events that are due."""
    now = _written(world)
    return any(row["at"] <= now for row in _waiting(world, "webhook_events"))


def _frozen(message: tuple[str, dict[str, Any]]) -> tuple[str, tuple[tuple[str, Any], ...]]:
    return message[0], tuple(message[1].items())


def deliver_all(world: World) -> None:
    """Let Stripe deliver what it has not delivered yet."""
    events = world.ledgers.new_events()
    waiting, events[:] = list(events), []
    for event in waiting:
        world.deliver(event)


_OPEN = {
    "charges": "status IN ('pending', 'requires_action')",
    "refunds": "status IN ('pending', 'submitted')",
    "webhook_events": "state IN ('received', 'failed')",
}


def _waiting(world: World, table: str) -> list[Row]:
    """Return from when on each open row of a table may be worked at, as the database writes it."""
    moment = "max(due_at, coalesce(leased_until, due_at))"
    query = f"SELECT {moment} AS at FROM {table} WHERE {_OPEN[table]}"  # noqa: S608 - ours
    return world.ledgers.select(query)


def _written(world: World) -> str:
    return f"{world.clock.read():%Y-%m-%d %H:%M:%S.%f}"


def is_due(world: World) -> bool:
    """Return whether a sweep would find a charge or a refund."""
    now = _written(world)
    rows = [*_waiting(world, "charges"), *_waiting(world, "refunds")]
    return any(row["at"] <= now for row in rows)


def next_moments(world: World) -> list[float]:
    """Return the later moments at which something is to be done, on our side or on Stripe's."""
    now = _written(world)
    rows = [row["at"] for table in _OPEN for row in _waiting(world, table) if row["at"] > now]
    moments = [datetime.fromisoformat(f"{at}+00:00").timestamp() for at in rows]
    others = (world.scheduler.next_at, world.ledgers.next_job_at())
    return [*moments, *(moment for moment in others if moment is not None)]
