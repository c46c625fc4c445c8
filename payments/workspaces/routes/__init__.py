"""The HTTP face of the workspaces room: one module a noun, views of a few lines."""

from payments.workspaces.routes import (
    admin,
    auth,
    invoices,
    members,
    payment_methods,
    plan_changes,
    plans,
    timeline,
    workspaces,
)

BLUEPRINTS = (
    auth.blueprint,
    workspaces.blueprint,
    members.blueprint,
    plans.blueprint,
    payment_methods.blueprint,
    plan_changes.blueprint,
    invoices.blueprint,
    timeline.blueprint,
    admin.blueprint,
)
