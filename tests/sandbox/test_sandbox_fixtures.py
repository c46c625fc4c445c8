"""What an account holds before its story begins, from a file."""

import json

import pytest

from payments.sandbox import __main__ as program
from payments.sandbox.fixtures import load_fixtures
from payments.sandbox.offline import OfflineSandbox
from payments.sandbox.settings import Settings

PRODUCT = {"name": "shirt", "path": "/v1/products", "params": {"id": "shirt", "name": "Shirt"}}
PRICE = {
    "name": "price",
    "path": "/v1/prices",
    "method": "post",
    "params": {
        "product": "${shirt:id}",
        "unit_amount": 900,
        "currency": "usd",
        "active": True,
        "nickname": "${shirt:name} by the piece",
        "metadata": {"sizes": 3},
    },
}


@pytest.fixture
def written(tmp_path):
    """A file with these fixtures."""

    def write(*fixtures):
        path = tmp_path / "fixtures.json"
        path.write_text(json.dumps({"_meta": {"template_version": 0}, "fixtures": fixtures}))
        return str(path)

    return write


@pytest.fixture
def furnished(written):
    settings = Settings(fixtures=load_fixtures(written(PRODUCT, PRICE)))
    sandbox = OfflineSandbox(settings=settings)
    yield sandbox
    sandbox.close()


def listed(sandbox, path, key="sk_test_12345678"):
    return json.loads(sandbox.send("GET", path, key=key).body)["data"]


class TestEachAccount:
    def test_begins_with_them(self, furnished):
        for key in ("sk_test_12345678", "sk_test_87654321", "sk_live_12345678"):
            assert [each["id"] for each in listed(furnished, "/v1/products", key)] == ["shirt"]
            price = listed(furnished, "/v1/prices", key)[0]
            assert (price["product"], price["unit_amount"]) == ("shirt", 900)
            assert price["nickname"] == "Shirt by the piece"
            assert price["metadata"] == {"sizes": "3"}

    def test_gets_them_once(self, furnished):
        key = "sk_test_12345678"
        listed(furnished, "/v1/products")
        furnished.send("DELETE", f"/v1/prices/{listed(furnished, '/v1/prices')[0]['id']}", key=key)
        furnished.send("POST", "/v1/products", {"name": "Hat"}, key=key)
        assert len(listed(furnished, "/v1/products")) == 2

    def test_gets_them_anew_when_it_is_reset(self, furnished):
        key = "sk_test_12345678"
        furnished.send("POST", "/v1/products", {"name": "Hat"}, key=key)
        assert furnished.send("POST", "/_sandbox/reset", key=key).status == 200
        assert [each["id"] for each in listed(furnished, "/v1/products")] == ["shirt"]


class TestFile:
    @pytest.mark.parametrize(
        ("fixture", "reason"),
        [
            ({"path": "/v1/nothing"}, "Unrecognized request URL"),
            ({"path": "/v1/products", "params": {"nonsense": 1}}, "unknown parameter"),
            ({"path": "/v1/products", "params": {"name": ""}}, "empty string"),
            ({"path": "/v1/products", "params": {"name": "${hat:id}"}}, "stands for nothing"),
        ],
    )
    def test_that_is_refused_stops_the_start(self, written, tmp_path, capsys, fixture, reason):
        environ = {"DATA_DIR": str(tmp_path), "SANDBOX_FIXTURES": written(fixture)}
        assert program.main(environ) == 1
        message = capsys.readouterr().err
        assert message.startswith("SANDBOX_FIXTURES")
        assert reason in message
        assert message.count("\n") == 1

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"fixtures": [{"name": "x"}]}'])
    def test_that_is_none_stops_the_start(self, tmp_path, capsys, text):
        path = tmp_path / "fixtures.json"
        path.write_text(text)
        environ = {"DATA_DIR": str(tmp_path), "SANDBOX_FIXTURES": str(path)}
        assert program.main(environ) == 1
        assert capsys.readouterr().err.startswith("SANDBOX_FIXTURES cannot be read")
