"""Where Stripe may send a browser back to: only web addresses, and only the project's own."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

import idna

from payments.kit.errors import BadInput

LONGEST = 2048
_PORTS = {"http": 80, "https": 443}
# Browsers drop some of these, read a backslash as a slash, and then go somewhere else.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff\s]")
_HOST = re.compile(r"(?!.*\.\.)[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?", re.ASCII)
_IPV6 = re.compile(r"\[([0-9a-f:.]+)\](:[0-9]*)?", re.ASCII)


class UnfitUrl(ValueError):
    """The text is no address that a browser may be sent to; it says why."""


class UnfitForLiveMode(BadInput):
    """The address, or the project, is good enough for test mode only."""


def checked(url: str, allowed_origins: list[str]) -> str:
    """Return the address to give to Stripe, its host in ASCII; UnfitUrl when it will not do.

    With `allowed_origins` its scheme, host and port must be those of one of them. Hosts are
    compared as browsers look them up, in punycode: letters that look alike are not alike.
    """
    parts = _taken_apart(url)
    host = _ascii_host(parts)
    allowed = {found for found in map(find_origin, allowed_origins) if found}
    if allowed_origins and _origin(parts, host) not in allowed:
        raise UnfitUrl("Is not one of the project's allowed origins.")
    return url if url.isascii() else _with_host(url, parts, host)


def demand_live_origins(urls: tuple[str, ...], allowed_origins: list[str]) -> None:
    """Refuse addresses that could send a paying end user anywhere: UnfitForLiveMode.

    That an address is one of the allowed origins is checked already, where there are any.
    https://cheatsheetseries.owasp.org/cheatsheets/Unvalidated_Redirects_and_Forwards_Cheat_Sheet.html
    """
    if not allowed_origins:
        raise UnfitForLiveMode("Live mode needs the project's allowed_origins, and it has none")
    if not all(_taken_apart(url).scheme == "https" for url in urls):
        raise UnfitForLiveMode("In live mode return addresses must begin with https://")


def find_origin(url: str) -> str | None:
    """Return `scheme://host:port` of an address, its host in punycode; None if it is unfit."""
    try:
        parts = _taken_apart(url)
        return _origin(parts, _ascii_host(parts))
    except UnfitUrl:
        return None


def _taken_apart(url: str) -> SplitResult:
    if len(url) > LONGEST:
        raise UnfitUrl(f"Must have at most {LONGEST} characters.")
    if _UNSAFE.search(url):
        raise UnfitUrl("Must not hold spaces, control characters or backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnfitUrl("Is not a valid URL.") from error
    if parts.scheme not in _PORTS:
        raise UnfitUrl("Must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise UnfitUrl("Must not hold a user name or password.")
    if not parts.hostname or port == 0:
        raise UnfitUrl("Must name a host.")
    return parts


def _ascii_host(parts: SplitResult) -> str:
    """Return the host as it is looked up (UTS 46, as browsers do it)."""
    if address := _IPV6.fullmatch(parts.netloc.lower()):
        return f"[{address[1]}]"
    host = _punycode(parts.hostname or "")
    if "[" in parts.netloc or not _HOST.fullmatch(host):
        raise UnfitUrl("Must name a valid host.")
    return host


def _punycode(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode()
    except UnicodeError as error:  # idna's own error is one
        raise UnfitUrl("Must name a valid host.") from error


def _origin(parts: SplitResult, host: str) -> str:
    return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}"


def _with_host(url: str, parts: SplitResult, host: str) -> str:
    port = "" if parts.port is None else f":{parts.port}"
    return url.replace(parts.netloc, f"{host}{port}", 1)
