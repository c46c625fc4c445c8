"""The one place that makes Redis clients: short time-outs, no retries, one circuit breaker.

Redis only wakes workers and counts requests; the database holds the truth. A Redis that hangs must
therefore cost a request a fraction of a second once, and nothing from then on.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

from redis import Connection, ConnectionPool, Redis, SSLConnection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError, TimeoutError
from redis.retry import Retry

from payments.kit.circuit import Circuit

# Seconds to connect, and to wait for an answer. Redis answers within milliseconds or is not well.
TIMEOUT_SECONDS = 0.4

_LOST = (RedisConnectionError, TimeoutError, OSError)


class RedisLeftAlone(RedisConnectionError):
    """Redis did not answer lately and is not asked now; the text is the reason of that time."""


class _Reporting:
    """Tells the circuit how each exchange with the server ended."""

    def __init__(self, *, circuit: Circuit, **options: Any) -> None:
        self._circuit = circuit
        super().__init__(**options)

    def connect(self) -> None:
        self._report(super().connect)  # type: ignore[misc]

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        self._report(super().send_packed_command, *args, **options)  # type: ignore[misc]

    def read_response(self, *args: Any, **options: Any) -> Any:
        answer = self._report(super().read_response, *args, **options)  # type: ignore[misc]
        self._circuit.record_success()
        return answer

    def _report(self, exchange: Any, *args: Any, **options: Any) -> Any:
        try:
            return exchange(*args, **options)
        except _LOST as error:
            self._circuit.record_failure(tell_reason(error))
            raise


class ReportingConnection(_Reporting, Connection):
    """A connection that tells the circuit."""


class ReportingSSLConnection(_Reporting, SSLConnection):
    """The same over TLS."""


class GuardedPool(ConnectionPool):
    """Connections of one process; while the circuit is open they are refused without a wait."""

    def __init__(self, *, circuit: Circuit, **options: Any) -> None:
        self.circuit = circuit
        super().__init__(circuit=circuit, **options)

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """Return a connection that is ready; raise RedisLeftAlone while the circuit is open."""
        if not self.circuit.admits_call():
            # What is still pooled may hang as well: each would cost its time-out later.
            self.disconnect(inuse_connections=False)
            raise RedisLeftAlone(self.circuit.reason)
        return super().get_connection(*args, **options)


def make_client(url: str, *, verify: bool | str = True) -> Redis:
    """Return a client whose pool, time-outs and circuit are shared by all threads.

    `verify` is what `REDIS_TLS_VERIFY` says: True, False, or the path of a CA file.
    """
    secure = is_tls(url)
    pool = GuardedPool.from_url(
        url,
        connection_class=ReportingSSLConnection if secure else ReportingConnection,
        circuit=Circuit("Redis"),
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        **(tls_options(verify) if secure else {}),
    )
    return Redis(connection_pool=pool)


def circuit_of(client: Redis) -> Circuit:
    """Return the circuit that a client of `make_client` obeys."""
    circuit: Circuit = client.connection_pool.circuit  # type: ignore[attr-defined]
    return circuit


def tls_options(verify: bool | str) -> dict[str, Any]:
    """Return how a server's certificate is checked, as redis-py and kombu both understand it.

    https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-use-ssl
    """
    if verify is False:
        return {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    checked: dict[str, Any] = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    return checked if verify is True else {**checked, "ssl_ca_certs": verify}


def broker_tls(url: str, verify: bool | str) -> dict[str, Any] | bool:
    """Return Celery's `broker_use_ssl` for the address: the options, or False without TLS."""
    return tls_options(verify) if is_tls(url) else False


def is_tls(url: str) -> bool:
    """Return whether the address asks for TLS."""
    return url.startswith("rediss://")


def was_answered(error: BaseException) -> bool:
    """Return whether Redis itself refused a command: it is read-only or full, and well reached."""
    return any(isinstance(cause, ResponseError) for cause in _causes(error))


def tell_reason(error: BaseException) -> str:
    """Return in a few words why Redis could not be used; no address, no secret."""
    for cause in _causes(error):
        if isinstance(cause, RedisLeftAlone):
            return str(cause)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate refused: {cause.verify_message}"
        if isinstance(cause, TimeoutError):
            return "no answer in time"
    return "refused the command" if was_answered(error) else "no connection"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
