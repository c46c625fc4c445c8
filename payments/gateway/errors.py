"""Six errors, no others: what a caller can decide on after a call to Stripe failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import stripe
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from payments.gateway import results
from payments.gateway.results import Payment
from payments.kit.redaction import redact

# The code that Stripe gives it; the SDK's error does not carry it.
# https://docs.stripe.com/error-codes#idempotency-key-in-use
KEY_IN_USE = "idempotency_key_in_use"
# The connection broke, or no answer came in time.
NO_ANSWER = "connection"
# https://docs.stripe.com/error-codes#resource-missing
MISSING = "resource_missing"
# Every 429, Stripe's own and the one that we spare it: the call did nothing and may be repeated.
# https://docs.stripe.com/rate-limits
RATE_LIMIT = "rate_limit"
# Stripe's refusal of a restricted key bears no code of its own.
NOT_PERMITTED = "not_permitted"
# Of what Stripe says no more is kept.
_LONGEST = 2000


class GatewayError(Exception):
    """The base of the six; `message` is fit for our log, never for a client by itself."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.message, self.code = message, code
        super().__init__(message)

    @property
    def throttled(self) -> bool:
        """Say whether the account has no room for us now: nobody's fault, and no try used up."""
        return isinstance(self, Unavailable) and self.code == RATE_LIMIT

    @property
    def in_progress(self) -> bool:
        """Say whether the first request under this key still runs: to be waited for, no try."""
        return isinstance(self, OutcomeUnknown) and self.code == KEY_IN_USE


class Declined(GatewayError):
    """The issuer said no: final for this card and attempt. `message` is meant for its holder.

    `payment` is the PaymentIntent as the refusal left it, None when there is none.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None,
        decline_code: str | None,
        payment: Payment | None,
    ) -> None:
        super().__init__(message, code=code)
        self.decline_code, self.payment = decline_code, payment


class ActionRequired(GatewayError):
    """The card's holder must authenticate `payment`, the PaymentIntent."""

    def __init__(self, message: str, *, payment: Payment) -> None:
        super().__init__(message, code="authentication_required")
        self.payment = payment


class Rejected(GatewayError):
    """Stripe refused the request itself: our bug, or an object that does not exist.

    `key_reused`: the idempotency key was sent with other parameters before, so nothing is known
    about what the first request did. `param` names the parameter at fault, where Stripe tells it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None,
        param: str | None = None,
        key_reused: bool = False,
    ) -> None:
        super().__init__(message, code=code)
        self.param, self.key_reused = param, key_reused

    @property
    def is_missing(self) -> bool:
        """Return whether an object that the request names is not at this account (any more).

        https://docs.stripe.com/error-codes#resource-missing
        """
        return self.code == MISSING

    @property
    def is_missing_customer(self) -> bool:
        """Return whether it is the customer that is gone."""
        return self.is_missing and self.param == "customer"


class BadCredentials(GatewayError):
    """The account's key is missing, wrong, revoked or not allowed to do this.

    `is_permission`: the key is good, and restricted to other things.
    https://docs.stripe.com/keys/restricted-api-keys
    """

    def __init__(self, message: str, *, code: str | None, is_permission: bool = False) -> None:
        super().__init__(message, code=code)
        self.is_permission = is_permission


class Unavailable(GatewayError):
    """The request did not take effect (no connection, too many requests): try again later."""


class OutcomeUnknown(GatewayError):
    """The request may or may not have taken effect: ask again with the same key, or look."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn the SDK's errors into the six."""
    try:
        yield
    except stripe.CardError as error:
        raise _card_error(error) from error
    except stripe.IdempotencyError as error:
        raise _idempotency_error(error) from error
    except stripe.RateLimitError as error:
        raise Unavailable(_text(error), code=RATE_LIMIT) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        is_permission = isinstance(error, stripe.PermissionError)
        code = error.code or (NOT_PERMITTED if is_permission else None)
        raise BadCredentials(_text(error), code=code, is_permission=is_permission) from error
    except stripe.APIConnectionError as error:
        kind = Unavailable if _never_sent(error) else OutcomeUnknown
        raise kind(_text(error), code=NO_ANSWER) from error
    except stripe.InvalidRequestError as error:
        raise Rejected(_text(error), code=error.code, param=error.param) from error
    except stripe.StripeError as error:  # 409, 5xx, or an answer that is no JSON
        raise OutcomeUnknown(_text(error), code=_unknown(error)) from error


def _text(error: stripe.StripeError) -> str:
    # Stripe masks the keys that it quotes; whatever answers in its place may not.
    return redact((error.user_message or str(error))[:_LONGEST])


def _card_error(error: stripe.CardError) -> GatewayError:
    body = error.error
    intent = getattr(body, "payment_intent", None)
    payment = None if intent is None else results.payment(intent)
    decline = getattr(body, "decline_code", None)
    if error.code == "authentication_required" and payment is not None:
        return ActionRequired(_text(error), payment=payment)
    return Declined(_text(error), code=error.code, decline_code=decline, payment=payment)


def _idempotency_error(error: stripe.IdempotencyError) -> GatewayError:
    if error.http_status == 409:
        return OutcomeUnknown(_text(error), code=KEY_IN_USE)
    return Rejected(_text(error), code=error.code, key_reused=True)


def _unknown(error: stripe.StripeError) -> str | None:
    # 409: the first request with this key still runs; the SDK has no error of its own for it.
    # https://docs.stripe.com/api/idempotent_requests
    return KEY_IN_USE if error.http_status == 409 else error.code


def _never_sent(error: stripe.APIConnectionError) -> bool:
    """Tell a connection that could not be made from one that broke after the request."""
    cause: BaseException | None = error.__cause__ or error.__context__
    if isinstance(cause, requests.exceptions.ConnectTimeout):
        return True
    if not isinstance(cause, requests.exceptions.ConnectionError) or not cause.args:
        return False
    reason = cause.args[0].reason if isinstance(cause.args[0], MaxRetryError) else cause.args[0]
    return isinstance(reason, (NewConnectionError, ConnectTimeoutError))
