//! Learning: from a line to its shape.

use super::{Op, STEP_BYTES, Step, Template};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::fields::{
    Known, Meaning, Names, OPEN_MAX, OPENED_RANK, Rule, STATUS_RANK, Scale, columns_of,
    is_log_file, key_at, rank_in, scale_of, status,
};
use crate::format::http::is_registered_status;
use crate::format::json::{Open, Scope};
use crate::format::json_text::{number_end, skip_space, string_end};
use crate::format::units::Durations;
use crate::record::{Column, Columns};

/// Most steps of a shape; lines with more are rare, and long enough for the general way.
const STEPS_MAX: usize = 96;

impl Template {
    /// The shape of a line that is JSON, or None if it has none that is worth while.
    pub(super) fn new<S: Simd>(
        simd: S,
        names: &Names,
        durations: &Durations,
        line: Line<'_>,
    ) -> Option<Template> {
        let mut steps = Steps { line, durations, open: 0, from: 0, steps: Vec::new() };
        let mut open = Open::new();
        let mut scope = Scope::ROOT;
        let mut marks = 0;
        let mut element = Known::NOTHING;
        let mut at = skip_space(line, 0) + 1;
        loop {
            at = skip_space(line, at);
            if line.byte(at) == scope.closing_bracket() {
                at += 1;
                match open.close() {
                    Some(outer) => scope = outer,
                    None => break,
                }
                continue;
            }
            if !scope.is_fresh() {
                at = skip_space(line, at + 1);
            }
            let (mut known, mut key) = (scope.element(element), at);
            if scope.is_object() {
                known = Known::NOTHING;
                key = at + 1;
                let (end, escaped) = string_end(simd, line, key)?;
                if !escaped {
                    known = names.of_member(line, scope.place(), key, end);
                }
                if known.meaning == Meaning::PairKey {
                    // What the values after it mean is not in the bytes between values.
                    return None;
                }
                at = skip_space(line, end + 1) + 1;
            }
            scope = scope.begun();
            marks |= known.marks;
            at = skip_space(line, at);
            match line.byte(at) {
                b'"' => {
                    let (end, _) = string_end(simd, line, at + 1)?;
                    steps.value(at + 1, end, key, known, Op::Text)?;
                    at = end + 1;
                }
                b'-' | b'0'..=b'9' => {
                    let end = number_end(simd, line, at)?;
                    steps.value(at, end, key, known, Op::Number)?;
                    at = end;
                }
                bracket @ (b'{' | b'[') => {
                    let inner = scope.within(known, bracket == b'{');
                    element = known.as_element();
                    open.open(scope)?;
                    scope = inner;
                    at += 1;
                }
                word => {
                    let end = at + if word == b'f' { 5 } else { 4 };
                    steps.value(at, end, key, Known::NOTHING, Op::PassWord)?;
                    at = end;
                }
            }
        }
        let Steps { mut steps, .. } = steps.end()?;
        let wins = choose(&mut steps, scale_of(marks))?;
        Some(Template { steps, wins })
    }
}

/// Steps in the making.
struct Steps<'a> {
    line: Line<'a>,
    durations: &'a Durations,
    /// Values that may be numbers without a unit.
    open: usize,
    /// Where the bytes begin that no step has.
    from: usize,
    steps: Vec<Step>,
}

impl Steps<'_> {
    /// Adds the bytes up to a value and the value.
    fn value(&mut self, start: usize, end: usize, key: usize, known: Known, op: Op) -> Option<()> {
        self.bytes(start, op)?;
        let step = self.steps.last_mut()?;
        step.known = known;
        if let Meaning::Duration(Rule::Named { unit, .. }) = known.meaning {
            step.unit = Some(unit);
        }
        if let Meaning::Duration(Rule::Open | Rule::Generic { .. }) | Meaning::RequestTime =
            known.meaning
        {
            self.open += 1;
            if self.open > OPEN_MAX {
                return None;
            }
            step.unit = self.durations.unit_of(self.line.bytes(), key_at(self.line.bytes(), key));
            if step.unit.is_none() && op == Op::Number && known.meaning != Meaning::RequestTime {
                step.known = Known::NOTHING;
            }
        }
        let digits = &self.line.bytes()[start..end];
        if step.known.meaning == Meaning::Path && op == Op::Text && is_log_file(digits) {
            step.known = step.known.meaning(Meaning::Nothing);
            step.op = Op::PassLogFile;
        }
        step.numeric = digits.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        step.is_code = status(digits).is_some_and(is_registered_status);
        step.key_back = (start - key).try_into().ok()?;
        self.from = end;
        Some(())
    }

    /// Adds the bytes up to `to` with what comes behind them.
    fn bytes(&mut self, to: usize, op: Op) -> Option<()> {
        let text = &self.line.bytes()[self.from..to];
        let parts = text.len().div_ceil(STEP_BYTES).max(1);
        if self.steps.len() + parts > STEPS_MAX {
            return None;
        }
        for i in 0..parts {
            let part = &text[i * STEP_BYTES..text.len().min((i + 1) * STEP_BYTES)];
            let mut step = Step {
                bytes: [0; STEP_BYTES],
                mask: [0; STEP_BYTES],
                len: part.len() as u8,
                op: if i + 1 == parts { op } else { Op::More },
                text: op == Op::Text,
                numeric: false,
                is_code: false,
                is_checked: false,
                key_back: 0,
                alone: false,
                known: Known::NOTHING,
                wins: Columns::NONE,
                unit: None,
            };
            step.bytes[..part.len()].copy_from_slice(part);
            step.mask[..part.len()].fill(0xff);
            self.steps.push(step);
        }
        Some(())
    }

    fn end(mut self) -> Option<Self> {
        self.bytes(self.line.len(), Op::End)?;
        Some(self)
    }
}

