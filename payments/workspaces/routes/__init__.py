"""The HTTP face of the workspaces room: one module a noun, views of a few lines."""

from payments.workspaces.routes import plans

BLUEPRINTS = (plans.blueprint,)
