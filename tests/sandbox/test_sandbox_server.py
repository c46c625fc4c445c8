"""The process and its HTTP: starting, stopping, limits, speed."""

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests

from payments.sandbox import __main__ as program
from payments.sandbox.server import Sandbox
from payments.sandbox.store import Store


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def raw(sandbox, text):
    """Everything the server says to these bytes."""
    with socket.create_connection(("127.0.0.1", sandbox.port), 5) as connection:
        connection.sendall(text)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts)


class TestProcess:
    def test_serves_keeps_its_data_and_stops_cleanly(self, tmp_path, free_port, http):
        environ = {"SANDBOX_PORT": str(free_port), "DATA_DIR": str(tmp_path / "data")}
        key = ("sk_test_12345678", "")
        seen = []
        for _ in range(2):
            process = subprocess.Popen(
                [sys.executable, "-m", "payments.sandbox"],
                env=environ,
                stdout=subprocess.PIPE,
                text=True,
            )
            try:
                assert "sandbox ready on" in process.stdout.readline()
                url = f"http://127.0.0.1:{free_port}/v1/customers"
                http.post(url, auth=key, timeout=5)
                seen.append(len(http.get(url, auth=key, timeout=5).json()["data"]))
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(5) == 0
                process.stdout.close()
        assert seen == [1, 2]


class TestMain:
    def test_says_so_when_the_port_is_taken(self, sandbox, tmp_path, capsys):
        environ = {"SANDBOX_PORT": str(sandbox.port), "DATA_DIR": str(tmp_path)}
        assert program.main(environ) == 1
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert f"cannot listen on 127.0.0.1:{sandbox.port}" in message

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SANDBOX_PORT", "http"),
            ("SANDBOX_PORT", "65536"),
            ("SANDBOX_SEARCH_LAG", "soon"),
            ("SANDBOX_WEBHOOK_RETRIES", "1,x"),
        ],
    )
    def test_names_what_is_set_wrong(self, tmp_path, capsys, name, value):
        assert program.main({"DATA_DIR": str(tmp_path), name: value}) == 1
        assert name in capsys.readouterr().err

    def test_serves_until_told_to_stop(self, tmp_path, capsys, monkeypatch):
        handlers = {}
        monkeypatch.setattr(program.signal, "signal", handlers.__setitem__)
        environ = {"SANDBOX_PORT": "0", "DATA_DIR": str(tmp_path), "SANDBOX_WEBHOOK_RETRIES": "1"}
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(program.main, environ)
            while signal.SIGINT not in handlers:
                time.sleep(0.01)
            handlers[signal.SIGTERM](signal.SIGTERM, None)
            assert running.result(5) == 0
        assert "sandbox ready on http://127.0.0.1:" in capsys.readouterr().out


class TestHttp:
    def test_keeps_connections_open(self, sandbox, key):
        request = f"GET /v1/balance HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        answer = raw(sandbox, (f"{request}\r\n{request}Connection: close\r\n\r\n").encode())
        assert answer.count(b"HTTP/1.1 200") == 2

    def test_answers_head_without_a_body(self, call):
        assert call("HEAD", "/").text == ""

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            (b"Content-Length: 2000000\r\n", b"413"),
            (b"Content-Length: many\r\n", b"400"),
            (b"Transfer-Encoding: chunked\r\n", b"411"),
        ],
    )
    def test_limits_bodies(self, sandbox, headers, status):
        answer = raw(sandbox, b"POST /v1/customers HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b'"error"' in answer

    def test_survives_connections_that_end_early(self, sandbox, call):
        for _ in range(3):
            connection = socket.create_connection(("127.0.0.1", sandbox.port), 5)
            connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
            connection.sendall(b"POST /v1/customers HTTP/1.1\r\nContent-Length: 50\r\n\r\nname")
            connection.close()
        assert call("GET", "/v1/balance").status_code == 200

    def test_a_bug_in_a_page_is_a_500(self, sandbox, call, monkeypatch):
        monkeypatch.setattr(sandbox._app, "_pages", None)
        assert call("GET", "/").status_code == 500

    def test_cannot_listen_twice(self, sandbox):
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=sandbox.port)

    def test_hangs_up_when_it_stops(self, tmp_path):
        key = ("sk_test_12345678", "")
        database = str(tmp_path / "sandbox.sqlite3")
        with requests.Session() as session:
            with Sandbox(database=database) as first:
                session.post(f"{first.url}/v1/customers", auth=key, timeout=5)
            with pytest.raises(requests.ConnectionError):
                session.get(f"{first.url}/v1/customers", auth=key, timeout=5)
            with Sandbox(database=database, port=first.port) as second:
                listed = session.get(f"{second.url}/v1/customers", auth=key, timeout=5)
                assert len(listed.json()["data"]) == 1

    def test_stops_without_having_started(self):
        Sandbox().stop()


class TestSpeed:
    def test_an_answer_never_waits_for_the_network_stack(self, v1, customer):
        """Nagle's algorithm with delayed acknowledgements would cost 40 ms a call."""
        times = []
        for _ in range(50):
            started = time.perf_counter()
            v1.customers.retrieve(customer.id)
            times.append(time.perf_counter() - started)
        assert sorted(times)[25] < 0.02

    def test_thirty_threads_at_once(self, v1, customer, saved_card, pay):
        method = saved_card()
        barrier = threading.Barrier(30)

        def charge(_):
            barrier.wait()
            return pay(method=method, customer=customer.id, off_session=True).status

        with ThreadPoolExecutor(30) as pool:
            assert set(pool.map(charge, range(30))) == {"succeeded"}
        assert len(v1.charges.list({"limit": 100}).data) == 30


def test_a_file_of_an_earlier_sandbox_is_brought_up_to_date(tmp_path):
    file = tmp_path / "sandbox.sqlite3"
    with closing(sqlite3.connect(file)) as earlier:
        earlier.execute(
            "CREATE TABLE objects (seq INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT, kind TEXT,"
            " id TEXT, created INTEGER, deleted INTEGER DEFAULT 0, data TEXT, private TEXT)"
        )
        earlier.execute(
            "INSERT INTO objects (scope, kind, id, created, data, private) VALUES"
            " ('a/test', 'charge', 'ch_1', 1, '{\"id\": \"ch_1\", \"customer\": \"cus_1\"}', '{}')"
        )
        earlier.commit()
    store = Store(str(file))
    found = store.objects("a/test").all("charge", customer="cus_1")
    assert [record.id for record in found] == ["ch_1"]
    store.close()
