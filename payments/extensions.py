"""The Flask extensions, made here and bound to the app in `create_app`."""

from __future__ import annotations

from flask import Flask, current_app
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from flask_migrate import Migrate
from redis import Redis

from payments.config import Settings
from payments.kit.blueprints import Api
from payments.kit.client_address import find_client_network
from payments.kit.crypto import Sealer
from payments.kit.db import db
from payments.kit.redis_client import make_client

__all__ = [
    "api",
    "connect_redis",
    "db",
    "jwt",
    "limiter",
    "migrate",
    "redis",
    "sealer",
    "settings",
]

migrate = Migrate()
jwt = JWTManager()
api = Api()
limiter = Limiter(key_func=find_client_network)


def settings() -> Settings:
    """Return the frozen settings of the current app."""
    held: Settings = current_app.extensions["payments.settings"]
    return held


def redis() -> Redis:
    """Return the current app's Redis client; its pool is shared by all threads."""
    held: Redis = current_app.extensions["payments.redis"]
    return held


def connect_redis(app: Flask, url: str, *, verify: bool | str = True) -> None:
    """Give the app its one client, whose connections the rate limiter uses as well."""
    client = app.extensions["payments.redis"] = make_client(url, verify=verify)
    app.config["RATELIMIT_STORAGE_OPTIONS"] = {"connection_pool": client.connection_pool}


def sealer() -> Sealer:
    """Return what seals and opens secret columns."""
    return Sealer(settings().credentials_keys)
