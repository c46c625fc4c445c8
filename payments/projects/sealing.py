"""The secret columns of a project's credentials, and the place each sealed text is bound to."""

from __future__ import annotations

from payments.extensions import sealer
from payments.projects.models import StripeCredentials

SEALED = ("secret_key", "publishable_key", "webhook_secret", "former_webhook_secret")


def place(column: str, row_id: str) -> str:
    """Name where a sealed text stands: moved to another column or row it no longer opens."""
    return f"{StripeCredentials.__tablename__}.{column}.{row_id}"


def put(row: StripeCredentials, column: str, plain: str) -> None:
    """Seal a secret into a column; the row must have its id already."""
    setattr(row, column, sealer().seal(plain, place=place(column, row.id)))


def take(row: StripeCredentials, column: str) -> str | None:
    """Open a secret column; None when it is empty."""
    sealed: str | None = getattr(row, column)
    return None if sealed is None else sealer().open(sealed, place=place(column, row.id))
