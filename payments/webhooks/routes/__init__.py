"""The HTTP face of the inbox: where Stripe delivers, and where developers see what came of it."""

from flask_smorest import Blueprint

from payments.webhooks.routes import events, platform, projects

BLUEPRINTS: tuple[Blueprint, ...] = (
    platform.blueprint,
    projects.blueprint,
    events.blueprint,
)
