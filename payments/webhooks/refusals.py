"""How often a webhook address may be knocked at in vain: forgers run dry, Stripe never does.

Only refused deliveries are counted. What Stripe signed gets in however many come from its few
addresses, and also while somebody else floods the same project.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import request
from werkzeug.exceptions import HTTPException

from payments.extensions import limiter, settings
from payments.kit.errors import AppError

View = TypeVar("View", bound=Callable[..., Any])


def counted(view: View) -> View:
    """Count what the view refuses, by address and by project; beyond RATE_LIMIT it is 429."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except (AppError, HTTPException) as refusal:
            if _is_the_callers_fault(refusal):
                _count_by_address()
                _count_by_project()
            raise

    limiter.exempt(guarded)
    return cast(View, guarded)


def _is_the_callers_fault(refusal: AppError | HTTPException) -> bool:
    status = refusal.status if isinstance(refusal, AppError) else refusal.code
    return status is not None and 400 <= status < 500


def _limit() -> str:
    return settings().rate_limit


def _project() -> str:
    """Name whose events these claim to be; of the platform's own account there is one."""
    return str((request.view_args or {}).get("project_id", "platform"))


@limiter.shared_limit(_limit, scope="refused-by-address")
def _count_by_address() -> None:
    """Raise 429 once an address has been refused too often."""


@limiter.shared_limit(_limit, scope="refused-by-project", key_func=_project)
def _count_by_project() -> None:
    """Raise 429 once so much has been refused for a project, from wherever it came."""
