"""What travels between the socket and the application: one request, one response."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    base_url: str

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


@dataclass
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    dropped: bool = False  # the connection is cut and nothing is sent

    @classmethod
    def of_json(cls, status: int, content: Any) -> Response:
        return cls(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    @classmethod
    def of_html(cls, status: int, content: str) -> Response:
        return cls(status, content.encode(), {"Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def redirect(cls, location: str) -> Response:
        """Headers are plain ASCII: whatever else an address holds is escaped."""
        return cls(303, b"", {"Location": quote(location, safe="%/:=&?~#+!$,;'@()*[]")})

    @classmethod
    def drop(cls) -> Response:
        return cls(0, b"", dropped=True)
