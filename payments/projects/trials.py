"""Says whether an end user is granted a price's trial: once in each mode, unless the project allows
more."""

from __future__ import annotations

from payments.kit.transactions import end_read
from payments.projects import holdings, queries
from payments.projects.buyers import Buyer


def grants_trial(buyer: Buyer) -> bool:
    """Return whether the buyer's next subscription may begin with a trial."""
    config = queries.find_config(buyer.project_id)
    allowed = config is not None and config.allow_repeat_trials
    had = holdings.has_had_trial(buyer.project_id, buyer.is_test_mode, buyer.user_id)
    end_read()
    return allowed or not had
