//! Thrift's compact protocol, in which the footer and the page headers of a Parquet file are written: a walk that allocates
//! nothing and does not go deep.

/// Deepest nesting of structures, and of a schema; a list of lists of lists is 7.
pub const DEEPEST: usize = 16;

/// The kinds of values that Thrift distinguishes.
pub mod kind {
    pub const TRUE: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const BYTE: u8 = 3;
    pub const I16: u8 = 4;
    pub const I32: u8 = 5;
    pub const I64: u8 = 6;
    pub const DOUBLE: u8 = 7;
    pub const BINARY: u8 = 8;
    pub const LIST: u8 = 9;
    pub const STRUCT: u8 = 12;
}

/// A position in Thrift's compact protocol.
pub struct Walk<'a> {
    bytes: &'a [u8],
    depth: usize,
}

impl<'a> Walk<'a> {
    /// A walk from the first byte on.
    pub fn new(bytes: &'a [u8]) -> Walk<'a> {
        Walk { bytes, depth: 0 }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.bytes.split_at_checked(n).ok_or("it ends too early")?;
        self.bytes = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number of more than 64 bits".into())
    }

    /// A signed number, whose sign is its last bit.
    pub fn int(&mut self) -> Result<i64, String> {
        let bits = self.varint()?;
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    /// Bytes with their number before them.
    pub fn binary(&mut self) -> Result<&'a [u8], String> {
        let length = usize::try_from(self.varint()?).map_err(|_| "it ends too early")?;
        self.take(length)
    }

    /// Kind and number of the elements of a list; every element is a byte at least.
    pub fn list(&mut self) -> Result<(u8, usize), String> {
        let head = self.take(1)?[0];
        let count = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        match usize::try_from(count) {
            Ok(n) if n <= self.bytes.len() => Ok((head & 0x0f, n)),
            _ => Err(format!("a list of {count} elements in {} bytes", self.bytes.len())),
        }
    }

    /// Visits the fields of a structure; what `visit` does not take is passed over.
    pub fn fields(&mut self, mut visit: impl FnMut(&mut Self, i16, u8) -> Result<bool, String>) -> Result<(), String> {
        if self.depth == DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
        self.depth += 1;
        let mut id = 0i16;
        loop {
            let head = self.take(1)?[0];
            if head & 0x0f == 0 {
                break;
            }
            id = match head >> 4 {
                0 => i16::try_from(self.int()?).map_err(|_| "a field number out of range")?,
                step => id.checked_add(i16::from(step)).ok_or("a field number out of range")?,
            };
            if !visit(self, id, head & 0x0f)? {
                self.pass(head & 0x0f)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn pass(&mut self, kind: u8) -> Result<(), String> {
        match kind {
            kind::TRUE | kind::FALSE => {}
            kind::BYTE => drop(self.take(1)?),
            kind::I16 | kind::I32 | kind::I64 => drop(self.varint()?),
            kind::DOUBLE => drop(self.take(8)?),
            kind::BINARY => drop(self.binary()?),
            kind::STRUCT => self.fields(|_, _, _| Ok(false))?,
            kind::LIST => match self.list()? {
                // Lists of lists and of truth values are in no footer; the latter may take no bytes at all.
                (kind::LIST | kind::TRUE | kind::FALSE, 1..) => return Err("an unknown kind of list".into()),
                (element, count) => (0..count).try_for_each(|_| self.pass(element))?,
            },
            other => return Err(format!("a value of unknown kind {other}")),
        }
        Ok(())
    }
}
