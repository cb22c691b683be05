//! Hashes of 128 bits, the same in every process.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::Hasher;

/// A hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Key(u64, u64);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

/// A hash in the making: text and numbers, each with its length.
#[derive(Clone)]
pub struct Digest(DefaultHasher, DefaultHasher);

impl Digest {
    pub fn new(kind: &str) -> Digest {
        let mut digest = Digest(DefaultHasher::new(), DefaultHasher::new());
        digest.1.write_u64(0x9e37_79b9_7f4a_7c15);
        digest.text(kind);
        digest
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.write(bytes);
        self.1.write(bytes);
    }

    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub fn number(&mut self, number: u64) {
        self.0.write_u64(number);
        self.1.write_u64(number);
    }

    pub fn key(&mut self, key: Key) {
        self.number(key.0);
        self.number(key.1);
    }

    /// What `Debug` says of it, which must have no indices into the module's tables.
    pub fn plain(&mut self, thing: &impl fmt::Debug) {
        use fmt::Write;
        // Writing to a hash does not fail.
        let _ = write!(self, "{thing:?};");
    }

    pub fn finish(&self) -> Key {
        Key(self.0.finish(), self.1.finish())
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        self.1.write(text.as_bytes());
        Ok(())
    }
}

/// Of a function and of those it may hold, in whatever order.
pub fn of_keys(own: Key, others: impl Iterator<Item = Key>) -> Key {
    let mut others: Vec<Key> = others.collect();
    others.sort_unstable();
    let mut digest = Digest::new("function with callees");
    digest.key(own);
    for other in others {
        digest.key(other);
    }
    digest.finish()
}

/// Of a table of line numbers.
pub fn of_lines(lines: &[u32]) -> Key {
    let mut digest = Digest::new("lines");
    for line in lines {
        digest.number(u64::from(*line));
    }
    digest.finish()
}
