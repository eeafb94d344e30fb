use super::super::{Table, ltsv};
use super::*;
use crate::format::{Context, Format, Params, by_name};
use crate::record::Record;
use proptest::prelude::*;
use proptest::sample::select;

fn csv(header: &str, unit: Option<crate::format::Unit>) -> Box<dyn Format> {
    let table = Some(Table { header: header.into(), unit });
    (ENTRY.build)(&Params { table, ..Params::default() })
}

/// A record and its method, path and client.
fn parse(format: &dyn Format, line: &str) -> Option<(Record, [String; 3])> {
    let padded = PaddedLine::new(line.as_bytes());
    let (mut record, mut arena) = (Record::EMPTY, Vec::new());
    let mut context = Context::new(TimestampParser::utc());
    let taken = format.parse_line(padded.line(), &mut context, &mut arena, &mut record);
    taken.then(|| {
        let text = |text: Text| String::from_utf8_lossy(text.bytes(line.as_bytes(), &arena)).into();
        let texts = [text(record.method), text(record.path), text(record.client)];
        (record, texts)
    })
}

#[test]
fn tables_of_programs() {
    // Header, line, status, milliseconds, path.
    for (header, line, status, millis, path) in [
        // JMeter, in another order.
        (
            "Latency,label,timeStamp,elapsed,responseCode,URL",
            "120,\"Pay, now\",1706091332000,127,500,http://shop.example.com/pay",
            500,
            Some(127.0),
            "/pay",
        ),
        (
            "timeStamp,elapsed,label,responseCode",
            "1706091332000,30001,Slow,Non HTTP response code: java.net.SocketTimeoutException",
            NO_STATUS,
            Some(30_001.0),
            "",
        ),
        // k6.
        (
            "metric_name,timestamp,metric_value,method,status,url",
            "http_req_duration,1706091332,12.5,GET,200,http://shop.example.com/a",
            200,
            Some(12.5),
            "/a",
        ),
        (
            "metric_name,timestamp,metric_value,method,status,url",
            "http_req_waiting,1706091332,12.5,GET,200,http://shop.example.com/a",
            NO_STATUS,
            None,
            "",
        ),
        // An export for people.
        (
            "Time;Status Code;Response Time (s);Method;Path",
            "2024-01-24 10:15:32;404;0.25;GET;/a b",
            404,
            Some(250.0),
            "/a b",
        ),
        (
            "\"Date and Time\";\"Duration (ms)\";\"Status\"",
            "\"24.01.2024 10:15:32\";\"12,5\";\"200\"",
            200,
            Some(12.5),
            "",
        ),
        // A day and a time of day.
        (
            "date\ttime\tsc-status\ttime-taken-ms",
            "2024-01-24\t10:15:32\t200\t5",
            200,
            Some(5.0),
            "",
        ),
        // A firewall's sessions.
        (
            "Receive Time,Source address,Destination Port,Elapsed Time (sec)",
            "2024/01/24 10:15:32,192.0.2.7,443,61",
            NO_STATUS,
            None,
            "",
        ),
        // Zeek.
        (
            "#fields\tts\tuid\tid.orig_h\tid.resp_p\tduration",
            "1706091332.0\tC8\t192.0.2.7\t80\t61.5",
            NO_STATUS,
            None,
            "",
        ),
        (
            "#fields\tts\tuid\tid.orig_h\tid.resp_p\trtt",
            "1706091332.0\tC8\t192.0.2.7\t53\t0.0125",
            NO_STATUS,
            Some(12.5),
            "",
        ),
        // Exchange.
        (
            "#Fields: date-time,session-id,event",
            "2024-01-24T10:15:32.000Z,08DC,+",
            NO_STATUS,
            None,
            "",
        ),
        // IIS' own.
        (
            super::super::IIS_NATIVE,
            "192.0.2.7, -, 01/24/2024, 10:15:32, W3SVC1, WEB, 10.0.0.1, 4502, 163, 3223, 200, 0, GET, /a.gif, -,",
            200,
            Some(4_502.0),
            "/a.gif",
        ),
    ] {
        let (record, texts) = parse(csv(header, None).as_ref(), line).expect(line);
        assert_eq!(record.time_ns, 1_706_091_332_000_000_000, "{line}");
        assert_eq!(record.status, status, "{line}");
        let nanos = millis.map_or(NO_DURATION, |millis: f64| (millis * 1e6) as u64);
        assert_eq!((record.duration_ns, texts[1].as_str()), (nanos, path), "{line}");
    }
}

