"""What beat starts, one line and one reason each."""

from typing import Any

from payments import jobs

ENTRIES: dict[str, dict[str, Any]] = {
    # Rows whose time has come and that no message woke: a lost message costs five seconds.
    "due": {"task": jobs.SWEEP_DUE, "schedule": 5.0, "options": {"expires": 5}},
    # Customers who never came back from 3D Secure: their charge is canceled after a day.
    "expire": {"task": jobs.SWEEP_EXPIRED, "schedule": 60.0, "options": {"expires": 60}},
    # Accounts to be compared with Stripe's: when each one is due, its own rows say.
    "begin": {"task": jobs.BEGIN_RUNS, "schedule": 30.0, "options": {"expires": 30}},
    # A day is closed once it is over in the invoices' zone; a tick also finds days missed before.
    "close": {"task": jobs.CLOSE_DAYS, "schedule": 600.0, "options": {"expires": 600}},
    # What is older than its days of retention goes, a batch at a time: hourly, as a beat that is
    # restarted every day might never come to a daily one.
    "prune": {"task": jobs.PRUNE, "schedule": 3600.0, "options": {"expires": 3600}},
    # Readiness asks whether a worker lives: this task leaves the mark.
    "heartbeat": {"task": jobs.HEARTBEAT, "schedule": 10.0, "options": {"expires": 10}},
}
