//! What a Parquet file claims about itself, held against its size before anything is allocated by it.
//!
//! The `parquet` crate trusts lengths in the footer and in page headers, and follows a schema as deep as it goes; here these are
//! read first.

use super::thrift::{DEEPEST, Walk, kind};

/// Page encodings of numbers: plain, dictionary (two names), run length, delta, split by byte.
const ENCODINGS: [i64; 6] = [0, 2, 8, 3, 5, 9];
/// Most bytes of a page for each of its values: 8 of the number, 2 levels, and what an encoding may add.
const PAGE_BYTES: u64 = 16;
/// Bytes of a page beyond that: padding, headers of blocks.
const PAGE_SLACK: u64 = 1 << 16;

/// The footer of a file, its lists and its schema within bounds.
pub fn footer(file: &[u8]) -> Result<&[u8], String> {
    let inner = file.strip_prefix(b"PAR1").filter(|rest| rest.len() >= 8).ok_or("not a Parquet file")?;
    let (inner, tail) = inner.split_at(inner.len() - 8);
    match &tail[4..] {
        b"PAR1" => {}
        b"PARE" => return Err("an encrypted Parquet file".into()),
        _ => return Err("not a Parquet file, or cut short: it does not end in PAR1".into()),
    }
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
    let Some(start) = inner.len().checked_sub(length) else {
        return Err(format!("its footer should be {length} bytes, the file has {}", inner.len()));
    };
    let footer = &inner[start..];
    let mut walk = Walk::new(footer);
    walk.fields(|walk, id, kind| match (id, kind) {
        (2, kind::LIST) => schema(walk, footer.len()).map(|()| true),
        _ => Ok(false),
    })
    .map_err(|e| format!("its footer is damaged: {e}"))?;
    Ok(footer)
}

