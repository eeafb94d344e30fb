//! The order of the core's layers: a folder imports only from folders that come before it here.
//!
//! Every path that begins with `crate::` counts, in `use` lines and in the middle of code, and so
//! do paths that climb out of a folder by `super::`. Comments and text do not count: links of the
//! documentation may point anywhere. Nor do modules under `#[cfg(test)]`: the test of a lower layer
//! may drive it through a higher one, as the product never does, and no build of the library has
//! such an arrow in it.

use std::collections::BTreeSet;
use std::path::Path;

/// The layers from the bottom up; the longest name that a module's path begins with is its layer.
///
/// Conditions come before the spec, which holds them compiled; the rest of `select` reads the spec.
/// Summaries come before scanning, which makes them.
const LAYERS: [&str; 21] = [
    "limits",
    "fast",
    "error",
    "panics",
    "intervals",
    "bytes",
    "time",
    "record",
    "format",
    "select::condition",
    "spec",
    "detect",
    "select",
    "sketch",
    "metric",
    "summary",
    "records",
    "scan",
    "chunk",
    "archive",
    "engine",
];

/// The layer that a module or what is in it belongs to; None for the root of the crate.
fn layer(path: &[String]) -> Option<usize> {
    let path = path.join("::");
    let inside = |name: &str| {
        path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    (0..LAYERS.len()).filter(|&i| inside(LAYERS[i])).max_by_key(|&i| LAYERS[i].len())
}

/// The code without comments, text and characters, which become spaces.
fn code_of(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = bytes.to_vec();
    let mut blank = |from: usize, to: usize| {
        code[from..to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    };
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        let len = if rest.starts_with(b"//") {
            rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            source[i..].find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest[0] == b'"' {
            text_len(rest)
        } else if let Some(hashes) = raw_text(rest).filter(|_| i == 0 || !is_name(bytes[i - 1])) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = 2 + hashes;
            source[i + start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if rest[0] == b'\'' && (rest.get(1) == Some(&b'\\') || rest.get(2) == Some(&b'\'')) {
            // A character, not a lifetime; `'\''` is the longest that could end too soon.
            2 + rest[2..].iter().position(|&b| b == b'\'').unwrap_or(0) + 1
        } else {
            i += 1;
            continue;
        };
        blank(i, (i + len).min(bytes.len()));
        i += len;
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Length of the text that begins here, with its quotes.
fn text_len(bytes: &[u8]) -> usize {
    let mut i = 1;
    while i < bytes.len() && bytes[i] != b'"' {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    i + 1
}

/// How many `#` a raw text has that begins here.
fn raw_text(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"r")?;
    let hashes = rest.iter().take_while(|&&b| b == b'#').count();
    (rest.get(hashes) == Some(&b'"')).then_some(hashes)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The code without what stands under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        rest = &rest[at + MARK.len()..];
        let end = rest.find([';', '{']).unwrap_or(rest.len());
        let mut depth = 0;
        let mut last = end;
        for (i, c) in rest[end..].char_indices() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            last = end + i;
            if depth == 0 && (c == ';' || c == '}') {
                break;
            }
        }
        rest = &rest[(last + 1).min(rest.len())..];
    }
    kept + rest
}

/// Adds all paths of a tree such as `a::{b, c::{d, e}}` to `paths`; answers what follows it.
fn tree<'a>(mut text: &'a str, stem: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = stem.to_vec();
    loop {
        text = text.trim_start();
        if let Some(mut group) = text.strip_prefix('{') {
            loop {
                group = group.trim_start();
                if let Some(rest) = group.strip_prefix('}') {
                    return rest;
                }
                let rest = tree(group, &path, paths);
                // `as` names, commas, and whatever else is between two paths.
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                group = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
                if group.is_empty() {
                    return group;
                }
            }
        }
        let len = text.bytes().take_while(|&b| is_name(b)).count();
        if len > 0 && &text[..len] != "self" {
            path.push(text[..len].to_string());
        }
        match text[len..].trim_start().strip_prefix("::") {
            Some(rest) if len > 0 => text = rest,
            _ => {
                paths.push(path);
                return &text[len..];
            }
        }
    }
}

/// The paths in a file's code, from the root of the crate, of whatever it names by `crate` or
/// `super`.
fn paths(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate").chain(code.match_indices("super")) {
        let word = &code[at..at + 5];
        let rest = &code[at + 5..];
        let before = code[..at].trim_end();
        let inside = code[..at].bytes().last().is_some_and(is_name) || before.ends_with("::");
        let Some(rest) = rest.trim_start().strip_prefix("::").filter(|_| !inside) else { continue };
        if word == "crate" {
            tree(rest, &[], &mut found);
            continue;
        }
        // Inline modules stand one deeper than their file, but are of tests alone.
        let (mut stem, mut rest) = (module.split_last().map_or(&[][..], |(_, stem)| stem), rest);
        while let Some(more) = rest.trim_start().strip_prefix("super::") {
            (stem, rest) = (stem.split_last().map_or(&[][..], |(_, stem)| stem), more);
        }
        tree(rest, stem, &mut found);
    }
    found
}

/// The layers to which a file reaches up: each as its own layer and the other.
fn upward(module: &[String], source: &str) -> BTreeSet<(&'static str, &'static str)> {
    let code = without_tests(&code_of(source));
    // The facade stands over all layers.
    let Some(own) = layer(module) else { return BTreeSet::new() };
    paths(&code, module)
        .iter()
        .filter_map(|path| layer(path))
        .filter(|&other| other > own)
        .map(|other| (LAYERS[own], LAYERS[other]))
        .collect()
}

/// All files of a folder, each with the path of its module. Files of tests are left out.
fn files(folder: &Path, module: &[String], found: &mut Vec<(Vec<String>, String)>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder is there").path();
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let mut module = module.to_vec();
        if path.is_dir() {
            module.push(name);
            files(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            if name != "mod" && name != "lib" {
                module.push(name);
            }
            found.push((module, std::fs::read_to_string(&path).expect("it is UTF-8")));
        }
    }
}

/// Modules that are declared under `#[cfg(test)]`.
fn is_of_tests(module: &[String], all: &[(Vec<String>, String)]) -> bool {
    (1..=module.len()).any(|len| {
        let (parent, name) = (&module[..len - 1], &module[len - 1]);
        let declared = format!("#[cfg(test)] mod {name};");
        all.iter().filter(|(path, _)| path == parent).any(|(_, source)| {
            code_of(source).split_whitespace().collect::<Vec<_>>().join(" ").contains(&declared)
        })
    })
}

#[test]
fn layers_import_only_from_layers_below() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut all);
    assert!(all.len() > 100, "only {} files", all.len());
    for (module, source) in &all {
        let name = module.join("::");
        assert!(
            module.is_empty() || layer(module).is_some() || name == "select",
            "{name} is in no layer: list it in LAYERS"
        );
        if is_of_tests(module, &all) {
            continue;
        }
        let arrows = upward(module, source);
        assert!(
            arrows.is_empty(),
            "{name} imports from above, move what both need down: {arrows:?}"
        );
    }
    for name in LAYERS {
        let is_there = all.iter().any(|(module, _)| module.join("::").starts_with(name));
        assert!(is_there, "there is no layer {name}");
    }
}

