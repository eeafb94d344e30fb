//! How a log's text is written where it is not lines of UTF-8: as UTF-16, with carriage returns
//! alone, or as JSON objects that are not one line each. Told by its first bytes, decoded like what is compressed.

use super::decode::{Bytes, Fault};
use super::frames::{Framer, LEARNED_BYTES, framed};
use memchr::{memchr, memchr2};

/// Bytes that are taken from the layer below at once.
const PIECE_BYTES: usize = 64 << 10;

/// Code units that are looked at to see UTF-16 without a mark.
const UNITS_LOOKED_AT: usize = 2 << 10;

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// The order of bytes, where it is UTF-16.
    utf16: Option<ByteOrder>,
    lines: Lines,
}

/// How lines are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// By newlines.
    Usual,
    /// By carriage returns alone.
    Returns,
    /// They are objects, on any number of lines.
    Frames,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

impl Text {
    /// All there are.
    pub fn all() -> impl Iterator<Item = Text> {
        let orders = [None, Some(ByteOrder::Little), Some(ByteOrder::Big)];
        let lines = [Lines::Usual, Lines::Returns, Lines::Frames];
        let texts = orders.into_iter().flat_map(move |utf16| lines.map(|lines| (utf16, lines)));
        texts.map(|(utf16, lines)| Text { utf16, lines }).filter(|text| !text.is_usual())
    }

    /// How text is written that begins with `head`; None if it is lines of UTF-8.
    ///
    /// At the same place all readers look: in at most the first 64 KiB.
    pub fn of(head: &[u8]) -> Option<Text> {
        let head = &head[..head.len().min(LEARNED_BYTES)];
        let utf16 = byte_order(head);
        let lines = match utf16 {
            None => Lines::of(head),
            Some(order) => {
                let mut text = Vec::new();
                Utf16::new(order).push(head, &mut text);
                Lines::of(&text)
            }
        };
        Some(Text { utf16, lines }).filter(|text| !text.is_usual())
    }

    fn is_usual(self) -> bool {
        self.utf16.is_none() && self.lines == Lines::Usual
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match (self.utf16, self.lines) {
            (None, Lines::Usual) => "utf-8",
            (None, Lines::Returns) => "cr",
            (None, Lines::Frames) => "json",
            (Some(ByteOrder::Little), Lines::Usual) => "utf-16le",
            (Some(ByteOrder::Little), Lines::Returns) => "utf-16le+cr",
            (Some(ByteOrder::Little), Lines::Frames) => "utf-16le+json",
            (Some(ByteOrder::Big), Lines::Usual) => "utf-16be",
            (Some(ByteOrder::Big), Lines::Returns) => "utf-16be+cr",
            (Some(ByteOrder::Big), Lines::Frames) => "utf-16be+json",
        }
    }
}

impl Lines {
    fn of(head: &[u8]) -> Lines {
        if framed(head) {
            return Lines::Frames;
        }
        let cut = memchr2(b'\r', b'\n', head).is_some_and(|at| at + 1 < head.len());
        if cut && memchr(b'\n', head).is_none() { Lines::Returns } else { Lines::Usual }
    }
}

/// The order of bytes of UTF-16, by its mark, or by the zeros that most of its characters have.
fn byte_order(head: &[u8]) -> Option<ByteOrder> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None, // UTF-32
        [0xff, 0xfe, ..] => return Some(ByteOrder::Little),
        [0xfe, 0xff, ..] => return Some(ByteOrder::Big),
        _ => {}
    }
    let units = &head[..head.len().min(2 * UNITS_LOOKED_AT)];
    let zeros = |at: usize| units.iter().skip(at).step_by(2).filter(|&&byte| byte == 0).count();
    let (count, first, second) = (units.len() / 2, zeros(0), zeros(1));
    match count {
        0..4 => None,
        _ if first == 0 && second * 4 >= count * 3 => Some(ByteOrder::Little),
        _ if second == 0 && first * 4 >= count * 3 => Some(ByteOrder::Big),
        _ => None,
    }
}

/// Decodes UTF-16.
struct Utf16 {
    order: ByteOrder,
    /// The first byte of a code unit, and the first unit of a pair.
    half: Option<u8>,
    high: Option<u16>,
    begun: bool,
}

impl Utf16 {
    fn new(order: ByteOrder) -> Utf16 {
        Utf16 { order, half: None, high: None, begun: false }
    }

    fn push(&mut self, mut bytes: &[u8], text: &mut Vec<u8>) {
        if let (Some(first), [second, rest @ ..]) = (self.half, bytes) {
            self.half = None;
            bytes = rest;
            self.unit([first, *second], text);
        }
        let units = bytes.chunks_exact(2);
        if let [half] = units.remainder() {
            self.half = Some(*half);
        }
        for unit in units {
            self.unit([unit[0], unit[1]], text);
        }
    }

    fn unit(&mut self, bytes: [u8; 2], text: &mut Vec<u8>) {
        let unit = match self.order {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        };
        let is_mark = !std::mem::replace(&mut self.begun, true) && unit == 0xfeff;
        if is_mark {
            return;
        }
        if let Some(high) = self.high.take() {
            if let Some(Ok(c)) = char::decode_utf16([high, unit]).next() {
                return put(c, text);
            }
            put(char::REPLACEMENT_CHARACTER, text);
        }
        match unit {
            0..0x80 => text.push(unit as u8),
            0xd800..0xdc00 => self.high = Some(unit),
            _ => put(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER), text),
        }
    }

    /// Half a character at the end is one that cannot be read.
    fn finish(&mut self, text: &mut Vec<u8>) {
        if self.high.take().is_some() | self.half.take().is_some() {
            put(char::REPLACEMENT_CHARACTER, text);
        }
    }
}

