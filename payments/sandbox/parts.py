"""The pieces of one running sandbox, put together once and handed around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .clock import RealTime
from .courier import Courier
from .faults import Faults
from .idempotency import Idempotency
from .outbox import Outbox
from .request_log import RequestLog
from .settings import Settings
from .store import Store
from .switches import Switches


@dataclass
class Parts:
    settings: Settings
    store: Store
    outbox: Outbox
    courier: Courier
    idempotency: Idempotency
    faults: Faults
    switches: Switches
    request_log: RequestLog
    home: str = ""  # where it listens; links in what happens without a request lead there


def assemble(
    database: str, settings: Settings, on_beat: Callable[[], None], source: RealTime
) -> Parts:
    store, switches = Store(database, source), Switches()
    courier = Courier(store, settings, switches, on_beat)
    return Parts(
        settings,
        store,
        Outbox(store.connection, courier.ring),
        courier,
        Idempotency(store),
        Faults(),
        switches,
        RequestLog(),
    )
