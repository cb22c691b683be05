//! Interned names of attributes and classes.

use std::collections::HashMap;

/// Each name once, and numbers for them.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, u32>,
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
