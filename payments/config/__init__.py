"""The settings: read once from the environment, checked by name, frozen afterwards."""

from payments.config.credentials import SANDBOX_PLATFORM_KEY
from payments.config.environment import ConfigError
from payments.config.load import load
from payments.config.settings import Settings
from payments.config.startup import load_or_exit

__all__ = ["SANDBOX_PLATFORM_KEY", "ConfigError", "Settings", "load", "load_or_exit"]
