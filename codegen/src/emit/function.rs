//! One function: blocks, locals, terminators.

use std::collections::HashMap;

use inkwell::basic_block::BasicBlock;
use inkwell::debug_info::DISubprogram;
use inkwell::llvm_sys::core::LLVMSetIsInBounds;
use inkwell::values::{
    AsValueRef, BasicValueEnum, FunctionValue, InstructionOpcode, IntValue, PointerValue,
};
use inkwell::{FloatPredicate, IntPredicate};

use super::abi::Held;
use super::aggregates::Copied;
use super::debug_info::DebugInfo;
use super::globals::quickly_compiled;
use super::{EmitError, Emitter};
use crate::mir::{BlockId, Constant, FuncId, Function, Raises, Terminator, Value};

/// State of the emission of one function.
pub(super) struct FunctionEmitter<'e, 'ctx, 'm> {
    pub(super) e: &'e Emitter<'ctx, 'm>,
    pub(super) mir: &'m Function,
    /// The function's number.
    pub(super) index: usize,
    pub(super) llvm: FunctionValue<'ctx>,
    pub(super) values: Vec<Option<BasicValueEnum<'ctx>>>,
    pub(super) params: Vec<Held<'ctx>>,
    /// Values of many parts, which are in memory.
    pub(super) copies: HashMap<Value, Copied<'ctx>>,
    pub(super) locals: Vec<PointerValue<'ctx>>,
    /// The scope object of a generator's body.
    pub(super) frame: Option<PointerValue<'ctx>>,
    /// Whether the block that is being emitted is seldom reached.
    pub(super) cold: bool,
    /// Addresses within their arrays; see [`super::bounds`].
    in_bounds: Vec<bool>,
    /// Whether the function is compiled as it is.
    pub(super) quick: bool,
    blocks: Vec<BasicBlock<'ctx>>,
}

pub(super) fn emit<'ctx>(
    emitter: &Emitter<'ctx, '_>,
    index: usize,
    debug: Option<&DebugInfo<'ctx>>,
) -> Result<(), EmitError> {
    let mir = &emitter.mir.functions[index];
    let Some(llvm) = emitter.function(FuncId(index as u32)) else {
        return Ok(());
    };
    let scope = debug.and_then(|debug| debug.function(mir));
    if let Some(scope) = scope {
        llvm.set_subprogram(scope);
    }
    let entry = emitter.context.append_basic_block(llvm, "entry");
    let reached = reached(mir);
    let blocks = (0..mir.blocks.len())
        .map(|block| {
            emitter
                .context
                .append_basic_block(llvm, &format!("bb{block}"))
        })
        .collect::<Vec<_>>();
    let mut function = FunctionEmitter {
        e: emitter,
        mir,
        index,
        llvm,
        values: vec![None; mir.values.len()],
        locals: Vec::new(),
        frame: None,
        params: Vec::new(),
        copies: HashMap::new(),
        cold: false,
        in_bounds: super::bounds::in_bounds(mir),
        quick: quickly_compiled(mir),
        blocks,
    };
    function.place(debug, scope, mir.source.map_or(0, |(_, line)| line));
    emitter.builder.position_at_end(entry);
    function.receive(&mir.signature)?;
    function.find_frame()?;
    function.make_locals()?;
    emitter
        .builder
        .build_unconditional_branch(function.blocks[0])?;
    // In an order in which every definition comes before its uses: values dominate what uses them,
    // and a walk from the entry that takes a block only once meets dominators first.
    for block in order(mir) {
        let id = block.0 as usize;
        emitter.builder.position_at_end(function.blocks[id]);
        function.cold = mir.blocks[id].cold;
        for instr in &mir.blocks[id].instrs {
            function.place(debug, scope, instr.line);
            if let (Some(copied), Some(value)) = (function.large_value(&instr.op)?, instr.result) {
                function.copies.insert(value, copied);
                continue;
            }
            let result = match function.line(instr)? {
                Some(line) => Some(line),
                None => function.op(&instr.op)?,
            };
            if let Some(value) = instr.result {
                if let Some(made) = result
                    && function.in_bounds.get(value.0 as usize) == Some(&true)
                {
                    mark_in_bounds(made);
                }
                function.values[value.0 as usize] = result;
            }
        }
        function.place(debug, scope, mir.blocks[id].line);
        function.terminator(&mir.blocks[id].terminator)?;
    }
    for (index, block) in function.blocks.iter().enumerate() {
        if !reached[index] {
            // SAFETY: nothing refers to a block that is not reached; it is empty.
            let _ = unsafe { block.delete() };
        }
    }
    emitter.builder.unset_current_debug_location();
    super::float_math::allow(llvm, mir.float_math);
    Ok(())
}

