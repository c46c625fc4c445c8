"""The daily comparison of a project's ledger with the objects at its Stripe account."""

from payments.projects.reconcile.compare_lists import compare

__all__ = ["compare"]
