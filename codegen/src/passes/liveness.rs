//! Which values and locals are still wanted where a function goes on after a suspension, and which
//! locals have been written before it.

use std::collections::BTreeSet;

use crate::mir::{Block, Function, LocalId, Op, Terminator, Value};

/// What is read later, before it is written again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Live {
    pub values: BTreeSet<Value>,
    pub locals: BTreeSet<LocalId>,
}

/// The values that a terminator reads.
pub(crate) fn read_by(terminator: &Terminator) -> Option<Value> {
    match terminator {
        Terminator::Branch {
            condition: value, ..
        }
        | Terminator::Switch(value, ..)
        | Terminator::Check {
            value: Some(value), ..
        }
        | Terminator::Suspend { value, .. }
        | Terminator::Return(Some(value)) => Some(*value),
        Terminator::Jump(_)
        | Terminator::Check { value: None, .. }
        | Terminator::Return(None)
        | Terminator::Unreachable => None,
    }
}

/// What is live at the start of each block.
pub(super) fn at_starts(function: &Function) -> Vec<Live> {
    let mut live = vec![Live::default(); function.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for index in (0..function.blocks.len()).rev() {
            let block = &function.blocks[index];
            let mut now = Live::default();
            for next in block.terminator.successors() {
                let next = &live[next.0 as usize];
                now.values.extend(&next.values);
                now.locals.extend(&next.locals);
            }
            step_back(block, &mut now);
            if now != live[index] {
                live[index] = now;
                changed = true;
            }
        }
    }
    live
}

fn step_back(block: &Block, live: &mut Live) {
    live.values.extend(read_by(&block.terminator));
    for instr in block.instrs.iter().rev() {
        if let Some(result) = instr.result {
            live.values.remove(&result);
        }
        match instr.op {
            Op::Set(local, _) => {
                live.locals.remove(&local);
            }
            Op::Get(local) | Op::Take(local) => {
                live.locals.insert(local);
            }
            _ => {}
        }
        live.values.extend(instr.op.operands());
    }
}

/// The locals that may be something else than at the function's start, at the end of each block.
pub(super) fn written_at_ends(function: &Function) -> Vec<BTreeSet<LocalId>> {
    let mut written = vec![BTreeSet::new(); function.blocks.len()];
    let mut starts = vec![BTreeSet::new(); function.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (index, block) in function.blocks.iter().enumerate() {
            let mut now: BTreeSet<LocalId> = starts[index].clone();
            for instr in &block.instrs {
                match instr.op {
                    Op::Set(local, _) | Op::LocalAddr(local) => {
                        now.insert(local);
                    }
                    // Leaves null behind, as at the start.
                    Op::Take(local) => {
                        now.remove(&local);
                    }
                    _ => {}
                }
            }
            for next in block.terminator.successors() {
                let start = &mut starts[next.0 as usize];
                let before = start.len();
                start.extend(&now);
                changed |= start.len() != before;
            }
            written[index] = now;
        }
    }
    written
}
