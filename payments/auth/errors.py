"""What can go wrong with a caller's identity."""

from payments.kit.errors import Conflict, Forbidden, Unauthorized


class BadToken(Unauthorized):
    def __init__(self, sentence: str = "Missing or invalid token") -> None:
        super().__init__(sentence, headers={"WWW-Authenticate": "Bearer"})


class BadLogin(Unauthorized):
    code, sentence = "invalid_credentials", "Invalid email or password"


class InactiveAccount(Forbidden):
    code, sentence = "inactive_account", "This account is inactive"


class EmailTaken(Conflict):
    code, sentence = "email_taken", "A user with this email already exists"


class NotPlatformAdmin(Forbidden):
    sentence = "Only platform administrators may do this"
