"""Sources on the web -> files on the disk, asked politely and only for what is new. (`capmap refresh`)

Nothing here reads figures, so nothing needs polars. Credentials come from the environment, go to the host that the
run file names, and are in no message: whatever is said about an address goes through `shown` and `Secrets`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import logging
import os
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from capmap.data.disk import settle, writing
from capmap.data.findings import finding, unreadable
from capmap.errors import Finding, UnreadableError, UsageError
from capmap.model import SourceSection

if TYPE_CHECKING:
    import httpx2

REDIRECTS = 5  #: hops that are followed
PATIENCE = 20  #: times `timeout` that a whole download may take
LONGEST_WAIT = 120.0  #: seconds that a server may ask for with Retry-After
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  #: statuses after which a server is asked again
SLACK = 1 << 16  #: bytes by which an answer may be longer than what it unpacks to
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")  #: variables that the client takes proxies from

ACCEPT = {
    "url": "*/*",
    "sdmx": "application/vnd.sdmx.data+csv;version=2.0.0, application/vnd.sdmx.data+csv;version=1.0.0;q=0.9, text/csv;q=0.8",
    "jsonstat": "application/json",
}
#: Kinds of content that are never the figures asked for.
WRONG = {
    "url": r"text/html|application/(?:xhtml\+xml|pdf|json|.*\+json)|(?:image|audio|video|font)/",
    "sdmx": r"text/html|application/(?:xhtml\+xml|pdf|json|.*\+json|xml|.*\+xml)|text/xml|(?:image|audio|video|font)/",
    "jsonstat": r"text/(?:html|csv|xml)|application/(?:xhtml\+xml|pdf|xml|.*\+xml|.*\+csv)|(?:image|audio|video|font)/",
}
_HEADER = re.compile(r"[!-~](?:[\t -~]*[!-~])?")  #: what can be sent as the value of a header
_SECRET = re.compile(r"key|token|secret|passw|pwd|auth|sig|credential|session", re.IGNORECASE)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Secrets:
    """What must never be seen; `hide` puts stars in its place."""

    values: tuple[str, ...] = field(default=(), repr=False)

    def hide(self, text: str) -> str:
        """The text with every secret replaced, also where it was escaped for an address."""
        for value in sorted(self.values, key=len, reverse=True):
            for written in {value, quote(value), quote(value, safe="")}:
                text = text.replace(written, "***")
        return text


@dataclass(frozen=True)
class Known:
    """What the last answer said of itself, so that the next request can ask for news only."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Download:
    """An answer on the disk."""

    path: Path
    sha256: str
    size: int
    etag: str | None
    last_modified: str | None


class Again(Exception):  # noqa: N818 - never reaches the user
    """A failure that may pass: what was the matter, and the seconds that the server asked to wait."""

    def __init__(self, problem: UnreadableError, wait: float | None = None) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.wait = wait


def kind(source: SourceSection) -> str:
    """Key that names the place of a source: path, url, sdmx or jsonstat."""
    return next(key for key in ("path", "url", "sdmx", "jsonstat") if getattr(source, key) is not None)


def shown(address: str) -> str:
    """An address as it may be seen: without user and password, and with stars for what looks like a key in its query.

    Examples
    --------
    >>> shown("https://me:pw@stats.example.org/data?geo=NO&api_key=abc")
    'https://stats.example.org/data?geo=NO&api_key=***'
    """
    if "://" not in address:
        return address
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([(k, "***" if _SECRET.search(k) else v) for k, v in pairs], safe="*/:,;+")
    return urlunsplit((parts.scheme, host, parts.path, query if pairs else parts.query, ""))


def identity(source: SourceSection) -> str:
    """SHA-256 of what is asked for and in whose name; another one makes an earlier answer worthless.

    The names of the variables count, not what they hold.
    """
    asked = (
        kind(source),
        source.place,
        sorted(source.headers_env.items()),
        sorted(source.params_env.items()),
        source.auth_env,
    )
    return hashlib.sha256(repr(asked).encode()).hexdigest()


# Asking -------------------------------------------------------------------------------------------------------


