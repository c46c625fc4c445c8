"""Refuses, in the list form of 422, addresses that a browser must not be sent to."""

from __future__ import annotations

from typing import Any

from flask_smorest import abort

from payments.projects import urls


def fit_urls(body: dict[str, Any], names: tuple[str, ...], allowed_origins: list[str]) -> None:
    """Replace the body's addresses by those to give to Stripe; 422 with every one that is unfit."""
    faults: dict[str, list[str]] = {}
    for name in names:
        try:
            body[name] = urls.checked(body[name], allowed_origins)
        except urls.UnfitUrl as error:
            faults[name] = [str(error)]
    if faults:
        abort(422, messages={"json": faults})
