"""A security event is one line that names the event, its outcome and the client."""

import json
import logging

import pytest
from flask import Flask

from payments.kit.logs import JsonFormatter
from payments.kit.security_log import REFUSED, SUCCEEDED, log_security_event


def _line(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    return json.loads(JsonFormatter().format(caplog.records[-1]))


def test_the_fields_stand_in_the_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_security_event("login", REFUSED, user=7, reason="wrong_password")
    line = _line(caplog)
    assert line["message"] == "login refused"
    assert (line["event"], line["outcome"], line["user"]) == ("login", "refused", 7)
    assert line["level"] == "warning"


def test_in_a_request_the_client_is_named(caplog: pytest.LogCaptureFixture) -> None:
    origin = {"REMOTE_ADDR": "192.0.2.7"}
    with caplog.at_level(logging.INFO), Flask("x").test_request_context(environ_base=origin):
        log_security_event("login", SUCCEEDED, user=7)
    assert _line(caplog)["client"] == "192.0.2.7"
    assert _line(caplog)["level"] == "info"
