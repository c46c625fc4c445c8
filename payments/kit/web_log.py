"""gunicorn's own lines, written as ours. Requests are logged by the app: gunicorn sees none."""

from __future__ import annotations

import logging
import os
from typing import Any

from gunicorn.glogging import Logger

from payments.kit import logs


class WebLogger(Logger):
    """gunicorn's logger whose lines go through the formatter of all others."""

    def setup(self, cfg: Any) -> None:
        """Set up the log of the process that holds the others, before any app is loaded."""
        super().setup(cfg)
        level = logging.getLevelName(self.loglevel)
        logs.configure(level, production=os.environ.get("PAYMENTS_ENV") == "production")
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.JsonFormatter())
