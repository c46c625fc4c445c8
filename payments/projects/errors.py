"""Every sentence that the projects room says when it cannot do what was asked."""

from __future__ import annotations

from payments.kit.errors import AppError, BadInput, Conflict, Forbidden, Missing, Unauthorized


class BadToken(Unauthorized):
    sentence = "Could not validate credentials"

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class BadLogin(Unauthorized):
    sentence = "Incorrect email or password"

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class AccountNotActivated(BadInput):
    sentence = "Account not activated"


class InvalidProjectHeader(BadInput):
    sentence = "X-Project-ID is not a project"


class RegistrationRefused(Forbidden):
    sentence = "Registration needs X-Operator-Key, or X-Developer-Key with X-Project-ID"


class InvalidKey(Forbidden):
    sentence = "Invalid or revoked key"


class EmailTaken(BadInput):
    sentence = "Email already registered"


class DeveloperRequired(Forbidden):
    sentence = "Insufficient permissions. Developer role required."


class EndUserRequired(Forbidden):
    sentence = "Insufficient permissions. End user role required."


class NotTheOwner(Forbidden):
    sentence = "You do not have permission to access this resource"


class ProjectNotFound(Missing):
    sentence = "Project not found"


class ConfigNotFound(Missing):
    sentence = "Stripe configuration not found"


class StripeNotSetUp(Missing):
    sentence = "Stripe is not configured for this project and mode"


class NoSubscription(Missing):
    sentence = "No active subscription found"


class NoCustomer(Missing):
    sentence = "No Stripe customer found: nothing was checked out yet"


class AlreadySubscribed(BadInput):
    sentence = "An active subscription exists already"


class InvalidPrice(BadInput):
    sentence = "Invalid price"


class StripeRefused(BadInput):
    sentence = "Stripe refused the request"


class ManagedBySchedule(BadInput):
    sentence = "The subscription follows a schedule, which does not allow this change"


class EventNotFound(Missing):
    sentence = "Event not found"


class ReconciliationNotFound(Missing):
    sentence = "Reconciliation not found"


class KeyNotFound(Missing):
    sentence = "API key not found"


class TooManyKeys(Conflict):
    sentence = "A project has at most 10 active API keys"


class StripeUnreachable(AppError):
    status, code, sentence = 502, "stripe_unreachable", "Stripe could not be reached, try again"


class StripeRefusedKey(AppError):
    status, code = 502, "stripe_key_refused"
    sentence = "Stripe refused the project's credentials"
