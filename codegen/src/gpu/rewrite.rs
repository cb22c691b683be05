//! The steps by which a function is made fit for a GPU.

use std::collections::HashSet;

use super::extract::{constant, global_of, refuse};
use crate::lower::Missing;
use crate::mir::{
    BinaryOp, BlockId, Callee, CastOp, Comparison, Constant, ExternId, Function, Global, GlobalId,
    GlobalInit, Instr, Linkage, Module, Op, Ownership, Raises, Signature, Terminator, Type, Value,
    ValueInfo,
};

/// What kernels of a module may raise; the number of a site is its place here plus one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sites(pub Vec<Site>);

/// One exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// An index out of bounds; the axis is known at run time.
    Index,
    /// A variable of CPython with the class, and the text.
    Raise(ExternId, GlobalId),
}

impl Sites {
    fn number(&mut self, site: Site) -> i128 {
        if let Some(found) = self.0.iter().position(|known| *known == site) {
            return found as i128 + 1;
        }
        self.0.push(site);
        self.0.len() as i128
    }
}

/// Runtime functions that have nothing to do on a GPU.
const NOTHING: &[&str] = &[
    "cyl_add_traceback_nogil",
    "cyl_memview_acquire",
    "cyl_memview_release",
    "cyl_memview_release_gil",
];

/// The operation that makes a value.
pub(super) fn definition(function: &Function, value: Value) -> Option<&Op> {
    function
        .blocks
        .iter()
        .flat_map(|block| &block.instrs)
        .find(|instr| instr.result == Some(value))
        .map(|instr| &instr.op)
}

/// Empties blocks that nothing leads to.
pub(super) fn drop_unreached(function: &mut Function) {
    let mut seen = HashSet::from([0]);
    let mut work = vec![BlockId(0)];
    while let Some(block) = work.pop() {
        for next in function.blocks[block.0 as usize].terminator.successors() {
            if seen.insert(next.0) {
                work.push(next);
            }
        }
    }
    for (index, block) in function.blocks.iter_mut().enumerate() {
        if !seen.contains(&(index as u32)) {
            block.instrs.clear();
            block.terminator = Terminator::Unreachable;
        }
    }
}

/// A parameter as a value, read where the function starts.
pub(super) fn entry_param(function: &mut Function, index: u32) -> Value {
    let value = new_value(function, Type::Ptr);
    function.blocks[0].instrs.insert(
        0,
        Instr {
            op: Op::Param(index),
            result: Some(value),
            line: 0,
        },
    );
    value
}

fn new_value(function: &mut Function, ty: Type) -> Value {
    let value = Value(function.values.len() as u32);
    function.values.push(ValueInfo {
        ty,
        ownership: Ownership::Plain,
    });
    value
}

/// Makes calls that raise into notes for the host, and drops those without a meaning here.
pub(super) fn raises(
    module: &mut Module,
    function: &mut Function,
    state: Value,
    sites: &mut Sites,
) -> Result<(), Missing> {
    let (p, i) = (Type::Ptr, Type::I32);
    let signature = Signature::new([p, i.clone(), i.clone(), i], Type::Void);
    for block in 0..function.blocks.len() {
        let mut made = Vec::new();
        for instr in std::mem::take(&mut function.blocks[block].instrs) {
            let Op::Call(Callee::Extern(id), args) = &instr.op else {
                made.push(instr);
                continue;
            };
            let args = args.clone();
            let name = module.externs[id.0 as usize].name.clone();
            let (site, detail) = match name.as_str() {
                name if NOTHING.contains(&name) => continue,
                "__Pyx_WriteUnraisable" => {
                    let what = "an exception in a 'noexcept' function, which would be printed";
                    return refuse(function, instr.line, what);
                }
                "cyl_parallel_abort" => {
                    let what = "a loop in it with a step that is not a constant";
                    return refuse(function, instr.line, what);
                }
                "__pyx_memoryview_slice_memviewslice" => {
                    range(module, function, &mut made, (instr, args), state, sites);
                    continue;
                }
                "__Pyx_RaiseBufferIndexErrorNogil" => (Site::Index, Some(args[0])),
                "cyl_raise_nogil" => {
                    let found = made.iter().rev().find_map(|instr: &Instr| {
                        (instr.result == Some(args[0])).then(|| instr.op.clone())
                    });
                    let text = made.iter().rev().find_map(|instr: &Instr| {
                        (instr.result == Some(args[1])).then(|| instr.op.clone())
                    });
                    let class = found.or_else(|| definition(function, args[0]).cloned());
                    let text = match text {
                        Some(Op::GlobalAddr(id)) => Some(id),
                        _ => global_of(function, args[1]),
                    };
                    match (class, text) {
                        (Some(Op::ExternAddr(class)), Some(text)) => {
                            (Site::Raise(class, text), None)
                        }
                        _ => return refuse(function, instr.line, "this exception"),
                    }
                }
                _ => {
                    made.push(instr);
                    continue;
                }
            };
            let number = sites.number(site);
            let (site, first) = constant(function, number, 32, instr.line);
            let (line, second) = constant(function, i128::from(instr.line), 32, instr.line);
            made.extend([first, second]);
            let detail = match detail {
                Some(value) => value,
                None => {
                    let (zero, third) = constant(function, 0, 32, instr.line);
                    made.push(third);
                    zero
                }
            };
            let raise = module.declare("cyl_gpu_raise", signature.clone());
            made.push(Instr {
                op: Op::Call(Callee::Extern(raise), vec![state, site, line, detail]),
                result: None,
                line: instr.line,
            });
        }
        function.blocks[block].instrs = made;
    }
    Ok(())
}

