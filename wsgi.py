"""What gunicorn and the flask command load."""

import gc

# What is imported stays for good: to look for garbage in it takes a quarter of the start, and a
# share of every full collection afterwards.
gc.disable()

from payments.app import create_app  # noqa: E402
from payments.config import load_or_exit  # noqa: E402

app = create_app(load_or_exit())
gc.freeze()
gc.enable()
