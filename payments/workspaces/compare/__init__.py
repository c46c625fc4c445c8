"""The daily comparison of our own account's payments, refunds, cards and disputes with our rows."""

from payments.workspaces.compare.compare_lists import compare

__all__ = ["compare"]
