"""One HTTP request to an OpenAI-compatible endpoint: the key, time limits, and what the answer's status means."""

import json
import os
import ssl
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx2

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
        content = json.dumps(body).encode()
        try:
            with httpx2.Client(timeout=self.timeout, verify=_trust()) as client:
                deadline = time.monotonic() + self.timeout
                with client.stream("POST", url, content=content, headers=headers) as response:
                    text = _hide(key, _read(response, deadline))
        except httpx2.TimeoutException:
            raise EndpointError(
                f"{url} did not answer within {self.timeout:g} s; raise timeout", passing=True
            ) from None
        except httpx2.HTTPError as error:
            raise _unreachable(url, error) from None
        if not response.is_success:
            raise self._refused(url, response, text)
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
            # Checked here, since a client would show the header in its message.
            raise EndpointError(f"${self.api_key_env} holds characters that no key has; set it to the key alone")
        return key

    def _refused(self, url: str, response: httpx2.Response, text: str) -> EndpointError:
        status = response.status_code
        reason, code = _reason(text)
        message = f"{url} answers {status}: {reason or response.reason_phrase}"
        if status in (401, 403):
            return EndpointError(f"{message}; set ${self.api_key_env} to a key that may use the model", status)
        if status == 404:
            return EndpointError(f"{message}; check the model's name, and that base_url ends with '/v1'", status)
        if response.is_redirect:  # not followed: the key would go wherever it leads
            return EndpointError(f"{message}; it redirects, set base_url to where it leads", status)
        passing = status in _PASSING and code != "insufficient_quota"
        return EndpointError(message, status, passing, _seconds(response.headers.get("Retry-After")))


@cache
def _trust() -> ssl.SSLContext:
    """Return what certificates are checked with, which takes long to make."""
    return httpx2.create_ssl_context()


def _read(response: httpx2.Response, deadline: float) -> str:
    """Return the text of a response, within bounds that httpx2 has for its pieces only."""
    parts, size = [], 0
    try:
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if time.monotonic() > deadline:
                raise httpx2.ReadTimeout("dripping")
            if size > _LARGEST:
                raise httpx2.ReadError(f"the answer is longer than {_LARGEST >> 20} MiB")
    except httpx2.HTTPError:
        if response.is_success:
            raise
        parts = []  # the status says enough
    return b"".join(parts).decode("utf-8", errors="replace")


def _unreachable(url: str, error: httpx2.HTTPError) -> EndpointError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError | ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return EndpointError(f"{url} cannot be trusted: {cause.verify_message}; install its certificate")
    what = "refuses connections" if cause is not None else f"cannot be reached ({error})"
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
