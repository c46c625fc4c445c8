"""Pages around the API: health, readiness, metrics and the API's documentation."""

from __future__ import annotations

from flask import Flask

from payments.config import Settings
from payments.extensions import limiter
from payments.pages import docs, health, metrics
from payments.pages.exposition import Exposition
from payments.pages.openapi import SPEC_OPTIONS, describe

__all__ = ["SPEC_OPTIONS", "register"]


def register(app: Flask, settings: Settings) -> None:
    """Add the pages to the app; watchers and browsers are not counted against the rate limit."""
    describe()
    for view in (health.healthz, health.readyz, metrics.metrics, docs.page, docs.asset):
        limiter.exempt(view)
    app.add_url_rule("/healthz", view_func=health.healthz)
    app.add_url_rule("/readyz", view_func=health.readyz)
    app.add_url_rule("/metrics", view_func=metrics.metrics)
    app.extensions["payments.metrics"] = Exposition(metrics.new_registry())
    if settings.api_docs:
        app.add_url_rule("/docs", view_func=docs.page, endpoint="docs")
        app.add_url_rule("/docs/<string:name>", view_func=docs.asset, endpoint="docs_asset")
