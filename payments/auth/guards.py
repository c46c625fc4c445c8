"""Decorators that let a request through to its view only with the right caller."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from payments.auth.errors import NotPlatformAdmin, SecondFactorRequired
from payments.auth.principals import current_user, find_member
from payments.auth.second_factor import has_recent_second_factor
from payments.extensions import settings
from payments.kit.security_log import REFUSED, log_security_event

View = TypeVar("View", bound=Callable[..., Any])


def signed_in(view: View) -> View:
    """Give the view the caller as `user`; 401 without a valid token."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, user=current_user(), **kwargs)

    return cast(View, guarded)


def with_caller(view: View) -> View:
    """Give the view the `caller` with their session; 401 without a valid token."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return view(*args, caller=find_member(), **kwargs)

    return cast(View, guarded)


def platform_admin(view: View) -> View:
    """Give the view a platform administrator as `user`; 403 for everybody else.

    With `admin_second_factor` on, their log-in must have had a second factor.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        caller = find_member()
        user = caller.user
        if not user.is_admin:
            raise NotPlatformAdmin
        if settings().admin_second_factor and not has_recent_second_factor(caller.claims):
            log_security_event("admin_access", REFUSED, user=user.id, reason="no second factor")
            raise SecondFactorRequired
        return view(*args, user=user, **kwargs)

    return cast(View, guarded)
