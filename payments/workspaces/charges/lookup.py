"""Find the PaymentIntent of a charge at Stripe when the answer to its creation was lost."""

from __future__ import annotations

from datetime import timedelta

from payments.gateway.gateway import Gateway
from payments.gateway.results import Payment
from payments.kit.db import db
from payments.kit.transactions import end_read
from payments.workspaces.identity import find_payment_disagreements
from payments.workspaces.models import Charge
from payments.workspaces.queries import get_customer

# The clocks of our hosts, of the database and of Stripe may differ; the customer is ours alone.
_SLACK = timedelta(days=1)


def find_payment_intent(gateway: Gateway, charge_id: int) -> Payment | None:
    """Return the charge's PaymentIntent, None when Stripe lists none yet.

    Of several (former releases made them) the one that took money is the truth, else the newest.
    """
    charge = db.session.get_one(Charge, charge_id, populate_existing=True)
    customer, since = get_customer(charge), int((charge.created_at - _SLACK).timestamp())
    end_read()
    if customer is None:
        return None
    listed = gateway.find_payments(customer, since=since)
    charge = db.session.get_one(Charge, charge_id)
    own = [payment for payment in listed if not find_payment_disagreements(charge, payment)]
    end_read()
    paid = [payment for payment in own if payment.status == "succeeded"]
    return next(iter([*paid, *own]), None)  # Stripe lists the newest first
