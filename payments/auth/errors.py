"""What can go wrong with a caller's identity."""

from payments.kit.errors import AppError, BadInput, Conflict, Forbidden, Unauthorized


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


class WeakPassword(BadInput):
    """A new password that is refused; `field` is the field of the body that it came in.

    Each dialect writes it as it writes a field that its schema refuses.
    """

    def __init__(self, sentence: str, *, field: str = "password") -> None:
        super().__init__(sentence)
        self.field = field


class HashingBusy(AppError):
    status, code = 503, "busy"
    sentence = "Too many people are logging in at this moment, try again in a few seconds"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})


class SessionElsewhere(Forbidden):
    code = "session_elsewhere"
    sentence = "This session belongs to the platform's identity provider: end it there"


class WrongPassword(BadInput):
    code, sentence = "wrong_password", "The current password is wrong"


class TooManyAttempts(AppError):
    """Too many requests: of one address, or at one account, which may be tried again later."""

    status, code = 429, "rate_limited"

    def __init__(self, seconds: int) -> None:
        sentence = f"Too many requests, try again in {seconds} seconds"
        super().__init__(sentence, headers={"Retry-After": str(seconds)})
