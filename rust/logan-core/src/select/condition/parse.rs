//! From the text of a condition to its tree, by recursive descent; errors know their place.

use super::{
    CONDITION_BYTES_MAX, Check, Condition, DEPTH_MAX, KEY_BYTES_MAX, Operator, SyntaxError,
    TESTS_MAX, Value,
};
use crate::record::DURATION_NS_MAX;
use crate::record::Level;
use crate::record::{Field, Prefix, is_key_byte};
use crate::time::moment;
use jiff::tz::TimeZone;

/// Most memory that one compiled regular expression may take, in bytes.
pub(super) const REGEX_BYTES_MAX: usize = 1 << 20;

pub(super) type Parsed<T> = Result<T, SyntaxError>;

/// The condition that `text` stands for; timestamps without a time zone are in `zone`.
///
/// # Errors
/// What does not fit, and the byte at which it stands.
pub fn parse(text: &str, zone: &TimeZone) -> Parsed<Condition> {
    if text.len() > CONDITION_BYTES_MAX {
        let message = format!("longer than {CONDITION_BYTES_MAX} bytes");
        return Err(SyntaxError { position: 0, message });
    }
    let mut parser = Parser::new(text, zone);
    let condition = parser.any()?;
    parser.skip_space();
    if parser.at < text.len() {
        return parser.fail(parser.at, "expected \"and\", \"or\" or the end");
    }
    Ok(condition)
}

/// The field called `text`, and nothing else.
///
/// # Errors
/// What does not fit, and the byte at which it stands.
pub fn field(text: &str) -> Parsed<Field> {
    let utc = TimeZone::UTC;
    let mut parser = Parser::new(text, &utc);
    let field = parser.field()?;
    parser.skip_space();
    if parser.at < text.len() {
        return parser.fail(parser.at, "expected nothing after the field");
    }
    Ok(field)
}

pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    zone: &'a TimeZone,
    depth: usize,
    tests: usize,
}

/// A value as it is written.
struct Literal {
    start: usize,
    text: String,
    quoted: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, zone: &'a TimeZone) -> Parser<'a> {
        Parser { text, at: 0, zone, depth: 0, tests: 0 }
    }

    /// The byte at hand.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn fail<T>(&self, position: usize, message: impl Into<String>) -> Parsed<T> {
        Err(SyntaxError { position, message: message.into() })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes these characters, if they come next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    /// The letters, digits and `_` that come next.
    pub(super) fn peek_word(&mut self) -> &'a str {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    }

