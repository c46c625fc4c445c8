"""What the web server knows of a request whose head it has refused."""

from __future__ import annotations

import pytest
from waitress.adjustments import Adjustments

from payments.kit.web_worker import StrictParser


@pytest.mark.parametrize("head", [b"GE T / HTTP/1.1 x\r\n\r\n", b"A: b\r\n\r\n", b": \r\n\r\n"])
def test_a_refused_head_has_a_path_for_the_log(head: bytes) -> None:
    """Else the line that says that its client has left is a stack trace."""
    parser = StrictParser(Adjustments())
    parser.received(head)
    assert parser.error
    assert parser.path == ""
