//! Members of a tar archive, in order, from bytes that come once.
//!
//! Headers are read by the library; what it has no use for here (a reader that comes back for
//! more, in pieces) is this file. Names and sizes may come in headers of their own before that of
//! their member: pax records, GNU's long names.
//!
//! ```text
//! header of another header -> its data are kept for the member;  of a member -> its body follows
//! zero block -> the end: zeros, or another archive (as `cat a.tar b.tar` makes), or foreign bytes
//! bytes end before that -> truncated;  a header whose sum is wrong -> corrupt
//! ```

use crate::archive::decode::{Ahead, Bytes, Fault};
use crate::archive::members::{Entry, EntryKind, Next};
use ::tar::{EntryType, Header};

/// Everything in a tar archive is a multiple of it.
pub(in crate::archive) const BLOCK_BYTES: usize = 512;

/// Most bytes of a header's data, such as a name: far more than any system's longest path.
const DATA_BYTES_MAX: u64 = 1 << 20;

/// Where a header says what it is, and of which version.
const MAGIC: std::ops::Range<usize> = 257..265;

/// Where a header has its sum.
const SUM: std::ops::Range<usize> = 148..156;

/// Where a block of GNU's table of holes says that another follows.
const HOLES_GO_ON: [usize; 2] = [482, 504];

/// Whether an archive begins with these bytes.
pub(in crate::archive) fn begins(head: &[u8]) -> bool {
    head.get(..BLOCK_BYTES).is_some_and(|block| {
        // Before there was a magic, nothing stood there.
        let magic = &block[MAGIC];
        (magic.starts_with(b"ustar") || magic == [0; MAGIC.end - MAGIC.start]) && is_header(block)
    })
}

/// Whether a block has the sum that it should.
fn is_header(block: &[u8]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    // The field of the sum counts as blanks.
    let expected = sum(&block[..SUM.start]) + 8 * u32::from(b' ') + sum(&block[SUM.end..]);
    Header::from_byte_slice(block).cksum().is_ok_and(|found| found == expected)
}

/// What headers said of the member that follows them.
#[derive(Default)]
struct Said {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

/// Where in an archive we are.
#[derive(Default)]
pub(in crate::archive) struct Tar {
    said: Said,
    /// Bytes left of the member's body, and zeros behind it.
    left: u64,
    padding: u64,
    /// Blocks of a table of holes are before the body.
    holes: bool,
    /// A zero block came.
    ended: bool,
}

impl Tar {
    /// The member that follows; the last one's body was passed over.
    pub(in crate::archive) fn next<R: Bytes>(
        &mut self,
        ahead: &mut Ahead<R>,
    ) -> Result<Next, Fault> {
        let position = ahead.position();
        let block = ahead.peek(BLOCK_BYTES)?;
        if self.ended {
            let zeros = block.iter().take_while(|&&byte| byte == 0).count();
            if zeros > 0 {
                ahead.consume(zeros);
                return Ok(Next::Later);
            }
            if block.is_empty() {
                return Ok(Next::End { foreign: false });
            }
            if !position.is_multiple_of(BLOCK_BYTES as u64) || !begins(block) {
                return Ok(Next::End { foreign: true });
            }
            self.ended = false;
        }
        let Some(block) = block.get(..BLOCK_BYTES) else { return Err(Fault::Truncated) };
        if block.iter().all(|&byte| byte == 0) {
            self.ended = true;
            ahead.consume(BLOCK_BYTES);
            return Ok(Next::Later);
        }
        if !is_header(block) {
            return Err(Fault::Corrupt(format!("no member begins at byte {position} of it")));
        }
        let header = Header::from_byte_slice(block).clone();
        ahead.consume(BLOCK_BYTES);
        self.header(ahead, &header)
    }

    fn header<R: Bytes>(&mut self, ahead: &mut Ahead<R>, header: &Header) -> Result<Next, Fault> {
        let kind = header.entry_type();
        let size = || {
            header
                .entry_size()
                .map_err(|_| Fault::Corrupt("a member's size is not a number".into()))
        };
        match kind {
            EntryType::XHeader => {
                let data = data(ahead, size()?)?;
                self.said.read(&data);
                return Ok(Next::Later);
            }
            EntryType::GNULongName => {
                let mut name = data(ahead, size()?)?;
                name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
                self.said.name = Some(name);
                return Ok(Next::Later);
            }
            // Comments, and where links lead.
            EntryType::XGlobalHeader | EntryType::GNULongLink => {
                data(ahead, size()?)?;
                return Ok(Next::Later);
            }
            _ => {}
        }
        let said = std::mem::take(&mut self.said);
        let name = said.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let old_folder = kind == EntryType::Regular && name.ends_with(b"/");
        let sort = match kind {
            _ if old_folder => EntryKind::Folder,
            EntryType::Regular | EntryType::Continuous if said.sparse => EntryKind::Other("sparse"),
            EntryType::Regular | EntryType::Continuous => EntryKind::File,
            EntryType::GNUSparse => EntryKind::Other("sparse"),
            EntryType::Directory => EntryKind::Folder,
            EntryType::Link | EntryType::Symlink => EntryKind::Other("linking elsewhere"),
            EntryType::Char | EntryType::Block | EntryType::Fifo => EntryKind::Other("not a file"),
            // Labels of volumes and lists of folders.
            kind if b"VDN".contains(&kind.as_byte()) => EntryKind::Folder,
            _ => EntryKind::Other("of an unknown kind"),
        };
        // Links, folders and devices have no data, whatever they say of a size.
        let bodiless = b"123456".contains(&kind.as_byte());
        self.left = if bodiless { 0 } else { said.size.map_or_else(size, Ok)? };
        self.padding = self.left.wrapping_neg() % BLOCK_BYTES as u64;
        self.holes = kind == EntryType::GNUSparse && header.as_bytes()[HOLES_GO_ON[0]] != 0;
        Ok(Next::Member(Entry { name, sort }))
    }

