"""The settings: defaults in development, every fault told by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from payments import config, local_secrets
from payments.config import ConfigError, Settings
from payments.kit import crypto
from payments.kit.postgres import DatabaseBounds
from tests.support.production import production_environment
from tests.support.provider import pem

STRIPES_OWN = "sk_test_51" + "a" * 97


def load(folder: Path, **environ: str) -> Settings:
    return config.load({"DATA_DIR": str(folder), **environ})


def faults(folder: Path, **environ: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load(folder, **environ)
    return str(raised.value)


class TestDevelopment:
    def test_an_empty_environment_is_enough(self, tmp_path: Path) -> None:
        held = load(tmp_path)
        assert held.database_url == f"sqlite:///{tmp_path}/payments.sqlite3"
        assert held.redis_url == "redis://127.0.0.1:6399/0"
        assert held.public_url == "http://127.0.0.1:8000"
        assert held.stripe_secret_key == config.SANDBOX_PLATFORM_KEY
        assert held.stripe_api_base == held.sandbox_url == "http://127.0.0.1:12111"
        assert (held.charge_wait_seconds, held.log_level) == (10, "INFO")
        assert (held.invoice_timezone, held.maintenance_mode) == ("UTC", False)

    def test_secrets_are_generated_once(self, tmp_path: Path) -> None:
        first, second = load(tmp_path), load(tmp_path)
        assert first == second
        assert len(first.secret_key) >= 32
        assert len(first.credentials_keys[0]) == crypto.KEY_BYTES
        assert first.secret_key != load(tmp_path / "other").secret_key

    def test_the_generated_file_is_for_its_owner_alone(self, tmp_path: Path) -> None:
        load(tmp_path)
        assert (tmp_path / local_secrets.FILE).stat().st_mode & 0o077 == 0
        assert list(tmp_path.glob(".secrets-*")) == []

    def test_a_kept_webhook_secret_is_read(self, tmp_path: Path) -> None:
        local_secrets.add(tmp_path, stripe_webhook_secret="whsec_b,whsec_a")
        assert load(tmp_path).stripe_webhook_secrets == ("whsec_b", "whsec_a")
        assert len(local_secrets.read(tmp_path)["secret_key"]) >= 32

    def test_the_environment_wins(self, tmp_path: Path) -> None:
        local_secrets.add(tmp_path, stripe_webhook_secret="whsec_kept")
        held = load(tmp_path, STRIPE_WEBHOOK_SECRET=" whsec_1 , whsec_2,", OPERATOR_KEY="op_mine")
        assert held.stripe_webhook_secrets == ("whsec_1", "whsec_2")
        assert held.operator_key == "op_mine"

    def test_ports_move_the_addresses_along(self, tmp_path: Path) -> None:
        held = load(tmp_path, PORT="8100", SANDBOX_PORT="12200", VALKEY_PORT="6500")
        assert held.public_url == "http://127.0.0.1:8100"
        assert held.stripe_api_base == "http://127.0.0.1:12200"
        assert held.redis_url == "redis://127.0.0.1:6500/0"

    def test_a_relative_folder_is_made_absolute(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert config.load({}).data_dir == tmp_path / ".data"


class TestStripe:
    def test_a_key_of_stripes_own_goes_to_stripe(self, tmp_path: Path) -> None:
        assert load(tmp_path, STRIPE_SECRET_KEY=STRIPES_OWN).stripe_api_base is None

    def test_a_made_up_key_stays_at_the_sandbox(self, tmp_path: Path) -> None:
        held = load(tmp_path, STRIPE_SECRET_KEY="sk_test_mine1234")
        assert held.stripe_api_base == held.sandbox_url

    def test_the_address_can_be_given(self, tmp_path: Path) -> None:
        held = load(
            tmp_path, STRIPE_API_BASE="http://stripe.example/", STRIPE_SECRET_KEY="sk_test_x"
        )
        assert held.stripe_api_base == "http://stripe.example"

    @pytest.mark.parametrize("kind", ["sk_live_", "rk_live_", "sk_org_live_"])
    def test_a_live_key_needs_production(self, tmp_path: Path, kind: str) -> None:
        told = faults(tmp_path, STRIPE_SECRET_KEY=f"{kind}canary")
        assert told == "STRIPE_SECRET_KEY is a live key, which needs PAYMENTS_ENV=production"


class TestReading:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
    def test_every_spelling_of_postgresql(self, tmp_path: Path, scheme: str) -> None:
        held = load(tmp_path, DATABASE_URL=f"{scheme}://u:p@h/d")
        assert held.database_url == "postgresql+psycopg://u:p@h/d"

    @pytest.mark.parametrize(
        ("raw", "read"), [("TRUE", True), ("1", True), ("off", False), ("", False)]
    )
    def test_booleans(self, tmp_path: Path, raw: str, read: bool) -> None:
        assert load(tmp_path, MAINTENANCE_MODE=raw).maintenance_mode is read

    def test_the_profile_bucket_stands_in(self, tmp_path: Path) -> None:
        assert load(tmp_path, PROFILE_STORAGE_BUCKET="p").invoice_bucket == "p"
        both = load(tmp_path, PROFILE_STORAGE_BUCKET="p", INVOICE_STORAGE_BUCKET="i")
        assert both.invoice_bucket == "i"

    def test_the_sellers_address_has_lines(self, tmp_path: Path) -> None:
        held = load(tmp_path, SELLER_ADDRESS="1 Main St | Springfield||USA ")
        assert held.seller_address == ("1 Main St", "Springfield", "USA")

    def test_several_keys(self, tmp_path: Path) -> None:
        keys = [crypto.new_key(), crypto.new_key()]
        held = load(tmp_path, CREDENTIALS_KEYS=", ".join(keys))
        assert held.credentials_keys == tuple(crypto.parse_key(key) for key in keys)

    def test_the_repr_keeps_every_secret(self, tmp_path: Path) -> None:
        given = production_environment(
            METRICS_TOKEN="mt_0cB7kq3VxTz9LwHdY2sRfGpN5aJe8uXi", SMTP_PASSWORD="canary"
        )
        shown = repr(load(tmp_path, **given))
        parts = ("SECRET", "KEY", "TOKEN", "PASSWORD")
        secrets = [value for name, value in given.items() if any(part in name for part in parts)]
        assert [secret for secret in (*secrets, "password@") if secret in shown] == []


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "raw"),
        [
            *(("PAYMENTS_ENV", "staging"), ("PORT", "0"), ("PORT", "http"), ("PORT", "65536")),
            *(("SANDBOX_PORT", "-1"), ("VALKEY_PORT", "x"), ("DATABASE_URL", "mysql://h/d")),
            *(("REDIS_URL", "http://h"), ("PUBLIC_URL", "example.com"), ("STRIPE_API_BASE", "x")),
            *(("CHARGE_WAIT_SECONDS", "26"), ("CHARGE_WAIT_SECONDS", "nan")),
            *(("MAINTENANCE_MODE", "maybe"), ("INVOICE_TIMEZONE", "Mars/Base")),
            *(("INVOICE_TIMEZONE", "../etc"), ("LOG_LEVEL", "LOUD"), ("RATE_LIMIT", "many")),
            *(("CREDENTIALS_KEYS", "short"), ("CREDENTIALS_KEYS", ",")),
            *(("AWS_ENDPOINT_URL", "store"), ("PASSWORD_HASHING_SLOTS", "0")),
            *(("SESSION_LIFETIME_DAYS", "366"), ("KEY_DESTRUCTION_DAYS", "-1")),
            *(("EVENT_QUOTA_MB", "1.5"), ("SMTP_PORT", "0"), ("SMTP_SECURITY", "ssl")),
            *(("EMAIL_VERIFICATION", "maybe"), ("FRONTEND_URL", "//shop"), ("API_DOCS", "2")),
            *(("REDIS_URL", "redis://h:port/0"), ("PUBLIC_URL", "http://h:70000")),
            *(("DATABASE_URL", "postgres://h:port/d"), ("PUBLIC_URL", "http://user@h")),
        ],
    )
    def test_a_wrong_value_is_told_by_name(self, tmp_path: Path, name: str, raw: str) -> None:
        assert faults(tmp_path, **{name: raw}).startswith(f"{name} must be ")

    def test_all_faults_are_told_at_once(self, tmp_path: Path) -> None:
        told = faults(tmp_path, PORT="x", LOG_LEVEL="x", REDIS_URL="x")
        assert all(name in told for name in ("PORT", "LOG_LEVEL", "REDIS_URL"))

    def test_a_value_is_never_repeated(self, tmp_path: Path) -> None:
        assert "canary" not in faults(tmp_path, CREDENTIALS_KEYS="canary", DATABASE_URL="canary://")

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        assert faults(tmp_path / "file").startswith("DATA_DIR must be a folder")

    def test_spoilt_secrets(self, tmp_path: Path) -> None:
        (tmp_path / local_secrets.FILE).write_text("{")
        assert faults(tmp_path).startswith("DATA_DIR ")


class TestProvider:
    """The platform's own identity provider: with it, nothing here signs tokens by default."""

    def test_without_one_a_secret_is_there(self, tmp_path: Path) -> None:
        held = load(tmp_path)
        assert held.jwt_secret_key
        assert (held.jwt_public_key, held.jwt_jwks_url) == (None, None)

    def test_in_place_of_our_own_secret(self, tmp_path: Path) -> None:
        here = load(tmp_path, JWT_JWKS_URL="http://127.0.0.1:9/keys")
        assert (here.jwt_secret_key, here.jwt_secret_keys) == (None, ())

    def test_beside_it(self, tmp_path: Path) -> None:
        held = load(tmp_path, JWT_SECRET_KEY="mine", JWT_JWKS_URL="https://id.example/keys")
        assert (held.jwt_secret_key, held.jwt_jwks_url) == ("mine", "https://id.example/keys")

    def test_what_cannot_be(self, tmp_path: Path) -> None:
        url = "https://id.example/keys"
        assert "JWT_JWKS_URL" in faults(tmp_path, JWT_JWKS_URL=url, JWT_PUBLIC_KEY=pem("ec"))
        assert "JWT_PUBLIC_KEY" in faults(tmp_path, JWT_PUBLIC_KEY="/etc/keys/public.pem")
        assert "JWT_JWKS_URL" in faults(tmp_path, JWT_JWKS_URL="file:///etc/passwd")