/// The tree of columns, stored as a list with the number of children of each.
fn schema(walk: &mut Walk, footer: usize) -> Result<(), String> {
    let (kind, count) = walk.list()?;
    if kind != kind::STRUCT {
        return Err("a schema of another kind".into());
    }
    // Of each group that is not complete: children to come, and the bytes of the names down to it.
    let mut open: Vec<(usize, usize)> = vec![];
    let mut names = 0usize;
    for element in 0..count {
        let (mut children, mut name) = (0, 0);
        walk.fields(|walk, id, kind| {
            match (id, kind) {
                (4, kind::BINARY) => name = walk.binary()?.len(),
                (5, kind::I32) => children = walk.int()?,
                (4 | 5, _) => return Err(format!("schema element {element} is malformed")),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let left = count - element - 1;
        let children = usize::try_from(children).ok().filter(|n| *n <= left);
        let children = children.ok_or_else(|| format!("schema element {element} lacks its children"))?;
        let above = open.last().map_or(0, |group| group.1);
        if let Some(group) = open.last_mut() {
            group.0 -= 1;
        }
        if children == 0 {
            // Every column is given the names of all groups around it.
            names = names.saturating_add(above + name);
        }
        open.push((children, above + name));
        while open.last().is_some_and(|group| group.0 == 0) {
            open.pop();
        }
        if open.len() > DEEPEST {
            return Err(format!("columns nested deeper than {DEEPEST}"));
        }
    }
    match names > 16 * footer {
        true => Err(format!("its column names together are {names} bytes, the footer is {footer}")),
        false => Ok(()),
    }
}

/// How many values the pages of a column chunk hold, those of its dictionary not counted.
///
/// Errors: a page that claims more bytes than it has or than its values can take, more values than `most`, or an encoding
/// that numbers do not have.
pub fn pages(chunk: &[u8], most: u64) -> Result<u64, String> {
    let mut walk = Walk::new(chunk);
    let (mut values, mut entries) = (0u64, 0u64);
    while walk.left() > 0 {
        let page = Page::read(&mut walk)?;
        let total = if page.dictionary { &mut entries } else { &mut values };
        *total = total.saturating_add(page.values);
        if *total > most {
            return Err(format!(
                "its pages claim {total} values, a file of this size may hold {most} more",
                total = *total
            ));
        }
        let holds = PAGE_BYTES.saturating_mul(page.values).saturating_add(PAGE_SLACK);
        if page.unpacked > holds {
            return Err(format!("a page of {} values claims {} bytes", page.values, page.unpacked));
        }
        let left = walk.left();
        let packed = usize::try_from(page.packed).ok().filter(|n| *n <= left);
        walk.take(packed.ok_or_else(|| format!("a page claims {} bytes, {left} are left", page.packed))?)?;
    }
    Ok(values)
}

/// What a page header says.
#[derive(Default)]
struct Page {
    dictionary: bool,
    values: u64,
    packed: u64,
    unpacked: u64,
}

impl Page {
    fn read(walk: &mut Walk) -> Result<Page, String> {
        let mut page = Page::default();
        let size = |v: i64| u64::try_from(v).map_err(|_| format!("a page of {v} bytes or values"));
        walk.fields(|walk, id, kind| {
            match (id, kind) {
                (2, kind::I32) => page.unpacked = page.unpacked.max(size(walk.int()?)?),
                (3, kind::I32) => page.packed = size(walk.int()?)?,
                (5 | 7 | 8, kind::STRUCT) => {
                    page.dictionary = id == 7;
                    let place = if id == 8 { 4 } else { 2 };
                    walk.fields(|walk, id, kind| {
                        match (id, kind) {
                            (1, kind::I32) => page.values = page.values.max(size(walk.int()?)?),
                            (id, kind::I32) if id == place => {
                                let encoding = walk.int()?;
                                if !ENCODINGS.contains(&encoding) {
                                    return Err(format!("page encoding {encoding} is not one of numbers"));
                                }
                            }
                            (1, _) => return Err("a malformed page header".into()),
                            _ => return Ok(false),
                        }
                        Ok(true)
                    })?;
                }
                (2 | 3 | 5 | 7 | 8, _) => return Err("a malformed page header".into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(footer: &[u8]) -> Vec<u8> {
        [b"PAR1", footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
    }

    #[test]
    fn footers_that_claim_too_much_are_refused() {
        let refused = |bytes: &[u8], words: &str| {
            let error = footer(bytes).expect_err("refused");
            assert!(error.contains(words), "{error}");
        };
        refused(b"PK\x03\x04", "not a Parquet file");
        refused(b"PAR1", "not a Parquet file");
        refused(b"PAR1\x00\x00\x00\x00PARX", "does not end in PAR1");
        refused(b"PAR1\x09\x00\x00\x00PAR1", "9 bytes, the file has 0");
        refused(&file(&[0x29, 0xfc, 0xff, 0xff, 0xff, 0x7f, 0]), "a list of 268435455 elements in 1 bytes");
        // A group that has a group that has a group …
        let deep: Vec<u8> = [[0x48, 1, b'g', 0x15, 2, 0].as_slice(); 40].concat();
        let deep = [&[0x29, 0xfc, 40], deep.as_slice(), &[0x48, 1, b'c', 0, 0]].concat();
        refused(&file(&deep), "deeper than 16");
        refused(&file(&[0x29, 0x1c, 0x55, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0]), "lacks its children");
        refused(&file(&[0x2c; 100]), "deeper than 16");
        assert_eq!(footer(&file(&[0x29, 0x1c, 0x48, 1, b'c', 0, 0])).map(<[u8]>::len), Ok(7));
    }

    #[test]
    fn pages_that_claim_too_much_are_refused() {
        // Kind 0, unpacked, packed; a data page header of n values in plain encoding.
        let page = |unpacked: u8, packed: u8, n: &[u8]| {
            [&[0x15, 0, 0x15, unpacked, 0x15, packed, 0x2c, 0x15], n, &[0x15, 0, 0, 0]].concat()
        };
        assert_eq!(pages(&[page(16, 16, &[2]), vec![0; 8]].concat(), 10), Ok(1));
        assert!(pages(&page(16, 16, &[2]), 10).is_err_and(|e| e.contains("8 bytes, 0 are left")));
        assert!(
            pages(&page(0, 0, &[0xfe, 0x7f]), 10)
                .is_err_and(|e| e.contains("claim 8191 values, a file of this size may hold 10 more"))
        );
        let large =
            [&[0x15, 0, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0, 0x2c, 0x15, 2], [0; 3].as_slice()].concat();
        assert!(pages(&large, 10).is_err_and(|e| e.contains("a page of 1 values claims 2147483647 bytes")));
    }
}
