//! Two versions of functions with strided memoryviews as arguments: one for items that lie one after
//! the other, as they mostly do, and one for all others.
//!
//! In the first the stride is a constant, with which LLVM vectorises loops as if the source had said
//! `[::1]`.  The function itself looks at the strides once, and calls the first version or goes on.

use crate::mir::{
    BinaryOp, Block, BlockId, Callee, Comparison, Constant, FuncId, Function, Instr, Linkage,
    Module, Op, Ownership, Terminator, Type, Value, ValueInfo,
};

/// Functions with more operations than this stay single.
const LARGE: usize = 2500;

/// Makes the versions; whether there are any.
pub fn strides(module: &mut Module) -> bool {
    let before = module.functions.len();
    for index in 0..module.functions.len() {
        if is_worth_it(&module.functions[index]) {
            let version = FuncId(module.functions.len() as u32);
            let packed = packed_version(&module.functions[index]);
            module.functions.push(packed);
            choose(&mut module.functions[index], version);
        }
    }
    module.functions.len() > before
}

fn is_worth_it(function: &Function) -> bool {
    !function.strides.is_empty()
        && function.frame.is_none()
        && !function.cold
        && !function.signature.params.iter().any(|param| param.steals)
        && function
            .blocks
            .iter()
            .map(|block| block.instrs.len())
            .sum::<usize>()
            <= LARGE
        && function
            .blocks
            .iter()
            .all(|block| !block.terminator.successors().contains(&BlockId(0)))
        && function.strides.iter().all(|known| {
            let made = |instr: &Instr| instr.result == Some(known.stride);
            function.blocks[0].instrs.iter().any(made)
        })
        && has_loop(function)
}

/// Whether a block leads back to one that led to it.
fn has_loop(function: &Function) -> bool {
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![0_u8; function.blocks.len()];
    let mut stack = vec![(BlockId(0), 0)];
    state[0] = OPEN;
    while let Some((block, next)) = stack.pop() {
        let successors = function.blocks[block.0 as usize].terminator.successors();
        let Some(to) = successors.get(next) else {
            state[block.0 as usize] = DONE;
            continue;
        };
        stack.push((block, next + 1));
        match state[to.0 as usize] {
            OPEN => return true,
            DONE => {}
            _ => {
                state[to.0 as usize] = OPEN;
                stack.push((*to, 0));
            }
        }
    }
    false
}

/// The version for items one after the other.
fn packed_version(function: &Function) -> Function {
    let mut packed = function.clone();
    packed.name.push_str(".packed");
    packed.linkage = Linkage::Internal;
    for instr in packed.blocks.iter_mut().flat_map(|block| &mut block.instrs) {
        let known = function
            .strides
            .iter()
            .find(|known| instr.result == Some(known.stride));
        if let Some(known) = known {
            instr.op = Op::Const(Constant::Int(i128::from(known.size), 64));
        }
    }
    packed.strides.clear();
    packed
}

/// Makes the function's entry look at the strides, and call the version where they are as it wants.
fn choose(function: &mut Function, version: FuncId) {
    // Nothing leads back to an entry, so that its operations may move.
    let general = BlockId(function.blocks.len() as u32);
    let packed = BlockId(general.0 + 1);
    let goes_on = std::mem::replace(&mut function.blocks[0], block(general));
    let mut entry = block(general);
    let mut all = None;
    for one in std::mem::take(&mut function.strides) {
        let Some(stride) = again(function, &goes_on, &mut entry, one.stride) else {
            // One that cannot be looked at may be anything.
            all = None;
            break;
        };
        let size = Op::Const(Constant::Int(i128::from(one.size), 64));
        let size = add(function, &mut entry, size, Type::I64);
        let same = Op::Compare(Comparison::Eq, stride, size);
        let same = add(function, &mut entry, same, Type::Int(1));
        all = Some(match all {
            Some(before) => {
                let both = Op::Binary(BinaryOp::And, before, same);
                add(function, &mut entry, both, Type::Int(1))
            }
            None => same,
        });
    }
    if let Some(condition) = all {
        entry.terminator = Terminator::Branch {
            condition,
            then: packed,
            otherwise: general,
        };
    }
    function.blocks[0] = entry;
    function.blocks.push(goes_on);
    let mut calls = block(general);
    let params: Vec<Type> = function
        .signature
        .params
        .iter()
        .map(|param| param.ty.clone())
        .collect();
    let args: Vec<Value> = params
        .into_iter()
        .enumerate()
        .map(|(index, ty)| add(function, &mut calls, Op::Param(index as u32), ty))
        .collect();
    let call = Op::Call(Callee::Function(version), args);
    let result = match function.signature.result.clone() {
        Type::Void => {
            calls.instrs.push(Instr {
                op: call,
                result: None,
                line: calls.line,
            });
            None
        }
        ty => {
            let result = add(function, &mut calls, call, ty);
            if function.signature.result == Type::Object && function.signature.owned {
                function.values[result.0 as usize].ownership = Ownership::Owned;
            }
            Some(result)
        }
    };
    calls.terminator = Terminator::Return(result);
    function.blocks.push(calls);
}

/// Makes a value in another block once more; none where that is more than reading memory.
fn again(function: &mut Function, made_in: &Block, to: &mut Block, value: Value) -> Option<Value> {
    let made = made_in
        .instrs
        .iter()
        .find(|instr| instr.result == Some(value))?;
    let op = match made.op.clone() {
        op @ (Op::Param(_) | Op::Const(_)) => op,
        Op::Field(base, structure, field) => {
            Op::Field(again(function, made_in, to, base)?, structure, field)
        }
        Op::Index(base, ty, index) => {
            let base = again(function, made_in, to, base)?;
            Op::Index(base, ty, again(function, made_in, to, index)?)
        }
        Op::Load(ty, address) => Op::Load(ty, again(function, made_in, to, address)?),
        _ => return None,
    };
    let ty = function.ty(value).clone();
    Some(add(function, to, op, ty))
}

fn block(to: BlockId) -> Block {
    Block {
        instrs: Vec::new(),
        terminator: Terminator::Jump(to),
        line: 0,
        cold: false,
    }
}

fn add(function: &mut Function, to: &mut Block, op: Op, ty: Type) -> Value {
    let ownership = match ty {
        Type::Object => Ownership::Borrowed,
        _ => Ownership::Plain,
    };
    function.values.push(ValueInfo { ty, ownership });
    let result = Value(function.values.len() as u32 - 1);
    to.instrs.push(Instr {
        op,
        result: Some(result),
        line: to.line,
    });
    result
}