    /// What follows of the member's body; 0 at its end.
    pub(in crate::archive) fn read<R: Bytes>(
        &mut self,
        ahead: &mut Ahead<R>,
        buffer: &mut [u8],
    ) -> Result<usize, Fault> {
        let count = ahead.take(buffer, self.left)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(Fault::Truncated);
        }
        self.left -= count as u64;
        Ok(count)
    }

    /// Passes over some of what is left of the member: whether that was all.
    pub(in crate::archive) fn pass<R: Bytes>(
        &mut self,
        ahead: &mut Ahead<R>,
    ) -> Result<bool, Fault> {
        if self.holes {
            let block = ahead.peek(BLOCK_BYTES)?;
            let Some(&go_on) = block.get(HOLES_GO_ON[1]) else { return Err(Fault::Truncated) };
            if block.len() < BLOCK_BYTES {
                return Err(Fault::Truncated);
            }
            self.holes = go_on != 0;
            ahead.consume(BLOCK_BYTES);
            return Ok(false);
        }
        for left in [&mut self.left, &mut self.padding] {
            if *left > 0 {
                let passed = ahead.pass(*left)?;
                if passed == 0 {
                    return Err(Fault::Truncated);
                }
                *left -= passed;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The data of a header that belongs to another.
fn data<R: Bytes>(ahead: &mut Ahead<R>, size: u64) -> Result<Vec<u8>, Fault> {
    if size > DATA_BYTES_MAX {
        return Err(Fault::Corrupt(format!("a header of {size} bytes")));
    }
    let mut data = Vec::new();
    let padded = size.next_multiple_of(BLOCK_BYTES as u64);
    while (data.len() as u64) < padded {
        let left = padded - data.len() as u64;
        let bytes = ahead.peek(1)?;
        let count = (bytes.len() as u64).min(left) as usize;
        if count == 0 {
            return Err(Fault::Truncated);
        }
        data.extend_from_slice(&bytes[..count]);
        ahead.consume(count);
    }
    data.truncate(size as usize);
    Ok(data)
}

impl Said {
    /// Takes pax records, each `LENGTH KEY=VALUE\n`; what is none ends them.
    ///
    /// The library splits them at newlines, which names may have.
    fn read(&mut self, mut records: &[u8]) {
        while let Some((record, rest)) = pax_record(records) {
            records = rest;
            let Some(equals) = memchr::memchr(b'=', record) else { continue };
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"size" => {
                    let digits = std::str::from_utf8(value).ok();
                    self.size = digits.and_then(|digits| digits.parse().ok());
                }
                key => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
    }
}

/// The first record without its length and newline, and what follows it.
fn pax_record(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', records)?;
    let len: usize = std::str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
    let record = records.get(blank + 1..len)?.strip_suffix(b"\n")?;
    Some((record, &records[len..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_records() {
        let mut said = Said::default();
        said.read(b"12 path=a\nb\n19 size=8589934592\n25 GNU.sparse.major=1\nx\n\nno record\n");
        assert_eq!(said.name.as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(said.size, Some(8_589_934_592));
        for none in
            [&b"5 a\n"[..], b"999999999999999999999 a=b\n", b"0 a=b\n", b" ", b"3", b"7 a=b"]
        {
            said.read(none);
        }
        assert_eq!(said.name.as_deref(), Some(&b"a\nb"[..]));
    }

    #[test]
    fn a_header_is_told_by_magic_and_sum() {
        let mut header = Header::new_ustar();
        header.set_path("a.log").unwrap();
        header.set_size(3);
        header.set_cksum();
        let block = header.as_bytes().to_vec();
        assert!(begins(&block));
        assert!(!begins(&block[..511]));
        for at in [0, 100, 130, 148, 257, 300] {
            let mut damaged = block.clone();
            damaged[at] ^= 1;
            assert!(!begins(&damaged), "{at}");
        }
        assert!(!begins(&[0; 512]));
        let mut old = Header::new_old();
        old.set_path("a.log").unwrap();
        old.set_size(3);
        // GNU's tar fills in the devices all the same.
        old.as_mut_bytes()[329..336].fill(b'0');
        old.set_cksum();
        assert!(begins(old.as_bytes()));
    }
}
