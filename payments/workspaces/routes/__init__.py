"""The HTTP face of the workspaces room: one module a noun, views of a few lines."""

from payments.workspaces.routes import admin, invoices, payment_methods, plan_changes, plans

BLUEPRINTS = (
    plans.blueprint,
    payment_methods.blueprint,
    plan_changes.blueprint,
    invoices.blueprint,
    admin.blueprint,
)