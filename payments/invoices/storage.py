"""Keeps rendered invoices, in a bucket or a folder, and never hands out a damaged one."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/pdf"

# A document is a few dozen kilobytes: anything far beyond is not ours, so don't load it.
MAX_BYTES = 20 * 1024 * 1024

# A download waits for this, so give up early: drawing the invoice anew takes a tenth of a second.
# Checksums only where the service demands them: ours is stronger, and not every compatible
# service knows the new ones.
S3_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 2},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

# One folder a workspace and plain names: nothing in a key can climb out or be hidden.
_KEY = re.compile(r"invoices/\d+/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}\.pdf", re.ASCII)


class StorageUnavailable(Exception):
    """The store can't be reached or written; the caller goes on without it."""


class StorageSettings(Protocol):
    """The settings that choose the store."""

    @property
    def invoice_bucket(self) -> str | None: ...
    @property
    def data_dir(self) -> Path: ...
    @property
    def aws_region(self) -> str | None: ...
    @property
    def aws_endpoint_url(self) -> str | None: ...


class DocumentStore(Protocol):
    """A place for documents by key; what comes back is whole, or it is nothing."""

    def get(self, key: str, *, sha256: str) -> bytes | None:
        """Return the document with that digest, or None when it is absent or another one."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Store the document, whole or not at all, over any earlier one."""
        ...


def open_store(settings: StorageSettings) -> DocumentStore:
    """Return the bucket when one is set, else a folder below the data directory."""
    if settings.invoice_bucket:
        return _bucket(settings.invoice_bucket, settings.aws_region, settings.aws_endpoint_url)
    return LocalStore(settings.data_dir)


def document_key(workspace_id: int, invoice_number: str) -> str:
    """Return the place of an invoice's document, the same in a bucket and in a folder."""
    return _checked(f"invoices/{workspace_id:d}/{invoice_number}.pdf")


def digest(data: bytes) -> str:
    """Return the digest by which a stored document is recognised."""
    return hashlib.sha256(data).hexdigest()


class LocalStore:
    """Documents as files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str, *, sha256: str) -> bytes | None:
        path = self._path(key)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageUnavailable(f"cannot read {key}: {error.strerror}") from error
        return _recognised(key, data, sha256)

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, data)
        except OSError as error:
            raise StorageUnavailable(f"cannot write {key}: {error.strerror}") from error

    def _path(self, key: str) -> Path:
        path = self._folder / _checked(key)
        # The key can't climb out, but a link planted in the folder could lead out.
        if not path.parent.resolve().is_relative_to(self._folder.resolve()):
            raise StorageUnavailable(f"{key} leads out of the folder")
        return path


class S3Store:
    """Documents as objects of one bucket; credentials come from boto3's usual environment."""

    def __init__(
        self,
        bucket: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> None:
        self._bucket = bucket
        # A session of its own: boto3's default one is not safe to share between threads.
        self._session = boto3.session.Session(
            aws_access_key_id=access_key, aws_secret_access_key=secret_key, region_name=region
        )
        self._endpoint_url = endpoint_url
        self._client: Any = None
        self._making = threading.Lock()

    def get(self, key: str, *, sha256: str) -> bytes | None:
        try:
            found = self._s3().get_object(Bucket=self._bucket, Key=_checked(key))
            with found["Body"] as body:
                data = body.read(MAX_BYTES + 1)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
                return None
            raise _unavailable("read", key, error) from error
        except (BotoCoreError, OSError) as error:
            raise _unavailable("read", key, error) from error
        return _recognised(key, data, sha256)

    def put(self, key: str, data: bytes) -> None:
        try:
            self._s3().put_object(
                Bucket=self._bucket,
                Key=_checked(key),
                Body=data,
                ContentType=CONTENT_TYPE,
                Metadata={"sha256": digest(data)},
            )
        except (BotoCoreError, ClientError, OSError) as error:
            raise _unavailable("write", key, error) from error

    def _s3(self) -> Any:
        # Made at the first use, so that a wrong setting costs a stored copy and not the start.
        with self._making:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> Any:
        try:
            return self._session.client("s3", endpoint_url=self._endpoint_url, config=S3_CONFIG)
        except ValueError as error:
            raise StorageUnavailable("the address of the storage service is not valid") from error


@cache
def _bucket(name: str, region: str | None, endpoint_url: str | None) -> S3Store:
    # Kept for the process: a client takes long to make and holds the open connections.
    return S3Store(name, region=region, endpoint_url=endpoint_url)


def _checked(key: str) -> str:
    if ".." in key or not _KEY.fullmatch(key):
        raise ValueError(f"not the key of an invoice document: {key[:200]!r}")
    return key


def _recognised(key: str, data: bytes, sha256: str) -> bytes | None:
    if digest(data) == sha256:
        return data
    log.warning("stored document %s is not the one expected, %d bytes", key, len(data))
    return None


def _unavailable(verb: str, key: str, error: Exception) -> StorageUnavailable:
    # The code or the kind of error alone: a message of the service may quote a credential.
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return StorageUnavailable(f"cannot {verb} {key}: {code or type(error).__name__}")


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside the target and rename: a reader sees the old document or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut too; Windows can't open a folder.
    if os.name == "nt":  # pragma: no cover
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
