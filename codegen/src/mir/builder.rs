//! Builds one function, block by block.

use super::{
    Block, BlockId, Callee, Constant, Function, Instr, Intrinsic, Local, LocalId, Module, Op,
    Ownership, StructId, Terminator, Type, Value, ValueInfo,
};

/// Appends operations to the current block of a function.
#[derive(Debug)]
pub struct Builder {
    /// The function so far.
    pub function: Function,
    /// The source line of what is appended.
    pub line: u32,
    current: BlockId,
    ended: Vec<bool>,
}

impl Builder {
    /// Starts with an empty entry block.
    pub fn new(function: Function) -> Builder {
        let mut builder = Builder {
            function,
            line: 0,
            current: BlockId(0),
            ended: Vec::new(),
        };
        builder.current = builder.block();
        builder
    }

    /// The finished function.  A block that was not ended is unreachable.
    pub fn finish(self) -> Function {
        self.function
    }

    /// A new block; nothing leads to it yet.
    pub fn block(&mut self) -> BlockId {
        self.function.blocks.push(Block {
            instrs: Vec::new(),
            terminator: Terminator::Unreachable,
            line: 0,
            cold: false,
        });
        self.ended.push(false);
        BlockId(self.function.blocks.len() as u32 - 1)
    }

    /// A new block that is rarely run.
    pub fn cold_block(&mut self) -> BlockId {
        let block = self.block();
        self.function.blocks[block.0 as usize].cold = true;
        block
    }

    /// The block that is appended to.
    pub fn current(&self) -> BlockId {
        self.current
    }

    /// Goes on in another block.
    pub fn switch_to(&mut self, block: BlockId) {
        self.current = block;
    }

    /// Whether the current block has its end: what follows is unreachable.
    pub fn ended(&self) -> bool {
        self.ended[self.current.0 as usize]
    }

    /// Ends the current block; ignored where it has ended.
    pub fn end(&mut self, terminator: Terminator) {
        if !self.ended() {
            let block = &mut self.function.blocks[self.current.0 as usize];
            block.terminator = terminator;
            block.line = self.line;
            self.ended[self.current.0 as usize] = true;
        }
    }

    /// Ends the current block with a jump.
    pub fn jump(&mut self, to: BlockId) {
        self.end(Terminator::Jump(to));
    }

    /// Ends the current block with a branch.
    pub fn branch(&mut self, condition: Value, then: BlockId, otherwise: BlockId) {
        self.end(Terminator::Branch {
            condition,
            then,
            otherwise,
        });
    }

    /// A new variable.
    pub fn local(&mut self, name: &str, ty: Type) -> LocalId {
        self.function.locals.push(Local {
            name: name.to_owned(),
            ty,
            field: None,
            scratch: false,
        });
        LocalId(self.function.locals.len() as u32 - 1)
    }

    /// New storage that is written before it is read.
    pub fn scratch(&mut self, name: &str, ty: Type) -> LocalId {
        let id = self.local(name, ty);
        self.function.locals[id.0 as usize].scratch = true;
        id
    }

    /// Appends an operation without a result.
    pub fn effect(&mut self, op: Op) {
        self.append(op, None);
    }

    /// Appends an operation with a result.
    pub fn value(&mut self, module: &Module, op: Op) -> Value {
        let info = self.result(module, &op);
        let value = Value(self.function.values.len() as u32);
        self.function.values.push(info);
        self.append(op, Some(value));
        value
    }

    /// A call; the result where the callee has one.
    pub fn call(&mut self, module: &Module, callee: Callee, args: Vec<Value>) -> Option<Value> {
        let signature = match &callee {
            Callee::Function(id) => &module.functions[id.0 as usize].signature,
            Callee::Extern(id) => match &module.externs[id.0 as usize].signature {
                Some(signature) => signature,
                None => unreachable!("data is not called"),
            },
            Callee::Indirect(_, signature) => signature,
        };
        if signature.result == Type::Void {
            self.effect(Op::Call(callee, args));
            return None;
        }
        Some(self.value(module, Op::Call(callee, args)))
    }

    fn append(&mut self, op: Op, result: Option<Value>) {
        // After a block's end nothing is reached: it goes into a block that nothing leads to.
        if self.ended() {
            let dead = self.block();
            self.switch_to(dead);
        }
        let line = self.line;
        self.function.blocks[self.current.0 as usize]
            .instrs
            .push(Instr { op, result, line });
    }

    /// An integer constant.
    pub fn int(&mut self, module: &Module, value: i128, bits: u16) -> Value {
        self.value(module, Op::Const(Constant::Int(value, bits)))
    }