    /// Takes this word, if it comes next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let next = self.peek_word();
        let found = next.eq_ignore_ascii_case(word);
        self.at += if found { next.len() } else { 0 };
        found
    }

    fn any(&mut self) -> Parsed<Condition> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.fail(self.at, format!("nested more than {DEPTH_MAX} deep"));
        }
        let mut parts = vec![self.all()?];
        while self.word("or") || self.sign("||") {
            parts.push(self.all()?);
        }
        self.depth -= 1;
        Ok(flat(parts, Condition::Any))
    }

    fn all(&mut self) -> Parsed<Condition> {
        let mut parts = vec![self.one()?];
        while self.word("and") || self.sign("&&") {
            parts.push(self.one()?);
        }
        Ok(flat(parts, Condition::All))
    }

    fn one(&mut self) -> Parsed<Condition> {
        let mut negations = 0;
        while self.word("not") || self.sign("!") {
            negations += 1;
            if self.depth + negations > DEPTH_MAX {
                return self.fail(self.at, format!("nested more than {DEPTH_MAX} deep"));
            }
        }
        let open = self.at;
        let mut one = if self.sign("(") {
            let inner = self.any()?;
            if !self.sign(")") {
                let message = match self.at {
                    at if at == self.text.len() => "expected \")\" before the end".into(),
                    _ => format!("expected \"and\", \"or\" or the \")\" for byte {open}"),
                };
                return self.fail(self.at, message);
            }
            inner
        } else {
            self.test()?
        };
        for _ in 0..negations {
            one = Condition::Not(Box::new(one));
        }
        Ok(one)
    }

    fn test(&mut self) -> Parsed<Condition> {
        let field = self.field()?;
        self.skip_space();
        let at = self.at;
        if self.word("exists") {
            self.count(at)?;
            return Ok(Condition::Test(field, Check::Exists));
        }
        let negated = self.word("not");
        if self.word("in") {
            return Ok(Condition::Test(field.clone(), Check::In(negated, self.list(&field)?)));
        }
        if negated {
            return self.fail(self.at, "expected \"in\" after \"not\"");
        }
        let operator = self.operator()?;
        self.fits(&field, operator, at)?;
        let value = self.value(&field, Some(operator))?;
        Ok(Condition::Test(field, Check::Compare(operator, value)))
    }

    fn count(&mut self, at: usize) -> Parsed<()> {
        self.tests += 1;
        if self.tests > TESTS_MAX {
            return self.fail(at, format!("more than {TESTS_MAX} tests"));
        }
        Ok(())
    }

    pub(super) fn field(&mut self) -> Parsed<Field> {
        let name = self.peek_word();
        let start = self.at;
        for (prefix, word) in [(Prefix::Json, "json"), (Prefix::Logfmt, "logfmt")] {
            if name.eq_ignore_ascii_case(word) {
                self.at += name.len();
                return Ok(Field::Key(prefix, self.key_name(start)?));
            }
        }
        let named = Field::named().find(|(known, _)| name.eq_ignore_ascii_case(known));
        if let Some((_, field)) = named {
            self.at += name.len();
            return Ok(field);
        }
        let known: Vec<&str> = Field::named().map(|(name, _)| name).collect();
        let known = known.join(", ");
        let message = match name {
            "" => format!("expected a field: {known}, json.KEY or logfmt.KEY"),
            name => format!("no field {name:?}; known fields: {known}, json.KEY and logfmt.KEY"),
        };
        self.fail(start, message)
    }

    /// What follows `json` or `logfmt`.
    fn key_name(&mut self, start: usize) -> Parsed<String> {
        let mut name = String::new();
        while self.rest().starts_with('.') {
            self.at += 1;
            let at = self.at;
            let part = if self.rest().starts_with(['"', '\'']) {
                self.string()?
            } else {
                let rest = self.rest();
                let end = rest.bytes().position(|b| !is_key_byte(b)).unwrap_or(rest.len());
                self.at += end;
                rest[..end].to_string()
            };
            if part.is_empty() {
                return self.fail(at, "expected the name of a key");
            }
            if !name.is_empty() {
                name.push('.');
            }
            name += &part;
        }
        if name.is_empty() {
            return self
                .fail(self.at, "expected a dot and the name of a key, such as json.user.id");
        }
        if name.len() > KEY_BYTES_MAX {
            return self.fail(start, format!("a key of more than {KEY_BYTES_MAX} bytes"));
        }
        Ok(name)
    }

    fn operator(&mut self) -> Parsed<Operator> {
        // The longer ones first.
        const OPERATORS: [(&str, Operator); 9] = [
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("!~", Operator::Differs),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::More),
            ("~", Operator::Matches),
        ];
        let found = OPERATORS.into_iter().find(|(sign, _)| self.sign(sign));
        if self.rest().starts_with('~') && matches!(found, Some((_, Operator::Equal))) {
            return self.fail(self.at, "a match is written ~");
        }
        match found {
            Some((_, operator)) => Ok(operator),
            None => self.fail(self.at, "expected one of = != < <= > >= ~ !~, \"in\" or \"exists\""),
        }
    }

    fn fits(&self, field: &Field, operator: Operator, at: usize) -> Parsed<()> {
        let matching = matches!(operator, Operator::Matches | Operator::Differs);
        let ordering = !matching && !matches!(operator, Operator::Equal | Operator::Unequal);
        if matching && !field.is_text() {
            return self
                .fail(at, format!("{field} is not text: compare it by = != < <= > >= or in"));
        }
        if ordering && field.is_text() && !matches!(field, Field::Key(..)) {
            return self.fail(at, format!("{field} is text: compare it by = != ~ !~ or in"));
        }
        Ok(())
    }

    fn list(&mut self, field: &Field) -> Parsed<Vec<Value>> {
        if !self.sign("(") {
            return self.fail(self.at, "expected \"(\" after \"in\"");
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value(field, None)?);
            if self.sign(")") {
                return Ok(values);
            }
            if !self.sign(",") {
                return self.fail(self.at, "expected \",\" or \")\"");
            }
        }
    }

    /// A value for the field; `operator` is None in a list.
    fn value(&mut self, field: &Field, operator: Option<Operator>) -> Parsed<Value> {
        let literal = self.literal()?;
        self.count(literal.start)?;
        let text = literal.text.as_str();
        let number = |what: &str, value: Option<u64>| match value {
            Some(value) => Ok(Value::Number(value)),
            None => self.fail(literal.start, format!("expected {what}")),
        };
        match field {
            Field::Status => {
                let is_one = |status: &u64| *status == 0 || (100..=999).contains(status);
                number(
                    "a status: 0 (no answer), or from 100 to 999",
                    text.parse().ok().filter(is_one),
                )
            }
            Field::Bytes => number("a number of bytes, such as 4096 or 10KiB", bytes(text)),
            Field::Duration => {
                number("a time such as 250ms, 1.5s or 80us (a bare number is ms)", nanos(text))
            }
            Field::Level => match level(text) {
                Some(level) => Ok(Value::Level(level)),
                None => self.fail(
                    literal.start,
                    "expected a level: trace, debug, info, notice, warn, error, fatal, other",
                ),
            },
            Field::Time => match moment::parse(text, self.zone) {
                Some(nanos) => Ok(Value::Time(nanos)),
                None => self.fail(
                    literal.start,
                    "expected a time such as \"2024-01-24 10:15\" or 2024-01-24T10:15:00Z",
                ),
            },
            Field::Key(..) => {
                let is_number = decimal(text);
                let ordering = operator.is_some_and(|o| {
                    matches!(
                        o,
                        Operator::Less | Operator::AtMost | Operator::More | Operator::AtLeast
                    )
                });
                let matching = matches!(operator, Some(Operator::Matches | Operator::Differs));
                if matching {
                    self.check_regex(&literal)?;
                }
                if ordering && !is_number {
                    return self.fail(literal.start, "expected a number");
                }
                Ok(if is_number && !matching && (ordering || !literal.quoted) {
                    Value::Decimal(literal.text)
                } else {
                    Value::Text(literal.text)
                })
            }
            _ => {
                if matches!(operator, Some(Operator::Matches | Operator::Differs)) {
                    self.check_regex(&literal)?;
                } else if text.is_empty() {
                    let message = format!("empty text counts as absent: write not {field} exists");
                    return self.fail(literal.start, message);
                }
                Ok(Value::Text(literal.text))
            }
        }
    }

    fn literal(&mut self) -> Parsed<Literal> {
        self.skip_space();
        let start = self.at;
        if self.rest().starts_with(['"', '\'']) {
            return Ok(Literal { start, text: self.string()?, quoted: true });
        }
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || "()<>=!~&|,\"'\\".contains(c);
        let end = rest.find(ends).unwrap_or(rest.len());
        if end == 0 {
            return self.fail(start, "expected a value; text with other signs is quoted: \"…\"");
        }
        self.at += end;
        if self.rest().starts_with(['~', '\\', '=', '<', '>', '!', '"', '\'']) {
            return self.fail(self.at, "a value with this sign has to be quoted: \"…\"");
        }
        Ok(Literal { start, text: rest[..end].to_string(), quoted: false })
    }

    /// The string that begins with the quote at hand.
    ///
    /// Backslashes are what they are, as regular expressions have many, but for those right before a
    /// quote of the same kind: two of them are one, and one that is left over takes the quote as text.
    fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        let rest = self.rest();
        let quote = rest.chars().next().unwrap_or('"');
        let mut text = String::new();
        let mut at = quote.len_utf8();
        while let Some(found) = rest[at..].find(quote) {
            let part = &rest[at..at + found];
            let plain = part.trim_end_matches('\\');
            let backslashes = part.len() - plain.len();
            text.push_str(plain);
            text.extend(std::iter::repeat_n('\\', backslashes / 2));
            at += found + quote.len_utf8();
            if backslashes.is_multiple_of(2) {
                self.at = start + at;
                return Ok(text);
            }
            text.push(quote);
        }
        self.fail(start, "this quote is never closed")
    }

    /// A regular expression in quotes.
    pub(super) fn pattern(&mut self) -> Parsed<String> {
        self.skip_space();
        if !self.rest().starts_with(['"', '\'']) {
            return self.fail(self.at, "expected a regular expression in quotes");
        }
        let literal = self.literal()?;
        self.check_regex(&literal)?;
        Ok(literal.text)
    }

    fn check_regex(&self, literal: &Literal) -> Parsed<()> {
        let begins = literal.start + usize::from(literal.quoted);
        let parsed = regex_syntax::ParserBuilder::new().utf8(false).build().parse(&literal.text);
        let (offset, why) = match parsed {
            Ok(_) => match regex(&literal.text) {
                Ok(_) => return Ok(()),
                Err(_) => (0, "it is too large".to_string()),
            },
            Err(regex_syntax::Error::Parse(e)) => (e.span().start.offset, e.kind().to_string()),
            Err(regex_syntax::Error::Translate(e)) => (e.span().start.offset, e.kind().to_string()),
            Err(e) => (0, e.to_string()),
        };
        // Quotes that were written with a backslash are one byte longer in the text.
        let quotes = |part: &str| part.matches(['"', '\'']).count();
        let escaped = quotes(&literal.text[..offset.min(literal.text.len())]);
        let written = &self.text[begins..self.at];
        let shift = (0..=escaped).find(|&n| {
            let end = (offset + n).min(written.len());
            written.is_char_boundary(end) && written[..end].matches("\\\"").count() <= n
        });
        let position = (begins + offset + shift.unwrap_or(0)).min(self.text.len());
        self.fail(position, format!("not a valid regular expression: {why}"))
    }
}

