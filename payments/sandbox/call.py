"""What a resource works with while it answers one call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .accounts import Account
from .errors import unknown_object, unknown_reference
from .messages import Json
from .objects import Objects, Record
from .settings import Settings
from .store import Store
from .version import API_VERSION

if TYPE_CHECKING:
    from .outbox import Outbox


@dataclass
class Call:
    account: Account
    store: Store
    outbox: Outbox
    settings: Settings
    base_url: str
    params: Json = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    url_path: str = ""
    api_version: str = API_VERSION
    names_version: bool = False  # the request says for itself in which version it is written
    request_id: str | None = None
    idempotency_key: str | None = None
    at: int | None = None  # the moment that a due job or a test clock stands at
    clock: str = ""  # the test clock whose time it is; none is the account's own

    @property
    def now(self) -> int:
        return self.store.clocks.now(self.account.scope) if self.at is None else self.at

    def in_time_of(self, owner: Json) -> Call:
        """What hangs on a test clock happens at the time of that clock."""
        clock_id = owner.get("test_clock")
        if not clock_id or clock_id == self.clock:
            return self
        clock = self.reference("test_helpers.test_clock", clock_id, "test_clock")
        return replace(self, at=clock.data["frozen_time"], clock=clock_id)

    @property
    def objects(self) -> Objects:
        return self.store.objects(self.account.scope)

    def in_time_of_customer(self, customer_id: str | None) -> Call:
        customer = self.objects.find("customer", customer_id) if customer_id else None
        return self.in_time_of(customer.data) if customer else self

    def subject(self, kind: str) -> Record:
        """Return the object whose id stands in the path."""
        object_id = self.path["id"]
        record = self.objects.find(kind, object_id)
        if record is None:
            raise unknown_object(kind, object_id, hint=self._hint(kind, object_id))
        return record

    def reference(self, kind: str, object_id: str, param: str) -> Record:
        """Return the object whose id was given as a parameter."""
        record = self.objects.find(kind, object_id)
        if record is None or record.data.get("deleted"):
            raise unknown_reference(kind, object_id, param, hint=self._hint(kind, object_id))
        return record

    def check_known(self, kind: str, param: str) -> None:
        """A filter may name what has been deleted, but not what never was."""
        object_id = self.params.get(param)
        if object_id and self.objects.find(kind, object_id) is None:
            raise unknown_reference(kind, object_id, param, hint=self._hint(kind, object_id))

    def fresh(self, record: Record) -> Record:
        """Read it again: a payment on the way may have changed what is stored."""
        return self.reference(record.kind, record.id, "id")

    def _hint(self, kind: str, object_id: str) -> str:
        """Tell, as Stripe does, that a key of the other mode was probably used."""
        if self.store.objects(self.account.other_scope).find(kind, object_id) is None:
            return ""
        mine, other = ("live", "test") if self.account.livemode else ("test", "live")
        return (
            f"; a similar object exists in {other} mode, but a {mine} mode key was used to make"
            " this request."
        )

    def update(self, record: Record, event: str) -> Record:
        """Store a change and tell about it, with what it was before; silent when nothing did."""
        previous = record.previous_attributes()
        self.objects.save(record)
        if previous:
            self.emit(event, record.data, previous)
        return record

    def emit(self, event_type: str, data: Json, previous: Json | None = None) -> None:
        self.outbox.publish(self, event_type, data, previous)

    def is_set_up(self, setting: str) -> bool:
        """Return whether the owner has done that in the dashboard, which they have by default."""
        return self.store.preference(self.account.scope, setting) is not False

    def later(self, seconds: int, job: str, object_id: str) -> None:
        self.when(self.now + seconds, job, object_id)

    def when(self, due: int, job: str, object_id: str) -> None:
        self.store.schedule(self.account.scope, due, job, object_id, self.clock)