/// Takes a range of a memoryview by the device's function, which is told what a step of zero raises.
fn range(
    module: &mut Module,
    function: &mut Function,
    made: &mut Vec<Instr>,
    (call, mut args): (Instr, Vec<Value>),
    state: Value,
    sites: &mut Sites,
) {
    let axis = match made.iter().find(|instr| instr.result == Some(args[4])) {
        Some(Instr {
            op: Op::Const(Constant::Int(axis, _)),
            ..
        }) => *axis,
        _ => 0,
    };
    let class = module.declare_data("PyExc_ValueError");
    let mut text = format!("Step may not be zero (axis {axis})").into_bytes();
    text.push(0);
    let name = format!("gpu.step.{axis}");
    let known = module.globals.iter().position(|global| global.name == name);
    let text = match known {
        Some(index) => GlobalId(index as u32),
        None => module.add_global(Global {
            name,
            ty: Type::Array(Box::new(Type::Int(8)), text.len() as u64),
            init: GlobalInit::Bytes(text),
            constant: true,
            linkage: Linkage::Internal,
        }),
    };
    let number = sites.number(Site::Raise(class, text));
    let (site, first) = constant(function, number, 32, call.line);
    let (line, second) = constant(function, i128::from(call.line), 32, call.line);
    made.extend([first, second]);
    let mut params: Vec<Type> = args.iter().map(|arg| function.ty(*arg).clone()).collect();
    params.extend([Type::Ptr, Type::I32, Type::I32]);
    args.extend([state, site, line]);
    let callee = module.declare("cyl_gpu_range", Signature::new(params, Type::I32));
    made.push(Instr {
        op: Op::Call(Callee::Extern(callee), args),
        ..call
    });
}

/// Checks that ask whether an exception is set look at the thread's state.
pub(super) fn checks(function: &mut Function, state: Value) {
    for block in 0..function.blocks.len() {
        let Terminator::Check {
            value,
            raises,
            ok,
            error,
        } = function.blocks[block].terminator.clone()
        else {
            continue;
        };
        let line = function.blocks[block].line;
        let same = match (&raises, value) {
            (Raises::Occurred, _) | (_, None) => None,
            (Raises::Maybe(constant), Some(value)) => Some((value, constant.clone())),
            _ => continue,
        };
        let add = |function: &mut Function, op: Op, ty: Type| {
            let result = new_value(function, ty);
            function.blocks[block].instrs.push(Instr {
                op,
                result: Some(result),
                line,
            });
            result
        };
        let raised = add(function, Op::Load(Type::I32, state), Type::I32);
        let zero = add(function, Op::Const(Constant::Int(0, 32)), Type::I32);
        let set = Op::Compare(Comparison::Ne, raised, zero);
        let mut condition = add(function, set, Type::BOOL);
        if let Some((value, constant)) = same {
            let float = function.ty(value).is_float();
            let nan = matches!(constant, Constant::Float(number, _) if number.is_nan());
            let compare = if nan {
                Op::Compare(Comparison::FNe, value, value)
            } else {
                let ty = constant.ty();
                let other = add(function, Op::Const(constant), ty);
                let how = if float {
                    Comparison::FEq
                } else {
                    Comparison::Eq
                };
                Op::Compare(how, value, other)
            };
            let equal = add(function, compare, Type::BOOL);
            let both = Op::Binary(BinaryOp::And, equal, condition);
            condition = add(function, both, Type::BOOL);
        }
        function.blocks[block].terminator = Terminator::Branch {
            condition,
            then: error,
            otherwise: ok,
        };
    }
}

