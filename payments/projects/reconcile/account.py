"""What a comparison works with: an account's rows, its doors at Stripe, and how it was asked."""

from __future__ import annotations

from dataclasses import dataclass

from payments.gateway import billing as stripe_billing
from payments.gateway import object_lists
from payments.gateway.billing import Billing
from payments.gateway.object_lists import ObjectLists
from payments.kit.transactions import end_read
from payments.projects import credentials
from payments.projects.sync.account import Account


@dataclass(frozen=True)
class Job:
    """One account to compare; nothing is written on a `dry_run`."""

    account: Account
    lists: ObjectLists
    billing: Billing
    dry_run: bool
    actor: str


def opened(account: Account, *, dry_run: bool, actor: str) -> Job:
    """Open the account; StripeNotSetUp when its keys are missing or switched off."""
    key = credentials.secret_key(account.project_id, account.mode)
    end_read()
    return Job(account, object_lists.account(key), stripe_billing.account(key), dry_run, actor)
