"""Secrets that are easy to recognise, and ears for everything that a service says."""

from __future__ import annotations

import base64
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from tests.support.processes import Answer, Group, HttpClient

# How a message to a worker stands in a line of MONITOR.
_BODY = re.compile(r'body\\?": \\?"([A-Za-z0-9+/=]+)')


def canary(prefix: str = "") -> str:
    return f"{prefix}canary{secrets.token_hex(16)}"


@dataclass
class Watch:
    """The canaries, and everything that was said while they were about."""

    keys: dict[str, str]
    tokens: list[str] = field(default_factory=list)
    client_secrets: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def hidden(self, *, answers: bool = False) -> list[str]:
        """Return what must not be found; answers may hold what was made for their reader."""
        tails = [secret.partition("_secret_")[2] for secret in self.client_secrets]
        own = [] if answers else [*self.tokens, *tails]
        return [*self.keys.values(), *self.passwords, *own]

    def found_in(self, texts: list[str], *, answers: bool = False) -> list[str]:
        hidden = self.hidden(answers=answers)
        return [text[:300] for text in texts if any(secret in text for secret in hidden)]


class Noted:
    """A client that writes every answer down."""

    def __init__(self, client: HttpClient, answers: list[str]) -> None:
        self.client, self.answers = client, answers

    def open(self, path: str, **options: Any) -> Answer:
        answer = self.client.open(path, **options)
        headers = {k: v for k, v in answer.headers.items() if k != "Date"}
        self.answers.append(f"{answer.status_code} {headers} {answer.text}")
        return answer

    def get(self, path: str, **options: Any) -> Answer:
        return self.open(path, method="GET", **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.open(path, method="POST", **options)


@contextmanager
def monitored(url: str, commands: list[str]) -> Iterator[None]:
    """Write down every command that Redis gets meanwhile, messages to workers opened."""
    held = urlsplit(url)
    with socket.create_connection((held.hostname, held.port)) as line:
        line.sendall(b"MONITOR\r\n")
        heard = Thread(target=_listen, args=(line.makefile("rb"), commands), daemon=True)
        heard.start()
        yield
        line.shutdown(socket.SHUT_RDWR)
        heard.join(10)


def _listen(lines: Any, commands: list[str]) -> None:
    for line in lines:
        text = line.decode(errors="replace")
        bodies = [base64.b64decode(body).decode() for body in _BODY.findall(text)]
        commands.append(" ".join([text, *bodies]))
