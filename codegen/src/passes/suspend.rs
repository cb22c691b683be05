//! Takes suspensions out of the bodies of generators.
//!
//! What lives across a suspension moves into the generator's scope object: locals become its fields,
//! and a value is kept in a local of its own.  A suspension returns; the body starts with a switch
//! that goes on where it left.  Owned references in fields are the scope object's, which gives them
//! back if the generator is dropped.

use std::collections::{BTreeMap, BTreeSet};

use super::liveness::{at_starts, read_by, written_at_ends};
use crate::mir::{
    Block, BlockId, Callee, Constant, Function, Instr, Local, LocalId, Module, Op, Ownership,
    Signature, Terminator, Type, Value, ValueInfo,
};

/// Transforms every generator's body of a module.
pub fn suspend(module: &mut Module) {
    for index in 0..module.functions.len() {
        if module.functions[index].frame.is_some() && !module.functions[index].blocks.is_empty() {
            let mut function = module.functions[index].clone();
            Suspension {
                module,
                function: &mut function,
            }
            .run();
            module.functions[index] = function;
        }
    }
}

struct Suspension<'a> {
    module: &'a mut Module,
    function: &'a mut Function,
}

impl Suspension<'_> {
    fn run(&mut self) {
        // Which slices are held has been verified; their addresses are made anew after a suspension.
        for block in &mut self.function.blocks {
            let slices = |op: &Op| matches!(op, Op::HoldSlice(_) | Op::GiveSlice(_));
            block.instrs.retain(|instr| !slices(&instr.op));
        }
        let live = at_starts(self.function);
        let written = written_at_ends(self.function);
        let mut values = BTreeSet::new();
        let mut locals = BTreeSet::new();
        for (index, block) in self.function.blocks.iter().enumerate() {
            if let Terminator::Suspend { resume, .. } = block.terminator {
                values.extend(live[resume.0 as usize].values.iter().copied());
                // What is zero before is zero after: locals start so whenever the body is entered.
                locals.extend(
                    live[resume.0 as usize]
                        .locals
                        .intersection(&written[index])
                        .copied(),
                );
            }
        }
        self.keep_values(&values);
        // A local whose address is taken may be in use wherever the address is.
        for block in &self.function.blocks {
            for instr in &block.instrs {
                if let Op::LocalAddr(local) = instr.op
                    && !self.function.locals[local.0 as usize].scratch
                {
                    locals.insert(local);
                }
            }
        }
        for local in locals {
            self.move_to_frame(local);
        }
        self.dispatch();
    }

    // ---------------------------------------------------------------- values

    /// Keeps values in locals, or makes them anew for every use.
    fn keep_values(&mut self, values: &BTreeSet<Value>) {
        let mut again: BTreeMap<Value, Op> = BTreeMap::new();
        for instr in self.function.blocks.iter().flat_map(|block| &block.instrs) {
            if let Some(result) = instr.result.filter(|result| values.contains(result))
                && repeatable(&instr.op)
            {
                again.insert(result, instr.op.clone());
            }
        }
        let mut homes: BTreeMap<Value, LocalId> = BTreeMap::new();
        for value in values.iter().filter(|value| !again.contains_key(value)) {
            let ty = self.function.ty(*value).clone();
            let id = LocalId(self.function.locals.len() as u32);
            self.function.locals.push(Local {
                name: value.to_string(),
                ty,
                field: None,
                scratch: false,
            });
            homes.insert(*value, id);
            self.move_to_frame_as(
                id,
                self.function.value(*value).ownership == Ownership::Owned,
            );
        }
        for index in 0..self.function.blocks.len() {
            self.rewrite(index, &again, &homes);
        }
    }

    fn rewrite(
        &mut self,
        index: usize,
        again: &BTreeMap<Value, Op>,
        homes: &BTreeMap<Value, LocalId>,
    ) {
        let instrs = std::mem::take(&mut self.function.blocks[index].instrs);
        let mut out = Vec::with_capacity(instrs.len());
        for mut instr in instrs {
            let line = instr.line;
            let consumed = self.consumed(&instr.op);
            let mut operands = operands_mut(&mut instr.op);
            // What is only looked at comes first: what is taken is gone.
            for last in [false, true] {
                for (operand, taken) in operands.iter_mut().zip(&consumed) {
                    if *taken == last
                        && let Some(value) =
                            self.reread(**operand, *taken, line, again, homes, &mut out)
                    {
                        **operand = value;
                    }
                }
            }
            let result = instr.result;
            out.push(instr);
            if let Some((value, home)) = result.and_then(|value| Some((value, homes.get(&value)?)))
            {
                out.push(Instr {
                    op: Op::Set(*home, value),
                    result: None,
                    line,
                });
            }
        }
        let mut terminator = self.function.blocks[index].terminator.clone();
        let line = self.function.blocks[index].line;
        if let Some(value) = read_by(&terminator) {
            let taken = matches!(
                terminator,
                Terminator::Return(_) | Terminator::Suspend { .. }
            );
            if let Some(new) = self.reread(value, taken, line, again, homes, &mut out) {
                match &mut terminator {
                    Terminator::Branch {
                        condition: value, ..
                    }
                    | Terminator::Switch(value, ..)
                    | Terminator::Check {
                        value: Some(value), ..
                    }
                    | Terminator::Suspend { value, .. }
                    | Terminator::Return(Some(value)) => *value = new,
                    _ => {}
                }
            }
        }
        self.function.blocks[index].instrs = out;
        self.function.blocks[index].terminator = terminator;
    }

    /// Reads a value that is kept somewhere.
    fn reread(
        &mut self,
        value: Value,
        taken: bool,
        line: u32,
        again: &BTreeMap<Value, Op>,
        homes: &BTreeMap<Value, LocalId>,
        out: &mut Vec<Instr>,
    ) -> Option<Value> {
        let info = self.function.value(value).clone();
        let (op, ownership) = match (again.get(&value), homes.get(&value)) {
            (Some(op), _) => (op.clone(), info.ownership),
            (None, Some(home)) if info.ownership == Ownership::Owned && taken => {
                (Op::Take(*home), Ownership::Owned)
            }
            (None, Some(home)) if info.ty == Type::Object => (Op::Get(*home), Ownership::Borrowed),
            (None, Some(home)) => (Op::Get(*home), info.ownership),
            (None, None) => return None,
        };
        let result = self.value(info.ty, ownership);
        out.push(Instr {
            op,
            result: Some(result),
            line,
        });
        Some(result)
    }

    fn value(&mut self, ty: Type, ownership: Ownership) -> Value {
        self.function.values.push(ValueInfo { ty, ownership });
        Value(self.function.values.len() as u32 - 1)
    }

    /// For each operand, whether an owned reference passes on.
    fn consumed(&self, op: &Op) -> Vec<bool> {
        let count = op.operands().len();
        match op {
            Op::DecRef(_) | Op::XDecRef(_) | Op::Forget(_) | Op::Set(..) => vec![true],
            Op::Store { .. } => vec![false, true],
            Op::Call(callee, _) => {
                let steals: Vec<bool> = match callee {
                    Callee::Function(id) => &self.module.functions[id.0 as usize].signature,
                    Callee::Indirect(_, signature) => signature,
                    Callee::Extern(id) => match &self.module.externs[id.0 as usize].signature {
                        Some(signature) => signature,
                        None => return vec![false; count],
                    },
                }
                .params
                .iter()
                .map(|param| param.steals)
                .collect();
                (0..count)
                    .map(|index| steals.get(index).copied().unwrap_or(false))
                    .collect()
            }
            _ => vec![false; count],
        }
    }

    // ---------------------------------------------------------------- locals

    /// Moves a local into the scope object.  Who takes an object out of it owned it.
    fn move_to_frame(&mut self, local: LocalId) {
        let owned = self
            .function
            .blocks
            .iter()
            .flat_map(|block| &block.instrs)
            .any(|instr| matches!(instr.op, Op::Take(other) if other == local));
        self.move_to_frame_as(local, owned);
    }

    fn move_to_frame_as(&mut self, local: LocalId, owned: bool) {
        let Some(frame) = self.function.frame else {
            return;
        };
        let local = &mut self.function.locals[local.0 as usize];
        if local.field.is_some() {
            return;
        }
        let frame = &mut self.module.frames[frame.0 as usize];
        let fields = &mut self.module.structs[frame.structure.0 as usize].fields;
        let field = fields.len() as u32;
        fields.push(local.ty.clone());
        local.field = Some(field);
        if owned && local.ty == Type::Object {
            frame.objects.push(field);
        }
    }

    // ---------------------------------------------------------------- control

    /// Makes suspensions return, and the start go on behind them.
    fn dispatch(&mut self) {
        let first = BlockId(self.function.blocks.len() as u32);
        let start = self.function.blocks[0].clone();
        self.function.blocks.push(start);
        let mut cases = vec![(0, first)];
        for index in 1..self.function.blocks.len() {
            let Terminator::Suspend {
                value,
                resume,
                handling,
            } = self.function.blocks[index].terminator
            else {
                continue;
            };
            let label = cases.len() as i128;
            cases.push((label, resume));
            let mut instrs = Vec::new();
            let generator = self.push(&mut instrs, Op::Param(0), Type::Ptr);
            let label = self.push(&mut instrs, Op::Const(Constant::Int(label, 32)), Type::I32);
            let handling = Constant::Int(i128::from(handling), 32);
            let handling = self.push(&mut instrs, Op::Const(handling), Type::I32);
            let signature = Signature::new([Type::Ptr, Type::I32, Type::I32], Type::Void);
            let callee = Callee::Extern(self.module.declare("cyl_generator_suspend", signature));
            let line = self.function.blocks[index].line;
            instrs.push(Instr {
                op: Op::Call(callee, vec![generator, label, handling]),
                result: None,
                line,
            });
            let block = &mut self.function.blocks[index];
            block.instrs.extend(instrs);
            block.terminator = Terminator::Return(Some(value));
        }
        let mut instrs = Vec::new();
        let null = self.push(
            &mut instrs,
            Op::Const(Constant::Null(Type::Object)),
            Type::Object,
        );
        let owned = self.value(Type::Object, Ownership::Owned);
        instrs.push(Instr {
            op: Op::Own(null),
            result: Some(owned),
            line: 0,
        });
        let over = BlockId(self.function.blocks.len() as u32);
        self.function.blocks.push(Block {
            instrs,
            terminator: Terminator::Return(Some(owned)),
            line: 0,
            cold: true,
        });
        let mut instrs = Vec::new();
        let generator = self.push(&mut instrs, Op::Param(0), Type::Ptr);
        let signature = Signature::new([Type::Ptr], Type::I32);
        let callee = Callee::Extern(self.module.declare("cyl_generator_label", signature));
        let label = self.push(&mut instrs, Op::Call(callee, vec![generator]), Type::I32);
        self.function.blocks[0] = Block {
            instrs,
            terminator: Terminator::Switch(label, cases, over),
            line: 0,
            cold: false,
        };
    }

    fn push(&mut self, out: &mut Vec<Instr>, op: Op, ty: Type) -> Value {
        let ownership = if ty == Type::Object {
            Ownership::Borrowed
        } else {
            Ownership::Plain
        };
        let result = self.value(ty, ownership);
        out.push(Instr {
            op,
            result: Some(result),
            line: 0,
        });
        result
    }
}

