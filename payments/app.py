"""The app factory: settings, extensions, blueprints and the two error dialects."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from payments import (
    allowance,
    cli,
    config,
    dialects,
    http_headers,
    jobs,
    maintenance,
    models,
    pages,
    request_log,
)
from payments.auth import hashing_slots, tokens
from payments.config import Settings
from payments.extensions import api, connect_redis, jwt, limiter, migrate
from payments.kit import logs
from payments.kit.db import db, engine_options, prepare_engine
from payments.kit.http import ExactJSON
from payments.kit.paths import TolerantUUID
from payments.kit.private_files import make_private
from payments.projects.routes import BLUEPRINTS as PROJECTS
from payments.reconciliation.routes import blueprint as reconciliations
from payments.webhooks.routes import BLUEPRINTS as WEBHOOKS
from payments.workspaces.routes import BLUEPRINTS as WORKSPACES

MAX_BODY_BYTES = 1024 * 1024


def create_app(settings: Settings | None = None) -> Flask:
    """Build the WSGI app; ConfigError names what is wrong in the environment."""
    settings = settings or config.load()
    logs.configure(settings.log_level, production=settings.production)
    app = Flask("payments")
    request_log.register(app)
    http_headers.register(app)
    _configure(app, settings)
    _bind_extensions(app, settings)
    dialects.register(app)
    allowance.register(app)
    maintenance.register(app)
    pages.register(app, settings)
    cli.register(app)
    for blueprint in (*WORKSPACES, *PROJECTS, *WEBHOOKS, reconciliations):
        api.register_blueprint(blueprint)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.extensions["payments.settings"] = settings
    app.config.update(
        SECRET_KEY=settings.secret_key,
        # https://flask.palletsprojects.com/en/stable/config/#SECRET_KEY_FALLBACKS
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url, settings.database_bounds),
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        RATELIMIT_DEFAULT=settings.rate_limit,
        RATELIMIT_STORAGE_URI=settings.redis_url,
        # Counting is a courtesy: without Redis requests are still served.
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_SWALLOW_ERRORS=True,
        API_TITLE="payments",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/" if settings.api_docs else None,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS=pages.SPEC_OPTIONS,
    )
    app.json = ExactJSON(app)
    # A thread serves many requests: the next one's log lines must not name this one's user.
    app.teardown_request(lambda _error: logs.unbind())
    app.url_map.converters["uuid"] = TolerantUUID
    if hops := settings.trusted_proxies:
        # Behind a router the client's address stands in a header, which nobody else may set.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    tokens.configure(app, settings)


def _bind_extensions(app: Flask, settings: Settings) -> None:
    make_private(settings.data_dir)
    connect_redis(app, settings.redis_url, verify=settings.redis_tls_verify)
    jobs.limit_waiters(app, settings.web_threads)
    hashing_slots.limit_hashing(
        app, slots=settings.password_hashing_slots, web_threads=settings.web_threads
    )
    db.init_app(app)
    prepare_engine(app, settings.database_bounds)
    migrate.init_app(app, db, directory="migrations")
    jwt.init_app(app)
    limiter.init_app(app)
    api.init_app(app)


__all__ = ["create_app", "models"]
