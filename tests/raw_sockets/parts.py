"""What requests are made of: lines, headers, bodies and their lengths, most of them wrong."""

from __future__ import annotations

import json
from random import Random

ODD_BYTES = (
    b"\x00", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b"\xff\xfe", b"\x80", b"%",
    b"\x1b[2J", b"\xc3\x28", b"A" * 9000,
)  # fmt: skip
_METHODS = (
    b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT",
    b"PROPFIND", b"get", b"", b"G\x00T", b"M" * 300, b"POST\tGET", "GÉT".encode(),
)  # fmt: skip
# /readyz is left out: without a worker, 503 is its right answer.
_PATHS = (
    b"/healthz", b"/api/auth/login", b"/api/auth/me", b"/api/v1/auth/login", b"/api/workspaces",
    b"/api/payments/webhook", b"/api/pricing-plans", b"/api/v1/projects/", b"/nothing", b"/",
    b"*", b"", b"//healthz", b"/../../etc/passwd", b"/%00", b"/%ff%fe", b"/%2e%2e/", b"/\x00",
    b"http://here/healthz", b"https://elsewhere:99999999/healthz", b"http://[::1/x", b"here:443",
    b"/healthz?" + b"a=b&" * 3000, b"/" + b"a" * 20_000, b"/healthz#x", b"/?\xff", "/é".encode(),
)  # fmt: skip
_VERSIONS = (
    *(b" HTTP/1.1",) * 10, b" HTTP/1.0", b" HTTP/0.9", b"", b" HTTP/2.0", b" HTTP/1.9",
    b" HTTP/9999999999.1", b" HTTP/1.1.1", b" HTTP/", b" ICY/1.1", b" http/1.1", b" HTTP/-1",
)  # fmt: skip
_HEADERS = (
    b"Host: there", b"Host:", b"Connection: close", b"Connection: keep-alive, upgrade",
    b"Upgrade: websocket", b"Upgrade: h2c", b"Expect: 100-continue", b"Expect: nothing",
    b"Accept: */*", b"Accept-Encoding: gzip;q=9999", b"Range: bytes=0-,-1,9-3", b"Cookie: a=" +
    b"b" * 5000, b"Authorization: Bearer \x00", b"Authorization: Basic %%%", b"X: \xff\xfe",
    b"X-Forwarded-For: 1.2.3.4, \x00, " + b"9" * 500, b"Forwarded: for=\"[::1\"",
    b"X-Forwarded-Proto: javascript", b"X_Odd: 1", b"No-Colon", b": no name", b"Space : before",
    b" folded: line", b"Tab:\tvalue", b"Trailer: Content-Length", b"TE: trailers",
    b"Content-Type: application/json; charset=\xff", b"Content-Type: multipart/form-data",
    b"Content-Encoding: gzip", b"If-Modified-Since: " + b"9" * 100, b"X-Request-ID: a\rb",
    b"traceparent: 00-" + b"0" * 200, b"X-Project-ID: \x00", b"Idempotency-Key: " + b"k" * 3000,
    b"Stripe-Signature: t=1e999,v1=\xff",
)  # fmt: skip
_LENGTHS = (
    b"0", b"1", b"-1", b"+5", b"5 5", b"5,5", b"0x10", b"1e3", b"", b" ", b"\x00", b"9" * 20,
    b"9" * 4301, b"0" * 4100 + b"9", b"1048576", b"1048577", b"99999999999", b"1_0", b"5\t",
    "٣".encode(),
)  # fmt: skip
_SIZES = (
    b"-6", b"+6", b"0x6", b"1_0", b"-0", b"", b"g", b"F" * 17, b"f" * 5000, b"5 ;a", b"5;" +
    b"x" * 3000, b"0", b"00000", b"5\n", b"\x00", b"80000000", b"7fffffffffffffff",
)  # fmt: skip
_CODINGS = (
    *(b"chunked",) * 8, b"gzip, chunked", b"chunked, chunked", b"xchunked", b"identity", b"",
    b"chunked ", b"\x0bchunked", b"Chunked", b"chunked;q=1",
)  # fmt: skip
OTHER_PROTOCOLS = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 506,  # TLS: a ClientHello
    b"SSH-2.0-OpenSSH_9.2\r\n", b"EHLO here\r\nQUIT\r\n", b"*1\r\n$4\r\nPING\r\n",
    b"GET /healthz\r\n\r\n", b"GET /healthz\n", b"\r\n" * 50 + b"GET /healthz HTTP/1.1\r\n\r\n",
    b"\x05\x01\x00", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /healthz HTTP/1.1\r\n\r\n",
    b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11", b"\x00" * 4096,
)  # fmt: skip


def make_request_line(chance: Random) -> bytes:
    """Return a first line, right in most of its parts."""
    method = chance.choice(_METHODS[:2] if chance.random() < 0.7 else _METHODS)
    path = chance.choice(_PATHS[:8] if chance.random() < 0.7 else _PATHS)
    version = chance.choice(_VERSIONS[:11] if chance.random() < 0.7 else _VERSIONS)
    return method + chance.choice((*(b" ",) * 40, b"  ", b"\t")) + path + version


def make_headers(chance: Random) -> list[bytes]:
    """Return some headers; now and then so many or so long that no head may hold them."""
    if chance.random() < 0.03:
        return [b"X-%d: y" % number for number in range(chance.choice((200, 6000)))]
    if chance.random() < 0.03:
        return [b"X: " + b"y" * chance.choice((65_000, 66_000, 300_000))]
    return [chance.choice(_HEADERS) for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 5)))]


def make_body(chance: Random) -> tuple[list[bytes], bytes]:
    """Return the headers that announce a body, and a body that agrees with them or does not."""
    text = _make_text(chance)
    how = chance.choice((0, 0, 0, 1, 1, 2, 3, 4, 5))
    if how == 0:
        return [], b""
    if how <= 2:
        return [b"Content-Type: application/json", b"Content-Length: %d" % len(text)], text
    if how == 3:
        return [b"Content-Length: " + chance.choice(_LENGTHS)], text
    framing = [b"Transfer-Encoding: " + chance.choice(_CODINGS)]
    if how == 5:
        framing += [b"Content-Length: " + chance.choice((b"5", b"0", b"%d" % len(text)))]
    return framing, _chunk(chance, text)


def _make_text(chance: Random) -> bytes:
    """Return a body; none logs anybody in, as hashing passwords is slow for its own reasons."""
    if chance.random() < 0.01:
        return b"x" * chance.choice((1_048_576, 1_048_577, 1_300_000))
    return chance.choice((
        b"", b"{}", b"{", b"[" * 5000, b"\x00" * 20, b"null", b"\xff\xfe{", b"9" * 5000,
        json.dumps({"email": "x" * 400}).encode(), b'{"a":' * 2000, b"a=b&c=d",
    ))  # fmt: skip


def _chunk(chance: Random, text: bytes) -> bytes:
    """Write a body in chunks, some of whose sizes or ends are wrong."""
    written = b""
    for _ in range(chance.randint(1, 4)):
        size = b"%x" % len(text) if chance.random() < 0.6 else chance.choice(_SIZES)
        written += size + b"\r\n" + text + chance.choice((*(b"\r\n",) * 6, b"", b"\n", b"x"))
    end = chance.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nA: b\r\n\r\n", b"0\r\nA", b"", b"0"))
    return written + end