@contextmanager
def web() -> Iterator[httpx2.Client]:
    """A client for a refresh: certificates are checked, proxies come from the environment, cookies are not kept.

    Raises
    ------
    UsageError : the extra `fetch` is not installed, or the environment names a proxy or certificates that cannot be used.
    """
    try:
        import httpx2  # noqa: F401 - asked for here, so that it is missed before anything begins
        import stamina
    except ModuleNotFoundError:
        raise UsageError("sources on the web need an extra", fix='pip install "capmap[fetch]"') from None
    retried = stamina.instrumentation
    hooks = retried.get_on_retry_hooks()
    retried.set_on_retry_hooks(())  # they would write to standard output
    quiet = [logging.getLogger(name) for name in ("httpx2", "httpcore2")]
    before = [logger.level for logger in quiet]
    for logger in quiet:  # they would write down whole addresses
        logger.setLevel(logging.CRITICAL)
    try:
        with _client() as client:
            yield client
    finally:
        for logger, was in zip(quiet, before, strict=True):
            logger.setLevel(was)
        retried.set_on_retry_hooks(hooks)


def _client() -> httpx2.Client:
    """A client, or what is wrong with the environment; the address of a proxy may hold a password and is not repeated."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx2

    from capmap import __version__

    names: tuple[str, ...]
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    try:
        return httpx2.Client(headers={"User-Agent": f"capmap/{__version__}"}, cookies=no_cookies)
    except OSError:
        what, names, fix = "certificates", ("SSL_CERT_FILE", "SSL_CERT_DIR"), "name files that are there"
    except ImportError:
        what, names, fix = "a SOCKS proxy, which needs another package", PROXIES, 'pip install "httpx2[socks]"'
    except (httpx2.InvalidURL, ValueError):
        what, names, fix = "a proxy whose address is not one", PROXIES, "write it as http://HOST:PORT"
    named = [one for name in names for one in (name, name.lower()) if one in os.environ]
    raise UsageError(f"the environment names {what}", fix=f"{fix}, or correct {' and '.join(named or names)}")


def fetch(
    client: httpx2.Client,
    name: str,
    source: SourceSection,
    target: Path,
    *,
    known: Known | None = None,
    attempts: int = 4,
    wait: float = 1.0,
    environ: Mapping[str, str] | None = None,
    tell: Tell | None = None,
) -> Download | None:
    """Ask a source for its content.

    Parameters
    ----------
    client : of `web`.
    name, source : the table `[sources.NAME]`, with an address.
    target : file to write the answer to; the folder is there.
    known : what the last answer said; a source that has not changed since then is not downloaded.
    attempts, wait : how often to ask, and seconds before the second time, which double and jitter.
    environ : holds the credentials; `os.environ` by default.
    tell : gets a line before each further attempt.

    Returns
    -------
    The answer, or None where nothing has changed.

    Raises
    ------
    UnreadableError : CM121 no answer, or a refusal; CM122 an answer that cannot be the figures.
    WriteError : the answer cannot be written down.
    """
    import stamina

    environ = os.environ if environ is None else environ
    secrets, credentials = _credentials(name, source, environ)

    def passing(error: Exception) -> bool | float:
        if not isinstance(error, Again) or (error.wait or 0) > LONGEST_WAIT:
            return False
        return True if error.wait is None else error.wait

    asked = _Asked(client, name, source, secrets, credentials)
    times = 0
    try:
        for attempt in stamina.retry_context(
            on=passing, attempts=attempts, timeout=None, wait_initial=wait, wait_max=60.0, wait_jitter=wait
        ):
            with attempt:
                times = attempt.num
                if times > 1 and tell is not None:
                    tell(f"source {name}: asking again, time {times} of {attempts}")
                return asked.download(target, known or Known())
    except Again as error:
        (problem,) = error.problem.findings
    if times > 1:
        problem = replace(problem, message=f"{problem.message} (asked {times} times)")
    raise unreadable([problem])


@dataclass(frozen=True)
class Credentials:
    """What goes to the host that the run file names, and to no other."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)


def _credentials(name: str, source: SourceSection, environ: Mapping[str, str]) -> tuple[Secrets, Credentials]:
    wanted = {*source.headers_env.values(), *source.params_env.values(), *filter(None, [source.auth_env])}
    if unset := sorted(variable for variable in wanted if not environ.get(variable)):
        missing = f"{', '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set in the environment"
        raise unreadable(
            [_said("CM121", name, f"the credentials are missing: {missing}", "export them before the refresh")]
        )
    if odd := sorted({v for v in source.headers_env.values() if not _HEADER.fullmatch(environ[v])}):
        message = f"the credentials cannot be used: {', '.join(odd)} {'holds' if len(odd) == 1 else 'hold'} what no header can"
        fix = "take out line breaks, spaces at the ends and letters that are not ASCII"
        raise unreadable([_said("CM121", name, message, fix)])
    both = environ.get(source.auth_env or "", "")
    user, colon, password = both.partition(":")
    secrets = {environ[variable] for variable in wanted} | {password or user}
    if both:
        secrets.add(base64.b64encode(f"{user}:{password}".encode()).decode().rstrip("="))
    return Secrets(tuple(sorted(filter(None, secrets)))), Credentials(
        {header: environ[variable] for header, variable in source.headers_env.items()},
        {key: environ[variable] for key, variable in source.params_env.items()},
        (user, password) if colon or user else None,
    )