/// The column that a value is a candidate for.
fn is_candidate(step: &Step, column: Columns) -> bool {
    let text = step.op == Op::Text;
    (text || step.op == Op::Number) && columns_of(step.known.meaning, text).has(column)
}

/// Drops what the producer or the other keys say is none of its meaning, as the slow path does when it
/// has seen the whole line; None if values decide, so that no template can.
fn settle(steps: &mut [Step], scale: Scale) -> Option<()> {
    for step in steps.iter_mut() {
        match step.known.meaning {
            Meaning::Level(_) | Meaning::ShortLevel if scale == Scale::Never => {
                step.known = Known::NOTHING;
            }
            Meaning::Level(Scale::ByProducer) => {
                step.known = step.known.meaning(Meaning::Level(scale));
            }
            _ => {}
        }
        if step.known.meaning == Meaning::BareStatus && step.known.is_loose {
            step.known = step.known.meaning(Meaning::Status);
        }
    }
    let any = |steps: &[Step], is_loose: bool, column| {
        steps.iter().any(|step| step.known.is_loose == is_loose && is_candidate(step, column))
    };
    let is_bare = |step: &Step| {
        step.known.meaning == Meaning::BareStatus && matches!(step.op, Op::Text | Op::Number)
    };
    let has_bare = steps.iter().any(is_bare);
    let is_loose_request = !any(steps, false, Columns::ROUTE)
        && any(steps, true, Columns::METHOD)
        && any(steps, true, Columns::PATH)
        && (any(steps, true, Columns::STATUS) || any(steps, false, Columns::STATUS) || has_bare);
    for column in Column::ALL.iter().map(|&column| Columns::of(column)) {
        let is_said = any(steps, false, column);
        for step in steps.iter_mut() {
            if step.known.is_loose && is_candidate(step, column) && (is_said || !is_loose_request) {
                step.known = Known::NOTHING;
            }
        }
    }
    if !has_bare {
        return Some(());
    }
    let counts = steps.iter().any(|step| is_candidate(step, Columns::ROUTE));
    let is_timed = steps.iter().any(|step| is_candidate(step, Columns::DURATION));
    let best = steps.iter().filter(|step| is_candidate(step, Columns::STATUS));
    let best = best.map(|step| step.known.rank()).max().unwrap_or(0);
    for step in steps.iter_mut().filter(|step| is_bare(step)) {
        if step.known.rank() <= best {
            step.known = Known::NOTHING;
        } else if counts || is_timed && step.is_code && step.known.rank() == STATUS_RANK {
            step.is_checked = !counts;
            step.known = step.known.meaning(Meaning::Status);
        } else {
            // A message may decide whether it counts.
            step.op = if step.op == Op::Text { Op::PassNoStatus } else { Op::PassNoCode };
            step.known = Known::NOTHING;
        }
    }
    Some(())
}

