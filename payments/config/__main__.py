"""`python -m payments.config` checks the settings of its environment: 1 and one line if wrong."""

from payments.config import load_or_exit

load_or_exit()
