"""The Flask extensions, made here and bound to the app in `create_app`."""

from __future__ import annotations

from flask import Flask, current_app
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_migrate import Migrate
from redis import Redis

from payments.config import Settings
from payments.kit.blueprints import Api
from payments.kit.crypto import Sealer
from payments.kit.db import db

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
limiter = Limiter(key_func=get_remote_address)


def settings() -> Settings:
    """Return the frozen settings of the current app."""
    held: Settings = current_app.extensions["payments.settings"]
    return held


def redis() -> Redis:
    """Return the current app's Redis client; its pool is shared by all threads."""
    held: Redis = current_app.extensions["payments.redis"]
    return held


def connect_redis(app: Flask, url: str) -> None:
    """Give the app one client with short timeouts: Redis only wakes, it must never hold up."""
    app.extensions["payments.redis"] = Redis.from_url(
        url, socket_connect_timeout=1, socket_timeout=5, health_check_interval=30
    )


def sealer() -> Sealer:
    """Return what seals and opens secret columns."""
    return Sealer(settings().credentials_keys)
