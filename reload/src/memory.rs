//! Where loaded code and its data lie, and words in it.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// A piece of this process's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub start: u64,
    pub size: u64,
    pub writable: bool,
}

/// The segments of the shared library that holds `address`; what is read-only once it has been
/// relocated does not count as writable.
pub fn mapped_ranges(address: u64) -> Vec<Range> {
    struct Search {
        address: u64,
        found: Vec<Range>,
    }
    extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, user: *mut c_void) -> c_int {
        // SAFETY: the loader hands over a live description, and `user` is the search below.
        let (info, search) = unsafe { (&*info, &mut *user.cast::<Search>()) };
        if info.dlpi_phdr.is_null() {
            return 0;
        }
        // SAFETY: the loader's table has that many entries.
        let headers =
            unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let load: Vec<Range> = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD)
            .map(|header| Range {
                start: info.dlpi_addr + header.p_vaddr,
                size: header.p_memsz,
                writable: header.p_flags & libc::PF_W != 0,
            })
            .collect();
        let inside =
            |range: &Range| (range.start..range.start + range.size).contains(&search.address);
        if !load.iter().any(inside) {
            return 0;
        }
        search.found = load;
        for header in headers {
            if header.p_type == libc::PT_GNU_RELRO {
                let start = info.dlpi_addr + header.p_vaddr;
                exclude(&mut search.found, start, start + header.p_memsz);
            }
        }
        1
    }
    let mut search = Search {
        address,
        found: vec![],
    };
    // SAFETY: `search` outlives the call.
    unsafe {
        libc::dl_iterate_phdr(Some(each), (&raw mut search).cast::<c_void>());
    }
    search.found
}

/// Makes what lies from `start` to `end` count as read-only.
fn exclude(ranges: &mut Vec<Range>, start: u64, end: u64) {
    let mut made = Vec::with_capacity(ranges.len() + 1);
    for range in ranges.drain(..) {
        let stop = range.start + range.size;
        if !range.writable || end <= range.start || stop <= start {
            made.push(range);
            continue;
        }
        let mut piece = |from: u64, to: u64, writable: bool| {
            if from < to {
                made.push(Range {
                    start: from,
                    size: to - from,
                    writable,
                });
            }
        };
        piece(range.start, start, true);
        piece(start.max(range.start), end.min(stop), false);
        piece(end, stop, true);
    }
    *ranges = made;
}

/// Replaces every aligned word that is `from` by `to`, in the writable ones of `ranges`; how many.
///
/// # Safety
/// The ranges must be live memory, and every such word there a pointer that may be replaced.
pub unsafe fn replace_words(ranges: &[Range], from: u64, to: u64) -> usize {
    let mut count = 0;
    for range in ranges.iter().filter(|range| range.writable) {
        let (start, end) = (range.start.next_multiple_of(8), range.start + range.size);
        let words = end.saturating_sub(start) / 8;
        for index in 0..words {
            // SAFETY: inside the range, and aligned; other threads may read it meanwhile.
            let word = unsafe { AtomicU64::from_ptr((start + 8 * index) as *mut u64) };
            if word.load(Ordering::Relaxed) == from {
                word.store(to, Ordering::Relaxed);
                count += 1;
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn range(start: u64, size: u64, writable: bool) -> Range {
        Range {
            start,
            size,
            writable,
        }
    }

    #[test]
    fn words_are_replaced_in_writable_memory_only() {
        let mut words = [1_u64, 7, 2, 7];
        let at = words.as_mut_ptr() as u64;
        let ranges = [range(at, 16, true), range(at + 16, 16, false)];
        // SAFETY: the array's own memory.
        assert_eq!(unsafe { replace_words(&ranges, 7, 9) }, 1);
        assert_eq!(words, [1, 9, 2, 7]);
    }

    #[test]
    fn relocated_pieces_are_read_only() {
        let mut ranges = vec![range(0, 100, false), range(100, 100, true)];
        exclude(&mut ranges, 100, 140);
        assert_eq!(
            ranges,
            [
                range(0, 100, false),
                range(100, 40, false),
                range(140, 60, true)
            ]
        );
    }

    #[test]
    fn a_library_is_found_by_an_address_in_it() {
        let address = libc::dl_iterate_phdr as *const () as u64;
        let ranges = mapped_ranges(address);
        assert!(ranges.iter().any(|range| {
            (range.start..range.start + range.size).contains(&address) && !range.writable
        }));
        assert!(ranges.iter().any(|range| range.writable));
        assert_eq!(mapped_ranges(1), []);
    }
}
