"""Checks the signature of what claims to be Stripe's event."""

from __future__ import annotations

import json
import re
from typing import Any

import stripe

# Stripe's own libraries accept five minutes. https://docs.stripe.com/webhooks#verify-manually
TOLERANCE_SECONDS = 300
MOST_HEADER = 2048


# Why a delivery was refused.
SKEW, SIGNATURE, BODY = "skew", "signature", "body"
REASONS = (SKEW, SIGNATURE, BODY)


class BadSignature(ValueError):
    """The header is missing, malformed, or signed by nobody we know."""

    reason = SIGNATURE


class Skewed(BadSignature):
    """The signature is right, its moment too far from ours: our clock is wrong, or it is replayed.

    `seconds` is how far our clock is ahead of the stamp.
    """

    reason = SKEW

    def __init__(self, seconds: int) -> None:
        super().__init__(f"our clock and its stamp are {seconds} s apart")
        self.seconds = seconds


class BadEvent(ValueError):
    """The signed body is not an event."""

    reason = BODY


def verified(
    payload: bytes, header: str | None, secrets: tuple[str, ...], *, now: int
) -> dict[str, Any]:
    """Return the event of a signed body; BadSignature or BadEvent otherwise.

    The raw bytes are checked against each active secret, then parsed as plain JSON: building the
    SDK's objects would cost thirty times as much.
    """
    if not header or len(header) > MOST_HEADER or not _signed(payload, header, secrets):
        raise BadSignature("no valid signature")
    _check_stamp(header, now)
    return _parsed(payload)


def _signed(payload: bytes, header: str, secrets: tuple[str, ...]) -> bool:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return False
    return any(_matches(text, header, secret) for secret in secrets)


def _matches(text: str, header: str, secret: str) -> bool:
    try:
        # Without the SDK's tolerance: it goes by its own clock, and only refuses what is old.
        return bool(stripe.WebhookSignature.verify_header(text, header, secret, None))
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # A header of odd shape breaks the SDK's parser in several ways: all mean "no".
        return False


def _check_stamp(header: str, now: int) -> None:
    # A stamp from the future is as bad as an old one: it could be kept and replayed later.
    # A header that was sent twice comes joined by a comma and a blank.
    parts = [part.strip() for part in header.split(",")]
    stamps = [part[2:] for part in parts if part.startswith("t=")]
    if len(stamps) != 1:
        raise BadSignature("stamped twice")
    if abs(now - int(stamps[0])) > TOLERANCE_SECONDS:
        raise Skewed(now - int(stamps[0]))


def _parsed(payload: bytes) -> dict[str, Any]:
    """Return whatever bears an event's id and type: also thin ones, which carry no object.

    https://docs.stripe.com/event-destinations#benefits-of-thin-events
    """
    try:
        event = json.loads(payload)
        known = _is_token(event["id"], 255) and _is_token(event["type"], 100)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadEvent("not an event") from error
    if not known:
        raise BadEvent("not an event")
    return dict(event)


def _is_token(value: Any, most: int) -> bool:
    """Say whether the value is plain text that every database keeps as it is."""
    return isinstance(value, str) and re.fullmatch(rf"[\x21-\x7e]{{1,{most}}}", value) is not None
