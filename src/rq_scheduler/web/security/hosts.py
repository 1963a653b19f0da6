"""Which host names this application answers to, and which origins are its own pages: an allow-list, never what a
request says of itself. Else a web page could bind its own name to 127.0.0.1 and act there as its visitor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from rq_scheduler.errors import InvalidArgument

__all__ = ["LOCAL", "Hosts"]

LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Names that are on every list, at any port."""

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Hosts:
    """The list: the local names, and the public URLs. Raises InvalidArgument for what is no URL of a site."""

    public: tuple[tuple[str, str, int], ...] = ()

    @classmethod
    def of(cls, urls: Iterable[str]) -> Hosts:
        """With these public URLs beside the local names."""
        return cls(tuple(map(_site, urls)))

    def also(self, url: str | None) -> Hosts:
        """With one more, if any."""
        return self if url is None else Hosts((*self.public, _site(url)))

    def answers_to(self, host: str) -> bool:
        """Whether a Host header is on the list."""
        name, port = _split(host)
        if name in LOCAL:
            return port is None or port > 0
        return any(name == known and port in (at, None if at == _PORTS[scheme] else at)
                   for scheme, known, at in self.public)  # fmt: skip

    def is_ours(self, origin: str, host: str) -> bool:
        """Whether an Origin header is that of a page of ours; `host` is a Host header that is on the list. A local
        page is ours at the port of this very request: other ports are other people's."""
        try:
            parts = urlsplit(origin)
            port = parts.port
        except ValueError:
            return False
        if parts.scheme not in _PORTS or origin != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
            return False
        name, _ = _split(parts.netloc)
        at = _PORTS[parts.scheme] if port is None else port
        if (parts.scheme, name, at) in self.public:
            return True
        asked, asked_port = _split(host)
        return name in LOCAL and asked in LOCAL and at == (_PORTS[parts.scheme] if asked_port is None else asked_port)

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by TLS alone."""
        return bool(self.public) and all(scheme == "https" for scheme, _, _ in self.public)


def _site(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    name, _ = _split(parts.netloc)
    if parts.scheme not in _PORTS or not name or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidArgument(
            f"public_url={url!r} is no address of a site: give one such as 'https://jobs.example.com'"
        )
    return parts.scheme, name, _PORTS[parts.scheme] if port is None else port


def _split(host: str) -> tuple[str, int | None]:
    """Name and port; no name where that is no host."""
    name, colon, port = host.lower().rpartition(":") if not host.endswith("]") else (host.lower(), "", "")
    if not colon:
        name, port = host.lower(), ""
    if (colon and not (port.isascii() and port.isdigit() and len(port) < 6)) or not name:
        return "", None
    return name, int(port) if port else None
