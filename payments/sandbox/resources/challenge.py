"""What follows once the cardholder has passed or failed the 3D Secure challenge."""

from contextlib import suppress

from ..call import Call
from ..errors import ApiError
from ..objects import Record
from . import payments, setups
from .authentication import authentication_error


def answer(call: Call, intent: Record, *, passed: bool) -> None:
    """A refusal ends up on the intent; there is no caller here to be told."""
    with suppress(ApiError):
        method = call.reference("payment_method", intent.data["payment_method"], "payment_method")
        moves = payments if intent.kind == "payment_intent" else setups
        if not passed:
            raise moves.refused(call, intent, method, authentication_error(intent.kind))
        if intent.kind == "payment_intent":
            payments.charge(call, intent, method)
        else:
            setups.save_card(call, intent, method)
