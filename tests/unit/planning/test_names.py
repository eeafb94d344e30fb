"""Other names of formats and fields, and what may have been meant by those that are unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import logan
from logan import _logan
from logan.planning.field_names import SYNONYMS
from logan.planning.format_names import ALIASES, aliases_of, resolved
from logan.planning.sample import Sample, fields_present, fields_present_of_formats

REGISTERED = [each["name"] for each in json.loads(_logan.formats())]
LINE = '192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl"\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(LINE)
    return path


def test_aliases_are_of_formats_that_exist_and_hide_none() -> None:
    assert set(ALIASES.values()) <= set(REGISTERED)
    assert not set(ALIASES) & set(REGISTERED)
    assert "nginx" in aliases_of("combined")


@pytest.mark.parametrize(
    "name",
    [
        *("nginx", "apache", "k8s", "kubernetes", "docker", "haproxy", "iis", "alb", "elb"),
        *("syslog", "journald", "json", "NGINX", "Combined"),
    ],
)
def test_usual_names_are_known(name: str) -> None:
    assert resolved(name) in REGISTERED


def test_every_way_to_name_a_format_takes_them(log: Path) -> None:
    assert logan.analyze(log, format="nginx").inputs[0].formats[0].name == "combined"
    anchor = datetime(2024, 1, 24, tzinfo=UTC)
    by_alias = logan.make_spec(format="nginx", anchor=anchor)
    assert by_alias == logan.make_spec(format="combined", anchor=anchor)
    feed = logan.Feed(format="Apache")
    feed.push(LINE.encode())
    feed.finish()
    assert feed.report().lines.parsed == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ngnix", "did you mean nginx"), ("combind", "combined"), ("zzz", "logan formats")],
)
def test_an_unknown_format_is_answered(log: Path, name: str, hint: str) -> None:
    with pytest.raises(logan.UsageError, match="no format is called") as caught:
        logan.analyze(log, format=name)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("where", "hint"),
    [
        ("url = /a", "did you mean path?"),
        ("status = 200 and ip = 1", "did you mean client?"),
        ("statos = 500", "did you mean status?"),
        ("error", "level>=ERROR or status>=500"),
        ("status = 5xx", "status>=500 and status<=599"),
        ("order_id = 5", "json.order_id or logfmt.order_id"),
    ],
)
def test_an_unknown_field_is_answered(log: Path, where: str, hint: str) -> None:
    with pytest.raises(logan.ConditionError) as caught:
        logan.analyze(log, where=where)
    assert hint in str(caught.value.hint)


def test_so_is_one_to_group_by(log: Path) -> None:
    with pytest.raises(logan.ConditionError) as caught:
        logan.analyze(log, by="severity")
    assert caught.value.hint == "did you mean level?"


def test_synonyms_lead_to_fields() -> None:
    for name, field in SYNONYMS.items():
        assert _logan.condition(f"{field} exists") == f"{field} exists"
        with pytest.raises(logan.ConditionError):
            _logan.condition(f"{name} exists")


@pytest.mark.parametrize("name", REGISTERED)
def test_fields_of_a_format_are_those_of_its_example(name: str) -> None:
    (example,) = [each["example"] for each in json.loads(_logan.formats()) if each["name"] == name]
    source = {"formats": [{"name": name, "params": {}}]}
    found = fields_present(Sample(example.encode(), source).metrics())
    assert fields_present_of_formats([name]) <= found
    assert found <= {"status", "level", "duration", "bytes"}