/// What an address is computed by says that it is within its array.
fn mark_in_bounds(address: BasicValueEnum<'_>) {
    let BasicValueEnum::PointerValue(address) = address else {
        return;
    };
    if let Some(made) = address.as_instruction()
        && made.get_opcode() == InstructionOpcode::GetElementPtr
    {
        // SAFETY: it is the kind of instruction that may be so.
        unsafe { LLVMSetIsInBounds(made.as_value_ref(), 1) };
    }
}

fn reached(function: &Function) -> Vec<bool> {
    let mut seen = vec![false; function.blocks.len()];
    for block in order(function) {
        seen[block.0 as usize] = true;
    }
    seen
}

/// Reverse postorder from the entry.
fn order(function: &Function) -> Vec<BlockId> {
    let mut seen = vec![false; function.blocks.len()];
    let mut out = Vec::new();
    let mut stack = vec![(BlockId(0), 0)];
    seen[0] = true;
    while let Some((block, next)) = stack.pop() {
        let successors = function.blocks[block.0 as usize].terminator.successors();
        match successors.get(next) {
            Some(to) => {
                stack.push((block, next + 1));
                if !seen[to.0 as usize] {
                    seen[to.0 as usize] = true;
                    stack.push((*to, 0));
                }
            }
            None => out.push(block),
        }
    }
    out.reverse();
    out
}

impl<'ctx> FunctionEmitter<'_, 'ctx, '_> {
    fn place(&self, debug: Option<&DebugInfo<'ctx>>, scope: Option<DISubprogram<'ctx>>, line: u32) {
        if let (Some(debug), Some(scope)) = (debug, scope) {
            debug.set_line(self.e, scope, line);
        }
    }

    pub(super) fn malformed<T>(&self, message: impl Into<String>) -> Result<T, EmitError> {
        Err(EmitError::Malformed {
            function: self.mir.name.clone(),
            message: message.into(),
        })
    }

    /// The scope object of a generator, which is the function's first parameter.
    fn find_frame(&mut self) -> Result<(), EmitError> {
        if self.mir.frame.is_none() {
            return Ok(());
        }
        let Some(generator) = self.llvm.get_nth_param(0) else {
            return self.malformed("a generator's body without its generator");
        };
        let found = self.runtime("cyl_generator_frame", self.e.ptr().into(), &[generator])?;
        self.frame = found.map(BasicValueEnum::into_pointer_value);
        Ok(())
    }

