"""Redis servers that misbehave: one that is paused, and one behind TLS with its own certificate."""

from __future__ import annotations

import datetime
import ipaddress
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis import Redis

HOST = "127.0.0.1"


@contextmanager
def pause(url: str) -> Iterator[None]:
    """Stop the server's process for the block: connections are taken, nothing is answered."""
    with Redis.from_url(url) as client:
        process = int(client.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@dataclass(frozen=True)
class TlsServer:
    """The address of a Redis behind TLS, and the file of the certificate that signed itself."""

    url: str
    certificate: Path


@contextmanager
def serve_tls(url: str, folder: Path) -> Iterator[TlsServer]:
    """Put TLS before a Redis, with a certificate that only itself vouches for."""
    certificate, key = write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    target = int(url.rpartition(":")[2].partition("/")[0])
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=_serve, args=(listener, context, target), daemon=True).start()
        yield TlsServer(f"rediss://{HOST}:{port}/0", certificate)
        listener.shutdown(socket.SHUT_RDWR)


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate for the loopback; return its file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis of a test")])
    begun = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(begun + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "redis.crt", folder / "redis.key"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret


def _serve(listener: socket.socket, context: ssl.SSLContext, target: int) -> None:
    with suppress(OSError):
        while True:
            plain = listener.accept()[0]
            arguments = (plain, context, target)
            threading.Thread(target=_carry, args=arguments, daemon=True).start()


def _carry(plain: socket.socket, context: ssl.SSLContext, target: int) -> None:
    try:
        client = context.wrap_socket(plain, server_side=True)
    except OSError:  # the client refused the certificate
        plain.close()
        return
    server = socket.create_connection((HOST, target))
    threading.Thread(target=_copy, args=(server, client), daemon=True).start()
    _copy(client, server)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
