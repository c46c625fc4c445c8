"""What is stored comes back whole or not at all, from a folder and over real HTTP from S3."""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from payments.invoices import storage
from payments.invoices.storage import (
    LocalStore,
    S3Store,
    StorageUnavailable,
    digest,
    document_key,
    open_store,
)

KEY = "invoices/7/INV-20240115-0001.pdf"
PDF = b"%PDF-1.4 one invoice"
OTHER = b"%PDF-1.4 another"
ACCESS, SECRET = "AKIAEXAMPLE", "very-secret-value"

ESCAPES = [
    "../x.pdf",
    "invoices/../../x.pdf",
    "invoices/7/../8/x.pdf",
    "invoices/7/..pdf",
    "invoices/7/a..pdf",
    "/etc/passwd",
    "/invoices/7/x.pdf",
    "invoices//x.pdf",
    "invoices/7/sub/x.pdf",
    "invoices/7/.hidden.pdf",
    "invoices/7/x.pdf\n",
    "invoices/7/x\x00.pdf",
    "invoices\\7\\x.pdf",
    "invoices/7/x.txt",
    "invoices/seven/x.pdf",
    "invoices/٧/x.pdf",
    "invoices/7/" + "x" * 200 + ".pdf",
    "",
]


class TestDocumentKey:
    def test_plain(self):
        assert document_key(7, "INV-20240115-0001") == KEY

    @pytest.mark.parametrize("number", ["../../8/INV-1", "a/b", "", ".", "x\r\ny", "株式"])
    def test_a_number_that_leads_elsewhere_is_refused(self, number):
        with pytest.raises(ValueError, match="not the key"):
            document_key(7, number)

    def test_a_workspace_that_is_none_is_refused(self):
        with pytest.raises(ValueError, match="not the key"):
            document_key(-1, "INV-1")


class TestLocalStore:
    @pytest.fixture
    def store(self, tmp_path) -> LocalStore:
        return LocalStore(tmp_path / "data")

    def test_comes_back(self, store, tmp_path):
        store.put(KEY, PDF)
        store.put("invoices/8/INV-20240115-0001.pdf", OTHER)

        assert store.get(KEY, sha256=digest(PDF)) == PDF
        assert (tmp_path / "data" / KEY).read_bytes() == PDF

    def test_absent(self, store):
        assert store.get(KEY, sha256=digest(PDF)) is None

    def test_replaced(self, store):
        store.put(KEY, OTHER)
        store.put(KEY, PDF)

        assert store.get(KEY, sha256=digest(PDF)) == PDF
        assert store.get(KEY, sha256=digest(OTHER)) is None

    @pytest.mark.parametrize("stored", [PDF[:-1], PDF + b"x", b"", OTHER])
    def test_damaged_is_not_handed_out(self, store, tmp_path, caplog, stored):
        store.put(KEY, PDF)
        (tmp_path / "data" / KEY).write_bytes(stored)

        with caplog.at_level(logging.WARNING):
            assert store.get(KEY, sha256=digest(PDF)) is None
        assert KEY in caplog.text

    def test_a_huge_file_is_not_loaded(self, store, tmp_path, monkeypatch):
        monkeypatch.setattr(storage, "MAX_BYTES", 10)
        store.put(KEY, PDF)

        assert store.get(KEY, sha256=digest(PDF)) is None

    @pytest.mark.parametrize("key", ESCAPES)
    def test_no_key_leads_out(self, store, tmp_path, key):
        before = sorted(tmp_path.rglob("*"))

        with pytest.raises(ValueError, match="not the key"):
            store.put(key, PDF)
        with pytest.raises(ValueError, match="not the key"):
            store.get(key, sha256=digest(PDF))
        assert sorted(tmp_path.rglob("*")) == before

    def test_no_link_leads_out(self, store, tmp_path):
        outside = tmp_path / "outside"
        outside.mkdir()
        (tmp_path / "data" / "invoices").mkdir(parents=True)
        (tmp_path / "data" / "invoices" / "7").symlink_to(outside)

        with pytest.raises(StorageUnavailable, match="leads out"):
            store.put(KEY, PDF)
        with pytest.raises(StorageUnavailable, match="leads out"):
            store.get(KEY, sha256=digest(PDF))
        assert list(outside.iterdir()) == []

    def test_a_linked_data_folder_is_fine(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        store = LocalStore(tmp_path / "link")
        store.put(KEY, PDF)

        assert store.get(KEY, sha256=digest(PDF)) == PDF


class TestLocalStoreInTrouble:
    @pytest.fixture
    def store(self, tmp_path) -> LocalStore:
        return LocalStore(tmp_path)

    def test_disk_full_in_mid_write_leaves_the_old_document(self, store, tmp_path):
        store.put(KEY, PDF)

        with files_no_longer_than(1000), pytest.raises(StorageUnavailable, match="cannot write"):
            store.put(KEY, OTHER * 1000)
        assert store.get(KEY, sha256=digest(PDF)) == PDF
        assert [each.name for each in (tmp_path / KEY).parent.iterdir()] == [Path(KEY).name]

    def test_a_failed_rename_leaves_nothing_behind(self, store, tmp_path, monkeypatch):
        def refuse(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", refuse)

        with pytest.raises(StorageUnavailable, match="No space left"):
            store.put(KEY, PDF)
        assert list((tmp_path / KEY).parent.iterdir()) == []

    def test_a_file_where_the_folder_should_be(self, store, tmp_path):
        (tmp_path / "invoices").write_text("in the way")

        with pytest.raises(StorageUnavailable, match="cannot write"):
            store.put(KEY, PDF)
        with pytest.raises(StorageUnavailable, match="cannot read"):
            store.get(KEY, sha256=digest(PDF))

    def test_the_document_is_on_the_disk_before_its_name(self, store, monkeypatch):
        calls: list[str] = []
        sync, rename = os.fsync, Path.replace
        monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("sync"), sync(handle))[1])
        monkeypatch.setattr(Path, "replace", lambda *to: (calls.append("rename"), rename(*to))[1])
        store.put(KEY, PDF)

        assert calls == ["sync", "rename", "sync"]

    def test_a_reader_never_sees_half(self, store):
        one, two = b"1" * 2_000_000, b"2" * 2_000_000
        known = {digest(one), digest(two)}
        store.put(KEY, one)
        path = store._path(KEY)
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                store.put(KEY, two)
                store.put(KEY, one)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            seen = {digest(path.read_bytes()) for _ in range(200)}
        finally:
            stop.set()
            writer.join()
        assert seen <= known


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(s3_url):
    return boto3.client(
        "s3",
        endpoint_url=s3_url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
    )


