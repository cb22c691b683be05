//! Sets of small numbers.

/// A set of numbers, a bit for each up to the largest.
#[derive(Clone, Default, Debug)]
pub struct Bits(Vec<u64>);

impl Bits {
    fn place(number: u32) -> (usize, u64) {
        (number as usize / 64, 1 << (number % 64))
    }

    /// Whether the number is in the set.
    pub fn contains(&self, number: u32) -> bool {
        let (word, bit) = Self::place(number);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Whether the number was not in the set before.
    pub fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = Self::place(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    /// Whether the number was in the set.
    pub fn remove(&mut self, number: u32) -> bool {
        let (word, bit) = Self::place(number);
        let there = self.contains(number);
        if there {
            self.0[word] &= !bit;
        }
        there
    }

    /// The smallest number.
    pub fn first(&self) -> Option<u32> {
        self.numbers().next()
    }

    /// The numbers, in their order.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        numbers(self.0.iter().copied())
    }

    /// What is in one of the two only, in order.
    pub fn difference<'a>(&'a self, other: &'a Bits) -> impl Iterator<Item = u32> + 'a {
        let length = self.0.len().max(other.0.len());
        numbers((0..length).map(|word| self.word(word) ^ other.word(word)))
    }

    /// Keeps what the other has too; whether that is less.
    pub fn retain(&mut self, other: &Bits) -> bool {
        let mut less = false;
        for (word, bits) in self.0.iter_mut().enumerate() {
            let both = *bits & other.word(word);
            less |= both != *bits;
            *bits = both;
        }
        less
    }

    /// Adds what the other has; whether that is more.
    pub fn unite(&mut self, other: &Bits) -> bool {
        let before = self.clone();
        for number in other.numbers() {
            self.insert(number);
        }
        before != *self
    }

    fn word(&self, word: usize) -> u64 {
        self.0.get(word).copied().unwrap_or(0)
    }
}

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        let length = self.0.len().max(other.0.len());
        (0..length).all(|word| self.word(word) == other.word(word))
    }
}

impl Eq for Bits {}

fn numbers(words: impl Iterator<Item = u64>) -> impl Iterator<Item = u32> {
    (0_u32..).step_by(64).zip(words).flat_map(|(base, bits)| {
        (0..64)
            .filter(move |bit| bits >> bit & 1 != 0)
            .map(move |bit| base + bit)
    })
}

#[cfg(test)]
mod tests {
    use super::Bits;

    fn of(numbers: &[u32]) -> Bits {
        let mut bits = Bits::default();
        for number in numbers {
            bits.insert(*number);
        }
        bits
    }

    #[test]
    fn as_a_set() {
        let mut bits = of(&[3, 64, 700]);
        assert!(!bits.insert(64) && bits.insert(65));
        assert!(bits.contains(700) && !bits.contains(701) && !bits.contains(100_000));
        assert!(bits.remove(700) && !bits.remove(700) && !bits.remove(100_000));
        assert_eq!(bits.numbers().collect::<Vec<_>>(), [3, 64, 65]);
        assert_eq!(bits, of(&[65, 64, 3]));
        assert_eq!(
            of(&[1, 200]).difference(&of(&[1, 2])).collect::<Vec<_>>(),
            [2, 200]
        );
        assert!(bits.retain(&of(&[3, 65])) && !bits.retain(&of(&[3, 65, 66])));
        assert_eq!(bits.first(), Some(3));
        assert!(bits.unite(&of(&[3, 900])) && !bits.unite(&of(&[900])));
        assert_eq!(bits, of(&[3, 65, 900]));
        assert_eq!(Bits::default().first(), None);
    }
}
