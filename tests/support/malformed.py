"""Malformed and unfinished HTTP, by what is wrong with it."""

from __future__ import annotations

from tests.support.doors import head

LOGIN = "/api/auth/login"
JSON = "Content-Type: application/json"


def chunked(*pieces: bytes) -> bytes:
    """Return a request whose body comes in chunks: `pieces` are what stands for them."""
    return head(LOGIN, JSON, "Transfer-Encoding: chunked") + b"".join(pieces)


def sized(length: str, body: bytes = b"") -> bytes:
    """Return a request that says how long its body is, true or not."""
    return head(LOGIN, JSON, f"Content-Length: {length}") + body


# https://www.rfc-editor.org/rfc/rfc9112#section-7.1: a size is hexadecimal digits and nothing else.
CHUNKS = {
    f"chunk of size {size!r}": chunked(size.encode() + b"\r\n")
    for size in ("-6", "-5", "-7", "+6", "0x6", "1_0", "-0", "", "g", "F" * 17, "5 ;a", "5\t;a")
}
LENGTHS = {
    "4,100 zeros and a 9": sized("0" * 4100 + "9"),
    "4,400 digits": sized("9" * 4400),
    "30 digits": sized("9" * 30),
    "zeros before it": sized("00000100", b"{"),
    "a tab before it": sized("\t100", b"{"),
    "a sign": sized("+5"),
    "two lengths": head(LOGIN, JSON, "Content-Length: 5", "Content-Length: 6") + b"{",
    "a length and chunks": head(LOGIN, JSON, "Content-Length: 5", "Transfer-Encoding: chunked"),
}
HALVES = {
    "half a line": b"POST /api/auth",
    "half a head": head(LOGIN, "Content-Length: 5")[:-2],
    "half a body": sized("100", b'{"email": "'),
    "half a chunk": chunked(b"400\r\n{"),
    "chunks without an end": chunked(b"2\r\n{}\r\n"),
    "open trailers": chunked(b"2\r\n{}\r\n0\r\nA: b\r\n"),
    "a chunk with an extension": chunked(b'5;name="a b"\r\n{'),
    "the second of two": head("/healthz", method="GET") + sized("100", b"{"),
    "asked first": head(LOGIN, JSON, "Content-Length: 100", "Expect: 100-continue"),
    "HTTP/1.0": sized("100", b"{").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.0 in chunks": chunked(b"400\r\n{").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "an encoding nobody knows": head(LOGIN, "Transfer-Encoding: gzip, chunked"),
    "a folded line": head(LOGIN, "A: b\r\n c")[:-2],
    "bare line feeds": b"POST /api/auth/login HTTP/1.1\nHost: here\nContent-Length: 100\n\n{",
    "an endless head": head(LOGIN, "A: " + "b" * 200_000)[:-2],
    "nothing": b"",
}
VECTORS = CHUNKS | LENGTHS | HALVES