@pytest.fixture
def bucket(client, request) -> str:
    name = f"bucket-{abs(hash(request.node.nodeid))}"
    client.create_bucket(Bucket=name)
    return name


def s3_store(bucket: str, url: str) -> S3Store:
    return S3Store(
        bucket, region="us-east-1", endpoint_url=url, access_key=ACCESS, secret_key=SECRET
    )


class TestS3Store:
    @pytest.fixture
    def store(self, bucket, s3_url) -> S3Store:
        return s3_store(bucket, s3_url)

    def test_comes_back(self, store, client, bucket):
        store.put(KEY, PDF)
        stored = client.get_object(Bucket=bucket, Key=KEY)

        assert store.get(KEY, sha256=digest(PDF)) == PDF
        assert stored["ContentType"] == "application/pdf"
        assert stored["Metadata"] == {"sha256": digest(PDF)}

    def test_absent(self, store):
        assert store.get(KEY, sha256=digest(PDF)) is None

    def test_replaced(self, store):
        store.put(KEY, OTHER)
        store.put(KEY, PDF)

        assert store.get(KEY, sha256=digest(PDF)) == PDF

    @pytest.mark.parametrize("stored", [PDF[:-1], OTHER, b""])
    def test_damaged_or_foreign_is_not_handed_out(self, store, client, bucket, caplog, stored):
        client.put_object(Bucket=bucket, Key=KEY, Body=stored)

        with caplog.at_level(logging.WARNING):
            assert store.get(KEY, sha256=digest(PDF)) is None
        assert KEY in caplog.text

    @pytest.mark.parametrize("key", ESCAPES)
    def test_no_key_leads_out(self, store, key):
        with pytest.raises(ValueError, match="not the key"):
            store.put(key, PDF)
        with pytest.raises(ValueError, match="not the key"):
            store.get(key, sha256=digest(PDF))

    def test_no_such_bucket(self, s3_url):
        store = s3_store("no-such-bucket", s3_url)

        with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
            store.get(KEY, sha256=digest(PDF))
        with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
            store.put(KEY, PDF)

    def test_credentials_from_the_environment(self, bucket, s3_url, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        store = S3Store(bucket, region="us-east-1", endpoint_url=s3_url)
        store.put(KEY, PDF)

        assert store.get(KEY, sha256=digest(PDF)) == PDF

    def test_in_threads(self, store):
        def write(number: int) -> None:
            store.put(document_key(number, "INV-1"), str(number).encode())

        threads = [threading.Thread(target=write, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        for number in range(10):
            data = str(number).encode()
            assert store.get(document_key(number, "INV-1"), sha256=digest(data)) == data


class TestS3StoreInTrouble:
    @pytest.mark.parametrize("status", [500, 503, 403])
    def test_errors_of_the_service(self, faulty, status):
        store = s3_store("any", faulty(status))

        with pytest.raises(StorageUnavailable, match="cannot read"):
            store.get(KEY, sha256=digest(PDF))
        with pytest.raises(StorageUnavailable, match="cannot write"):
            store.put(KEY, PDF)

    def test_tried_twice_and_no_more(self, faulty):
        url = faulty(500)
        with pytest.raises(StorageUnavailable):
            s3_store("any", url).get(KEY, sha256=digest(PDF))

        assert faulty.calls == 2

    def test_a_bare_404_is_absent(self, faulty):
        assert s3_store("any", faulty(404)).get(KEY, sha256=digest(PDF)) is None

    def test_an_answer_that_breaks_off_is_not_handed_out(self, faulty):
        store = s3_store("any", faulty(200, body=PDF[:4], length=5000))

        assert store.get(KEY, sha256=digest(PDF)) is None

    def test_an_answer_that_says_nothing_of_its_kind(self, faulty):
        store = s3_store("any", faulty(200, body=PDF))

        assert store.get(KEY, sha256=digest(PDF)) == PDF

    def test_server_down(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        store = s3_store("any", url)

        with pytest.raises(StorageUnavailable, match="EndpointConnectionError"):
            store.get(KEY, sha256=digest(PDF))
        with pytest.raises(StorageUnavailable, match="EndpointConnectionError"):
            store.put(KEY, PDF)

    def test_a_server_that_never_answers(self, monkeypatch):
        quick = storage.S3_CONFIG.merge(Config(read_timeout=0.2))
        monkeypatch.setattr(storage, "S3_CONFIG", quick)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            store = s3_store("any", f"http://127.0.0.1:{silent.getsockname()[1]}")
            with pytest.raises(StorageUnavailable, match="ReadTimeoutError"):
                store.get(KEY, sha256=digest(PDF))

    def test_the_limits(self):
        assert storage.S3_CONFIG.connect_timeout == 2
        assert storage.S3_CONFIG.read_timeout == 5
        assert storage.S3_CONFIG.retries["total_max_attempts"] == 2

    def test_no_credentials(self, monkeypatch, s3_url):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        store = S3Store("any", region="us-east-1", endpoint_url=s3_url)

        with pytest.raises(StorageUnavailable, match="NoCredentials"):
            store.put(KEY, PDF)

    def test_a_wrong_setting_is_no_crash(self):
        for url in ("not an address", "ftp"):
            with pytest.raises(StorageUnavailable):
                s3_store("any", url).get(KEY, sha256=digest(PDF))

    def test_secrets_stay_out_of_errors_and_logs(self, faulty, caplog):
        with caplog.at_level(logging.INFO), pytest.raises(StorageUnavailable) as raised:
            s3_store("any", faulty(403)).put(KEY, PDF)

        for text in (str(raised.value), caplog.text, repr(s3_store("any", "http://x"))):
            assert SECRET not in text
            assert ACCESS not in text


@dataclass
class Settings:
    data_dir: Path
    invoice_bucket: str | None = None
    aws_region: str | None = None
    aws_endpoint_url: str | None = None


class TestOpenStore:
    def test_a_folder_without_a_bucket(self, tmp_path):
        store = open_store(Settings(tmp_path))
        store.put(KEY, PDF)

        assert isinstance(store, LocalStore)
        assert (tmp_path / "invoices" / "7" / "INV-20240115-0001.pdf").read_bytes() == PDF

    def test_one_client_for_the_process(self, tmp_path):
        one, again, other = (open_store(Settings(tmp_path, name)) for name in "aab")

        assert one is again
        assert one is not other

    def test_a_bucket(self, tmp_path, bucket, s3_url, client, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        store = open_store(Settings(tmp_path, bucket, "us-east-1", s3_url))
        store.put(KEY, PDF)

        assert client.get_object(Bucket=bucket, Key=KEY)["Body"].read() == PDF
        assert list(tmp_path.iterdir()) == []


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """Let the system itself refuse to write on, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Faulty:
    """A service that gives the same wrong answer to everything, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self._servers: list[ThreadingHTTPServer] = []

    def __call__(self, status: int, *, body: bytes = b"", length: int | None = None) -> str:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                outer.calls += 1
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = answer

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    service = Faulty()
    yield service
    service.close()
