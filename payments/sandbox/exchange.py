"""One request on its way through the API, with what the log will say about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .accounts import Account
from .messages import Json, Request
from .version import API_VERSION, get_released_version

VERSION = re.compile(r"20\d\d-\d\d-\d\d(?:\.[a-z]+)?")


@dataclass
class Exchange:
    request: Request
    request_id: str
    started: float
    account: Account | None = None
    params: Json = field(default_factory=dict)
    key: str | None = None
    replayed: bool = False
    fault: str | None = None
    default_version: str = API_VERSION  # the account's

    @property
    def scope(self) -> str:
        return self.account.scope if self.account else ""

    @property
    def endpoint(self) -> str:
        return self.request.path

    @property
    def named_version(self) -> str | None:
        return get_released_version(self.request.header("stripe-version"))

    @property
    def version(self) -> str:
        return self.named_version or self.default_version
