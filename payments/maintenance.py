"""Maintenance mode: the API is closed at the door, the pages that watch it stay open."""

from __future__ import annotations

from flask import Flask, request

from payments.extensions import settings
from payments.kit.errors import AppError

_API = "/api/"


class UnderMaintenance(AppError):
    status, code = 503, "maintenance"
    sentence = "The service is closed for maintenance. Please try again in a few minutes."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "120"})


def register(app: Flask) -> None:
    """Put the check before every other one: nothing is counted, read or stored meanwhile."""
    app.before_request_funcs.setdefault(None, []).insert(0, _refuse)


def _refuse() -> None:
    if settings().maintenance_mode and f"{request.path}/".startswith(_API):
        raise UnderMaintenance
