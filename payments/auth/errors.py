"""What can go wrong with a caller's identity."""

from payments.kit.errors import AppError, Conflict, Forbidden, Unauthorized


class BadToken(Unauthorized):
    def __init__(self, sentence: str = "Missing or invalid token") -> None:
        super().__init__(sentence, headers={"WWW-Authenticate": "Bearer"})


class BadLogin(Unauthorized):
    code, sentence = "invalid_credentials", "Invalid email or password"


class LoginElsewhere(Forbidden):
    code, sentence = "login_elsewhere", "Log in at the platform's identity provider"


class ProviderUnreachable(AppError):
    status, code = 503, "identity_provider_unreachable"
    sentence = "The identity provider could not be reached, try again"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "10"})


class InactiveAccount(Forbidden):
    code, sentence = "inactive_account", "This account is inactive"


class EmailTaken(Conflict):
    code, sentence = "email_taken", "A user with this email already exists"


class NotPlatformAdmin(Forbidden):
    sentence = "Only platform administrators may do this"


class SecondFactorRequired(Forbidden):
    code = "second_factor_required"
    sentence = "Log in with a second factor to do this"


class EmailUnverified(Forbidden):
    code = "email_unverified"
    sentence = "Verify your email address first: the link was sent to it"


class MailNotConfigured(AppError):
    status, code = 503, "mail_not_configured"
    sentence = "This service sends no mail; ask its operator"
