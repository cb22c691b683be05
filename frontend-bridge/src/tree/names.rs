//! Interned names of attributes and classes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A quick hash of short names, which nobody chooses to collide.
#[derive(Default)]
pub(super) struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut add = |word: u64| {
            self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0xf135_7aea_2e62_a9c5);
        };
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        add(u64::from_le_bytes(last));
    }

    fn write_u8(&mut self, number: u8) {
        self.0 ^= u64::from(number);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

/// Each name once, and numbers for them.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, u32, BuildHasherDefault<NameHasher>>,
    texts: Vec<Box<str>>,
}

impl Names {
    /// The number of a name, which is noted if it is new.
    pub fn intern(&mut self, name: &str) -> u32 {
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let next = u32::try_from(self.texts.len()).expect("2^32 names are more than memory holds");
        self.numbers.insert(name.into(), next);
        self.texts.push(name.into());
        next
    }

    /// The number of a name that occurs.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name of a number.
    pub fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }
}
