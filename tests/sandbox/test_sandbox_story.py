"""A subscriber's year: trial, charge, failure, recovery, upgrade, refund, end."""

from .conftest import DAY, NEW_YEAR

HOUR = 3600


def test_a_year(v1, clock, until, price, check_out, visitor, history, use_card):
    monthly, better = price(2000), price(5000)
    owner = v1.customers.create({"email": "year@gateways.app", "test_clock": clock.id})
    trial = {"trial_period_days": 14, "metadata": {"user": "7"}}
    session = check_out("subscription", monthly, customer=owner.id, subscription_data=trial)
    assert visitor.check_out(session.url).status == 303
    subscription = v1.checkout.sessions.retrieve(session.id).subscription

    def now():
        return v1.subscriptions.retrieve(subscription)

    def bill():
        return v1.invoices.retrieve(now().latest_invoice, {"expand": ["payments"]})

    assert (now().status, now().metadata["user"]) == ("trialing", "7")
    until(14 * DAY + HOUR)  # 15 January
    assert (now().status, bill().amount_paid) == ("active", 2000)

    # February's renewal fails; a new card, and the next retry brings it back.
    portal = v1.billing_portal.sessions.create({"customer": owner.id})
    assert visitor.change_card(portal.url, "4000000000000341").problem is None
    until(45 * DAY + HOUR)
    assert (now().status, bill().attempt_count) == ("past_due", 1)
    visitor.change_card(portal.url, "4242424242424242")
    until(48 * DAY + HOUR)
    assert (now().status, bill().status, bill().attempt_count) == ("active", "paid", 2)

    # On 25 February, 18 of 28 days are left: 1285.71 back, 3214.29 more.
    until(55 * DAY)
    item = {"id": now()["items"].data[0].id, "price": better}
    change = {"items": [item], "proration_behavior": "always_invoice"}
    v1.subscriptions.update(subscription, change)
    assert [line.amount for line in bill().lines.data] == [-1286, 3214]
    assert bill().amount_paid == 1928

    # March is refunded, November is the last month.
    until(74 * DAY)
    refund = v1.refunds.create(
        {"payment_intent": bill().payments.data[0].payment.payment_intent, "amount": 1500}
    )
    assert v1.charges.retrieve(refund.charge).amount_refunded == 1500
    until(300 * DAY)
    ending = v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
    history()
    until(365 * DAY)
    assert history() == [(318 * DAY, "customer.subscription.deleted")]
    assert (now().status, now().ended_at) == ("canceled", ending.cancel_at)
    assert now().ended_at == NEW_YEAR + 318 * DAY  # 15 November

    # The trial's nothing, January and February, the change, and eight months of the better plan.
    paid = v1.invoices.list({"subscription": subscription, "limit": 100}).data
    assert [each.amount_paid for each in paid][::-1] == [0, 2000, 2000, 1928] + [5000] * 8
    assert {each.status for each in paid} == {"paid"}
