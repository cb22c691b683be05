//! Checks a module: types, definitions before uses, and that every owned reference, also one that a
//! local keeps, and every acquisition of a memoryview that a temporary slice holds, is consumed exactly
//! once on every path.  Runs in tests and debug builds; a failure is a defect of lowering.

use std::collections::HashMap;

use super::bits::Bits;
use super::builder::result_of;
use super::{
    BinaryOp, Block, BlockId, Callee, CastOp, Function, Instr, Module, Op, Ownership, Raises,
    Signature, Terminator, Type, Value,
};

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("MIR of '{function}', bb{block}, at {place}: {message}")]
pub struct VerifyError {
    /// The function's name.
    pub function: String,
    /// The block's number.
    pub block: u32,
    /// The operation's number in its block, or "end".
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// Checks every function of a module.
pub fn verify(module: &Module) -> Result<(), VerifyError> {
    module
        .functions
        .iter()
        .filter(|f| !f.blocks.is_empty())
        .try_for_each(|function| {
            super::verifier_places::check(module, function)?;
            Verifier {
                module,
                function,
                elsewhere: elsewhere(function),
                block: 0,
                place: None,
            }
            .run()
        })
}

/// The locals that this function does not empty by itself: those whose addresses are taken, and all
/// of a generator whose suspensions are returns by now.
fn elsewhere(function: &Function) -> Bits {
    let mut found = Bits::default();
    let suspends = |block: &Block| matches!(block.terminator, Terminator::Suspend { .. });
    if function.frame.is_some() && !function.blocks.iter().any(suspends) {
        (0..).zip(&function.locals).for_each(|(local, _)| {
            found.insert(local);
        });
    }
    for instr in function.blocks.iter().flat_map(|block| &block.instrs) {
        if let Op::LocalAddr(local) = instr.op {
            found.insert(local.0);
        }
    }
    found
}

/// What holds at a point: values that exist, and those of them that are owned and not yet consumed.
#[derive(Clone, PartialEq, Default)]
struct State {
    defined: Bits,
    live: Bits,
    /// Locals that may own an object: it was put there on some path, and not taken out since.
    kept: Bits,
    /// Addresses of the slices that hold an acquisition.
    slices: Bits,
    gil: bool,
    /// Whether the GIL was held where it was ensured, by the token.
    ensured: HashMap<Value, bool>,
}

struct Verifier<'a> {
    module: &'a Module,
    function: &'a Function,
    /// Locals that objects are taken out of elsewhere, too.
    elsewhere: Bits,
    block: u32,
    /// The operation's number in its block; none at the block's end.
    place: Option<usize>,
}