class TestBounds:
    def test_every_wait_has_one(self, tmp_path: Path) -> None:
        bounds = load(tmp_path).database_bounds
        assert bounds == DatabaseBounds(lock=5, statement=20, idle=15, answer=25, pool=10)

    def test_each_can_be_left_out(self, tmp_path: Path) -> None:
        names = ("LOCK", "STATEMENT", "IDLE", "ANSWER", "POOL")
        chosen = {f"DATABASE_{name}_TIMEOUT": "0" for name in names}
        assert load(tmp_path, **chosen).database_bounds == DatabaseBounds(0, 0, 0, 0, 0)

    @pytest.mark.parametrize("raw", ["-1", "3601", "soon", "nan"])
    def test_nonsense_is_refused(self, tmp_path: Path, raw: str) -> None:
        assert "DATABASE_LOCK_TIMEOUT must be" in faults(tmp_path, DATABASE_LOCK_TIMEOUT=raw)

    @pytest.mark.parametrize("raw", ["1", "21", "many"])
    def test_half_of_the_threads_must_be_left(self, tmp_path: Path, raw: str) -> None:
        assert "WEB_THREADS must be" in faults(tmp_path, WEB_THREADS=raw)

    def test_the_procfile_starts_as_many_threads(self, tmp_path: Path) -> None:
        procfile = (Path(__file__).parents[3] / "Procfile").read_text()
        assert f"--threads ${{WEB_THREADS:-{load(tmp_path).web_threads}}}" in procfile


