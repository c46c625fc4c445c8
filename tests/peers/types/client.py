"""An account of a sandbox without sockets that keeps every object which it is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]
START, DAY = 1_800_000_000, 86400
LISTS = ("list", "search_result")


def encode_form(params: Json) -> list[tuple[str, str]]:
    """Return the pairs that Stripe's libraries send: `items[0][price]`, `true`."""
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, dict):
            inner = {f"{name}[{key}]": each for key, each in value.items()}
            pairs += encode_form(inner)
        elif isinstance(value, list):
            pairs += encode_form({f"{name}[{index}]": each for index, each in enumerate(value)})
        elif isinstance(value, bool):
            pairs.append((name, str(value).lower()))
        else:
            pairs.append((name, str(value)))
    return pairs


class Answering(Protocol):
    """A sandbox, in this process or behind an address."""

    def send(self, method: str, path: str, params: Any, *, key: str) -> Any: ...

    def advance(self, seconds: int) -> None: ...


@dataclass
class Client:
    sandbox: Answering
    key: str
    bodies: list[Json] = field(default_factory=list)  # lists are taken apart

    def post(self, path: str, **params: Any) -> Json:
        return self._send("POST", path, params)

    def get(self, path: str, **params: Any) -> Json:
        return self._send("GET", path, params)

    def delete(self, path: str, **params: Any) -> Json:
        return self._send("DELETE", path, params)

    def refuse(self, path: str, **params: Any) -> None:
        """Send what is meant to be refused; the refusal may show an object."""
        status, body = self._call("POST", path, params)
        assert status in (400, 402), body
        self.bodies += [part for part in body["error"].values() if isinstance(part, dict)]

    def _send(self, method: str, path: str, params: Json) -> Json:
        status, body = self._call(method, path, params)
        assert status == 200, f"{method} {path}: {body}"
        self.bodies += body["data"] if body.get("object") in LISTS else [body]
        return body

    def _call(self, method: str, path: str, params: Json) -> tuple[int, Json]:
        form = encode_form(params)
        answer = self.sandbox.send(method, f"/v1/{path}", form, key=self.key)
        return answer.status, json.loads(answer.body)

    # What nearly every story begins with.

    def make_price(self, amount: int = 1000, interval: str | None = "month", **params: Any) -> str:
        if interval:
            params["recurring"] = {"interval": interval, **params.get("recurring", {})}
        params.setdefault("product_data", {"name": f"Plan {amount}", "unit_label": "seat"})
        return str(self.post("prices", currency="usd", unit_amount=amount, **params)["id"])

    def make_customer(self, card: str = "visa", **params: Any) -> str:
        owner = self.post("customers", email="a@example.com", name="A", **params)["id"]
        method = self.post(f"payment_methods/pm_card_{card}/attach", customer=owner)["id"]
        settings = {"default_payment_method": method}
        self.post(f"customers/{owner}", invoice_settings=settings)
        return str(owner)

    def subscribe(self, customer: str, *prices: str, **params: Any) -> Json:
        items = [{"price": each} for each in prices or (self.make_price(),)]
        return self.post("subscriptions", customer=customer, items=items, **params)
