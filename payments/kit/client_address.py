"""By which address a client is counted."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import request

# What one household or host gets: whoever has one address of it has them all.
# https://www.rfc-editor.org/rfc/rfc6177
_PREFIX = 64


def find_client_network() -> str:
    """Return the client's IPv4 address, or the /64 of its IPv6 address.

    An IPv4 address inside an IPv6 one counts as the IPv4 address. What is no address, as of a
    client on a UNIX socket, is returned as it is.
    """
    raw = request.remote_addr or "unknown"
    try:
        address = ip_address(raw)
    except ValueError:
        return raw
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _PREFIX), strict=False))
