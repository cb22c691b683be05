//! Cycles in graphs of blocks, LLVM's or MIR's.

use std::collections::HashSet;
use std::hash::Hash;

/// Whether some way from `entry` comes to a block twice.
pub(crate) fn has_cycle<B: Copy + Eq + Hash>(entry: B, successors: impl Fn(B) -> Vec<B>) -> bool {
    let mut open = HashSet::from([entry]);
    let mut known = HashSet::from([entry]);
    let mut stack = vec![(entry, successors(entry))];
    while let Some((block, left)) = stack.last_mut() {
        let Some(next) = left.pop() else {
            open.remove(block);
            stack.pop();
            continue;
        };
        if open.contains(&next) {
            return true;
        }
        if known.insert(next) {
            open.insert(next);
            stack.push((next, successors(next)));
        }
    }
    false
}
