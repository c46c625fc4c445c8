"""A customer without a browser, for tests: fills in the hosted pages and goes where they lead."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import requests

STEPS = 6
TYPED = {"email": "visitor@example.com", "expiry": "12 / 34", "cvc": "123", "name": "V. Isitor"}


@dataclass(frozen=True)
class Visit:
    """Where the customer has ended up: on a page of the sandbox, or sent back to the shop."""

    status: int
    text: str
    location: str | None = None

    @property
    def problem(self) -> str | None:
        found = re.search(r'role="alert">(.*?)</p>', self.text, re.DOTALL)
        return html.unescape(found[1]).strip() if found else None


class Visitor:
    """`Visitor().check_out(session.url)` pays with a card that works; 3D Secure is passed."""

    def __init__(self, session: requests.Session | None = None) -> None:
        self._session = session or requests.Session()

    def check_out(
        self, url: str, number: str = "4242424242424242", *, passes: bool = True, **form: str
    ) -> Visit:
        return self.submit(url, {**TYPED, "number": number, **form}, passes=passes)

    def debit(self, url: str, *, settles: bool = True, **form: str) -> Visit:
        outcome = "succeed" if settles else "fail"
        return self.submit(url, {**TYPED, "method": "bank", "bank_outcome": outcome, **form})

    def act(self, url: str, action: str, *, passes: bool = True, **form: str) -> Visit:
        """Press a button of the portal."""
        return self.submit(url, {"action": action, **form}, passes=passes)

    def change_card(self, url: str, number: str, *, passes: bool = True) -> Visit:
        return self.act(url, "change_card", passes=passes, **{**TYPED, "number": number})

    def submit(self, url: str, form: dict[str, str], *, passes: bool = True) -> Visit:
        home = "/".join(url.split("/")[:3]) + "/"
        answer = self._send("POST", url, form)
        for _ in range(STEPS):
            place = answer.headers.get("Location")
            if place is None or not place.startswith(home):
                return Visit(answer.status_code, answer.text, place)
            if "/3ds/" in place:
                outcome = {"outcome": "complete" if passes else "fail"}
                answer = self._send("POST", place, outcome)
            else:
                answer = self._send("GET", place)
        raise RuntimeError(f"{url} leads in circles")

    def _send(self, method: str, url: str, form: dict[str, str] | None = None) -> requests.Response:
        return self._session.request(method, url, data=form, allow_redirects=False, timeout=10)
