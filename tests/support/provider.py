"""A little identity provider: it signs tokens and serves its keys over HTTP on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from payments.auth import key_set
from payments.kit import clock
from tests.support.hostile import read_identity, true_claims

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def private_key(name: str) -> Private:
    """Return the key of that name, the same all along: `rsa...` or `ec...`."""
    if name.startswith("ec"):
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if "short" in name else 2048)


def pem(name: str) -> str:
    key = private_key(name).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(name: str, **more: Any) -> dict[str, Any]:
    """Return the public key as a set holds it."""
    key = private_key(name).public_key()
    maker = ECAlgorithm if name.startswith("ec") else RSAAlgorithm
    return {**maker.to_jwk(key, as_dict=True), "kid": name, "use": "sig", **more}


def token(subject: str, name: str = "rsa", *, kid: Any = "", **claims: Any) -> str:
    """Sign an access token as the provider would; `kid` is the key's name unless given."""
    algorithm = "ES256" if name.startswith("ec") else "RS256"
    headers = {} if kid is None else {"kid": kid or name}
    body = {**true_claims(subject), **claims}
    body = {key: value for key, value in body.items() if value is not None}
    return jwt.encode(body, private_key(name), algorithm, headers=headers)


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part, default=str).encode()).decode().rstrip("=")


def signed_with(secret: bytes, header: dict[str, Any], believed: str) -> str:
    """Sign with HMAC whatever the secret is: PyJWT itself would refuse a PEM.

    User and session are those of the token `believed`.
    """
    moment = int(clock.now().timestamp())
    claims = {"type": "access", "exp": moment + 300, "jti": "1", **read_identity(believed)}
    signing = f"{encoded(header)}.{encoded(claims)}"
    mac = hmac.new(secret, signing.encode(), hashlib.sha256).digest()
    return f"{signing}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


class Provider:
    """What the provider serves, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[Any] = [jwk("rsa")]
        self.status, self.body, self.slow, self.asked = 200, b"", 0.0, 0
        self.url = ""

    def document(self) -> bytes:
        return self.body or json.dumps({"keys": self.keys}).encode()

    def fail(self, fault: str) -> None:
        """Give an answer without keys from now on."""
        bodies = {
            "no json": b"<html>", "no keys": b'{"keys": []}', "deep": b"[" * 100_000,
            "huge": b'{"keys": [], "x": "' + b"y" * key_set.LARGEST + b'"}',
        }  # fmt: skip
        self.status = {"500": 500, "redirect": 302}.get(fault, 200)
        self.body = bodies.get(fault, b"")


@contextmanager
def serving() -> Iterator[Provider]:
    """Serve a key set on a free port."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked += 1
            time.sleep(provider.slow)
            self.send_response(provider.status)
            self.send_header("Location", f"{provider.url}/again")
            self.end_headers()
            self.wfile.write(provider.document())

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield provider
    server.shutdown()
    server.server_close()
    thread.join()
