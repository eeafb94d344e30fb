"""What tells users apart is masked in every output, and counts stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import logan
from logan.cli.main import main
from logan.report import OUTPUTS, RenderOptions, render
from logan.report.anonymize import MASK, client_network, scrubbed, without_folders
from tests.support.report_document import findings
from tests.unit.report.test_document import report

SECRETS = (
    "192.0.2.77",
    "2001:db8:1:2:3:4:5:6",
    "jane.doe@example.org",
    "hunter2-value",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "6fa459ea-ee8a-3ca4-894e-db77e160355e",
    "s3cr3tQuery",
)


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("192.0.2.77:5123", "192.0.2.0/24"),
        ("2001:db8:1:2::6", "2001:db8:1::/48"),
        ("[2001:db8:1:2::6]", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("jane-laptop.example.org", MASK),
        ("", ""),
    ],
)
def test_clients_become_networks(client: str, network: str) -> None:
    assert client_network(client) == network


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "around",
    ["{}", "from {} to x", '"{}"', "a={}", "/path?token={}&page=2", "password: {}", "Bearer {}"],
)
def test_secrets_are_masked_wherever_they_stand(secret: str, around: str) -> None:
    plain = secret in ("hunter2-value", "s3cr3tQuery") and around in (
        *("{}", "from {} to x", '"{}"', "a={}"),
    )
    assert plain or secret not in scrubbed(around.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "GET /items/{id}",
            "GET /static/app.js",
            "POST /api/v1/checkout",
            "10:15:32 INFO started",
        ),
        *("Database connection failed after 3 retries", "took 127ms", "version 1.2.3", "web3"),
        *(
            "2024-01-24T10:15:32.123Z",
            "std::vector::at failed",
            "GET /a-b-c-d/internationalization",
        ),
    ],
)
def test_what_says_nothing_of_users_stays(text: str) -> None:
    assert scrubbed(text) == text


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = scrubbed(text)
    assert scrubbed(once) == once


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "jane.doe"
    folder.mkdir()
    path = folder / "access.log"
    lines = [
        f'192.0.2.{host} - jane [24/Jan/2024:10:15:{host:02} +0000] "GET /reset/{host}?token='
        f's3cr3tQuery HTTP/1.1" 500 5 "-" "Mozilla/5.0 Chrome/120.0.0.0" 0.250\n'
        for host in range(10, 40)
    ]
    lines.append("192.0.2.99 jane.doe@example.org no log line 9f86d081884c7d659a2feaa0c55ad0\n")
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_output_shows_them(output: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--where", 'client!="192.0.2.200" and path!="/x?token=s3cr3tQuery"']
    options = ["--anonymize", "--by", "client", "--by", "user_agent", *where]
    options += ["--expect", "errors.total<1", "--output-format", output]
    if output == "csv":
        options = [*options[:-2], "--csv", "clients"]
    assert main(["analyze", str(log), *options]) == 1
    shown = capsys.readouterr().out
    for secret in ("s3cr3tQuery", "192.0.2.1", "192.0.2.99", "jane.doe", "9f86d081", "192.0.2.200"):
        assert secret not in shown, secret
    assert "192.0.2.0/24" in shown or output == "svg"
    if output != "csv":
        assert "anonymized" in shown
    if output == "json":
        made = json.loads(shown)
        assert made["anonymized"] is True
        (row,) = made["clients"]["top"]
        assert (row["client"], row["requests"], row["errors"]) == ("192.0.2.0/24", 10, 10)
        assert "Chrome/120.0.0.0" in made["groups"]["user_agent"]["top"][0]["key"]
        assert made["total_requests"] == 30


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Token eyJhbGciOiJIUzI<num>NiJ<num>.eyJzdWI<num>J<num>.c<num>ln bad", "Token *** bad"),
        ("key sk_live_<num>eC<num>HqLyjWDarjtT<num>zdp<num>dc", "key ***"),
        ("took <num>ms on <ip> at <path>", "took <num>ms on <ip> at <path>"),
        ("response_time_total_ms=<num>", "response_time_total_ms=<num>"),
        ("/cb#access_token=abc&state=1", "/cb#access_token=***&state=***"),
        ("postgres://app:pgsecret@db/x", "postgres://***@db/x"),
        ("secret=9f86d081884c7d659a2feaa0c55ad015", "secret=***"),
        ("x=9f86d081884c7d659a2feaa0c55ad015==", "x=***"),
    ],
)
def test_tokens_in_templates_and_urls(text: str, masked: str) -> None:
    assert scrubbed(text) == masked


@pytest.mark.parametrize(
    ("agent", "masked"),
    [
        ("Mozilla/5.0 Chrome/120.0.0.0 (rv:1.9.2.13)", None),
        ("bot/1 (at 192.0.2.77)", "bot/1 (at 192.0.2.0/24)"),
        ("bot (+http://192.0.2.77/bot)", "bot (+http://192.0.2.0/24/bot)"),
        ("bot [2001:db8:1:2:3:4:5:6]", "bot [2001:db8:1::/48]"),
        ("bot jane.doe@example.org", "bot ***"),
    ],
)
def test_user_agents_keep_versions_and_no_addresses(agent: str, masked: str | None) -> None:
    assert scrubbed(agent, is_agent=True) == (masked or agent)


@pytest.mark.parametrize(
    ("command", "without"),
    [
        ("logan '/home/jane/*.log' -o /tmp/jane/x.html", "logan '*.log' -o x.html"),
        (
            "logan x.log --save=/home/jane/s.logan -o/home/jane/x.md",
            "logan x.log --save=s.logan -ox.md",
        ),
        (
            """logan x.log --where 'path="/a/b"' --by /a""",
            """logan x.log --where 'path="/a/b"' --by /a""",
        ),
        ("logan s3://bucket/a/x.log --input-tz Europe/Berlin", None),
        ("logan '/home/jane doe/a=b.log' --where='path=/a'", "logan a=b.log --where=path=/a"),
    ],
)
def test_commands_lose_folders_of_files_alone(command: str, without: str | None) -> None:
    assert without_folders(command) == (without or command)


def test_personal_values_are_numbered_in_findings_as_in_tables(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    lines = []
    for second in range(4_000):
        wrong = 1_500 <= second < 2_000
        user, level = ("jane.doe", "error") if wrong else (f"user-{second % 30}", "info")
        moment = f"2024-01-24T{10 + second // 3600}:{second // 60 % 60:02}:{second % 60:02}Z"
        entry = {"time": moment, "level": level, "msg": "order", "user": user, "duration_ms": 5}
        lines.append(json.dumps(entry) + "\n")
    path.write_text("".join(lines))
    made = logan.analyze(path, by=("json.user",))
    assert any(part.value == "jane.doe" for each in made.findings for part in each.where)
    masked = made.anonymize()
    assert "jane" not in json.dumps(masked.to_dict())
    names = {part.value for each in masked.findings for part in each.where}
    assert names <= {row["key"] for row in masked.to_dict()["groups"]["json.user"]["top"]}
    assert all(name in masked.findings[0].text for name in names)


def test_a_proposed_format_has_words_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(f"jane.doe@example.org|hunter2|{each}\n" for each in range(100)))
    for output in ("text", "json", "html", "markdown"):
        assert main(["analyze", str(path), "--anonymize", "--output-format", output]) == 3
        shown = "".join(capsys.readouterr())
        assert "jane" not in shown
        assert "hunter2" not in shown


def test_saved_summaries_are_not_masked_and_that_is_said(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = log.parent / "day.logan"
    assert main(["analyze", str(log), "--anonymize", "--save", str(saved)]) == 0
    assert f"{saved} will not be anonymized" in capsys.readouterr().err


def test_findings_and_commands_are_masked() -> None:
    one = report(findings=findings("client=192.0.2.77"), command="logan analyze x --where a@b.org")
    text = render("html", one.anonymize(), RenderOptions())
    assert "192.0.2.77" not in text
    assert "a@b.org" not in text
    assert "192.0.2.0/24" in text
    assert one.anonymize().anonymized is True
    assert one.findings[0].where[0].value == "client=192.0.2.77"


def test_the_library_masks_a_copy(log: Path) -> None:
    made = logan.analyze(log)
    masked = made.anonymize()
    assert made.clients.top[0].client.startswith("192.0.2.")
    assert made.clients.top[0].client != "192.0.2.0/24"
    assert masked.inputs[0].path == "access.log"
    assert masked.malformed.samples[0].text == MASK
    assert masked.slowest[0].text == f'{MASK} "GET /reset/10?token={MASK} HTTP/1.1" 500 {MASK}'


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("on 192.0.2.77/25, 192.0.2.78/32", "on 192.0.2.0/24, 192.0.2.0/24"),
        ("from 192.0.2.0/24", "from 192.0.2.0/24"),
        ("route 10.0.0.0/8", "route 10.0.0.0/8"),
        ("gateway 10.4.2.80/16", "gateway 10.4.0.0/16"),
        ("http://192.0.2.77/24/items", "http://192.0.2.0/24/24/items"),
        ("2001:db8:1:2::6/64", "2001:db8:1::/48"),
    ],
)
def test_networks_are_not_masked_once_more(text: str, masked: str) -> None:
    assert scrubbed(text) == masked
    assert scrubbed(masked) == masked
    assert client_network(client_network("192.0.2.77")) == "192.0.2.0/24"


def test_rows_that_become_one_say_of_how_many_they_are_the_sum(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = [f'clients["192.0.2.{host}"].requests == 1' for host in (10, 11)]
    options = [part for gate in gates for part in ("--expect", gate)]
    assert main(["analyze", str(log), "--anonymize", "--json", "--top", "5", *options]) == 0
    data = json.loads(capsys.readouterr().out)
    (row,) = data["clients"]["top"]
    assert (row["client"], row["requests"], row["merged"]) == ("192.0.2.0/24", 5, 5)
    named = data["clients"]["named"]["192.0.2.0/24"]
    assert (named["requests"], named["merged"]) == (2, 2)
    # One of a network is not called by the name that the table has for all of it.
    assert [each["ok"] for each in data["expectations"]] == [True, True]
    assert {each["expression"] for each in data["expectations"]} == {
        f'clients["{MASK}"].requests == 1'
    }
    for output, said in [
        ("text", "networks of the top of 30 clients"),
        ("text", "rows of one network are the sum of those among the first"),
        ("html", "clients of one network are one row"),
    ]:
        args = ["analyze", str(log), "--anonymize", "--by", "client", "--output-format", output]
        assert main(args) == 0
        assert said in " ".join(capsys.readouterr().out.split())