/// The compiled regular expression.
pub(super) fn regex(text: &str) -> Result<regex::bytes::Regex, regex::Error> {
    regex::bytes::RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build()
}

fn flat(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 { parts.remove(0) } else { join(parts) }
}

fn level(text: &str) -> Option<Level> {
    let letter = || match text.as_bytes() {
        [letter] => Level::from_letter(*letter),
        _ => None,
    };
    let other = text.eq_ignore_ascii_case("other").then_some(Level::Other);
    Level::from_word(text.as_bytes()).or_else(letter).or(other)
}

/// Splits a number from its unit.
fn number_and_unit(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let fits = number.starts_with(|c: char| c.is_ascii_digit())
        && number.ends_with(|c: char| c.is_ascii_digit())
        && number.matches('.').count() <= 1;
    fits.then_some((number, unit))
}

/// A decimal number times a factor, if that is a whole number in reach.
fn scaled(number: &str, factor: u64, most: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() > 20 || fraction.len() > 9 {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let scaled = digits * u128::from(factor);
    let power = 10u128.pow(fraction.len() as u32);
    // Less than a nanosecond or a byte is rounded half up, as formats do.
    u64::try_from((scaled + power / 2) / power).ok().filter(|&value| value <= most)
}

fn nanos(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" | "" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    scaled(number, factor, DURATION_NS_MAX)
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return None,
    };
    scaled(number, factor, u64::MAX - 1)
}

