//! Takes what a kernel runs out of its module's MIR: the kernel's function and all that it calls,
//! rewritten so that nothing of CPython is left in it.
//!
//! An exception becomes a number in the error word of the launch, and a mark in the thread's state
//! that the checks after calls look at.  Whatever cannot go is refused with its line.

use std::collections::HashMap;

use frontend_bridge::tree::Position;

use super::math;
use super::rewrite::{self, Sites};
use crate::lower::Missing;
use crate::mir::{
    Callee, FuncId, Function, GlobalId, Instr, Linkage, Module, Op, Param, Type, Value, ValueInfo,
};

/// What the GPU part of a module is made of.
pub struct Extracted {
    /// The kernels that can run on a GPU, by their index in the module.
    pub kernels: Vec<usize>,
    /// Every function of theirs.
    pub functions: Vec<FuncId>,
    /// What they may raise.
    pub sites: Sites,
    /// Why those that must run there cannot.
    pub refused: Vec<Missing>,
}

/// Rewrites the kernels of a module and copies of the functions that they call.
///
/// A kernel that may stay on the CPU and has to loses its body and its descriptor's content.
pub fn extract(module: &mut Module) -> Extracted {
    let mut work = Work {
        copies: HashMap::new(),
        sites: Sites::default(),
        functions: Vec::new(),
    };
    let mut kernels = Vec::new();
    let mut refused = Vec::new();
    for index in 0..module.kernels.len() {
        let kernel = module.kernels[index].clone();
        let before = work.functions.len();
        let mut stack = Vec::new();
        let mut copy = module.functions[kernel.function.0 as usize].clone();
        match work.function(module, &mut copy, Value(u32::MAX), &mut stack) {
            Ok(()) => {
                module.functions[kernel.function.0 as usize] = copy;
                work.functions.push(kernel.function);
                kernels.push(index);
            }
            Err(missing) => {
                work.functions.truncate(before);
                let kept = &work.functions;
                work.copies.retain(|_, made| kept.contains(made));
                module.functions[kernel.function.0 as usize].blocks.clear();
                if kernel.required {
                    refused.push(missing);
                }
            }
        }
    }
    Extracted {
        kernels,
        functions: work.functions,
        sites: work.sites,
        refused,
    }
}

/// The error for what a GPU cannot run.
pub(super) fn refuse<T>(function: &Function, line: u32, what: &str) -> Result<T, Missing> {
    let (source, first) = function.source.unwrap_or((0, 0));
    let line = if line == 0 { first } else { line };
    let position = Position {
        source,
        line,
        column: 0,
    };
    Err(Missing::on_gpu(what, Some(position)))
}

struct Work {
    /// Copies for the device of functions of the module.
    copies: HashMap<FuncId, FuncId>,
    sites: Sites,
    functions: Vec<FuncId>,
}

impl Work {
    /// Rewrites one function; `state` is the value of its last parameter, or none yet.
    fn function(
        &mut self,
        module: &mut Module,
        function: &mut Function,
        state: Value,
        stack: &mut Vec<FuncId>,
    ) -> Result<(), Missing> {
        rewrite::drop_unreached(function);
        let state = if state == Value(u32::MAX) {
            rewrite::entry_param(function, 1)
        } else {
            state
        };
        rewrite::raises(module, function, state, &mut self.sites)?;
        rewrite::checks(function, state);
        rewrite::remainders(module, function);
        rewrite::drop_unused(function, state);
        rewrite::check(module, function)?;
        for block in 0..function.blocks.len() {
            for index in 0..function.blocks[block].instrs.len() {
                let Instr { op, line, .. } = function.blocks[block].instrs[index].clone();
                let Op::Call(callee, mut args) = op else {
                    continue;
                };
                match callee {
                    Callee::Function(id) => {
                        let copy = self.copy(module, id, stack, function, line)?;
                        args.push(state);
                        function.blocks[block].instrs[index].op =
                            Op::Call(Callee::Function(copy), args);
                    }
                    Callee::Extern(id) => {
                        let name = &module.externs[id.0 as usize].name;
                        if !math::known(name) {
                            let what = format!("call of the C function '{name}'");
                            return refuse(function, line, &what);
                        }
                    }
                    Callee::Indirect(..) => {
                        return refuse(function, line, "call through a pointer");
                    }
                }
            }
        }
        Ok(())
    }

    /// The copy for the device of a function.
    fn copy(
        &mut self,
        module: &mut Module,
        id: FuncId,
        stack: &mut Vec<FuncId>,
        caller: &Function,
        line: u32,
    ) -> Result<FuncId, Missing> {
        let name = module.functions[id.0 as usize].name.clone();
        if stack.contains(&id) {
            return refuse(caller, line, &format!("recursive call of '{name}'"));
        }
        if let Some(found) = self.copies.get(&id) {
            return Ok(*found);
        }
        let mut copy = module.functions[id.0 as usize].clone();
        if copy.blocks.is_empty() {
            return refuse(caller, line, &format!("call of '{name}'"));
        }
        if copy.gil || copy.frame.is_some() {
            let what = format!("call of '{name}', which needs the GIL");
            return refuse(caller, line, &what);
        }
        copy.name = format!("{name}.gpu");
        copy.linkage = Linkage::Internal;
        copy.signature.params.push(Param {
            ty: Type::Ptr,
            steals: false,
        });
        let last = copy.signature.params.len() as u32 - 1;
        let state = rewrite::entry_param(&mut copy, last);
        stack.push(id);
        let done = self.function(module, &mut copy, state, stack);
        stack.pop();
        done?;
        let made = module.add_function(copy);
        self.copies.insert(id, made);
        self.functions.push(made);
        Ok(made)
    }
}

/// A constant of 32 bits, made before an instruction.
pub(super) fn constant(
    function: &mut Function,
    value: i128,
    bits: u16,
    line: u32,
) -> (Value, Instr) {
    let info = ValueInfo {
        ty: Type::Int(bits),
        ownership: crate::mir::Ownership::Plain,
    };
    let result = Value(function.values.len() as u32);
    function.values.push(info);
    let op = Op::Const(crate::mir::Constant::Int(value, bits));
    let instr = Instr {
        op,
        result: Some(result),
        line,
    };
    (result, instr)
}

/// The global that an address is, where that is known.
pub(super) fn global_of(function: &Function, value: Value) -> Option<GlobalId> {
    match rewrite::definition(function, value)? {
        Op::GlobalAddr(id) => Some(*id),
        _ => None,
    }
}