/// Decides which values count, and how the others are passed; None if that cannot be said of all
/// lines of this shape.
fn choose(steps: &mut [Step], scale: Scale) -> Option<Columns> {
    settle(steps, scale)?;
    let mut wins = Columns::NONE;
    for &column in Column::ALL {
        let rank = |step: &Step| rank_in(step.known, column, step.op == Op::Number);
        let column = Columns::of(column);
        let ranks = || steps.iter().enumerate().filter(|(_, s)| is_candidate(s, column));
        // The first of the highest rank; of response times what needs no decision comes first.
        let is_open = |step: &Step| {
            use Meaning::{Duration, RequestTime};
            matches!(step.known.meaning, Duration(Rule::Open | Rule::Generic { .. }) | RequestTime)
        };
        let weight = |step: &Step| (rank(step), !is_open(step));
        let best = ranks().rev().max_by_key(|(_, step)| weight(step)).map(|(i, _)| i);
        if let Some(best) = best {
            // Text may have a unit in one line and none in another.
            let highest = rank(&steps[best]);
            let mut rivals = ranks().filter(|(_, step)| rank(step) == highest);
            if rivals.clone().count() > 1 && rivals.any(|(_, s)| is_open(s) && s.op == Op::Text) {
                return None;
            }
        }
        let alone = ranks().count() == 1;
        // What stands beside it may be in the message, which differs from line to line.
        let requests = Columns::ROUTE.or(Columns::STATUS);
        let generic =
            |step: &Step| matches!(step.known.meaning, Meaning::Duration(Rule::Generic { .. }));
        let named =
            |step: &Step| matches!(step.known.meaning, Meaning::Duration(Rule::Named { .. }));
        let has_request = |step: &Step| {
            let text = step.op == Op::Text;
            (text || step.op == Op::Number)
                && columns_of(step.known.meaning, text).iter().any(|c| requests.has(Columns::of(c)))
        };
        if column == Columns::DURATION
            && let Some(best) = best
            && (generic(&steps[best]) || named(&steps[best]))
            && !steps.iter().any(has_request)
        {
            // The message may say that it is a lifetime.
            if generic(&steps[best]) {
                return None;
            }
            steps[best].unit = None;
        }
        // Of a value that may be a duration or a time, the latter only if it is not the former.
        let odd = |step: &Step| step.known.meaning == Meaning::RequestTime;
        if column == Columns::DURATION
            && steps
                .iter()
                .enumerate()
                .any(|(i, s)| is_candidate(s, column) && odd(s) && Some(i) != best)
        {
            return None;
        }
        if let Some(best) = best {
            wins = wins.or(column);
            let step = &mut steps[best];
            step.wins = step.wins.or(column);
            step.alone = alone;
        }
    }
    let says_request = wins.has(Columns::ROUTE.or(Columns::STATUS));
    let opens = !says_request
        && steps
            .iter()
            .any(|step| step.wins.has(Columns::MESSAGE) && step.known.rank() >= OPENED_RANK);
    if opens && !wins.has(Columns::LEVEL) {
        // Every message may be a record.
        return None;
    }
    let mut is_behind_time = false;
    for step in steps.iter_mut() {
        let text = match step.op {
            Op::Text => true,
            Op::Number => false,
            _ => continue,
        };
        is_behind_time |= step.wins.has(Columns::TIME);
        step.op = match (step.known.meaning, text) {
            (Meaning::Nanos, false) if wins.has(Columns::TIME) => {
                if !is_behind_time {
                    return None;
                }
                Op::Nanos
            }
            (Meaning::Nanos, true) => return None,
            _ if step.wins.is_empty() => {
                if text {
                    Op::PassString
                } else {
                    Op::PassNumber
                }
            }
            // What is of a request alone is asked for.
            _ if step.known.is_loose => {
                if text {
                    Op::Text
                } else {
                    Op::Number
                }
            }
            (Meaning::Time, true) => Op::Time,
            (Meaning::Level(_), true) => Op::Level,
            (Meaning::Message, true) if opens => Op::OpenMessage,
            (Meaning::Message, true) => Op::Message,
            // Text that is a number is read as one; its closing quote is for the next step to see.
            (Meaning::Status, _) if step.is_checked => Op::Code,
            (Meaning::Status, _) if step.numeric => Op::Status,
            (Meaning::Duration(Rule::Fixed(unit)), _) if step.numeric => Op::Duration(unit),
            (Meaning::Duration(Rule::Named { unit, .. }), _) if step.numeric => {
                step.unit.map_or(Op::ShortDuration(unit), Op::Duration)
            }
            (Meaning::RequestTime | Meaning::Duration(Rule::Open | Rule::Generic { .. }), _)
                if step.numeric && step.unit.is_some() =>
            {
                step.unit.map_or(Op::Number, Op::Duration)
            }
            (Meaning::Time, false) => Op::Epoch,
            (Meaning::Level(Scale::Any | Scale::Bunyan), false) => Op::LevelNumber,
            (Meaning::Method, true) => Op::Method,
            (Meaning::Path, true) => Op::Path,
            (Meaning::Client, true) => Op::Client,
            (Meaning::Bytes, _) if step.numeric => Op::Bytes,
            (_, true) => Op::Text,
            (_, false) => Op::Number,
        };
    }
    (!wins.is_empty()).then_some(wins)
}