class TestCertificate:
    def test_it_is_checked_unless_somebody_says_otherwise(self, tmp_path: Path) -> None:
        assert load(tmp_path).redis_tls_verify is True
        assert load(tmp_path, REDIS_TLS_VERIFY="false").redis_tls_verify is False

    def test_a_file_must_be_there(self, tmp_path: Path) -> None:
        file = tmp_path / "ca.pem"
        assert "REDIS_TLS_VERIFY must be" in faults(tmp_path, REDIS_TLS_VERIFY=str(file))
        file.touch()
        assert load(tmp_path, REDIS_TLS_VERIFY=str(file)).redis_tls_verify == str(file)


class TestSeveral:
    @pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY"])
    def test_the_first_signs(self, tmp_path: Path, name: str) -> None:
        given = {f"{name}S": " new , old", name: "ignored"}
        held = load(tmp_path, **given)
        assert getattr(held, f"{name.lower()}s") == ("new", "old")
        assert getattr(held, name.lower()) == "new"

    @pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY"])
    def test_one_is_a_list_of_one(self, tmp_path: Path, name: str) -> None:
        assert getattr(load(tmp_path, **{name: "one,1"}), f"{name.lower()}s") == ("one,1",)


class TestMail:
    def test_it_is_off_without_a_server(self, tmp_path: Path) -> None:
        held = load(tmp_path)
        assert (held.smtp_host, held.email_verification) == (None, False)
        assert load(tmp_path, EMAIL_VERIFICATION="on").email_verification is True

    def test_with_a_server_addresses_are_verified(self, tmp_path: Path) -> None:
        server = {"SMTP_HOST": "mail.example", "MAIL_FROM": "pay@shop.example"}
        held = load(tmp_path, **server)
        assert (held.smtp_port, held.smtp_security) == (587, "starttls")
        assert held.email_verification is True
        assert load(tmp_path, **server, EMAIL_VERIFICATION="off").email_verification is False
        assert "MAIL_FROM must be set" in faults(tmp_path, SMTP_HOST="mail.example")

    def test_links_lead_to_the_front_end(self, tmp_path: Path) -> None:
        assert (
            load(tmp_path, PUBLIC_URL="https://api.example").frontend_url == "https://api.example"
        )
        held = load(tmp_path, FRONTEND_URL="https://shop.example/")
        assert held.frontend_url == "https://shop.example"


class TestSwitches:
    def test_production_shuts_what_development_opens(self, tmp_path: Path) -> None:
        here, there = load(tmp_path), load(tmp_path, **production_environment())
        assert (here.api_docs, here.admin_second_factor, here.access_log) == (True, False, True)
        assert (there.api_docs, there.admin_second_factor, there.access_log) == (False, True, True)
        assert (here.event_quota_mb, here.key_destruction_days) == (1024, 7)
        assert (here.session_lifetime_days, here.password_hashing_slots) == (30, 1)
