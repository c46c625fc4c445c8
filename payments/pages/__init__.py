"""Pages around the API: health, readiness, metrics and the API's documentation."""

from __future__ import annotations

from flask import Flask

SPEC_OPTIONS = {
    "info": {"description": "Workspaces pay the platform; projects bill their own customers."},
    "security": [{"bearerAuth": []}],
    "components": {
        "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    },
}


def register(app: Flask) -> None:
    """Add the pages to the app."""