/// The remainder of floating-point numbers is a function there.
pub(super) fn remainders(module: &mut Module, function: &mut Function) {
    for block in 0..function.blocks.len() {
        for index in 0..function.blocks[block].instrs.len() {
            let Op::Binary(BinaryOp::FRem, x, y) = function.blocks[block].instrs[index].op else {
                continue;
            };
            let ty = function.ty(x).clone();
            let name = if ty == Type::F32 { "fmodf" } else { "fmod" };
            let signature = Signature::new([ty.clone(), ty.clone()], ty);
            let id = module.declare(name, signature);
            function.blocks[block].instrs[index].op = Op::Call(Callee::Extern(id), vec![x, y]);
        }
    }
}

/// Whether an operation does nothing but make its result.
fn pure(op: &Op) -> bool {
    matches!(
        op,
        Op::Const(_)
            | Op::Param(_)
            | Op::Object(_)
            | Op::GlobalAddr(_)
            | Op::FunctionAddr(_)
            | Op::ExternAddr(_)
            | Op::LocalAddr(_)
            | Op::Get(_)
            | Op::Load(..)
            | Op::Field(..)
            | Op::Index(..)
            | Op::Extract(..)
            | Op::Make(..)
            | Op::Binary(..)
            | Op::Unary(..)
            | Op::Compare(..)
            | Op::Cast(..)
            | Op::Select(..)
            | Op::Intrinsic(..)
    )
}

/// Drops values that nothing reads, but for one that is about to be read.
pub(super) fn drop_unused(function: &mut Function, kept: Value) {
    loop {
        let mut used = HashSet::from([kept]);
        for block in &function.blocks {
            for instr in &block.instrs {
                used.extend(instr.op.operands());
            }
            match &block.terminator {
                Terminator::Branch {
                    condition: value, ..
                }
                | Terminator::Switch(value, ..)
                | Terminator::Check {
                    value: Some(value), ..
                }
                | Terminator::Return(Some(value)) => {
                    used.insert(*value);
                }
                _ => {}
            }
        }
        let mut dropped = false;
        for block in &mut function.blocks {
            block.instrs.retain(|instr| {
                let keep =
                    !pure(&instr.op) || instr.result.is_none_or(|value| used.contains(&value));
                dropped |= !keep;
                keep
            });
        }
        if !dropped {
            return;
        }
    }
}

/// Refuses what is left that a GPU has no answer to.
pub(super) fn check(module: &Module, function: &Function) -> Result<(), Missing> {
    for block in &function.blocks {
        for instr in &block.instrs {
            let what = match &instr.op {
                Op::Object(_)
                | Op::Take(_)
                | Op::IncRef(_)
                | Op::XIncRef(_)
                | Op::DecRef(_)
                | Op::XDecRef(_)
                | Op::Forget(_)
                | Op::Own(_)
                | Op::InitObjects
                | Op::Frame => "a Python object".to_owned(),
                Op::EnsureGil | Op::ReleaseGil(_) | Op::SaveThread | Op::RestoreThread(_) => {
                    "taking the GIL, for anything but 'raise' of a built-in exception with a constant \
                     text"
                        .to_owned()
                }
                Op::FunctionAddr(_) => "the address of a function".to_owned(),
                Op::ExternAddr(id) => {
                    format!("the C variable '{}'", module.externs[id.0 as usize].name)
                }
                Op::GlobalAddr(id) => match &module.globals[id.0 as usize] {
                    global if global.constant => continue,
                    global => format!("the module's variable '{}'", readable(&global.name)),
                },
                Op::Cast(CastOp::IntToPtr | CastOp::PtrToInt, ..) => "arithmetic on addresses".to_owned(),
                _ => match instr.result.map(|value| function.ty(value)) {
                    Some(Type::Object) => "a Python object".to_owned(),
                    Some(Type::F80) => "long double".to_owned(),
                    Some(Type::Int(bits)) if *bits > 64 => format!("integers of {bits} bits"),
                    _ => continue,
                },
            };
            return refuse(function, instr.line, &what);
        }
    }
    Ok(())
}

/// Cython's name of a variable without what it puts before.
fn readable(name: &str) -> &str {
    name.strip_prefix("__pyx_v_")
        .and_then(|rest| {
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            let length: usize = rest[..digits].parse().ok()?;
            rest[digits..].get(length + 1..)
        })
        .unwrap_or(name)
}
