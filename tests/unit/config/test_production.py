"""What production refuses, each by the variable's name, and never with its value."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from payments import config, local_secrets
from payments.config import ConfigError, Settings
from payments.kit import crypto
from tests.support.production import production_environment
from tests.support.provider import pem

TEST_KEY = f"sk_test_{secrets.token_hex(24)}"
Load = Callable[..., Settings]
Refuse = Callable[..., list[str]]
SWITCH = {"STRIPE_ALLOW_OTHER_API_BASE": "true"}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def read(**variables: str) -> Settings:
        return config.load(production_environment(DATA_DIR=str(tmp_path), **variables))

    return read


@pytest.fixture
def refuse(load: Load) -> Refuse:
    """Return the faults that a changed environment has."""

    def read(**variables: str) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            load(**variables)
        return str(raised.value).split("; ")

    return read


def sealing_key(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


class TestWhole:
    def test_a_whole_environment_boots(self, load: Load, tmp_path: Path) -> None:
        held = load()
        assert held.production
        assert held.stripe_api_base is None
        assert not (tmp_path / local_secrets.FILE).exists()

    @pytest.mark.parametrize("name", sorted(production_environment().keys() - {"PAYMENTS_ENV"}))
    def test_nothing_is_left_to_a_default(self, refuse: Refuse, name: str) -> None:
        assert [fault.split()[0] for fault in refuse(**{name: ""})] == [name]

    def test_an_empty_environment_names_them_all_at_once(self) -> None:
        with pytest.raises(ConfigError) as raised:
            config.load({"PAYMENTS_ENV": "production"})
        missing = production_environment().keys() - {"PAYMENTS_ENV"}
        assert {fault.split()[0] for fault in str(raised.value).split("; ")} == missing


class TestStripe:
    def test_the_sandboxs_key(self, refuse: Refuse) -> None:
        assert refuse(STRIPE_SECRET_KEY=config.SANDBOX_PLATFORM_KEY) == [
            "STRIPE_SECRET_KEY is the sandbox's"
        ]

    def test_a_publishable_key(self, refuse: Refuse) -> None:
        fault = "STRIPE_SECRET_KEY is a publishable key, not one that begins with sk_ or rk_"
        assert refuse(STRIPE_SECRET_KEY="pk_live_canary") == [fault]

    def test_something_else(self, refuse: Refuse) -> None:
        assert refuse(STRIPE_SECRET_KEY="canary") == [
            "STRIPE_SECRET_KEY must be a key of Stripe's: sk_... or rk_..."
        ]

    @pytest.mark.parametrize("kind", ["sk_test_", "rk_live_", "rk_test_", "sk_org_live_"])
    def test_every_secret_key_of_stripes(self, load: Load, kind: str) -> None:
        key = f"{kind}{secrets.token_hex(24)}"
        assert load(STRIPE_SECRET_KEY=key).stripe_secret_key == key

    @pytest.mark.parametrize(
        "base", ["https://api.stripe.com", "https://stripe.com:443", "https://eu.api.stripe.com/"]
    )
    def test_stripes_own_address(self, load: Load, base: str) -> None:
        assert load(STRIPE_API_BASE=base).stripe_api_base == base.rstrip("/")

    @pytest.mark.parametrize(
        "base",
        [
            *("http://api.stripe.com", "https://api.stripe.com.evil.example"),
            *("https://evilstripe.com", "https://api.stripe.com:8443", "http://127.0.0.1:12111"),
            *("https://evil.example/api.stripe.com", "https://api-stripe.com"),
        ],
    )
    def test_any_other_address(self, refuse: Refuse, base: str) -> None:
        fault = "STRIPE_API_BASE must be https at stripe.com in production"
        assert refuse(STRIPE_API_BASE=base) == [fault]
        assert refuse(STRIPE_API_BASE=base, STRIPE_SECRET_KEY=TEST_KEY) == [fault]
        only = "STRIPE_API_BASE may be another than Stripe's with a test key only"
        assert refuse(STRIPE_API_BASE=base, **SWITCH) == [only]

    @pytest.mark.parametrize(
        "base",
        [
            *("https://evil.example\\.stripe.com", "https://api.stripe.com@evil.example"),
            *("https://evil.example?.stripe.com", "https://evil.example#.stripe.com"),
            *("https://evil.example\\@api.stripe.com", "https://x:y@api.stripe.com"),
        ],
    )
    def test_an_address_that_pretends(self, refuse: Refuse, base: str) -> None:
        assert refuse(STRIPE_API_BASE=base) == ["STRIPE_API_BASE must be an http(s) address"]

    def test_a_test_key_and_the_switch_go_elsewhere(self, load: Load) -> None:
        held = load(STRIPE_API_BASE="http://127.0.0.1:9", STRIPE_SECRET_KEY=TEST_KEY, **SWITCH)
        assert held.stripe_api_base == "http://127.0.0.1:9"

    @pytest.mark.parametrize(
        "hook", ["x", "whsec_a", "whsec_" + "a" * 17, "5f1c9e07b2d84a63", f"whsec_{'a' * 40}"]
    )
    def test_a_webhook_secret_that_can_be_forged(self, refuse: Refuse, hook: str) -> None:
        good = f"whsec_{secrets.token_hex(16)}"
        assert [fault.split()[0] for fault in refuse(STRIPE_WEBHOOK_SECRET=f"{good},{hook}")] == [
            "STRIPE_WEBHOOK_SECRET"
        ]


class TestSecrets:
    @pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY", "OPERATOR_KEY"])
    @pytest.mark.parametrize(
        "weak",
        [
            *("short", "x", "a" * 64, "changeme" * 4, "0123456789abcdef" * 2, "password1234" * 3),
            *("abcdefghijklmnopqrstuvwxyz012345", "qwertyuiop" * 4, "1" * 31 + "2"),
        ],
    )
    def test_one_that_can_be_guessed(self, refuse: Refuse, name: str, weak: str) -> None:
        told = refuse(**{name: weak})
        assert [fault.split()[0] for fault in told] == [name]
        assert weak not in told[0]

    @pytest.mark.parametrize("name", ["SECRET_KEYS", "JWT_SECRET_KEYS"])
    def test_each_of_a_list_counts(self, refuse: Refuse, name: str) -> None:
        assert refuse(**{name: f"{secrets.token_hex(32)},short"}) == [
            f"{name} must have at least 32 characters in production"
        ]

    def test_a_short_token_of_the_scraper(self, refuse: Refuse) -> None:
        assert refuse(METRICS_TOKEN="short")[0].startswith("METRICS_TOKEN must have at least")

    @pytest.mark.parametrize(
        "raw", [bytes(32), b"\xff" * 32, bytes(range(32)), b"abcd" * 8, b"0123456789abcdef" * 2]
    )
    def test_a_sealing_key_that_is_no_chance(self, refuse: Refuse, raw: bytes) -> None:
        fault = "CREDENTIALS_KEYS can be guessed: make one by `flask keys new`"
        assert refuse(CREDENTIALS_KEYS=sealing_key(raw)) == [fault]
        assert refuse(CREDENTIALS_KEYS=f"{crypto.new_key()},{sealing_key(raw)}") == [fault]

    def test_one_in_the_place_of_another(self, refuse: Refuse) -> None:
        same = secrets.token_hex(32)
        assert refuse(SECRET_KEY=same, JWT_SECRET_KEY=same, OPERATOR_KEY=same) == [
            "JWT_SECRET_KEY must differ from SECRET_KEY",
            "OPERATOR_KEY must differ from JWT_SECRET_KEY",
        ]
        assert refuse(SECRET_KEYS=f"{same},{same}") == ["SECRET_KEYS must differ from itself"]

    def test_what_generators_make_is_taken(self, load: Load) -> None:
        """Heroku's gives 64 hex digits; others give 32, or base64."""
        for made in (secrets.token_hex(16), secrets.token_hex(32), secrets.token_urlsafe(24)):
            for _ in range(3):
                load(SECRET_KEY=made, CREDENTIALS_KEYS=crypto.new_key())