/// Whether an operation gives the same whenever it is run.
fn repeatable(op: &Op) -> bool {
    matches!(
        op,
        Op::Const(_)
            | Op::Param(0 | 1)
            | Op::Object(_)
            | Op::GlobalAddr(_)
            | Op::FunctionAddr(_)
            | Op::ExternAddr(_)
            | Op::LocalAddr(_)
            | Op::Frame
    )
}

/// The places of an operation's operands, in the order of [`Op::operands`].
fn operands_mut(op: &mut Op) -> Vec<&mut Value> {
    match op {
        Op::Const(_) | Op::Param(_) | Op::Object(_) | Op::GlobalAddr(_) | Op::FunctionAddr(_) => {
            vec![]
        }
        Op::ExternAddr(_) | Op::LocalAddr(_) | Op::Frame | Op::Get(_) | Op::Take(_) => vec![],
        Op::EnsureGil | Op::SaveThread | Op::InitObjects => vec![],
        Op::Set(_, v) | Op::Load(_, v) | Op::Field(v, _, _) | Op::Extract(v, _) => vec![v],
        Op::Unary(_, v) | Op::Cast(_, v, _) | Op::IncRef(v) | Op::XIncRef(v) => vec![v],
        Op::DecRef(v) | Op::XDecRef(v) | Op::Forget(v) | Op::Own(v) => vec![v],
        Op::ReleaseGil(v) | Op::RestoreThread(v) => vec![v],
        Op::HoldSlice(v) | Op::GiveSlice(v) => vec![v],
        Op::Store { address, value } => vec![address, value],
        Op::Index(a, _, b) | Op::Binary(_, a, b) | Op::Compare(_, a, b) => vec![a, b],
        Op::Select(a, b, c) => vec![a, b, c],
        Op::Make(_, values) | Op::Intrinsic(_, values) => values.iter_mut().collect(),
        Op::Call(callee, args) => {
            let mut all: Vec<&mut Value> = args.iter_mut().collect();
            if let Callee::Indirect(address, _) = callee {
                all.push(address);
            }
            all
        }
    }
}
