"""Which account a request speaks for: one account per API key, test and live data apart."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from .errors import ApiError
from .ids import ALPHABET
from .messages import Request

KEY = re.compile(r"(sk|rk|pk)_(test|live)_([A-Za-z0-9_]{8,200})")


@dataclass(frozen=True)
class Account:
    id: str
    livemode: bool
    publishable: bool = False  # the caller is a browser, not the merchant's server

    @property
    def scope(self) -> str:
        """Under which all of this account's rows are kept."""
        return f"{self.id}/{'live' if self.livemode else 'test'}"

    @property
    def other_scope(self) -> str:
        return f"{self.id}/{'test' if self.livemode else 'live'}"


def from_scope(scope: str) -> Account:
    account_id, mode = scope.split("/")
    return Account(account_id, mode == "live")


def authenticate(request: Request, key_param: str = "") -> Account:
    """Read the key as Bearer, as Basic user name, or as the `key` that browsers send."""
    return authenticate_key(given_key(request) or key_param)


def given_key(request: Request) -> str:
    return _header_key(request.header("authorization"))


def authenticate_key(key: str) -> Account:
    if not key:
        raise _unauthorized(NO_KEY)
    match = KEY.fullmatch(key)
    if match is None:
        raise _unauthorized(f"Invalid API Key provided: {masked(key)}")
    prefix, mode, rest = match.groups()
    return Account(_account_id(rest), mode == "live", prefix == "pk")


def _header_key(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        return _basic_user(credentials)
    return ""


def _basic_user(credentials: str) -> str:
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[0]


def check_connected_account(request: Request, account: Account) -> None:
    """Raise 403 for a request in the name of another account: none is connected to this one."""
    asked = request.header("stripe-account")
    if asked and asked != account.id:
        raise ApiError(
            403,
            f"The provided key '{masked(given_key(request))}' does not have access to account"
            f" '{asked}' (or that account does not exist). Application access may have been"
            " revoked.",
            code="account_invalid",
        )


@lru_cache(maxsize=4096)
def _account_id(rest: str) -> str:
    """`sk_test_X`, `pk_test_X` and `sk_live_X` are keys of one account."""
    digest = hashlib.sha256(rest.encode()).digest()
    return "acct_" + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:16])


def masked(key: str) -> str:
    """Show no more of a key than Stripe does in its refusal."""
    head = re.match(r"(?:[a-z]{2}_(?:test|live)_)?", key[:16])
    start = head.group() if head else ""
    rest = key[len(start) :]
    return f"{start}{'*' * max(len(rest) - 4, 0)}{rest[-4:]}"


def _unauthorized(message: str) -> ApiError:
    return ApiError(401, message)


NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header,"
    " using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See"
    " https://stripe.com/docs/api#authentication for details, or we can help at"
    " https://support.stripe.com/."
)


def secret_key_required() -> ApiError:
    message = (
        "This API call cannot be made with a publishable API key. Please use a secret API key."
        " You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys."
    )
    return ApiError(401, message, code="secret_key_required")