impl Verifier<'_> {
    fn run(&mut self) -> Result<(), VerifyError> {
        let mut entry: Vec<Option<State>> = vec![None; self.function.blocks.len()];
        entry[0] = Some(State {
            gil: self.function.gil,
            ..State::default()
        });
        let mut work = vec![BlockId(0)];
        while let Some(id) = work.pop() {
            let Some(state) = entry[id.0 as usize].clone() else {
                continue;
            };
            for (to, after) in self.walk(id, state)? {
                self.check_block(to)?;
                match &mut entry[to.0 as usize] {
                    new @ None => {
                        *new = Some(after);
                        work.push(to);
                    }
                    Some(before) => {
                        if before.live != after.live {
                            let odd: Vec<String> = before
                                .live
                                .difference(&after.live)
                                .map(|value| Value(value).to_string())
                                .collect();
                            return self.fail(format!(
                                "bb{} is reached with and without owning {}",
                                to.0,
                                odd.join(", ")
                            ));
                        }
                        if let Some(odd) = before.slices.difference(&after.slices).next() {
                            return self.fail(format!(
                                "bb{} is reached with and without holding the slice at {}",
                                to.0,
                                Value(odd)
                            ));
                        }
                        if before.gil != after.gil {
                            return self
                                .fail(format!("bb{} is reached with and without the GIL", to.0));
                        }
                        let more = before.kept.unite(&after.kept);
                        if before.defined.retain(&after.defined) {
                            before.ensured = after.ensured;
                            work.push(to);
                        } else if more {
                            work.push(to);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn fail<T>(&self, message: String) -> Result<T, VerifyError> {
        Err(VerifyError {
            function: self.function.name.clone(),
            block: self.block,
            place: self
                .place
                .map_or_else(|| "end".to_owned(), |index| index.to_string()),
            message,
        })
    }

    fn check_block(&self, id: BlockId) -> Result<(), VerifyError> {
        if (id.0 as usize) < self.function.blocks.len() {
            return Ok(());
        }
        self.fail(format!("there is no bb{}", id.0))
    }

    fn walk(
        &mut self,
        id: BlockId,
        mut state: State,
    ) -> Result<Vec<(BlockId, State)>, VerifyError> {
        self.block = id.0;
        let block = &self.function.blocks[id.0 as usize];
        for (index, instr) in block.instrs.iter().enumerate() {
            self.place = Some(index);
            self.instr(instr, &mut state)?;
        }
        self.place = None;
        self.terminator(&block.terminator, state)
    }

    fn used(&self, value: Value, state: &State) -> Result<(), VerifyError> {
        if value.0 as usize >= self.function.values.len() || !state.defined.contains(value.0) {
            return self.fail(format!("{value} is not defined on every path to here"));
        }
        let owned = self.function.value(value).ownership == Ownership::Owned;
        if owned && !state.live.contains(value.0) {
            return self.fail(format!("{value} is used after it was given away"));
        }
        Ok(())
    }

    fn consume(&self, value: Value, state: &mut State) -> Result<(), VerifyError> {
        if self.function.value(value).ownership != Ownership::Owned {
            return self.fail(format!("{value} is given away, but only borrowed"));
        }
        if !state.live.remove(value.0) {
            return self.fail(format!("{value} is given away twice"));
        }
        Ok(())
    }

    /// What an operation does to a local that keeps an object.
    fn local(&self, op: &Op, state: &mut State) -> Result<(), VerifyError> {
        match op {
            Op::Set(local, value) => {
                if state.kept.contains(local.0) {
                    return self.fail(format!("${} is set while it may own an object", local.0));
                }
                let owned = self.function.value(*value).ownership == Ownership::Owned;
                if owned && !self.elsewhere.contains(local.0) {
                    state.kept.insert(local.0);
                }
            }
            Op::Take(local) => {
                state.kept.remove(local.0);
            }
            _ => {}
        }
        Ok(())
    }

    fn instr(&self, instr: &Instr, state: &mut State) -> Result<(), VerifyError> {
        for value in instr.op.operands() {
            self.used(value, state)?;
        }
        self.types(&instr.op)?;
        self.local(&instr.op, state)?;
        match &instr.op {
            Op::DecRef(value) | Op::XDecRef(value) | Op::Forget(value) => {
                self.consume(*value, state)?
            }
            Op::Set(_, value) | Op::Store { value, .. }
                if self.function.value(*value).ownership == Ownership::Owned =>
            {
                self.consume(*value, state)?;
            }
            Op::Call(callee, args) => {
                let signature = self.signature(callee)?;
                for (param, arg) in signature.params.iter().zip(args) {
                    if param.steals {
                        self.consume(*arg, state)?;
                    }
                }
            }
            Op::EnsureGil => {
                if let Some(token) = instr.result {
                    state.ensured.insert(token, state.gil);
                }
                state.gil = true;
            }
            Op::RestoreThread(_) => state.gil = true,
            Op::ReleaseGil(token) => {
                state.gil = state
                    .ensured
                    .get(token)
                    .copied()
                    .unwrap_or(self.function.gil);
            }
            Op::SaveThread => state.gil = false,
            Op::HoldSlice(address) if !state.slices.insert(address.0) => {
                return self.fail(format!("the slice at {address} is acquired twice"));
            }
            Op::GiveSlice(address) if !state.slices.remove(address.0) => {
                return self.fail(format!("the slice at {address} is not held"));
            }
            _ => {}
        }
        let counting = matches!(
            instr.op,
            Op::IncRef(_) | Op::XIncRef(_) | Op::DecRef(_) | Op::XDecRef(_)
        );
        if counting && !state.gil {
            return self.fail("a reference is counted without the GIL".to_owned());
        }
        if let Some(result) = instr.result {
            if (result.0 as usize) >= self.function.values.len() {
                return self.fail(format!("{result} has no type"));
            }
            let (ty, ownership) = result_of(self.module, self.function, &instr.op);
            let info = self.function.value(result);
            if info.ty != ty || info.ownership != ownership || ty == Type::Void {
                return self.fail(format!(
                    "{result} is {ownership:?} {ty}, not what it is said to be"
                ));
            }
            if !state.defined.insert(result.0) && state.live.contains(result.0) {
                return self.fail(format!(
                    "{result} is made again while the last one is owned"
                ));
            }
            if ownership == Ownership::Owned {
                state.live.insert(result.0);
            }
        }
        Ok(())
    }

    fn signature<'s>(&'s self, callee: &'s Callee) -> Result<&'s Signature, VerifyError> {
        match callee {
            Callee::Function(id) => Ok(&self.module.functions[id.0 as usize].signature),
            Callee::Indirect(_, signature) => Ok(signature),
            Callee::Extern(id) => match &self.module.externs[id.0 as usize].signature {
                Some(signature) => Ok(signature),
                None => self.fail(format!(
                    "@{} is not a function",
                    self.module.externs[id.0 as usize].name
                )),
            },
        }
    }

    fn types(&self, op: &Op) -> Result<(), VerifyError> {
        let ty = |value: &Value| self.function.ty(*value);
        let wrong = |what: &str| self.fail(format!("{what}: wrong types"));
        match op {
            Op::Binary(which, a, b) => {
                use BinaryOp::{FAdd, FDiv, FMul, FRem, FSub};
                let float = matches!(which, FAdd | FDiv | FMul | FRem | FSub);
                let fits = if float {
                    ty(a).is_float()
                } else {
                    ty(a).is_int()
                };
                if ty(a) != ty(b) || !fits {
                    return wrong(&format!("{which:?} of {} and {}", ty(a), ty(b)));
                }
            }
            Op::Compare(which, a, b) => {
                let same = ty(a) == ty(b) || (ty(a).is_pointer() && ty(b).is_pointer());
                if !same {
                    return wrong(&format!("{which:?} of {} and {}", ty(a), ty(b)));
                }
            }
            Op::Cast(CastOp::Pointer, value, to)
                if (!ty(value).is_pointer() || !to.is_pointer()) =>
            {
                return wrong("pointer cast");
            }
            Op::Cast(CastOp::Trunc | CastOp::SExt | CastOp::ZExt, value, to)
                if (!ty(value).is_int() || !to.is_int()) =>
            {
                return wrong("integer cast");
            }
            Op::Set(local, value) => {
                let local = &self.function.locals[local.0 as usize];
                if local.ty != *ty(value) {
                    return wrong(&format!("set of {} to {}", local.ty, ty(value)));
                }
            }
            Op::Load(_, address) | Op::Field(address, _, _) | Op::Index(address, _, _)
                if !ty(address).is_pointer() =>
            {
                return wrong("address");
            }
            Op::Store { address, .. } if !ty(address).is_pointer() => {
                return wrong("store");
            }
            Op::Select(condition, a, b) if (*ty(condition) != Type::BOOL || ty(a) != ty(b)) => {
                return wrong("select");
            }
            Op::IncRef(v) | Op::XIncRef(v) | Op::DecRef(v) | Op::XDecRef(v) | Op::Own(v)
                if *ty(v) != Type::Object =>
            {
                return wrong("reference count");
            }
            Op::HoldSlice(v) | Op::GiveSlice(v) if !ty(v).is_pointer() => {
                return wrong("slice");
            }
            Op::Call(callee, args) => self.arguments(callee, args)?,
            _ => {}
        }
        Ok(())
    }

    fn arguments(&self, callee: &Callee, args: &[Value]) -> Result<(), VerifyError> {
        let signature = self.signature(callee)?;
        let enough = args.len() >= signature.params.len();
        if !enough || (args.len() > signature.params.len() && !signature.varargs) {
            return self.fail(format!("{} arguments for {signature}", args.len()));
        }
        for (param, arg) in signature.params.iter().zip(args) {
            let given = self.function.ty(*arg);
            let fits = *given == param.ty || (given.is_pointer() && param.ty.is_pointer());
            if !fits {
                return self.fail(format!("{arg}: {given} as argument of {signature}"));
            }
        }
        Ok(())
    }

    fn terminator(
        &self,
        terminator: &Terminator,
        mut state: State,
    ) -> Result<Vec<(BlockId, State)>, VerifyError> {
        match terminator {
            Terminator::Branch { condition, .. } => {
                self.used(*condition, &state)?;
                if *self.function.ty(*condition) != Type::BOOL {
                    return self.fail("a branch needs a truth value".to_owned());
                }
            }
            Terminator::Switch(value, ..) => self.used(*value, &state)?,
            Terminator::Check {
                value,
                raises,
                ok,
                error,
            } => {
                let Some(value) = value else {
                    if *raises != Raises::Occurred {
                        return self.fail("a check needs a value".to_owned());
                    }
                    return Ok(vec![(*ok, state.clone()), (*error, state)]);
                };
                self.used(*value, &state)?;
                let mut failed = state.clone();
                failed.live.remove(value.0);
                return Ok(vec![(*ok, state), (*error, failed)]);
            }
            Terminator::Return(value) => {
                if let Some(value) = value {
                    self.used(*value, &state)?;
                    if self.function.signature.result == Type::Object
                        && self.function.signature.owned
                    {
                        self.consume(*value, &mut state)?;
                    }
                }
                if let Some(left) = state.live.first().map(Value) {
                    return self.fail(format!("{left} is still owned at the return"));
                }
                if let Some(left) = state.kept.first() {
                    return self.fail(format!("${left} may own an object at the return"));
                }
                if let Some(left) = state.slices.first().map(Value) {
                    return self.fail(format!("the slice at {left} is still held at the return"));
                }
                if state.gil != self.function.gil {
                    return self.fail("returns with another state of the GIL".to_owned());
                }
            }
            Terminator::Suspend { value, .. } => {
                self.used(*value, &state)?;
                self.consume(*value, &mut state)?;
                if self.function.frame.is_none() {
                    return self.fail("suspends, but is no generator".to_owned());
                }
            }
            Terminator::Jump(_) | Terminator::Unreachable => {}
        }
        Ok(terminator
            .successors()
            .into_iter()
            .map(|to| (to, state.clone()))
            .collect())
    }
}
