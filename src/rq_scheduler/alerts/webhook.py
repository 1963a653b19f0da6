"""Programs that are told: JSON, POSTed and signed as Standard Webhooks has it (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rq_scheduler._version import __version__
from rq_scheduler.alerts.receivers import Message
from rq_scheduler.errors import InvalidArgument, NotDelivered
from rq_scheduler.views.serializers import iso

if TYPE_CHECKING:
    import requests

__all__ = ["Webhook"]

_PREFIX = "whsec_"
_FEWEST_BYTES = 24
_HOW = """python -c "import base64, os; print('whsec_' + base64.b64encode(os.urandom(32)).decode())" makes one"""


class Webhook:
    """POSTs messages to one address. Raises InvalidArgument, which shows neither address nor secret, for an address
    that is none of HTTP, a secret that is none, and where a library is missing."""

    def __init__(self, url: str, secret: str, timeout: float) -> None:
        try:
            import requests
            from standardwebhooks.webhooks import Webhook as Signer
        except ModuleNotFoundError as error:
            raise InvalidArgument(
                f"webhook: {error.name} is missing, of the extra [alerts]: pip install standardwebhooks requests"
            ) from None
        _check_address(url)
        _check_secret(secret)
        self._url, self._timeout = url, timeout
        self._signer = Signer(secret)
        self._post = requests.post

    def __call__(self, message: Message) -> str:
        """What was answered. Raises NotDelivered for all but 2xx."""
        body = json.dumps({"type": "rq_scheduler.alert", "timestamp": iso(message.at), "data": message.data})
        sent_at = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "user-agent": f"rq-scheduler/{__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": self._signer.sign(message.id, sent_at, body),
        }
        import requests

        try:
            # A redirection would take the message, and its signature, to where nobody has said that it may go.
            with self._post(
                self._url, body.encode(), headers=headers, timeout=self._timeout, allow_redirects=False, stream=True
            ) as answer:
                status, reason = answer.status_code, answer.reason or ""
        except requests.RequestException as error:
            raise NotDelivered(_words(error)) from None
        if not 200 <= status < 300:
            where = ": the address has moved; give the one that it leads to" if 300 <= status < 400 else ""
            raise NotDelivered(f"HTTP {status} {reason}".rstrip() + where)
        return f"HTTP {status} {reason}".rstrip()


def _words(error: requests.RequestException) -> str:
    """What happened: the library's own text has the address in it."""
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate is refused"
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.errno and found.strerror:
            return found.strerror
        reason = getattr(found, "reason", None) or next((a for a in found.args if isinstance(a, BaseException)), None)
        found = reason if isinstance(reason, BaseException) else found.__cause__ or found.__context__
    return f"no connection ({type(error).__name__})"


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fit = False
    if not is_fit or any(one.isspace() for one in url):
        raise InvalidArgument("webhook is no address of HTTP: give one such as https://example.com/hooks/rq")


def _check_secret(secret: str) -> None:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(f"secret is no secret of Standard Webhooks, 'whsec_' and base64: {_HOW}") from None
    if len(key) < _FEWEST_BYTES:
        raise InvalidArgument(f"secret is of {len(key)} bytes, and has to be of {_FEWEST_BYTES} or more: {_HOW}")