    /// A null pointer.
    pub fn null(&mut self, module: &Module, ty: Type) -> Value {
        self.value(module, Op::Const(Constant::Null(ty)))
    }

    /// A value's type.
    pub fn ty(&self, value: Value) -> &Type {
        self.function.ty(value)
    }

    /// Whether the value is an owned reference.
    pub fn owned(&self, value: Value) -> bool {
        self.function.value(value).ownership == Ownership::Owned
    }

    fn result(&self, module: &Module, op: &Op) -> ValueInfo {
        let (ty, ownership) = result_of(module, &self.function, op);
        ValueInfo { ty, ownership }
    }
}

/// Type and ownership of an operation's result.  Operations without a result give `Void`.
pub(crate) fn result_of(module: &Module, function: &Function, op: &Op) -> (Type, Ownership) {
    let shared = |ty: Type| {
        let ownership = if ty == Type::Object {
            Ownership::Borrowed
        } else {
            Ownership::Plain
        };
        (ty, ownership)
    };
    let owned = || (Type::Object, Ownership::Owned);
    let ty = |value: &Value| function.ty(*value).clone();
    match op {
        Op::Const(constant) => shared(constant.ty()),
        Op::Param(index) => shared(function.signature.params[*index as usize].ty.clone()),
        Op::Object(_) | Op::Frame => shared(Type::Object),
        Op::GlobalAddr(_) | Op::FunctionAddr(_) | Op::ExternAddr(_) | Op::LocalAddr(_) => {
            shared(Type::Ptr)
        }
        Op::Field(..) | Op::Index(..) | Op::SaveThread => shared(Type::Ptr),
        Op::Get(local) => shared(function.locals[local.0 as usize].ty.clone()),
        Op::Take(_) | Op::IncRef(_) | Op::XIncRef(_) | Op::Own(_) => owned(),
        Op::Load(ty, _) => shared(ty.clone()),
        Op::Extract(value, index) => shared(field_type(module, &ty(value), *index)),
        Op::Make(structure, _) => shared(Type::Struct(*structure)),
        Op::Binary(_, a, _) | Op::Unary(_, a) => shared(ty(a)),
        Op::Select(_, a, _) => shared(ty(a)),
        Op::Compare(..) => shared(Type::BOOL),
        Op::Cast(_, _, to) => shared(to.clone()),
        Op::Intrinsic(which, args) => shared(intrinsic_type(module, *which, &ty(&args[0]))),
        Op::EnsureGil | Op::InitObjects => shared(Type::I32),
        Op::Call(callee, _) => {
            let signature = match callee {
                Callee::Function(id) => &module.functions[id.0 as usize].signature,
                Callee::Indirect(_, signature) => signature,
                Callee::Extern(id) => match &module.externs[id.0 as usize].signature {
                    Some(signature) => signature,
                    None => return (Type::Void, Ownership::Plain),
                },
            };
            if signature.result == Type::Object && signature.owned {
                owned()
            } else {
                shared(signature.result.clone())
            }
        }
        Op::Set(..) | Op::Store { .. } | Op::DecRef(_) | Op::XDecRef(_) | Op::Forget(_) => {
            (Type::Void, Ownership::Plain)
        }
        Op::ReleaseGil(_) | Op::RestoreThread(_) => (Type::Void, Ownership::Plain),
        Op::HoldSlice(_) | Op::GiveSlice(_) => (Type::Void, Ownership::Plain),
    }
}

fn field_type(module: &Module, ty: &Type, index: u32) -> Type {
    match ty {
        Type::Struct(StructId(id)) => module
            .structs
            .get(*id as usize)
            .and_then(|found| found.fields.get(index as usize))
            .cloned()
            .unwrap_or(Type::Void),
        _ => Type::Void,
    }
}

fn intrinsic_type(module: &Module, which: Intrinsic, operand: &Type) -> Type {
    use Intrinsic::{SAddOverflow, SMulOverflow, SSubOverflow};
    use Intrinsic::{UAddOverflow, UMulOverflow, USubOverflow};
    match which {
        SAddOverflow | SSubOverflow | SMulOverflow | UAddOverflow | USubOverflow | UMulOverflow => {
            let wanted = vec![operand.clone(), Type::BOOL];
            let found = module
                .structs
                .iter()
                .position(|s| s.fields == wanted && !s.packed);
            found.map_or(Type::Void, |id| Type::Struct(StructId(id as u32)))
        }
        _ => operand.clone(),
    }
}
