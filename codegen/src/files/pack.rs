//! Text, packed: it is unpacked by `cyl_expand` (runtime-abi/runtime/file_start.c) in no time.
//!
//! A stream of bytes.  Bits are read from a byte at a time, the highest first; whole bytes come from the
//! same stream, after the byte whose bits are being read.  A zero bit: one byte of text follows.  A one:
//! text that was there before.  Another one: its distance follows, less one, the part above the lowest
//! byte (plus one) as a number and that byte, and its length less one as a number; a zero: the distance
//! is the last one, and the length follows as a number.  A number: its bits after the highest, each
//! after a one bit; then a zero bit.

use std::collections::HashMap;

/// How many earlier places are looked at.
const TRIES: usize = 200;
/// Lengths that are all looked at; longer ones are taken as they are.
const SHORT: usize = 64;

#[derive(Clone, Copy)]
struct Step {
    cost: usize,
    /// How long the piece is that ends here, and the distance of what it repeats; 0: it is a byte.
    length: usize,
    distance: usize,
    /// The last distance there was.
    last: usize,
}

/// Bits of a number.
fn width(number: usize) -> usize {
    2 * number.ilog2() as usize + 1
}

fn common(text: &[u8], at: usize, distance: usize) -> usize {
    text[at..]
        .iter()
        .zip(&text[at - distance..])
        .take_while(|(a, b)| a == b)
        .count()
}

/// The cheapest pieces, as far as this can tell.
fn pieces(text: &[u8]) -> Vec<Step> {
    let never = Step {
        cost: usize::MAX,
        length: 0,
        distance: 0,
        last: 0,
    };
    let mut best = vec![never; text.len() + 1];
    best[0].cost = 0;
    let mut seen: HashMap<[u8; 2], Vec<usize>> = HashMap::new();
    for at in 0..text.len() {
        let Step { cost, last, .. } = best[at];
        let mut offer = |length: usize, distance: usize, price: usize| {
            let last = if distance == 0 { last } else { distance };
            let one = &mut best[at + length];
            if cost + price < one.cost {
                *one = Step {
                    cost: cost + price,
                    length,
                    distance,
                    last,
                };
            }
        };
        offer(1, 0, 9);
        let lengths = |least: usize, most: usize| {
            let all = least..=most.min(SHORT);
            all.chain((most > SHORT).then_some(most))
        };
        if last != 0 {
            for length in lengths(1, common(text, at, last)) {
                offer(length, last, 2 + width(length));
            }
        }
        let Some(pair) = text.get(at..at + 2) else {
            continue;
        };
        let places = seen.entry([pair[0], pair[1]]).or_default();
        let mut longest = 1;
        for place in places.iter().rev().take(TRIES) {
            let distance = at - place;
            let most = common(text, at, distance);
            if most > longest {
                let price = 2 + width(((distance - 1) >> 8) + 1) + 8;
                for length in lengths(longest + 1, most) {
                    offer(length, distance, price + width(length - 1));
                }
                longest = most;
            }
        }
        places.push(at);
    }
    let mut found = Vec::new();
    let mut at = text.len();
    while at > 0 {
        found.push(best[at]);
        at -= best[at].length;
    }
    found.reverse();
    found
}

#[derive(Default)]
struct Writer {
    data: Vec<u8>,
    /// Where the byte is that takes the next bits, and how many it has.
    place: usize,
    count: usize,
}

impl Writer {
    fn bit(&mut self, bit: bool) {
        if self.count.is_multiple_of(8) {
            self.place = self.data.len();
            self.data.push(0);
            self.count = 0;
        }
        self.data[self.place] |= u8::from(bit) << (7 - self.count);
        self.count += 1;
    }

    fn number(&mut self, number: usize) {
        for at in (0..number.ilog2()).rev() {
            self.bit(true);
            self.bit(number >> at & 1 == 1);
        }
        self.bit(false);
    }
}

/// The packed form of a text.
pub fn pack(text: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    let (mut at, mut last) = (0, 0);
    for piece in pieces(text) {
        out.bit(piece.distance != 0);
        if piece.distance == 0 {
            out.data.push(text[at]);
        } else if piece.distance == last {
            out.bit(false);
            out.number(piece.length);
        } else {
            out.bit(true);
            out.number(((piece.distance - 1) >> 8) + 1);
            out.data.push((piece.distance - 1) as u8);
            out.number(piece.length - 1);
            last = piece.distance;
        }
        at += piece.length;
    }
    out.data
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Reader<'a> {
        data: std::slice::Iter<'a, u8>,
        bits: u32,
    }

    impl Reader<'_> {
        fn byte(&mut self) -> usize {
            usize::from(*self.data.next().expect("more"))
        }

        fn bit(&mut self) -> usize {
            self.bits <<= 1;
            if self.bits & 0xff == 0 {
                self.bits = (self.byte() as u32) << 1 | 1;
            }
            (self.bits >> 8 & 1) as usize
        }

        fn number(&mut self) -> usize {
            let mut number = 1;
            while self.bit() == 1 {
                number = number << 1 | self.bit();
            }
            number
        }
    }

    /// As `cyl_expand`.
    fn unpack(data: &[u8], size: usize) -> Vec<u8> {
        let mut reader = Reader {
            data: data.iter(),
            bits: 0x80,
        };
        let mut out = Vec::new();
        let mut offset = 0;
        while out.len() < size {
            if reader.bit() == 0 {
                out.push(reader.byte() as u8);
                continue;
            }
            let mut length = 0;
            if reader.bit() == 1 {
                offset = (reader.number() - 1) << 8 | reader.byte();
                length = 1;
            }
            for _ in 0..length + reader.number() {
                out.push(out[out.len() - offset - 1]);
            }
        }
        assert!(reader.data.next().is_none());
        out
    }

    fn same(text: &[u8]) -> usize {
        let packed = pack(text);
        assert_eq!(unpack(&packed, text.len()), text);
        packed.len()
    }

    #[test]
    fn what_is_packed_comes_back() {
        assert_eq!(same(b""), 0);
        same(b"a");
        same(b"aa");
        same(&[b'a'; 1000]);
        let mut state = 1u32;
        let mut noise: Vec<u8> = Vec::new();
        for _ in 0..2000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.push((state >> 24) as u8);
        }
        assert!(same(&noise) < 2300);
        noise.extend_from_within(300..1900);
        noise.extend_from_within(10..90);
        assert!(same(&noise) < 2320);
    }

    #[test]
    fn text_gets_small() {
        let text: String = (0..40)
            .map(|n| format!(">>> f({n})\nTraceback (most recent call last):\nValueError: {n}\n"))
            .collect();
        assert!(same(text.as_bytes()) < text.len() / 8);
    }
}
