"""Stripe configurations on the wire: keys come in whole and go out masked."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields

from payments.kit.http import Moment, Text
from payments.projects.schemas.base import Shape
from payments.projects.schemas.modes import Flag, Truth

LONGEST_KEY = 255
# With its prefix; Stripe's have 38. A shorter one could be guessed, and then events be forged.
SHORTEST_SIGNING_SECRET = 24
_BODY = re.compile(r"[A-Za-z0-9_+/=-]+", re.ASCII)


class KeyText(Text):
    """A key with the prefix of its kind and mode; what is wrong is told without repeating it.

    `also` are prefixes that are as good; `shortest` bounds the whole text.
    https://docs.stripe.com/keys/restricted-api-keys
    """

    def __init__(self, prefix: str, *also: str, shortest: int = 0) -> None:
        self.prefix, self.prefixes, self.shortest = prefix, (prefix, *also), shortest
        super().__init__(most=LONGEST_KEY, allow_none=True, load_only=True)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs) or ""
        held = next((prefix for prefix in self.prefixes if text.startswith(prefix)), None)
        if held is None or not _BODY.fullmatch(text, len(held)):
            raise ma.ValidationError(f"Must begin with {self.prefix} and hold a key.")
        if len(text) < self.shortest:
            raise ma.ValidationError(f"Must have {self.shortest} characters or more.")
        return text


class ConfigChangeSchema(Shape):
    """The keys to store; null and what is left out change nothing.

    With `allow_repeat_trials` an end user gets a price's trial each time, not only once.
    """

    needs_body: ClassVar[bool] = True

    test_secret_key = KeyText("sk_test_", "rk_test_")
    test_publishable_key = KeyText("pk_test_")
    test_webhook_secret = KeyText("whsec_", shortest=SHORTEST_SIGNING_SECRET)
    live_secret_key = KeyText("sk_live_", "rk_live_")
    live_publishable_key = KeyText("pk_live_")
    live_webhook_secret = KeyText("whsec_", shortest=SHORTEST_SIGNING_SECRET)
    allow_repeat_trials = Truth(allow_none=True)


class DestructionQuery(Shape):
    """With `destroy_keys` the sealed keys are destroyed at once, not after their grace."""

    destroy_keys = Flag(load_default=False)


class ConfigSchema(Shape):
    """A configuration; masks look like sk_test_...aBcD.

    `keys_destroyed_at` is when the keys of one that is switched off will be destroyed.
    """

    id = fields.String(required=True, metadata={"format": "uuid"})
    project_id = fields.String(required=True, metadata={"format": "uuid"})
    is_active = fields.Boolean(required=True)
    allow_repeat_trials = fields.Boolean(required=True)
    has_test_credentials = fields.Boolean(required=True)
    has_live_credentials = fields.Boolean(required=True)
    test_secret_key_masked = fields.String(allow_none=True)
    test_publishable_key_masked = fields.String(allow_none=True)
    test_webhook_secret_masked = fields.String(allow_none=True)
    live_secret_key_masked = fields.String(allow_none=True)
    live_publishable_key_masked = fields.String(allow_none=True)
    live_webhook_secret_masked = fields.String(allow_none=True)
    test_configured_at = Moment(allow_none=True)
    live_configured_at = Moment(allow_none=True)
    keys_destroyed_at = Moment(allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(allow_none=True)


class WebhookUrlsSchema(Shape):
    test_webhook_url = fields.String(required=True)
    live_webhook_url = fields.String(required=True)


class CheckKeySchema(Shape):
    secret_key = Text(required=True, least=1, most=LONGEST_KEY, load_only=True)
    is_test_mode = fields.Boolean(load_default=True)


class VerdictSchema(Shape):
    valid = fields.Boolean(required=True)
    message = fields.String(required=True)
