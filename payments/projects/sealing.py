"""The secret columns of a project's credentials."""

from __future__ import annotations

from payments.extensions import sealer
from payments.kit.sealed_columns import open_column, seal_column
from payments.projects.models import StripeCredentials

SEALED = ("secret_key", "publishable_key", "webhook_secret", "former_webhook_secret")


def put(row: StripeCredentials, column: str, plain: str) -> None:
    """Seal a secret into a column; the row must have its id, project and mode already."""
    seal_column(sealer(), row, column, plain)


def take(row: StripeCredentials, column: str) -> str | None:
    """Open a secret column; None when it is empty."""
    return open_column(sealer(), row, column)
