"""Reads `/metrics` as of this moment: the page itself may be some seconds old."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def scrape_metrics(client: FlaskClient) -> TestResponse:
    """Return the answer of `/metrics`, made anew."""
    client.application.extensions["payments.metrics"].forget()
    return client.get("/metrics")
