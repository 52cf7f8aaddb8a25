"""Asking sources on the web, against real servers on this machine."""

from __future__ import annotations

import gzip
import hashlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import stamina
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from capmap.data.fetch import Download, Known, Secrets, fetch, shown, web
from capmap.errors import UnreadableError, UsageError, WriteError
from capmap.model import SourceSection

CSV = b"region,value\nKOR,1\n"


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def ask(tmp_path: Path, httpserver: HTTPServer) -> Callable[..., Download | None]:
    """Fetch a path of the server; keys of the source and of `fetch` as they are."""

    def asked(place: str = "/a.csv", **given: Any) -> Download | None:
        own = {key: given.pop(key) for key in ("known", "environ", "tell", "attempts") if key in given}
        key = given.pop("key", "url")
        address = place if "://" in place else httpserver.url_for(place)
        source = SourceSection(**{key: address, "timeout": 0.3, **given})
        with web() as client:
            return fetch(client, "exports", source, tmp_path / "a.download", **{"attempts": 1, **own})

    return asked


def refused(ask: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    """Code and words of the refusal, which are those of its one finding."""
    with pytest.raises(UnreadableError) as caught:
        ask(*arguments, **options)
    (only,) = caught.value.findings
    assert only.message == caught.value.message
    assert only.fix
    assert only.column == "sources.exports"
    return f"{only.code} {only.message}"


def raw_server(*answers: bytes, wait: float = 0.0) -> tuple[str, threading.Thread]:
    """A server that says these bytes, one connection each, and hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with closing(listening):
            for answer in answers:
                connection, _ = listening.accept()
                with closing(connection):
                    connection.recv(65536)
                    connection.sendall(answer)
                    if wait:
                        threading.Event().wait(wait)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/a.csv", thread


def test_the_answer_is_on_the_disk_with_its_hash_and_what_the_server_says_of_it(
    ask: Callable[..., Any], httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/a.csv").respond_with_data(
        CSV, content_type="text/csv", headers={"ETag": '"1"', "Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT"}
    )
    got = ask()
    assert got.path.read_bytes() == CSV
    assert got.sha256 == hashlib.sha256(CSV).hexdigest()
    assert (got.size, got.etag, got.last_modified) == (19, '"1"', "Sun, 01 Nov 2026 00:00:00 GMT")


def test_only_news_are_downloaded(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    wanted = {"If-None-Match": '"1"', "If-Modified-Since": "Sun, 01 Nov 2026 00:00:00 GMT"}
    httpserver.expect_request("/a.csv", headers=wanted).respond_with_data("", status=304)
    assert ask(known=Known('"1"', "Sun, 01 Nov 2026 00:00:00 GMT")) is None
    assert len(httpserver.log) == 1


def test_a_server_in_trouble_is_asked_again(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/a.csv").respond_with_data("oops", status=500)
    httpserver.expect_ordered_request("/a.csv").respond_with_data("slow down", status=429, headers={"Retry-After": "0"})
    httpserver.expect_ordered_request("/a.csv").respond_with_data(CSV, content_type="text/csv")
    told: list[str] = []
    assert ask(attempts=3, tell=told.append).size == len(CSV)
    assert told == ["source exports: asking again, time 2 of 3", "source exports: asking again, time 3 of 3"]


def test_a_server_that_stays_in_trouble(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.csv").respond_with_data("oops", status=503)
    said = refused(ask, attempts=3)
    assert said.startswith("CM121 source exports: the server says 503 SERVICE UNAVAILABLE: http://localhost")
    assert said.endswith("(asked 3 times)")
    assert len(httpserver.log) == 3


@pytest.mark.parametrize(("status", "fix"), [(404, "correct the address"), (401, "auth_env"), (403, "permission")])
def test_what_the_server_refuses_is_asked_once(
    ask: Callable[..., Any], httpserver: HTTPServer, status: int, fix: str
) -> None:
    httpserver.expect_request("/a.csv").respond_with_data("no", status=status)
    with pytest.raises(UnreadableError) as caught:
        ask(attempts=3)
    assert str(status) in caught.value.message
    assert fix in (caught.value.fix or "")
    assert len(httpserver.log) == 1


def test_a_server_that_asks_for_hours_is_left_alone(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    httpserver.expect_request("/a.csv").respond_with_data("no", status=503, headers={"Retry-After": later})
    assert "asks to wait 7," in refused(ask, attempts=3)
    assert len(httpserver.log) == 1


def test_silence_is_no_answer(ask: Callable[..., Any]) -> None:
    address, thread = raw_server(b"", wait=0.5)
    assert "CM121 source exports: no answer for 0.3 s" in refused(ask, address)
    thread.join(2)


def test_a_trickle_is_cut_off(ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> None:
    monkeypatch.setattr("capmap.data.fetch.PATIENCE", -1)
    httpserver.expect_request("/a.csv").respond_with_data(CSV, content_type="text/csv")
    assert "the download takes too long" in refused(ask)


def test_nobody_there(ask: Callable[..., Any]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    assert "the server cannot be reached (Connection refused)" in refused(ask, f"http://127.0.0.1:{port}/a.csv")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 900\r\n\r\n" + CSV,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n" + CSV,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n"
        + gzip.compress(CSV)[:20],
    ],
)
def test_a_body_that_breaks_off(ask: Callable[..., Any], tmp_path: Path, answer: bytes) -> None:
    address, thread = raw_server(answer, answer)
    said = refused(ask, address, attempts=2)
    assert said.startswith("CM122 source exports: the answer")
    assert "(asked 2 times)" in said
    thread.join(2)


def test_nonsense_instead_of_http(ask: Callable[..., Any]) -> None:
    address, _ = raw_server(b"220 ftp.example.org ready\r\n")
    assert "the answer broke off" in refused(ask, address)


@pytest.mark.parametrize(
    ("key", "content", "kind", "said"),
    [
        (
            "url",
            "<!DOCTYPE html><html><head><title>Log in &amp; go</title>",
            "text/html",
            'a web page called "Log in & go"',
        ),
        ("url", "\ufeff\n <html><body>moved", "text/csv", "the answer is a web page, not CSV or Parquet"),
        ("url", '{"error": "no"}', "application/json", "the answer is application/json, not CSV or Parquet"),
        ("sdmx", "<message:Error/>", "application/vnd.sdmx.genericdata+xml;version=2.1", "not SDMX-CSV"),
        ("jsonstat", "a,b", "text/csv; charset=utf-8", "the answer is text/csv, not JSON-stat"),
        ("url", "%PDF", "application/pdf", "the answer is application/pdf"),
        ("url", "", "text/csv", "the answer is empty"),
    ],
)
def test_what_cannot_be_the_figures_is_refused(
    ask: Callable[..., Any], httpserver: HTTPServer, key: str, content: str, kind: str, said: str
) -> None:
    httpserver.expect_request("/a.csv").respond_with_data(content.encode(), content_type=kind)
    message = refused(ask, key=key)
    assert message.startswith("CM122")
    assert said in message


def test_no_content(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.csv").respond_with_data("", status=204)
    assert "the answer is empty (204" in refused(ask)


def test_a_huge_answer_is_not_taken(ask: Callable[..., Any], httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/a.csv").respond_with_data(b"x" * 2000, content_type="text/csv")
    assert "more than 1,000 bytes" in refused(ask, max_bytes=1000)
    assert not (tmp_path / "a.download").exists(), "its length is told before it comes"


def test_a_packed_answer_is_not_unpacked_beyond_the_limit(
    ask: Callable[..., Any], httpserver: HTTPServer, tmp_path: Path
) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    httpserver.expect_request("/a.csv").respond_with_data(
        bomb, content_type="text/csv", headers={"Content-Encoding": "gzip"}
    )
    assert "more than 1,000,000 bytes" in refused(ask, max_bytes=1_000_000)
    assert (tmp_path / "a.download").stat().st_size <= 1_000_000


def test_redirects_are_followed_for_a_while(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.csv").respond_with_data("", status=302, headers={"Location": "/b.csv"})
    httpserver.expect_request("/b.csv").respond_with_data(CSV, content_type="text/csv")
    assert ask().size == len(CSV)
    httpserver.expect_request("/loop").respond_with_data("", status=302, headers={"Location": "/loop"})
    assert "it leads in circles: more than 5 redirects" in refused(ask, "/loop")


def test_another_host_gets_no_credentials(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    with HTTPServer(host="127.0.0.1") as other:
        seen: list[dict[str, str]] = []

        def look(request: Request) -> Response:
            seen.append({key.lower(): value for key, value in request.headers.items()} | dict(request.args))
            return Response(CSV, content_type="text/csv")

        other.expect_request("/b.csv").respond_with_handler(look)
        httpserver.expect_request("/a.csv").respond_with_data(
            "", status=302, headers={"Location": other.url_for("/b.csv")}
        )
        ask(headers_env={"X-Token": "T"}, auth_env="A", params_env={"key": "K"},
            environ={"T": "t0ken", "A": "me:pass", "K": "k3y"})  # fmt: skip
    home, _ = httpserver.log[0]
    assert home.headers["X-Token"] == "t0ken"
    assert home.headers["Authorization"].startswith("Basic ")
    assert home.args["key"] == "k3y"
    (away,) = seen
    assert not {"x-token", "authorization", "key"} & away.keys()


def test_files_of_this_machine_are_no_addresses(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.csv").respond_with_data("", status=302, headers={"Location": "file:///etc/passwd"})
    assert "CM121 source exports: the address cannot be asked" in refused(ask)


def test_a_packed_answer_comes_out_as_it_went_in(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.csv").respond_with_data(
        gzip.compress(CSV), content_type="text/csv", headers={"Content-Encoding": "gzip"}
    )
    assert ask().path.read_bytes() == CSV


def test_credentials_are_in_no_message(
    ask: Callable[..., Any], httpserver: HTTPServer, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)

    def echo(request: Request) -> Response:
        return Response(
            status=302, headers={"Location": f"ftp://{request.headers['X-Token']}.invalid/?{request.query_string}"}
        )

    httpserver.expect_request("/a.csv").respond_with_handler(echo)
    secrets = {"T": "t0ken", "K": "k3y/+&", "A": "me:pa%ss"}
    options = {"headers_env": {"X-Token": "T"}, "params_env": {"apikey": "K"}, "auth_env": "A", "environ": secrets}
    said = refused(ask, "/a.csv?geo=NO&token=abc", **options)
    httpserver.clear()
    httpserver.expect_request("/a.csv").respond_with_data("no", status=500)
    said += refused(ask, "/a.csv?geo=NO&token=abc", **options, attempts=2)
    said += capfd.readouterr().err + "".join(one.getMessage() for one in caplog.records if one.name != "werkzeug")
    assert "geo=NO&token=***" in said
    for secret in ("t0ken", "k3y", "pa%ss", "abc"):
        assert secret not in said


def test_credentials_that_are_not_set(ask: Callable[..., Any]) -> None:
    said = refused(ask, headers_env={"X-Token": "NOT_SET"}, environ={})
    assert "the credentials are missing: NOT_SET is not set in the environment" in said


def test_secrets_are_hidden_also_where_they_are_escaped() -> None:
    assert Secrets(("a b/c", "a b")).hide("x=a%20b/c y=a%20b%2Fc z=a b") == "x=*** y=*** z=***"
    assert "a b" not in repr(Secrets(("a b",)))


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("https://u:p@x.org/a?b=1", "https://x.org/a?b=1"),
        ("https://x.org/a?Signature=1&format=csv#frag", "https://x.org/a?Signature=***&format=csv"),
        ("data/*.csv", "data/*.csv"),
        ("https://x.org/data/A.B+C.*?startPeriod=2010", "https://x.org/data/A.B+C.*?startPeriod=2010"),
    ],
)
def test_addresses_are_shown_without_what_may_be_secret(address: str, seen: str) -> None:
    assert shown(address) == seen


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate that nobody has signed, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("openssl makes no certificate here")
    whole = folder / "both.pem"
    whole.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return whole


def test_a_certificate_that_nobody_signed(
    ask: Callable[..., Any], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(host="localhost", ssl_context=context) as server:
        server.expect_request("/a.csv").respond_with_data(CSV, content_type="text/csv")
        said = refused(ask, server.url_for("/a.csv"), attempts=3)
        assert "the certificate of the server is not trusted" in said
        assert "asked" not in said, "another try cannot help"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("cert.pem")))
        assert ask(server.url_for("/a.csv")).size == len(CSV)
        with HTTPServer(host="localhost") as plain:
            plain.expect_request("/b.csv").respond_with_data(CSV, content_type="text/csv")
            server.clear()
            server.expect_request("/a.csv").respond_with_data(
                "", status=302, headers={"Location": plain.url_for("/b.csv")}
            )
            assert "not encrypted" in refused(ask, server.url_for("/a.csv"))


def test_a_full_disk_is_said_so(
    ask: Callable[..., Any], httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    httpserver.expect_request("/a.csv").respond_with_data(CSV, content_type="text/csv")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match="the disk is full"):
        ask()


def test_the_proxy_of_the_environment_is_used(
    ask: Callable[..., Any], httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/a.csv").respond_with_data(CSV, content_type="text/csv")
    monkeypatch.setenv("HTTP_PROXY", httpserver.url_for("/"))
    monkeypatch.setenv("NO_PROXY", "")
    assert ask("http://stats.example.invalid/a.csv").size == len(CSV)
    request, _ = httpserver.log[0]
    assert request.headers["Host"] == "stats.example.invalid"


@pytest.mark.parametrize("secret", ["t0ken-of-mine\n", "t0ken-of-mine\x00", "t0ken-of-mine\u00e9"])
def test_a_credential_that_is_no_header_is_refused_without_a_word_of_it(ask: Callable[..., Any], secret: str) -> None:
    said = refused(ask, "http://127.0.0.1:9/a.csv", headers_env={"X-Token": "T"}, environ={"T": secret}, attempts=2)
    assert "t0ken" not in said
    assert "CM121 source exports: the credentials cannot be used: T " in said


def test_a_user_name_alone_and_what_is_made_of_it_are_secrets_too(
    ask: Callable[..., Any], httpserver: HTTPServer
) -> None:
    def echo(request: Request) -> Response:
        sent = request.headers["Authorization"].removeprefix("Basic ")
        return Response(status=302, headers={"Location": f"ftp://s3cret.invalid/{sent}"})

    httpserver.expect_request("/a.csv").respond_with_handler(echo)
    said = refused(ask, auth_env="A", environ={"A": "s3cret:"})
    assert "the address cannot be asked" in said
    httpserver.clear()
    httpserver.expect_request("/a.csv").respond_with_data(
        "<title>s3cret czNjcmV0Og==</title>", content_type="text/html"
    )
    said += refused(ask, auth_env="A", environ={"A": "s3cret:"})
    assert "s3cret" not in said
    assert "czNjcmV0Og" not in said


def test_words_of_a_server_have_no_control_characters(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.csv").respond_with_data(
        "<!doctype html><title>\x1b]0;owned\x07 \x9b31m here</title>", content_type="text/html"
    )
    assert refused(ask).isprintable()


def test_a_trickle_is_seen_to_at_each_drop(ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capmap.data.fetch.PATIENCE", 1)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with closing(listening):
            connection, _ = listening.accept()
            with closing(connection), suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 20\r\n\r\n")
                for _ in range(20):
                    threading.Event().wait(0.1)
                    connection.sendall(b"x")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    begun = time.monotonic()
    assert "the download takes too long" in refused(ask, f"http://127.0.0.1:{listening.getsockname()[1]}/a.csv")
    assert time.monotonic() - begun < 1.5
    thread.join(3)


def test_an_answer_packed_in_several_pieces_is_whole(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a.csv").respond_with_data(
        gzip.compress(CSV) + gzip.compress(b"DEU,2\n"), content_type="text/csv", headers={"Content-Encoding": "gzip"}
    )
    assert ask().path.read_bytes() == CSV + b"DEU,2\n"
    httpserver.clear()
    httpserver.expect_request("/a.csv").respond_with_data(
        gzip.compress(CSV) + bytes(500), content_type="text/csv", headers={"Content-Encoding": "gzip"}
    )
    assert ask().path.read_bytes() == CSV, "zeros at the end are padding"
    httpserver.clear()
    httpserver.expect_request("/a.csv").respond_with_data(
        gzip.compress(CSV) + bytes(500_000), content_type="text/csv", headers={"Content-Encoding": "gzip"}
    )
    assert "more than 1,000 bytes" in refused(ask, max_bytes=1000)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HTTPS_PROXY", "http://me:pa55@proxy:port", "HTTPS_PROXY"),
        ("ALL_PROXY", "gopher://me:pa55@proxy:1080", "ALL_PROXY"),
        ("SSL_CERT_FILE", "/not/there.pem", "SSL_CERT_FILE"),
    ],
)
def test_an_environment_that_the_client_cannot_use(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught, web():
        pass
    assert said in f"{caught.value.message} {caught.value.fix}"
    assert "pa55" not in f"{caught.value.message} {caught.value.fix}"


def test_no_cookies_are_kept(ask: Callable[..., Any], httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/a.csv").respond_with_data(
        CSV, content_type="text/csv", headers={"Set-Cookie": "who=me"}
    )
    source = SourceSection(url=httpserver.url_for("/a.csv"))
    with web() as client:
        for _ in range(2):
            fetch(client, "exports", source, tmp_path / "a.download")
    assert [request.cookies for request, _ in httpserver.log] == [{}, {}]


@pytest.mark.parametrize("wait", ["\u00b2".encode().decode("latin-1"), "9" * 400, "Fri, 31 Dec 9999 23:59:59 -2300"])
def test_a_server_that_asks_to_wait_in_nonsense(ask: Callable[..., Any], wait: str) -> None:
    answer = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: " + wait.encode("latin-1") + b"\r\n\r\n"
    address, _ = raw_server(answer)
    assert "the server says 503 No" in refused(ask, address)


def test_retries_are_told_by_nobody_else(ask: Callable[..., Any], httpserver: HTTPServer) -> None:
    seen: list[object] = []
    stamina.instrumentation.set_on_retry_hooks([seen.append])
    try:
        httpserver.expect_request("/a.csv").respond_with_data("oops", status=503)
        refused(ask, attempts=2)
        assert seen == []
        assert len(stamina.instrumentation.get_on_retry_hooks()) == 1, "those of others are there again"
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
