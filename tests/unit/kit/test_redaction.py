"""What is blotted out of texts, and that a long one costs no more than its length."""

from __future__ import annotations

import time

import pytest

from payments.kit.redaction import redact, redact_line

HASHES = [
    "scrypt:32768:8:1$salt$00canary00",
    "pbkdf2:sha256:600000$salt$00canary00",
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$canary",
    "$2b$12$canarycanarycanary",
]
KEYS = [
    "whsec_canary",
    "sk_org_live_canary123",
    "rk_test_canary123",
    "AKIACANARYCANARY0001",
    "aws_secret_access_key=canary/canary+canary",
    '"AWS_SECRET_ACCESS_KEY": "canary"',
    "CREDENTIALS_KEYS=canaryAAAA=,canaryBBBB=",
    "SECRET_KEY='canary with blanks'",
    "password=canary",
    "{'password': 'canary', 'name': 'x'}",
    "Authorization: Token canary",
    "{'Authorization': 'canary'}",
    "https://app.example/reset?token=canary.cAnary-canary&x=1",
    "https://user:canary@host.example/path",
    "postgresql+psycopg://user:can/ary@db.example/payments",
    "eyJjYW5hcnkiOjEyMzQ1Njc4canary",
]
ROWS = [
    "DETAIL: Failing row contains (1, canary, x).",
    "DETAIL: Key (email)=(canary) already exists.",
    "[parameters: {'a': 'canary'}]",
]


@pytest.mark.parametrize("text", [*HASHES, *KEYS, *ROWS])
def test_it_is_blotted_out(text: str) -> None:
    found = redact(f"before {text} after")
    assert "canary" not in found.lower()
    assert found.startswith("before ")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("to liv.larsen+x@shop.example.", "to l***@shop.example."),
        ("<a@b.co>, {'email': 'Bo@b.co'}", "<a***@b.co>, {'email': 'B***@b.co'}"),
        ("redis://default@cache.example:1/0", "redis://d***@cache.example:1/0"),
    ],
)
def test_of_an_address_the_domain_stays(text: str, kept: str) -> None:
    assert redact(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example:8443/a?b=c",
        "task_id test_secret_key: Must begin with sk_test_ and hold a key.",
        "password: Must have 12 to 128 characters.",
        "constraint ck_users_email of users",
        "7fffffff-ffff-ffff-ffff-ffffffffffff 0123456789abcdef0123456789abcdef",
        'File "/app/payments/kit/db.py", line 3, in x\n    @decorated',
    ],
)
def test_what_says_nothing_stays(text: str) -> None:
    assert redact(text) == text


def test_a_line_is_cut_before_and_after() -> None:
    assert redact_line("one\ntwo") == "one"
    assert redact_line("x" * 100_000) == "x" * 500
    # A secret that reaches over the end is still seen as one.
    assert "canary" not in redact_line("x" * 498 + " sk_live_canarycanary")


REPEATED = [
    "eyJeyJ", "eyJ", "eyJa.", "pi_pi_", "pi_", "pi_a_secret_", "_secret_", "postgres://a:",
    "postgres://", "redis://a:b", "bearer ", "Bearer  ", "Authorization: ", "authorization:=",
    "password=", 'password="', "password='", "token=", "a@", "a.", "a@b.", "@", "4 2", "1-",
    "sk_", "sk_live_", "whsec_", "scrypt:", "AKIA", "Failing row contains", "Key (", "a1%",
    "[parameters:", "://", "x.y+", "\\\"password\\\": ",
]  # fmt: skip


@pytest.mark.parametrize("part", REPEATED)
def test_time_grows_with_the_length_alone(part: str) -> None:
    """Eight times the text takes about eight times as long; sixty-four would be its square."""
    short, long = (part * (size // len(part)) for size in (20_000, 160_000))
    assert _seconds(long) < 24 * max(_seconds(short), 0.0005)


def _seconds(text: str) -> float:
    took = []
    for _ in range(3):
        began = time.process_time()
        redact(text)
        took.append(time.process_time() - began)
    return min(took)
