"""The daily comparison of our own account's payments, refunds and cards with our rows."""

from payments.workspaces.compare.compare_lists import compare

__all__ = ["compare"]
