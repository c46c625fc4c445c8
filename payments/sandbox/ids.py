"""Identifiers and secrets that look like Stripe's, because client code checks their prefixes."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits

# Most ids are a prefix and 24 characters; these few differ.
LENGTHS = {"cus": 14, "req": 14, "whsec": 32, "cs_test": 58, "cs_live": 58}


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_id(prefix: str) -> str:
    return f"{prefix}_{random_text(LENGTHS.get(prefix, 24))}"


def client_secret(intent_id: str) -> str:
    return f"{intent_id}_secret_{random_text(25)}"