    pub(super) fn value(&self, value: Value) -> Result<BasicValueEnum<'ctx>, EmitError> {
        match self.values[value.0 as usize] {
            Some(found) => Ok(found),
            None if self.copies.contains_key(&value) => self.copies[&value].load(self),
            None => self.malformed(format!("{value} has no value")),
        }
    }

    pub(super) fn int(&self, value: Value) -> Result<IntValue<'ctx>, EmitError> {
        match self.value(value)? {
            BasicValueEnum::IntValue(found) => Ok(found),
            _ => self.malformed(format!("{value} is not an integer")),
        }
    }

    pub(super) fn pointer(&self, value: Value) -> Result<PointerValue<'ctx>, EmitError> {
        match self.value(value)? {
            BasicValueEnum::PointerValue(found) => Ok(found),
            _ => self.malformed(format!("{value} is not an address")),
        }
    }

    fn terminator(&self, terminator: &Terminator) -> Result<(), EmitError> {
        let b = &self.e.builder;
        let block = |id: &BlockId| self.blocks[id.0 as usize];
        match terminator {
            Terminator::Jump(to) => {
                b.build_unconditional_branch(block(to))?;
            }
            Terminator::Branch {
                condition,
                then,
                otherwise,
            } => {
                let (condition, yes, no) = (self.int(*condition)?, block(then), block(otherwise));
                let cold = |id: &BlockId| self.mir.blocks[id.0 as usize].cold;
                match (cold(then), cold(otherwise)) {
                    (true, false) => self.unlikely(condition, yes, no)?,
                    (false, true) => self.likely(condition, yes, no)?,
                    _ => {
                        b.build_conditional_branch(condition, yes, no)?;
                    }
                }
            }
            Terminator::Switch(value, cases, default) => {
                let value = self.int(*value)?;
                let ty = value.get_type();
                let cases: Vec<_> = cases
                    .iter()
                    .map(|(case, to)| (ty.const_int(*case as u64, false), block(to)))
                    .collect();
                b.build_switch(value, block(default), &cases)?;
            }
            Terminator::Check {
                value,
                raises,
                ok,
                error,
            } => {
                self.check(*value, raises, block(ok), block(error))?;
            }
            Terminator::Return(None) => {
                b.build_return(None)?;
            }
            Terminator::Return(Some(value)) => {
                self.return_value(*value)?;
            }
            Terminator::Suspend { .. } => {
                return self.malformed("a suspension that no pass took out");
            }
            Terminator::Unreachable => {
                b.build_unreachable()?;
            }
        }
        Ok(())
    }

    fn check(
        &self,
        value: Option<Value>,
        raises: &Raises,
        ok: BasicBlock<'ctx>,
        error: BasicBlock<'ctx>,
    ) -> Result<(), EmitError> {
        let b = &self.e.builder;
        let Some(value) = value else {
            return self.check_occurred(ok, error);
        };
        let zero = |ty: inkwell::types::IntType<'ctx>| ty.const_zero();
        let raised = match raises {
            Raises::Null => b.build_is_null(self.pointer(value)?, "raised")?,
            Raises::MinusOne => {
                let value = self.int(value)?;
                let minus_one = value.get_type().const_all_ones();
                b.build_int_compare(IntPredicate::EQ, value, minus_one, "raised")?
            }
            Raises::Negative => {
                let value = self.int(value)?;
                b.build_int_compare(IntPredicate::SLT, value, zero(value.get_type()), "raised")?
            }
            Raises::Zero => {
                let value = self.int(value)?;
                b.build_int_compare(IntPredicate::EQ, value, zero(value.get_type()), "raised")?
            }
            Raises::NonZero => {
                let value = self.int(value)?;
                b.build_int_compare(IntPredicate::NE, value, zero(value.get_type()), "raised")?
            }
            Raises::Occurred => return self.check_occurred(ok, error),
            Raises::Maybe(constant) => {
                let equal = self.equals(value, constant)?;
                let ask = self.e.context.append_basic_block(self.llvm, "raised.maybe");
                self.unlikely(equal, ask, ok)?;
                b.position_at_end(ask);
                return self.check_occurred(ok, error);
            }
        };
        self.unlikely(raised, error, ok)
    }

    /// A branch that seldom goes to the first block.
    fn unlikely(
        &self,
        condition: IntValue<'ctx>,
        seldom: BasicBlock<'ctx>,
        often: BasicBlock<'ctx>,
    ) -> Result<(), EmitError> {
        self.weighted(condition, seldom, often, [1, 2000])
    }

    /// A branch that mostly goes to the first block.
    fn likely(
        &self,
        condition: IntValue<'ctx>,
        often: BasicBlock<'ctx>,
        seldom: BasicBlock<'ctx>,
    ) -> Result<(), EmitError> {
        self.weighted(condition, often, seldom, [2000, 1])
    }

    fn weighted(
        &self,
        condition: IntValue<'ctx>,
        yes: BasicBlock<'ctx>,
        no: BasicBlock<'ctx>,
        weights: [u64; 2],
    ) -> Result<(), EmitError> {
        let branch = self
            .e
            .builder
            .build_conditional_branch(condition, yes, no)?;
        let i32 = self.e.i32();
        let weights = self.e.context.metadata_node(&[
            self.e.context.metadata_string("branch_weights").into(),
            i32.const_int(weights[0], false).into(),
            i32.const_int(weights[1], false).into(),
        ]);
        let kind = self.e.context.get_kind_id("prof");
        // A branch always takes this kind of metadata.
        let _ = branch.set_metadata(weights, kind);
        Ok(())
    }

    fn equals(&self, value: Value, constant: &Constant) -> Result<IntValue<'ctx>, EmitError> {
        let b = &self.e.builder;
        let other = self.constant(constant)?;
        Ok(match (self.value(value)?, other) {
            (BasicValueEnum::IntValue(a), BasicValueEnum::IntValue(c)) => {
                b.build_int_compare(IntPredicate::EQ, a, c, "raised")?
            }
            (BasicValueEnum::PointerValue(a), BasicValueEnum::PointerValue(c)) => {
                b.build_int_compare(IntPredicate::EQ, a, c, "raised")?
            }
            (BasicValueEnum::FloatValue(a), BasicValueEnum::FloatValue(c)) => {
                // A declared NaN is met by any NaN.
                let nan = matches!(constant, Constant::Float(value, _) if value.is_nan());
                let how = if nan {
                    FloatPredicate::UNO
                } else {
                    FloatPredicate::OEQ
                };
                b.build_float_compare(how, a, c, "raised")?
            }
            _ => return self.malformed("an error value of another type"),
        })
    }

    fn check_occurred(
        &self,
        ok: BasicBlock<'ctx>,
        error: BasicBlock<'ctx>,
    ) -> Result<(), EmitError> {
        let b = &self.e.builder;
        // Where the GIL is not held, the runtime's function takes it to look.
        let name = if self.mir.gil {
            "PyErr_Occurred"
        } else {
            "cyl_err_occurred_nogil"
        };
        let ty = self.e.ptr().fn_type(&[], false);
        let function = self
            .e
            .llvm
            .get_function(name)
            .unwrap_or_else(|| self.e.llvm.add_function(name, ty, None));
        let found = b.build_call(function, &[], "exception")?;
        let Some(found) = found.try_as_basic_value().basic() else {
            return self.malformed("no result");
        };
        let none = b.build_is_null(found.into_pointer_value(), "none")?;
        self.likely(none, ok, error)
    }

    pub(super) fn constant(&self, constant: &Constant) -> Result<BasicValueEnum<'ctx>, EmitError> {
        let Some(ty) = self.e.ty(&constant.ty()) else {
            return self.malformed("constant of no type");
        };
        Ok(match constant {
            Constant::Int(value, bits) => {
                let ty = self.e.int_type(*bits);
                let words = [*value as u64, (*value >> 64) as u64];
                ty.const_int_arbitrary_precision(&words).into()
            }
            Constant::Float(value, _) => match ty {
                inkwell::types::BasicTypeEnum::FloatType(ty) => ty.const_float(*value).into(),
                _ => return self.malformed("constant of another type"),
            },
            Constant::Address(number) => self
                .e
                .i64()
                .const_int(*number as u64, true)
                .const_to_pointer(self.e.ptr())
                .into(),
            Constant::Null(_) | Constant::Zero(_) => ty.const_zero(),
        })
    }
}