/// Whether text is a number as JSON writes them.
fn decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'))
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        let condition = parse(text, &TimeZone::UTC).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let written = condition.to_string();
        let again = parse(&written, &TimeZone::UTC).unwrap_or_else(|e| panic!("{written}: {e:?}"));
        assert_eq!(again, condition, "{text} -> {written}");
        written
    }

    #[test]
    fn canonical_texts() {
        for (text, written) in [
            (
                r#"status>=500 and route~"^/api" and duration>250ms"#,
                r#"status >= 500 and route ~ "^/api" and duration > 250ms"#,
            ),
            ("status==500||status=404", "status = 500 or status = 404"),
            ("NOT (Level>=Warning AND duration > 0.5)", "not (level >= WARN and duration > 500us)"),
            (
                "status=500 and level=e or method=GET",
                "(status = 500 and level = ERROR) or method = \"GET\"",
            ),
            ("! ! client exists", "not not client exists"),
            ("status not in (200,304)", "status not in (200, 304)"),
            // Backslashes right before a quote.
            (r#"path = "a\\""#, r#"path = "a\\""#),
            (r#"path = 'a\\'"#, r#"path = "a\\""#),
            (r#"path = "a\\\"b\c""#, r#"path = "a\\\"b\c""#),
            ("method in (GET, 'POST')", "method in (\"GET\", \"POST\")"),
            ("client=10.0.0.1", "client = \"10.0.0.1\""),
            ("path = /a/b?", "path = \"/a/b?\""),
            ("bytes>10KiB or bytes < 1.5kB", "bytes > 10240 or bytes < 1500"),
            ("duration<=2m", "duration <= 120s"),
            ("duration>0", "duration > 0ms"),
            ("json.user.id == \"x\"", "json.user.id = \"x\""),
            ("json.n>=5 and logfmt.'a b'=5", "json.n >= 5 and logfmt.\"a b\" = 5"),
            ("json.n=\"5\"", "json.n = \"5\""),
            (r#"message ~ "\d+ \"x\"""#, r#"message ~ "\d+ \"x\"""#),
            (r#"message ~ '"\d'"#, r#"message ~ "\"\d""#),
            ("time >= '2024-01-24 10:15'", "time >= \"2024-01-24T10:15:00Z\""),
            ("time<2024-01-24T10:15:00+01:00", "time < \"2024-01-24T09:15:00Z\""),
            ("((status=200))", "status = 200"),
        ] {
            assert_eq!(canonical(text), written, "{text}");
        }
    }

    #[test]
    fn misfits_know_their_place() {
        for (text, position, words) in [
            ("", 0, "expected a field"),
            ("   ", 3, "expected a field"),
            ("status", 6, "expected one of ="),
            ("status 500", 7, "expected one of ="),
            ("status >= ", 10, "expected a value"),
            ("status >= abc", 10, "from 100 to 999"),
            ("status = 50", 9, "from 100 to 999"),
            ("statos = 500", 0, "no field \"statos\""),
            ("status = 500 und level = warn", 13, "expected \"and\""),
            ("status = 500 and", 16, "expected a field"),
            ("(status = 500", 13, "expected \")\" before the end"),
            ("status = 500)", 12, "expected \"and\", \"or\" or the end"),
            ("level > verbos", 8, "expected a level"),
            ("level ~ 'w'", 6, "level is not text"),
            ("route > '/a'", 6, "route is text"),
            ("route =~ '/a'", 7, "a match is written ~"),
            ("route ~ '/(a'", 10, "not a valid regular expression"),
            ("route ~ \"^/api", 8, "never closed"),
            ("route = ''", 8, "empty text"),
            ("duration > 5 parsecs", 13, "expected \"and\""),
            ("duration > 5parsecs", 11, "250ms"),
            ("status in 500", 10, "expected \"(\""),
            ("status in (500 404)", 15, "expected \",\""),
            ("status not 500", 11, "expected \"in\""),
            ("json = 5", 4, "expected a dot"),
            ("json.user. = 5", 10, "name of a key"),
            ("json.n > x", 9, "expected a number"),
            ("time > yesterday", 7, "expected a time"),
            ("message = a\"b\"", 11, "has to be quoted"),
        ] {
            let misfit = parse(text, &TimeZone::UTC).expect_err(text);
            assert!(misfit.message.contains(words), "{text}: {misfit:?}");
            assert_eq!(misfit.position, position, "{text}: {misfit:?}");
        }
    }

    #[test]
    fn bounds() {
        let deep = "(".repeat(DEPTH_MAX) + "status=200" + &")".repeat(DEPTH_MAX);
        assert!(parse(&deep, &TimeZone::UTC).unwrap_err().message.contains("deep"));
        let nots = "not ".repeat(DEPTH_MAX + 1) + "status=200";
        assert!(parse(&nots, &TimeZone::UTC).unwrap_err().message.contains("deep"));
        let many = vec!["status=200"; TESTS_MAX + 1].join(" or ");
        assert!(parse(&many, &TimeZone::UTC).unwrap_err().message.contains("tests"));
        let long = " ".repeat(CONDITION_BYTES_MAX + 1);
        assert!(parse(&long, &TimeZone::UTC).unwrap_err().message.contains("longer"));
        let large = format!("message ~ '{}'", "(a{1000}){1000}");
        assert!(parse(&large, &TimeZone::UTC).unwrap_err().message.contains("too large"));
        let name = format!("json.{} exists", "k".repeat(KEY_BYTES_MAX + 1));
        assert!(parse(&name, &TimeZone::UTC).unwrap_err().message.contains("key of more"));
    }
}
