"""What `logan.detect` says of fields is what conditions and group tables find."""

from __future__ import annotations

from pathlib import Path

import pytest

import logan
from logan.model import Detection

JSON = (
    '{"ts":"2024-01-24T10:15:32Z","level":"info","msg":"done","status":200,"method":"GET",'
    '"path":"/a","duration_ms":12.5,"user":{"id":7,"plan name":"pro"},"ok":true,"none":null,'
    '"list":[1]}\n'
    '{"ts":"2024-01-24T10:15:33Z","level":"error","msg":"failed","status":503,"method":"POST",'
    '"path":"/b","duration_ms":125,"user":{"id":9,"plan name":"free"},"ok":false}\n'
    '{"ts":"2024-01-24T10:15:34Z","level":"info","msg":"cache warm"}\n'
)
LOGFMT = """\
ts=2024-01-24T10:15:32Z level=info msg="request done" status=200 path=/a duration=12ms user_id=7
ts=2024-01-24T10:15:33Z level=error msg="request failed" status=503 path=/b duration=1.2s user_id=9
"""
ACCESS = """\
192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl"
2001:db8::1 - - [24/Jan/2024:10:15:33 +0000] "GET /b HTTP/1.1" 404 12 "-" "curl"
"""
DOCKER = (
    '{"log":"{\\"level\\":\\"warn\\",\\"msg\\":\\"x\\",\\"tenant\\":\\"t1\\"}\\n",'
    '"stream":"stdout","time":"2024-01-24T10:15:32.5Z"}\n'
) * 3


def detected(tmp_path: Path, text: str) -> Detection:
    path = tmp_path / "x.log"
    path.write_text(text)
    return logan.detect(path)


@pytest.mark.parametrize("text", [JSON, LOGFMT, ACCESS, DOCKER, JSON + ACCESS + LOGFMT])
def test_every_field_can_be_asked_for_as_it_is_called(tmp_path: Path, text: str) -> None:
    found = detected(tmp_path, text)
    assert found.fields
    path = tmp_path / "x.log"
    for each in found.fields:
        records = logan.analyze(path, where=f"{each.name} exists").lines.parsed
        if not each.where:
            assert (records, each.by) == (0, False)
            continue
        assert records == each.records, each
        assert each.share == records / logan.analyze(path).lines.parsed
        if each.by:
            table = logan.analyze(path, by=each.name).groups[each.name]
            assert table.distinct == each.distinct
            assert [row.key for row in table.top][: len(each.examples)] == list(each.examples)
        else:
            with pytest.raises(logan.ConditionError):
                logan.analyze(path, by=each.name)


def test_types_and_roles(tmp_path: Path) -> None:
    found = {each.name: each for each in detected(tmp_path, JSON).fields}
    assert {name: each.type for name, each in found.items()} == {
        **{"time": "timestamp", "duration": "duration", "message": "text", "level": "level"},
        **{"status": "integer", "method": "text", "route": "text", "path": "text"},
        **{"json.ts": "timestamp", "json.level": "text", "json.msg": "text"},
        **{"json.status": "integer", "json.method": "text", "json.path": "text"},
        **{"json.duration_ms": "number", "json.user.id": "integer", "json.ok": "boolean"},
        'json.user."plan name"': "text",
    }
    assert found["json.ts"].read_as == "timestamp"
    assert found["json.duration_ms"].read_as == "response time"
    assert (found["time"].read_as, found["time"].evidence) == ("timestamp", "ts")
    assert found["duration"].examples == ("12.5 ms", "125 ms")
    assert found["client" if "client" in found else "level"].type == "level"


def test_clients_are_addresses_and_one_format_is_no_field(tmp_path: Path) -> None:
    found = {each.name: each for each in detected(tmp_path, ACCESS).fields}
    assert found["client"].type == "address"
    assert found["user_agent"].examples == ("curl",)
    assert "format" not in found
    assert "format" in {each.name for each in detected(tmp_path, ACCESS + LOGFMT).fields}


def test_keys_behind_an_envelope_say_whether_they_can_be_asked_for(tmp_path: Path) -> None:
    cri = '2024-01-24T10:15:32.5Z stdout F {"level":"warn","msg":"x","tenant":"t1"}\n' * 3
    path = tmp_path / "x.log"
    for text in (cri, DOCKER):
        found = {each.name: each for each in detected(tmp_path, text).fields}
        parsed = logan.analyze(path, where="json.tenant exists").lines.parsed
        assert found["json.tenant"].where == bool(parsed)
        assert found["json.tenant"].records == 3


def test_what_is_not_read_is_shown_with_its_reason(tmp_path: Path) -> None:
    odd = "<<17060913{:02}>> api ~ GET /a took 3ms\n"
    found = detected(tmp_path, LOGFMT * 30 + "".join(odd.format(i) for i in range(20)))
    assert found.unread is not None
    assert found.unread.lines == found.malformed == 20
    assert sum(found.unread.reasons.values()) == 20
    assert found.unread.first_lines[0] == odd.format(0).strip()
    assert (found.unread.format_reads, found.unread.format_tried) == (20, 20)
    assert "duration" in found.unread.format_fields
    assert detected(tmp_path, LOGFMT).unread is None


def test_frames_of_a_trace_are_not_among_what_is_not_read(tmp_path: Path) -> None:
    trace = (
        "2024-01-24 10:15:32 ERROR failed\njava.lang.IllegalStateException: y\n\tat a.b(C.java:1)\n"
    )
    found = detected(tmp_path, trace * 5 + "what is this\n")
    assert found.unread is not None
    assert found.unread.first_lines == ("what is this",)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_nothing_has_no_fields(tmp_path: Path, text: str) -> None:
    found = detected(tmp_path, text)
    assert (found.fields, found.unread) == ((), None)
