"""Why a card is refused, in Stripe's codes and sentences; https://docs.stripe.com/declines/codes."""

from dataclasses import dataclass

from .errors import doc_url
from .messages import Json


@dataclass(frozen=True)
class Decline:
    code: str
    message: str
    decline_code: str | None = None
    advice: str | None = None  # https://docs.stripe.com/declines/codes#retrying-issuer-declines
    param: str | None = None
    outcome: str = "issuer_declined"
    network_code: str | None = None  # what the card network calls it, where an answer showed it

    def error(self) -> Json:
        """The part of the error body that does not depend on what was attempted."""
        body = {
            "advice_code": self.advice,
            "code": self.code,
            "decline_code": self.decline_code,
            "doc_url": doc_url(self.code),
            "message": self.message,
            "network_decline_code": self.network_code,
            "param": self.param,
            "type": "card_error",
        }
        return {key: value for key, value in body.items() if value is not None}


LATER, NEVER, CHECK = "try_again_later", "do_not_try_again", "confirm_card_data"
DECLINED = "Your card was declined."

GENERIC = Decline("card_declined", DECLINED, "generic_decline", LATER, network_code="01")
INSUFFICIENT = Decline(
    "card_declined", "Your card has insufficient funds.", "insufficient_funds", LATER
)
LOST = Decline("card_declined", DECLINED, "lost_card", NEVER)
STOLEN = Decline("card_declined", DECLINED, "stolen_card", NEVER)
VELOCITY = Decline(
    "card_declined",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount"
    " limit.",
    "card_velocity_exceeded",
    LATER,
)
FRAUDULENT = Decline("card_declined", DECLINED, "fraudulent", NEVER, outcome="blocked")
EXPIRED = Decline("expired_card", "Your card has expired.", "expired_card", CHECK, "exp_month")
INCORRECT_CVC = Decline(
    "incorrect_cvc", "Your card's security code is incorrect.", "incorrect_cvc", CHECK, "cvc"
)
PROCESSING = Decline(
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "processing_error",
    LATER,
)
INCORRECT_NUMBER = Decline(
    "incorrect_number", "Your card number is incorrect.", param="number", outcome="invalid"
)
REAL_CARD = Decline(
    "card_declined",
    "Your card was declined. Your request was in test mode, but used a non test card. For a list"
    " of valid test cards, visit: https://stripe.com/docs/testing.",
    "test_mode_live_card",
)
RETURNED = Decline(
    "payment_intent_payment_attempt_failed",
    "The customer's bank account has insufficient funds to cover this payment.",
    "insufficient_funds",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)
ACTION_NOT_ALLOWED = Decline(
    "authentication_required",
    "This payment required an authentication action to complete, but `error_on_requires_action`"
    " was set. When you're ready, you can upgrade your integration to handle actions at"
    " https://stripe.com/docs/payments/payment-intents/upgrade-to-handle-actions.",
    "authentication_required",
)
