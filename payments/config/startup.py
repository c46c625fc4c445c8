"""What an entry point does with wrong settings: one line that names them, and the end."""

from __future__ import annotations

import logging
import os
import sys

from payments.config.environment import ConfigError
from payments.config.load import load
from payments.config.settings import Settings
from payments.kit import logs


def load_or_exit() -> Settings:
    """Return the settings, or end the process with 1 after one line on stderr.

    In production the line is a JSON object, as all others are there.
    """
    try:
        return load()
    except ConfigError as error:
        text = f"the settings are wrong: {error}"
        if os.environ.get("PAYMENTS_ENV") == "production":
            logs.configure("INFO")
            logging.getLogger("payments.config").critical(text)
        else:
            sys.stderr.write(f"payments: {text}\n")
        raise SystemExit(1) from None
