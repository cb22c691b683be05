//! Which values and locals are still wanted where a function goes on after a suspension.

use std::collections::BTreeSet;

use crate::mir::{Block, Function, LocalId, Op, Terminator, Value};

/// What is read later, before it is written again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Live {
    pub values: BTreeSet<Value>,
    pub locals: BTreeSet<LocalId>,
}

/// The values that a terminator reads.
pub(super) fn read_by(terminator: &Terminator) -> Option<Value> {
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
