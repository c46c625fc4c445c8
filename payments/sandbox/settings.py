"""How one sandbox behaves where Stripe itself leaves the timing open."""

from dataclasses import dataclass

from .messages import Json

MINUTE = 60.0
DAY = 24 * 3600


@dataclass(frozen=True)
class Settings:
    # Stripe says search lags behind writes, normally under a minute:
    # https://docs.stripe.com/search#data-freshness
    search_lag: int = 5
    # Seconds, on the account's clock, until an asynchronous refund settles.
    refund_delay: int = 5
    # Seconds, on the account's clock, that a slow card keeps its payment in `processing`.
    processing_delay: int = 5
    # Seconds, on the account's clock, until a bank debit is settled or returned.
    debit_delay: int = 3 * DAY
    # Seconds, on the account's clock, until a disputed payment is disputed, and until the bank
    # has decided about the evidence.
    dispute_delay: int = 5
    # Seconds that a renewal stays a draft, so that items can still be added to it:
    # https://docs.stripe.com/billing/invoices/subscription#update-first-invoice
    invoice_grace: int = 3600
    # Seconds, in real time, between attempts to deliver one event to one endpoint.
    retry_schedule: tuple[float, ...] = (1.0, 5.0, 30.0, 5 * MINUTE, 30 * MINUTE, 60 * MINUTE)
    delivery_timeout: float = 10.0
    merchant_name: str = "Sandbox merchant"
    # Where browsers reach the sandbox, when that is not where the application reaches it.
    public_url: str = ""
    # Requests that create what every new account holds; see fixtures.py.
    fixtures: tuple[Json, ...] = ()
