"""One HTTP request to an OpenAI-compatible endpoint: the key, time limits, and what the answer's status means."""

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from ttom_pl.io.ranges import check_range

OPENAI = "https://api.openai.com/v1"
"""OpenAI's own endpoint."""
_LARGEST = 8 << 20
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}


class EndpointError(ValueError):
    """An endpoint that gives no answer.

    Args:
        message: what happened and what to do.
        status: the HTTP status, 0 where there was no response.
        passing: whether it may work when tried again.
        retry_after: seconds after which the server wants to be asked again.
    """

    def __init__(self, message: str, status: int = 0, passing: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.passing = passing
        self.retry_after = retry_after


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: urllib would send the key to wherever they lead."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint.

    Attributes:
        base_url: its address up to and with ``/v1``.
        api_key_env: the environment variable that holds the key. It is read for each request and kept nowhere; without
            it requests carry no key, as local servers want it.
        timeout: seconds that one request may take.

    Raises:
        ValueError: if the address is none, or carries a password.
    """

    base_url: str
    api_key_env: str
    timeout: float

    def __post_init__(self) -> None:
        check_range("timeout", self.timeout, above=0, meaning="seconds")
        try:
            parts = urllib.parse.urlsplit(self.base_url)
            sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            sound = False
        if "@" in self.base_url or "?" in self.base_url:
            raise ValueError(f"base_url carries a user, password or query; put the key in ${self.api_key_env} instead")
        plain = self.base_url.isascii() and self.base_url.isprintable() and " " not in self.base_url
        if not sound or not plain or parts.scheme not in ("http", "https"):
            raise ValueError(f"base_url is {self.base_url!r}; give an address such as 'http://localhost:8000/v1'")

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a JSON object and return the one that comes back.

        Raises:
            EndpointError: if none comes back; the key is not in its message, even where the server repeats it.
        """
        key = self._key()
        url = f"{self.base_url.rstrip('/')}/{path}"
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "ttom_pl"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        try:
            text = _hide(key, self._send(request))
        except urllib.error.HTTPError as error:
            raise self._refused(url, error, key) from None
        except TimeoutError:
            raise self._late(url) from None
        except urllib.error.URLError as error:
            raise self._unreachable(url, error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(url, error) from None
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise EndpointError(
                f"{url} answers with no JSON object but {text[:80]!r}; does base_url end with the API's '/v1'?",
                passing=True,
            )
        return data

    def _key(self) -> str:
        key = os.environ.get(self.api_key_env, "").strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            # Checked here, since http.client would show the whole header in its message.
            raise EndpointError(f"${self.api_key_env} holds characters that no key has; set it to the key alone")
        return key

    def _send(self, request: urllib.request.Request) -> str:
        deadline = time.monotonic() + self.timeout
        opener = urllib.request.build_opener(_NoRedirect)
        parts, size = [], 0
        with opener.open(request, timeout=self.timeout) as response:
            # The socket's limit is for each piece; a server that drips them would hold us for ever.
            while part := response.read1(65536):
                parts.append(part)
                size += len(part)
                if time.monotonic() > deadline:
                    raise TimeoutError
                if size > _LARGEST:
                    raise http.client.HTTPException(f"the answer is longer than {_LARGEST >> 20} MiB")
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
        return b"".join(parts).decode("utf-8", errors="replace")

    def _refused(self, url: str, error: urllib.error.HTTPError, key: str) -> EndpointError:
        try:
            text = error.read(65536).decode("utf-8", errors="replace")
        except (OSError, http.client.HTTPException):
            text = ""
        reason, code = _reason(_hide(key, text))
        message = f"{url} answers {error.code}: {reason or error.reason}"
        if error.code in (401, 403):
            return EndpointError(f"{message}; set ${self.api_key_env} to a key that may use the model", error.code)
        if error.code == 404:
            return EndpointError(f"{message}; check the model's name, and that base_url ends with '/v1'", error.code)
        if 300 <= error.code < 400:
            return EndpointError(f"{message}; it redirects, set base_url to where it leads", error.code)
        passing = error.code in _PASSING and code != "insufficient_quota"
        return EndpointError(message, error.code, passing, _seconds(error.headers.get("Retry-After")))

    def _late(self, url: str) -> EndpointError:
        return EndpointError(f"{url} did not answer within {self.timeout:g} s; raise timeout", passing=True)

    def _unreachable(self, url: str, reason: object) -> EndpointError:
        if isinstance(reason, TimeoutError):
            return self._late(url)
        if isinstance(reason, ssl.SSLCertVerificationError):
            return EndpointError(f"{url} cannot be trusted: {reason.verify_message}; install its certificate")
        what = "refuses connections" if isinstance(reason, ConnectionRefusedError) else f"cannot be reached ({reason})"
        return EndpointError(f"{url} {what}; start the server, or correct base_url", passing=True)


def _hide(key: str, text: str) -> str:
    return text.replace(key, "***") if key else text


def _reason(text: str) -> tuple[str, str]:
    """Return what an error response says, and its code; servers differ in where they put it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return " ".join(text.split())[:300], ""
    error = data.get("error", data) if isinstance(data, dict) else data
    if isinstance(error, dict):
        said = error.get("message") or error.get("detail") or error
        return str(said)[:300], str(error.get("code") or "")
    return str(error)[:300], ""


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which gives them or a date."""
    if not retry_after:
        return None
    try:
        return max(float(retry_after), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return None
