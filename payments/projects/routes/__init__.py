"""The HTTP face of the projects room: one module a noun, views of a few lines."""

from flask_smorest import Blueprint

from payments.projects.routes import (
    analytics,
    auth,
    checkout,
    configuration,
    end_user,
    projects,
    recovery,
    timeline,
)

BLUEPRINTS: tuple[Blueprint, ...] = (
    auth.blueprint,
    recovery.blueprint,
    projects.blueprint,
    configuration.blueprint,
    checkout.blueprint,
    end_user.blueprint,
    analytics.blueprint,
    timeline.blueprint,
)
