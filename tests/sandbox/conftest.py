"""A sandbox for the whole run; every test speaks with a key, so in an account, of its own."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
import requests
import stripe

from payments.sandbox.server import Sandbox
from payments.sandbox.settings import Settings
from payments.sandbox.visitor import Visitor

SETTINGS = Settings(search_lag=60, refund_delay=60, processing_delay=60, retry_schedule=(0.05, 0.1))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(port=0, settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="session")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture(scope="session")
def transport() -> Iterator[stripe.RequestsClient]:
    transport = stripe.RequestsClient(timeout=(2, 10))
    yield transport
    transport.close()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def client_for(sandbox: Sandbox, transport: stripe.RequestsClient) -> Callable[..., Any]:
    def make(key: str, **options: Any) -> Any:
        return stripe.StripeClient(
            key, http_client=transport, base_addresses={"api": sandbox.url}, **options
        ).v1

    return make


@pytest.fixture
def suffix() -> str:
    """What `sk_test_`, `pk_test_` and `sk_live_` keys of one account share."""
    return uuid4().hex


@pytest.fixture
def key(suffix: str) -> str:
    return f"sk_test_{suffix}"


@pytest.fixture
def v1(client_for: Callable[..., Any], key: str) -> Any:
    return client_for(key)


@pytest.fixture
def other(client_for: Callable[..., Any]) -> Any:
    """A second account: whatever leaks into it is a bug."""
    return client_for(f"sk_test_{uuid4().hex}")


@pytest.fixture
def customer(v1: Any) -> Any:
    return v1.customers.create({"email": "workspace-1@gateways.app", "name": "Workspace 1"})


class Caller:
    """Plain HTTP, for what the SDK does not send."""

    def __init__(self, session: requests.Session, url: str, key: str) -> None:
        self._session, self.url, self.key = session, url, key

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("auth", (self.key, ""))
        options.setdefault("timeout", 10)
        return self._session.request(method, self.url + path, **options)


@pytest.fixture
def call(http: requests.Session, sandbox: Sandbox, key: str) -> Caller:
    return Caller(http, sandbox.url, key)


@pytest.fixture
def browser(http: requests.Session, sandbox: Sandbox, suffix: str) -> Caller:
    """What Stripe.js does: a publishable key."""
    return Caller(http, sandbox.url, f"pk_test_{suffix}")


@pytest.fixture
def control(call: Caller) -> Callable[..., Any]:
    def ask(method: str, name: str, body: Any = None) -> Any:
        answer = call(method, f"/_sandbox/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture
def fault(control: Callable[..., Any]) -> Callable[..., Any]:
    def add(action: str, path: str = "*", method: str = "POST", **options: Any) -> Any:
        match = {"method": method, "path": path}
        return control("POST", "faults", {"match": match, "action": action, **options})

    return add


@pytest.fixture
def saved_card(v1: Any, customer: Any) -> Callable[[str], str]:
    """A card on file, as a completed setup leaves it."""

    def save(token: str = "pm_card_visa") -> str:
        intent = v1.setup_intents.create(
            {"customer": customer.id, "payment_method": token, "confirm": True}
        )
        return str(intent.payment_method)

    return save


@pytest.fixture
def pay(v1: Any) -> Callable[..., Any]:
    def charge(amount: int = 999, method: str = "pm_card_visa", **params: Any) -> Any:
        body = {"amount": amount, "currency": "usd", "payment_method": method, "confirm": True}
        return v1.payment_intents.create({**body, **params})

    return charge


class Receiver(ThreadingHTTPServer):
    """A webhook endpoint that remembers what it got and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Inbox)
        self.got: list[dict[str, Any]] = []
        self.raw: list[tuple[bytes, str]] = []
        self.statuses: list[int] = []  # answered one by one, then 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.got]


class _Inbox(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.raw.append((body, self.headers["Stripe-Signature"]))
        server.got.append(json.loads(body))
        self.send_response(server.statuses.pop(0) if server.statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(v1: Any, receiver: Receiver) -> Any:
    return v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})


def wait_until(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return wait_until


@pytest.fixture
def event_types(v1: Any) -> Callable[[], list[str]]:
    """Oldest first."""
    return lambda: [event.type for event in v1.events.list({"limit": 100}).data][::-1]


DAY = 24 * 3600
NEW_YEAR = 1767225600  # 2026-01-01 00:00:00 UTC


@pytest.fixture
def price(v1: Any) -> Callable[..., str]:
    """A price, monthly unless told otherwise, of a product of its own."""

    def make(amount: int = 1000, interval: str | None = "month", **params: Any) -> str:
        body: dict[str, Any] = {"currency": "usd", "unit_amount": amount, **params}
        if interval:
            body["recurring"] = {"interval": interval, **params.pop("recurring", {})}
        body.setdefault("product_data", {"name": f"Plan {amount}"})
        return str(v1.prices.create(body).id)

    return make


@pytest.fixture
def clock(v1: Any) -> Any:
    """Midnight of 1 January 2026."""
    return v1.test_helpers.test_clocks.create({"frozen_time": NEW_YEAR})


@pytest.fixture
def until(v1: Any, clock: Any) -> Callable[[int], None]:
    """Let the test clock go on to so many seconds after the new year."""

    def advance(seconds: int) -> None:
        v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": NEW_YEAR + seconds})

    return advance


@pytest.fixture
def use_card(v1: Any) -> Callable[[Any, str], str]:
    """Make a card the customer's default."""

    def use(owner: Any, token: str) -> str:
        method = v1.payment_methods.attach(token, {"customer": owner.id})
        settings = {"default_payment_method": method.id}
        v1.customers.update(owner.id, {"invoice_settings": settings})
        return str(method.id)

    return use


@pytest.fixture
def subscriber(v1: Any, clock: Any, use_card: Callable[[Any, str], str]) -> Any:
    """Lives on the test clock, with a card that works."""
    owner = v1.customers.create({"email": "subscriber@gateways.app", "test_clock": clock.id})
    use_card(owner, "pm_card_visa")
    return owner


@pytest.fixture
def subscribe(v1: Any, subscriber: Any) -> Callable[..., Any]:
    def start(*prices: str, **params: Any) -> Any:
        items = [{"price": each} for each in prices]
        return v1.subscriptions.create({"customer": subscriber.id, "items": items, **params})

    return start


@pytest.fixture
def history(v1: Any) -> Callable[..., list[tuple[int, str]]]:
    """All events since the last time, oldest first, as seconds after the new year and type."""
    seen: set[str] = set()

    def read() -> list[tuple[int, str]]:
        pages = v1.events.list({"limit": 100}).auto_paging_iter()
        new = [event for event in pages if event.id not in seen][::-1]
        seen.update(event.id for event in new)
        told = [event for event in new if not event.type.startswith("test_helpers.")]
        return [(event.created - NEW_YEAR, event.type) for event in told]

    return read


@pytest.fixture
def visitor(http: requests.Session) -> Visitor:
    return Visitor(http)


@pytest.fixture
def check_out(v1: Any, price: Callable[..., str]) -> Callable[..., Any]:
    """Open a Checkout session."""

    def open_session(mode: str = "subscription", *prices: str, **params: Any) -> Any:
        body: dict[str, Any] = {
            "mode": mode,
            "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/cart",
            **params,
        }
        if mode != "setup" and "line_items" not in params:
            chosen = prices or (price(2000, "month" if mode == "subscription" else None),)
            body["line_items"] = [{"price": each, "quantity": 1} for each in chosen]
        return v1.checkout.sessions.create(body)

    return open_session
