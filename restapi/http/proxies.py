"""Who asks, and under which id: by proxies whose word is taken, or else as the connection says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from aiida_like.errors import TargetError
from restapi.http.exchange import REQUEST_ID

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

GIVEN_ID = "HTTP_X_REQUEST_ID"
"""Key of the id of a request that was sent along."""

_is_plain = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}").fullmatch
"""Whether an id can stand in a header and in a line of a log."""

_ALL = ("0.0.0.0/0", "::/0")


class Proxies:
    """Proxies whose `X-Forwarded-For` and `X-Request-ID` are believed: these, and whoever is behind a Unix socket."""

    def __init__(self, addresses: str) -> None:
        """`addresses` and networks are separated by commas; `*` stands for all.

        Raises:
            TargetError: one is none.
        """
        parts = (each for part in _parts(addresses) for each in (_ALL if part == "*" else (part,)))
        self._networks = tuple(map(_network, parts))

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses and networks as everybody writes them, without bits beyond a mask; `*` alone for all."""
        networks = tuple(map(str, self._networks))
        if set(_ALL) <= set(networks):
            return ("*",)
        return tuple(
            each.removesuffix(f"/{network.max_prefixlen}")
            for each, network in zip(networks, self._networks, strict=True)
        )

    def take_id(self, environ: WSGIEnvironment) -> None:
        """Takes the id over that was sent along, if a proxy did so."""
        given = environ[GIVEN_ID]
        if _is_plain(given) and self._trusts(environ.get("REMOTE_ADDR", "")):
            environ[REQUEST_ID] = given

    def client(self, environ: WSGIEnvironment) -> str | None:
        """The address of the client: the last one that is not of a proxy. None behind a Unix socket without a proxy."""
        client = _plain(environ.get("REMOTE_ADDR", ""))
        hops = _parts(environ.get("HTTP_X_FORWARDED_FOR", ""))
        while hops and self._trusts(client) and _is_address(hops[-1]):
            client = hops.pop()
        return client or None

    def _trusts(self, address: str) -> bool:
        return not address or _is_in(_plain(address), self._networks)


def _plain(address: str) -> str:
    """An address of IPv4 as such, as which a listener for both versions does not show it: `::ffff:127.0.0.1`."""
    start, _, plain = address.rpartition(":")
    return plain if start == "::ffff" and "." in plain else address


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise TargetError(
            f"the setting TRUSTED_PROXIES takes addresses and networks, or * for all, not {text!r}"
        ) from None


@lru_cache(maxsize=256)
def _is_in(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