class TestServers:
    @pytest.mark.parametrize("url", ["http://shop.example", "http://127.0.0.1:8000"])
    @pytest.mark.parametrize("name", ["PUBLIC_URL", "FRONTEND_URL"])
    def test_an_address_without_tls(self, refuse: Refuse, name: str, url: str) -> None:
        assert refuse(**{name: url}) == [f"{name} must be https in production"]

    def test_sqlite(self, refuse: Refuse) -> None:
        fault = "DATABASE_URL must be a PostgreSQL address in production"
        assert refuse(DATABASE_URL="sqlite:///x") == [fault]

    @pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "off"])
    @pytest.mark.parametrize("host", ["db.example/d?", "/d?host=db.example&", "/d?host=,db&"])
    def test_a_database_without_tls(self, refuse: Refuse, host: str, mode: str) -> None:
        fault = "DATABASE_URL must not have an sslmode below require to another host"
        assert refuse(DATABASE_URL=f"postgres://u:p@{host}sslmode={mode}") == [fault]

    def test_tls_is_demanded_where_nothing_is_said(self, load: Load) -> None:
        """Heroku's addresses say nothing."""
        held = load(DATABASE_URL="postgres://u:p%40@ec2.example:5432/d?application_name=x")
        assert held.database_url == (
            "postgresql+psycopg://u:p%40@ec2.example:5432/d?application_name=x&sslmode=require"
        )
        full = load(DATABASE_URL="postgres://u:p@db.example/d?sslmode=verify-full")
        assert full.database_url.endswith("sslmode=verify-full")

    @pytest.mark.parametrize(
        "address",
        ["u@127.0.0.1/d", "u@localhost:5433/d", "u@[::1]/d", "/d?host=/run/postgresql", "/d"],
    )
    def test_a_database_on_this_host_needs_none(self, load: Load, address: str) -> None:
        assert load(DATABASE_URL=f"postgres://{address}").database_url.endswith(address)

    def test_the_embedded_redis(self, refuse: Refuse) -> None:
        fault = "REDIS_URL is the embedded server's, which production does not start"
        assert refuse(REDIS_URL="redis://127.0.0.1:6399/0") == [fault]
        assert refuse(REDIS_URL="redis://localhost:7000/0", VALKEY_PORT="7000") == [fault]

    def test_a_redis_without_tls(self, load: Load, refuse: Refuse) -> None:
        fault = "REDIS_URL must be rediss:// to another host (or REDIS_ALLOW_PLAINTEXT=true)"
        private = "redis://:p@redis.internal:6379/0"
        assert refuse(REDIS_URL=private) == [fault]
        assert load(REDIS_URL=private, REDIS_ALLOW_PLAINTEXT="true").redis_url == private
        assert load(REDIS_URL="redis://127.0.0.1:6379/0").redis_url == "redis://127.0.0.1:6379/0"

    def test_no_proxy_is_an_answer_too(self, load: Load) -> None:
        assert load(TRUSTED_PROXIES="0").trusted_proxies == 0


