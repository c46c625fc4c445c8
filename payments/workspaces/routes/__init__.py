"""The HTTP face of the workspaces room: one module a noun, views of a few lines."""

from payments.workspaces.routes import (
    admin,
    auth,
    invitations,
    invoices,
    members,
    payment_methods,
    plan_changes,
    plans,
    recovery,
    second_factor,
    timeline,
    workspaces,
)

BLUEPRINTS = (
    auth.blueprint,
    recovery.blueprint,
    second_factor.blueprint,
    workspaces.blueprint,
    members.blueprint,
    invitations.blueprint,
    plans.blueprint,
    payment_methods.blueprint,
    plan_changes.blueprint,
    invoices.blueprint,
    timeline.blueprint,
    admin.blueprint,
)