#[test]
fn what_is_no_row() {
    let header = "time,level,message";
    let table = Table { header: header.into(), unit: None };
    let layout = Layout::of(&table).unwrap();
    let format = csv(header, None);
    use crate::format::classify::Reason;
    for (line, reason) in [
        ("2024-01-24T10:15:32Z,INFO,\"begins", Reason::OpenQuote),
        ("goes on\"", Reason::NoTimestamp),
        ("2024-01-24T10:15:32Z,INFO", Reason::InvalidTimestamp),
        ("2024-01-24T10:15:32Z,INFO,a,b", Reason::ColumnCount),
        ("2024-01-24T10:15:32Z,INFO,\"a\"b", Reason::ColumnCount),
        ("soon,INFO,a", Reason::InvalidTimestamp),
    ] {
        assert!(parse(format.as_ref(), line).is_none(), "{line}");
        assert_eq!(layout.reason(line.as_bytes()), reason, "{line}");
    }
    assert!(layout.is_header(header.as_bytes()) && parse(format.as_ref(), header).is_none());
    assert!(parse(format.as_ref(), "2024-01-24T10:15:32Z,INFO,\"a \"\"b\"\", c\"").is_some());
    for header in [
        "",
        "a,b,c",
        "time,level",
        "2024-01-24,10:15:32,x",
        "time,,level",
        "{\"time\":1,\"b\":2,\"c\":3}",
    ] {
        assert!(Layout::of(&Table { header: header.into(), unit: None }).is_none(), "{header}");
    }
}

/// A value as a table has it.
fn cell(value: &str, delimiter: char, is_quoted: bool) -> String {
    if is_quoted || value.contains(delimiter) || value.contains('"') {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.into()
    }
}

proptest! {
    #[test]
    fn a_table_says_what_json_says(
        columns in Just((0..8).collect::<Vec<usize>>()).prop_shuffle(),
        delimiter in select(&[',', ';', '\t', '|'][..]),
        quoted: [bool; 8],
        second in 0u32..60,
        level in select(&["INFO", "warning", "ERROR", ""][..]),
        status in select(&["200", "404", "503", ""][..]),
        millis in 0u32..100_000,
        path in "/[a-z,;|]{0,9}",
        message in "[ -!#-\\[\\]-~]{0,20}",
    ) {
        let time = format!("2024-01-24T10:15:{second:02}Z");
        let duration = millis.to_string();
        let fields = [
            ("timestamp", time.as_str()), ("level", level), ("status_code", status),
            ("duration_ms", &duration), ("path", &path), ("method", "GET"),
            ("client_ip", "192.0.2.7"), ("note", message.trim()),
        ];
        let joined = |row: &dyn Fn(usize) -> String| {
            columns.iter().map(|&i| row(i)).collect::<Vec<_>>().join(&delimiter.to_string())
        };
        let header = joined(&|i| cell(fields[i].0, delimiter, quoted[i]));
        let row = joined(&|i| cell(fields[i].1, delimiter, quoted[i]));
        let of_table = parse(csv(&header, None).as_ref(), &row);
        let members: Vec<String> = columns.iter().filter(|&&i| !fields[i].1.is_empty())
            .map(|&i| format!("\"{}\":\"{}\"", fields[i].0, fields[i].1)).collect();
        let object = format!("{{{}}}", members.join(","));
        let of_json = parse((by_name("json").unwrap().1.build)(&Params::default()).as_ref(), &object);
        let (of_table, of_json) = (of_table.expect(&row), of_json.expect(&object));
        prop_assert_eq!(&of_table.1, &of_json.1);
        let numbers = |r: &Record| (r.time_ns, r.level, r.status, r.duration_ns, r.bytes_sent);
        prop_assert_eq!(numbers(&of_table.0), numbers(&of_json.0));
        if delimiter == '\t' {
            let line = columns.iter().filter(|&&i| !fields[i].1.is_empty() && i != 7)
                .map(|&i| format!("{}:{}", fields[i].0, fields[i].1)).collect::<Vec<_>>().join("\t");
            let of_ltsv = parse((ltsv::ENTRY.build)(&Params::default()).as_ref(), &line).unwrap();
            prop_assert_eq!(numbers(&of_ltsv.0), numbers(&of_json.0));
        }
    }

    #[test]
    fn any_text_is_survived(header in "[ -~\t]{0,60}", line in "[ -~\té]{0,80}") {
        for header in [header, format!("time,level,{}", line.len())] {
            let table = Table { header, unit: None };
            if let Some(layout) = Layout::of(&table) {
                parse(csv(&table.header, None).as_ref(), &line);
                layout.reason(line.as_bytes());
            }
        }
    }
}
