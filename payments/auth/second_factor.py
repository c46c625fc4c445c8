"""Whether a token says that its log-in had a second factor, and lately enough."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from payments.extensions import settings
from payments.kit import clock

# A one-time code, several factors, a key of hardware.
# https://www.rfc-editor.org/rfc/rfc8176#section-2
STRONG_METHODS = {"otp", "mfa", "hwk"}
# An administrator logs in once a working day. Refreshing a token does not make a log-in younger.
RECENT = timedelta(hours=12)


def has_recent_second_factor(claims: dict[str, Any]) -> bool:
    """Return whether the token's log-in had a second factor within the last twelve hours.

    The identity provider may say so in `amr`, or in `acr` by a value of ADMIN_ACR_VALUES. A token
    that does not say when its holder logged in is judged by its own age.
    https://openid.net/specs/openid-connect-core-1_0.html#IDToken
    """
    methods = claims.get("amr")
    listed = methods if isinstance(methods, list) else []
    named = {each for each in listed if isinstance(each, str)}
    acr = claims.get("acr")
    is_strong = bool(named & STRONG_METHODS) or (
        isinstance(acr, str) and acr in settings().admin_acr_values
    )
    return is_strong and _is_recent(claims.get("auth_time", claims.get("iat")))


def _is_recent(moment: Any) -> bool:
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return False
    return clock.timestamp() - moment < RECENT.total_seconds()