/// The module of a format is one that has an entry of the registry.
fn is_format(source: &str) -> bool {
    without_tests(&code_of(source)).contains(": Entry = Entry {")
}

/// The formats, of those at these paths, into which a file reaches from outside.
fn formats_named<'a>(
    formats: &'a [Vec<String>],
    module: &[String],
    source: &str,
) -> Vec<&'a Vec<String>> {
    let code = without_tests(&code_of(source));
    let paths = paths(&code, module);
    let is_named = |format: &&Vec<String>| {
        !module.starts_with(format) && paths.iter().any(|path| path.starts_with(format))
    };
    formats.iter().filter(is_named).collect()
}

/// Only the registry names formats, as what stands beside it; what two formats share is in a module
/// of neither.
#[test]
fn no_other_file_names_a_format() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut all);
    let formats: Vec<Vec<String>> =
        all.iter().filter(|(_, source)| is_format(source)).map(|(path, _)| path.clone()).collect();
    assert!(formats.len() > 25, "only {} formats", formats.len());
    for (module, source) in all.iter().filter(|(module, _)| !is_of_tests(module, &all)) {
        let named = formats_named(&formats, module, source);
        assert!(named.is_empty(), "{} reaches into {named:?}", module.join("::"));
    }
}

#[test]
fn planted_names_of_formats_are_found() {
    let path = |name: &str| name.split("::").map(String::from).collect::<Vec<_>>();
    let formats = [path("format::text::nginx_error"), path("format::json")];
    let named = |module: &str, code: &str| formats_named(&formats, &path(module), code).len();
    for code in [
        "use crate::format::text::nginx_error::goes_on;",
        "use super::super::nginx_error;",
        "use super::super::{ansi, nginx_error::{self, ENTRY}};",
        "fn f() -> bool { crate::format::json::templates::hits() > 0 }",
    ] {
        assert_eq!(named("format::text::app::dissect", code), 1, "{code}");
    }
    for (module, code) in [
        ("format::json::templates", "use crate::format::json::Scope; use super::ENTRY;"),
        ("format::text::app", "use super::ansi; use crate::format::json_text::string_end;"),
        ("format::text::app", "#[cfg(test)] mod tests { use crate::format::json::ENTRY; }"),
        ("scan", "/// As [`json`](crate::format::json)."),
    ] {
        assert_eq!(named(module, code), 0, "{code}");
    }
}

