"""A Django project of one file: dj-stripe copies every model that the account has.

Run as `drive.py DATABASE ADDRESS KEY`. Prints one line of JSON: how many objects of each model the
database holds afterwards, which models could not be copied, and what dj-stripe said about them.
"""

import io
import json
import re
import sys

import django
import stripe
from django.conf import settings
from django.core.management import call_command

database, address, key = sys.argv[1:]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
    MIGRATION_MODULES={"djstripe": None},  # the tables at once, without their history
    SECRET_KEY="peers",
    STRIPE_LIVE_MODE=False,
    STRIPE_TEST_SECRET_KEY=key,
    USE_TZ=True,
)
stripe.api_base = address
stripe.max_network_retries = 0
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)

from djstripe import models  # noqa: E402  (Django has to be set up)

told = io.StringIO()
call_command("djstripe_sync_models", api_keys=[key], stdout=told, stderr=told)
said = told.getvalue()
failed = re.findall(r"(?m)^\s+\d+ (\w+) object\(s\) failed to sync", said)
known = [getattr(models, name) for name in dir(models)]
counts = {
    model.__name__: model.objects.count()
    for model in known
    if hasattr(model, "_meta") and hasattr(model, "objects")
}
reasons = [line for line in said.splitlines() if "rror" in line]
sys.stdout.write(json.dumps({"counts": counts, "failed": failed, "said": reasons}) + "\n")