class TestProvider:
    @pytest.mark.parametrize("source", ["JWT_PUBLIC_KEY", "JWT_JWKS_URL"])
    def test_whose_tokens_and_for_whom_must_be_said(
        self, load: Load, refuse: Refuse, source: str
    ) -> None:
        given = {source: pem("rsa") if source == "JWT_PUBLIC_KEY" else "https://id.example/keys"}
        said = {"JWT_ISSUER": "https://id.example", "JWT_AUDIENCE": "payments"}
        for name in said:
            told = refuse(**given, **{**said, name: ""})
            assert told == [f"{name} must be set with an identity provider in production"]
        held = load(**given, **said, JWT_SECRET_KEY="")
        assert (held.jwt_secret_key, held.jwt_audience) == (None, "payments")

    def test_a_key_set_in_clear(self, refuse: Refuse) -> None:
        said = {"JWT_ISSUER": "https://id.example", "JWT_AUDIENCE": "payments"}
        assert refuse(JWT_JWKS_URL="http://id.example", **said) == [
            "JWT_JWKS_URL must be an https address"
        ]


class TestMail:
    SERVER = {"SMTP_HOST": "mail.example", "MAIL_FROM": "pay@shop.example"}  # noqa: RUF012

    def test_off_must_be_said(self, refuse: Refuse, load: Load) -> None:
        fault = "EMAIL_VERIFICATION must be set to off in production without SMTP_HOST"
        assert refuse(EMAIL_VERIFICATION="") == [fault]
        assert refuse(EMAIL_VERIFICATION="on") == [
            "EMAIL_VERIFICATION needs SMTP_HOST in production"
        ]
        assert load(**self.SERVER, EMAIL_VERIFICATION="").email_verification is True

    def test_links_do_not_leave_in_clear(self, refuse: Refuse) -> None:
        fault = "SMTP_SECURITY must be starttls or tls to another host in production"
        assert refuse(**self.SERVER, SMTP_SECURITY="none") == [fault]