def _said(code: str, name: str, message: str, fix: str) -> Finding:
    return finding(code, f"source {name}: {message}", fix, file="capmap.toml", column=f"sources.{name}")


@dataclass(frozen=True)
class _Asked:
    """One source and what is needed to ask it."""

    client: httpx2.Client
    name: str
    source: SourceSection
    secrets: Secrets
    credentials: Credentials

    def download(self, target: Path, known: Known) -> Download | None:
        """One request, with its redirects; raises Again where another one may help."""
        import httpx2

        until = time.monotonic() + PATIENCE * self.source.timeout
        try:
            response = self._answer(known)
            try:
                return None if self._is_known(response) else self._saved(response, target, until)
            finally:
                response.close()
        except httpx2.TimeoutException:
            seconds = f"{self.source.timeout:g} s"
            raise Again(self.no("CM121", f"no answer for {seconds}", "try later, or raise `timeout`")) from None
        except httpx2.RemoteProtocolError as error:
            raise Again(self.no("CM122", f"the answer broke off: {error}", "try again later")) from None
        except httpx2.TransportError as error:
            raise self._unreachable(error) from None
        except (httpx2.InvalidURL, ValueError) as error:
            raise self.no("CM121", f"the address is not one: {error}", "correct it") from None

    def no(self, code: str, message: str, fix: str) -> UnreadableError:
        """A problem with the source, in words that hold no secret, and nothing that a terminal would obey."""
        said = self.secrets.hide(f"{message}: {shown(self.source.place)}")
        plain = "".join(one if one.isprintable() else "?" for one in said)
        return unreadable([_said(code, self.name, plain, self.secrets.hide(fix))])

    def _answer(self, known: Known) -> httpx2.Response:
        """The answer after redirects; credentials go no further than the host they are for."""
        import httpx2

        address = httpx2.URL(self.source.place)
        headers = {"Accept": ACCEPT[kind(self.source)], "Accept-Encoding": "gzip", **self.credentials.headers}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        request = self.client.build_request(
            "GET", address.copy_merge_params(self.credentials.params) if self.credentials.params else address,
            headers=headers, timeout=self.source.timeout,
        )  # fmt: skip
        for _ in range(REDIRECTS + 1):
            at_home = request.url.origin == address.origin
            if not at_home:
                for header in ("Authorization", *self.credentials.headers):
                    request.headers.pop(header, None)
            response = self.client.send(request, stream=True, auth=self.credentials.auth if at_home else None)
            if response.next_request is None:
                return response
            response.close()
            request = response.next_request
            request.extensions.setdefault("timeout", httpx2.Timeout(self.source.timeout).as_dict())
            if address.scheme == "https" and request.url.scheme != "https":
                raise self.no("CM121", "it leads from https to an address that is not encrypted", "correct the address")
        raise self.no("CM121", f"it leads in circles: more than {REDIRECTS} redirects", "correct the address")

    def _is_known(self, response: httpx2.Response) -> bool:
        """Whether nothing is new; raises where the answer is neither news nor that."""
        status = response.status_code
        if status == 304:
            return True
        if status == 200:
            return False
        said = f"{status} {response.reason_phrase}".strip()
        if status == 204:
            raise self.no("CM122", f"the answer is empty ({said})", "check that the query finds anything")
        if status in AGAIN:
            wait = _asked_to_wait(response.headers.get("Retry-After"))
            later = f", and asks to wait {wait:,g} s" if wait else ""
            raise Again(self.no("CM121", f"the server says {said}{later}", "try again later"), wait)
        fixes = {
            401: "name the variables with credentials: `auth_env`, `headers_env` or `params_env`",
            403: "ask the publisher for permission, or correct the credentials",
            404: "correct the address; the publisher may have moved the file",
            406: "this server gives no such format; ask it for another address",
            410: "the publisher has taken it away; find where it is now",
        }
        raise self.no("CM121", f"the server says {said}", fixes.get(status, "check the address in a browser"))

    def _saved(self, response: httpx2.Response, target: Path, until: float) -> Download:
        """The body on the disk, whole and of a kind that may be figures."""
        most = self.source.max_bytes
        content = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        wrong = re.fullmatch(WRONG[kind(self.source)] + ".*", content)
        if wrong and not content.startswith("text/html"):
            raise self.no("CM122", f"the answer is {content}, not {_wanted(self.source)}", "correct the address")
        if int(response.headers.get("Content-Length") or 0) > most:
            raise self._too_large()
        digest, size, start = hashlib.sha256(), 0, b""
        with writing(target), open(target, "wb") as file:
            for chunk in self._unpacked(response):
                size += len(chunk)
                if size > most or response.num_bytes_downloaded > most + SLACK:
                    raise self._too_large()
                if time.monotonic() > until:
                    raise Again(self.no("CM121", "the download takes too long", "try later, or raise `timeout`"))
                if len(start) < 4096:
                    start += chunk[:4096]
                    self._refuse_page(start, wrong is not None)
                digest.update(chunk)
                file.write(chunk)
            settle(file)
        if not size:
            raise Again(self.no("CM122", "the answer is empty", "check that the query finds anything"))
        self._refuse_page(start, said=wrong is not None, whole=True)
        headers = response.headers
        return Download(target, digest.hexdigest(), size, headers.get("ETag"), headers.get("Last-Modified"))

    def _unpacked(self, response: httpx2.Response) -> Iterator[bytes]:
        """The body piece by piece, unpacked; unlike the client's own way this one misses the end of what broke off."""
        packing = response.headers.get("Content-Encoding", "identity").strip().lower()
        if packing == "identity":
            yield from response.iter_raw()  # as it comes: in larger pieces a trickle would be noticed late
            return
        if packing not in ("gzip", "x-gzip"):
            raise self.no("CM122", f"the answer is packed as {packing}, which was not asked for", "tell the publisher")
        most, packed = self.source.max_bytes + 1, zlib.decompressobj(wbits=31)
        try:
            for chunk in response.iter_raw():
                yield packed.decompress(chunk, most)
                while packed.eof and (rest := packed.unused_data.lstrip(b"\0")):  # several, one after the other
                    packed = zlib.decompressobj(wbits=31)
                    yield packed.decompress(rest, most)
        except zlib.error:
            raise Again(self.no("CM122", "the answer is damaged: it cannot be unpacked", "try again later")) from None
        if not packed.eof:
            raise Again(self.no("CM122", "the answer broke off: its packing has no end", "try again later"))

    def _refuse_page(self, start: bytes, said: bool, whole: bool = False) -> None:
        """Raise where the answer is a page for people, whatever the server calls it."""
        text = start.decode("utf-8", "replace").lstrip("\ufeff \t\r\n").lower()
        if not (said or text.startswith(("<!doctype html", "<html"))) or not (
            whole or "</title>" in text or len(start) >= 4096
        ):
            return
        title = re.search(r"<title[^>]*>(.*?)</title>", start.decode("utf-8", "replace"), re.DOTALL | re.IGNORECASE)
        words = " ".join(html.unescape(title[1]).split())[:80] if title else ""
        called = f' called "{words}"' if words else ""
        raise self.no("CM122", f"the answer is a web page{called}, not {_wanted(self.source)}", "correct the address")

    def _too_large(self) -> UnreadableError:
        return self.no(
            "CM122", f"the answer has more than {self.source.max_bytes:,} bytes", "raise `max_bytes` if that is right"
        )

    def _unreachable(self, error: Exception) -> Exception:
        said = re.sub(r"^\[[^\]]*\] ?| \(_ssl\.c:\d+\)$", "", str(error)) or type(error).__name__
        if "certificate" in said.lower():
            fix = "check the address; an authority of your own is named by the variable SSL_CERT_FILE"
            return self.no("CM121", f"the certificate of the server is not trusted ({said})", fix)
        if isinstance(error, _unsupported()):
            return self.no("CM121", f"the address cannot be asked ({said})", "write http:// or https://")
        return Again(self.no("CM121", f"the server cannot be reached ({said})", "check the network and the address"))


def _unsupported() -> tuple[type[Exception], ...]:
    import httpx2

    return (httpx2.UnsupportedProtocol,)


def _wanted(source: SourceSection) -> str:
    return {"sdmx": "SDMX-CSV", "jsonstat": "JSON-stat"}.get(kind(source), "CSV or Parquet")


def _asked_to_wait(header: str | None) -> float | None:
    """Seconds of a Retry-After, which is a number or a date.

    Examples
    --------
    >>> _asked_to_wait("7"), _asked_to_wait("soon"), _asked_to_wait(None)
    (7.0, None, None)
    """
    if header is None:
        return None
    if re.fullmatch(r"[0-9]+", header.strip()):
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