/// The layers above `record` that a file of it would reach by this code.
fn reached(code: &str) -> Vec<&'static str> {
    let module = ["record".to_string(), "batch".to_string()];
    upward(&module, code).into_iter().map(|(_, other)| other).collect()
}

#[test]
fn planted_arrows_are_found() {
    assert_eq!(reached("use crate::metric::Block;"), ["metric"]);
    assert_eq!(
        reached("use crate::{bytes::line::Line, select::condition};"),
        ["select::condition"]
    );
    assert_eq!(
        reached("use crate::select::{condition::{Field, parse}, seek};"),
        ["select", "select::condition"]
    );
    assert_eq!(
        reached(
            "pub(crate) use crate::{\n    engine as run,\n    time::{self, TimestampParser},\n};"
        ),
        ["engine"]
    );
    assert_eq!(reached("fn f() -> u64 { crate::metric::COUNT_MAX }"), ["metric"]);
    assert_eq!(reached("fn f(x: &[crate :: scan\n::Scanner]) {}"), ["scan"]);
    assert_eq!(reached("use super::super::engine::Control;"), ["engine"]);
    assert_eq!(
        reached("const A: char = '\"'; use crate::spec::Spec; const B: char = '\"';"),
        ["spec"]
    );
    assert_eq!(reached("#[cfg(test)]\nmod tests { fn a() {} }\nuse crate::spec::Spec;"), ["spec"]);
}

#[test]
fn what_is_no_arrow_is_let_be() {
    for code in [
        "use crate::bytes::line::Line;",
        "use crate::{error::Error, time};",
        "use super::Mask;",
        "crate::dispatch!(a::<>() -> (); b)",
        "/// See [`scan`](crate::scan::Scanner).",
        "/* crate::scan::Scanner */",
        "let text = \"a \\\" crate::scan::Scanner\";",
        "let text = r#\"a \" crate::scan::Scanner\"#;",
        "#[cfg(test)]\nmod tests {\n    use crate::scan::Scanner;\n    mod more {}\n}\n",
        "#[cfg(test)]\nuse crate::scan::Scanner;",
        "pub(in crate::record) fn f() {}",
        "use other_crate::scan;",
        "use self::crate_of::scan;",
    ] {
        assert_eq!(reached(code), [""; 0], "{code}");
    }
}