fn put(c: char, text: &mut Vec<u8>) {
    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Reads text of which `head` was taken from the layer below already.
pub(super) struct Decoded<B> {
    below: B,
    utf16: Option<Utf16>,
    framer: Option<Framer>,
    returns: bool,
    input: Vec<u8>,
    text: Vec<u8>,
    /// What is handed out: all before `at` was.
    output: Vec<u8>,
    at: usize,
    /// Stored bytes taken.
    position: u64,
    ended: bool,
    fault: Option<Fault>,
}

impl<B: Bytes> Decoded<B> {
    /// Of a layer from which `head` was taken, and that has ended with a fault, if there is one.
    pub(super) fn new(text: Text, head: Vec<u8>, fault: Option<Fault>, below: B) -> Decoded<B> {
        let mut decoded = Decoded {
            below,
            utf16: text.utf16.map(Utf16::new),
            framer: (text.lines == Lines::Frames).then(Framer::new),
            returns: text.lines == Lines::Returns,
            input: vec![0; PIECE_BYTES],
            text: Vec::new(),
            output: Vec::new(),
            at: 0,
            position: 0,
            ended: fault.is_some(),
            fault,
        };
        decoded.decode(&head);
        decoded
    }

    pub(super) fn below(&self) -> &B {
        &self.below
    }

    /// Bytes taken from the layer below.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    fn decode(&mut self, bytes: &[u8]) {
        let bytes = match &mut self.utf16 {
            None => bytes,
            Some(utf16) => {
                self.text.clear();
                utf16.push(bytes, &mut self.text);
                &self.text
            }
        };
        match &mut self.framer {
            None if self.returns => {
                let newline = |&byte: &u8| if byte == b'\r' { b'\n' } else { byte };
                self.output.extend(bytes.iter().map(newline));
            }
            None => self.output.extend_from_slice(bytes),
            Some(framer) => framer.push(bytes, &mut self.output),
        }
    }

    /// All that is still on its way, at the end.
    fn finish(&mut self) {
        if let Some(utf16) = &mut self.utf16 {
            self.text.clear();
            utf16.finish(&mut self.text);
        }
        let Some(framer) = &mut self.framer else {
            self.output.extend_from_slice(&self.text);
            return;
        };
        framer.push(&self.text, &mut self.output);
        framer.finish(&mut self.output);
    }
}

impl<B: Bytes> Bytes for Decoded<B> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        while self.at == self.output.len() {
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            if self.ended {
                return Ok(0);
            }
            self.output.clear();
            self.at = 0;
            let mut input = std::mem::take(&mut self.input);
            match self.below.read(&mut input) {
                Ok(0) => {
                    self.ended = true;
                    self.finish();
                }
                Ok(count) => {
                    self.position += count as u64;
                    self.decode(&input[..count]);
                }
                Err(fault) => (self.ended, self.fault) = (true, Some(fault)),
            }
            self.input = input;
        }
        let count = buffer.len().min(self.output.len() - self.at);
        buffer[..count].copy_from_slice(&self.output[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str, order: ByteOrder) -> Vec<u8> {
        let bytes = |unit: u16| match order {
            ByteOrder::Little => unit.to_le_bytes(),
            ByteOrder::Big => unit.to_be_bytes(),
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn read(head: &[u8], room: usize) -> String {
        let text = Text::of(head).expect("it is no UTF-8");
        let mut decoded = Decoded::new(text, Vec::new(), None, head);
        let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
        loop {
            match decoded.read(&mut buffer).unwrap() {
                0 => return String::from_utf8(all).unwrap(),
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    proptest! {
        #[test]
        fn utf_16_is_its_utf_8(
            text in "(2024-01-24 10:15:32 [A-Z]{4} \\PC{0,20}\n){1,5}",
            big in any::<bool>(),
            room in 1..50_usize,
        ) {
            let order = if big { ByteOrder::Big } else { ByteOrder::Little };
            let marked = written(&format!("\u{feff}{text}"), order);
            prop_assert_eq!(&read(&marked, room), &text);
            if text.is_ascii() {
                prop_assert_eq!(&read(&written(&text, order), room), &text);
            }
        }
    }

    #[test]
    fn objects_in_utf_16_are_lines() {
        let bytes = written("\u{feff}[\r\n{ \"a\": \"\u{1f600}\" },\r\n{}\r\n]", ByteOrder::Little);
        assert_eq!(read(&bytes, 3), "{\"a\":\"\u{1f600}\"}\n{}\n");
    }

    #[test]
    fn carriage_returns_alone_end_lines() {
        assert_eq!(read(b"one\rtwo\r", 2), "one\ntwo\n");
        assert_eq!(read(&written("\u{feff}one\rtwo", ByteOrder::Big), 2), "one\ntwo");
        assert_eq!(Text::of(b"one\r"), None);
        assert_eq!(Text::of(b"one\rtwo\r\n"), None);
    }

    #[test]
    fn what_is_cut_says_so() {
        let mut bytes = written("\u{feff}ab", ByteOrder::Big);
        bytes.push(0);
        assert_eq!(read(&bytes, 9), "ab\u{fffd}");
    }

    #[test]
    fn others_are_as_they_are() {
        for head in
            [&b"2024-01-24 10:15:32 a\0b\n"[..], b"", b"\xff\xfe\0\0a\0\0\0", b"\0\0\0\0a\0"]
        {
            assert_eq!(Text::of(head), None, "{head:?}");
        }
        assert_eq!(Text::of(b"\0\0\0\0\0\0\0\0\0\0\x002024-01-24"), None);
    }
}
