//! What only the whole line decides: the units of response times, and whether a status or a duration counts.

use super::*;
use crate::format::http::status_of_name;

impl Fields<'_> {
    #[inline(always)]
    pub(super) fn settle_if_open(
        &mut self,
        context: &mut Context,
        has_request: bool,
        record: &mut Record,
    ) {
        if self.open_count > 0 {
            self.settle(context, has_request, record);
        }
    }

    /// Takes the bare number of the highest rank whose unit is known as the response time, if nothing of
    /// that rank is one.
    #[inline(never)]
    fn settle(&mut self, context: &mut Context, has_request: bool, record: &mut Record) {
        let (line, open) = (self.line.bytes(), self.open);
        for wanted in (1..=3).rev() {
            for number in open.iter().take(self.open_count).filter(|open| open.rank == wanted) {
                let &Open { key, start, end, whole, rank, is_generic, is_measured } = number;
                if is_generic && !has_request && !self.names_a_request() {
                    continue;
                }
                let name = key_at(line, key);
                let text = &line[start..end];
                if let Some(sample) = &mut context.durations.sample {
                    let text = match text {
                        [] => whole.to_string(),
                        text => String::from_utf8_lossy(text).into_owned(),
                    };
                    sample.number(name, text, line);
                } else if self.ranks[Column::DURATION] >= rank {
                    return;
                }
                let Some(unit) = context.durations.unit_of(line, name) else { continue };
                let nanos = match text {
                    [] => whole.checked_mul(unit.nanos()).filter(|&nanos| nanos <= DURATION_NS_MAX),
                    text => decimal(text, unit),
                };
                let Some(nanos) = nanos else { continue };
                let is_lifetime = is_generic
                    && !has_request
                    && nanos >= NAMED_LIFETIME_NANOS_MIN
                    && self.is_lifetime(nanos, is_measured, context);
                if !is_lifetime {
                    self.duration(rank, nanos, record);
                }
            }
        }
    }

    /// Whether what is so written is a request, or its message says that something is over.
    fn names_a_request(&self) -> bool {
        let Value { start, end, .. } = self.message;
        self.has_request() || speaks_of_completion(&self.line.bytes()[start..end])
    }

    /// Whether a method, a path or a status was found.
    fn has_request(&self) -> bool {
        [Column::METHOD, Column::PATH, Column::STATUS].iter().any(|&column| self.ranks[column] > 0)
    }

    /// Whether by the message a response time of so many nanoseconds is a lifetime, and nothing tells of
    /// a request.
    fn is_lifetime(&self, nanos: u64, is_measured: bool, context: &mut Context) -> bool {
        let Value { start, end, .. } = self.message;
        let memo = &mut context.memo;
        let message = &self.line.bytes()[start..end];
        !self.has_request() && text_duration::is_lifetime(message, nanos, is_measured, memo)
    }

    /// Whether a time, a level or a message was found, whose names are those of logs, or a whole
    /// request: method, path and status.
    ///
    /// A message that is only an error does not count.
    #[inline(always)]
    pub fn looks_like_a_log(&self) -> bool {
        let ranks = &self.ranks;
        ranks[Column::TIME] > 0
            || ranks[Column::LEVEL] > 0
            || ranks[Column::MESSAGE] > 1
            || self.number.0 > 0
            || ranks[Column::METHOD] > 0
                && ranks[Column::PATH] > 0
                && (ranks[Column::STATUS] > 0 || self.bare.0 > 0)
    }

    /// Completes the record when the whole line has been read; whether anything was found.
    #[inline(always)]
    pub fn finish<S: Copy>(&mut self, cx: &mut Parse<'_, S>) -> bool {
        let Parse { context, arena, record, .. } = cx;
        if let Some(loose) = self.loose.take() {
            self.settle_loose(&loose, record);
        }
        if (self.ranks[Column::PATH] != 0) & (self.ranks[Column::METHOD] == 0) {
            self.method_of_path(arena, record);
        }
        let has_status = self.bare.0 == STATUS_RANK && is_registered_status(self.bare.1);
        self.settle_if_open(context, has_status, record);
        if self.may_be_lifetime
            && !has_status
            && self.is_lifetime(record.duration_ns, self.is_measured, context)
        {
            // Its rank remains: a record is one whatever its message.
            record.duration_ns = NO_DURATION;
        }
        if self.number.0 | self.bare.0 != 0 || (self.marks != 0) | (self.nanos != 0) {
            self.settle_all(record);
            if context.durations.sample.is_some() {
                self.tell_scale(context);
            }
        }
        if self.is_unanswered
            && record.status == NO_STATUS
            && (self.ranks[Column::PATH] > 0) & (self.ranks[Column::METHOD] > 0)
            && is_http_method(record.method.bytes(self.line.bytes(), arena))
        {
            record.status = NO_ANSWER;
        }
        let Value { start, end, escaped, .. } = self.message;
        if !escaped {
            record.message = Text::of_line(start, end);
        } else if record.level >= Level::Warn || self.all_messages {
            // The message of lesser records is read by conditions only.
            record.message = kept(self.message, &self.line.bytes()[start..end], arena, whole_text);
        }
        // A number whose unit is not known makes a record all the same, so that no decision changes
        // what a line is.
        self.ranks.0[..Column::PARSED] != [0; Column::PARSED] || self.open_count > 0
    }

    /// Takes the method that stands before the path, where the value of its key is a request line.
    #[inline(never)]
    fn method_of_path(&mut self, arena: &[u8], record: &mut Record) {
        let line = self.line.bytes();
        let path = record.path.bytes(line, arena);
        let start = (path.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
        let Some([before @ .., b' ']) = line.get(..start) else { return };
        let len = before.iter().rev().take_while(|b| b.is_ascii_uppercase()).count();
        let (before, method) = before.split_at(before.len() - len);
        let begins = before.last().is_none_or(|b| b"\"=:\t,;|".contains(b));
        if begins && is_http_method(method) {
            self.ranks[Column::METHOD] = 1;
            record.method = Text::of_line(start - 1 - len, start - 1);
        }
    }

    /// Takes what objects say that the table does not know, if they hold a request.
    #[cold]
    #[inline(never)]
    fn settle_loose(&mut self, loose: &Loose, record: &mut Record) {
        let Loose { ranks: loose, record: found, open } = *loose;
        let own = self.ranks;
        if own[Column::METHOD] | own[Column::PATH] == 0
            && loose[Column::METHOD] > 0
            && loose[Column::PATH] > 0
            && loose[Column::STATUS] | own[Column::STATUS] | self.bare.0 > 0
        {
            for &column in Column::ALL {
                if loose[column] > 0 && own[column] == 0 {
                    record.take(Columns::of(column), &found);
                    self.ranks[column] = loose[column];
                }
            }
            open.into_iter().for_each(|number| self.remember(number));
        }
    }

    /// Settles what more than one key decides.
    #[cold]
    #[inline(never)]
    fn settle_all(&mut self, record: &mut Record) {
        match scale_of(self.marks) {
            Scale::Never => {
                self.ranks[Column::LEVEL] = 0;
                record.level = Level::None;
            }
            _ if self.number.0 == 0 => {}
            scale => self.level(self.number.0, scale.level(self.number.1), record),
        }
        if self.nanos != 0 && record.time_ns != NO_TIME && record.time_ns % 1_000_000_000 == 0 {
            record.time_ns += i64::from(self.nanos);
        }
        if self.bare.0 > self.ranks[Column::STATUS] && self.is_of_request() {
            self.ranks[Column::STATUS] = self.bare.0;
            record.status = self.bare.1;
        }
    }

    /// States that numbers of levels may be on another scale, if nothing says that they are not.
    #[cold]
    #[inline(never)]
    fn tell_scale(&self, context: &mut Context) {
        const PYTHON: &str = "numbers of levels are those of pino and bunyan (30 info, 40 warning, 50 error); \
                              Python's are one step higher (20 info, 30 warning, 40 error)";
        let keys = LineKeys(self.line.bytes());
        let has_number = |key| keys.value(key).is_some_and(|value| value.starts_with(b"1"));
        let is_of_pino = keys.has("v") || keys.has("hostname") || has_number("time");
        let is_one = matches!(self.number.1, 10 | 20 | 30 | 40 | 50);
        if self.number.0 > 0 && is_one && scale_of(self.marks) == Scale::Any && !is_of_pino {
            context.assumed = Some(PYTHON);
        }
    }

    /// Whether a bare status is one of HTTP: beside a method or path, or as a registered code beside a
    /// response time (under `status`) or a message about a request.
    fn is_of_request(&self) -> bool {
        self.ranks[Column::METHOD] > 0
            || self.ranks[Column::PATH] > 0
            || is_registered_status(self.bare.1)
                && (self.bare.0 == STATUS_RANK && self.ranks[Column::DURATION] > 0
                    || speaks_of_request(&self.line.bytes()[self.message.start..self.message.end]))
    }

    /// The message, if it may be a record of its own that says what this one lacks: a level, or a
    /// request.
    #[inline(always)]
    pub(in crate::format) fn to_open(&self, record: &Record) -> Option<Value> {
        let ranks = &self.ranks;
        let has_request = ranks[Column::STATUS] | ranks[Column::METHOD] | ranks[Column::PATH] != 0;
        if has_request || ranks[Column::MESSAGE] < OPENED_RANK {
            return None;
        }
        let Value { start, end, .. } = self.message;
        (record.level == Level::None || may_hold_request(&self.line.bytes()[start..end]))
            .then_some(self.message)
    }

    /// Whether the text of a status says that there was none.
    #[cold]
    pub(super) fn says_no_answer(&self, key: usize, text: &[u8]) -> bool {
        matches!(text, b"-" | b"000") || text == b"0" && self.is_of_envoy(key)
    }

    /// The status that a name is under a key that can mean no other: `"httpStatus":"NOT_FOUND"`.
    #[cold]
    pub(super) fn named_status(&self, key: usize, name: &[u8]) -> Option<u16> {
        let key = self.line.bytes().get(key..key + 4)?;
        let is_name = name.first().is_some_and(u8::is_ascii_uppercase);
        (is_name && key.eq_ignore_ascii_case(b"http")).then(|| status_of_name(name))?
    }

    /// Whether the key at `key` is that of Envoy's status.
    ///
    /// Source: <https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage>.
    #[cold]
    pub(super) fn is_of_envoy(&self, key: usize) -> bool {
        let rest =
            self.line.bytes().get(key..).and_then(|rest| rest.strip_prefix(b"response_code"));
        rest.is_some_and(|rest| matches!(rest.first(), Some(b'"' | b'=')))
    }
}
