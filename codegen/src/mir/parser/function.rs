//! Functions: locals, blocks, operations.

use super::lexer::Token;
use super::{Parsed, Parser, SymbolIs};
use crate::mir::{
    BinaryOp, Block, BlockId, Callee, CastOp, Comparison, FloatMath, Function, Instr, Intrinsic,
    Linkage, Local, LocalId, ObjectId, Op, Ownership, Raises, StructId, Terminator, UnaryOp, Value,
    ValueInfo,
};

/// A variant by its name in small letters.
macro_rules! by_name {
    ($name:expr, $ty:ident { $($variant:ident)* }) => {{
        let name: &str = $name;
        $(if name == stringify!($variant).to_lowercase() { Some($ty::$variant) } else)* { None }
    }};
}

fn binary(name: &str) -> Option<BinaryOp> {
    by_name!(name, BinaryOp {
        Add Sub Mul SDiv UDiv SRem URem Shl LShr AShr And Or Xor FAdd FSub FMul FDiv FRem
    })
}

fn unary(name: &str) -> Option<UnaryOp> {
    by_name!(name, UnaryOp { Neg Not FNeg })
}

fn comparison(name: &str) -> Option<Comparison> {
    by_name!(name, Comparison { Eq Ne SLt SLe SGt SGe ULt ULe UGt UGe FEq FNe FLt FLe FGt FGe })
}

fn cast(name: &str) -> Option<CastOp> {
    by_name!(name, CastOp {
        Trunc SExt ZExt FTrunc FExt SToF UToF FToS FToU PtrToInt IntToPtr Pointer
    })
}

fn intrinsic(name: &str) -> Option<Intrinsic> {
    by_name!(name, Intrinsic {
        Fabs Floor Ceil Trunc Sqrt CopySign Abs SAddOverflow SSubOverflow SMulOverflow UAddOverflow
        USubOverflow UMulOverflow
    })
}

impl Parser {
    pub(super) fn function(&mut self, linkage: Linkage) -> Parsed<()> {
        let name = self.symbol()?;
        let signature = self.signature()?;
        let mut function = Function::new(&name, linkage, signature);
        function.gil = !self.take_word("nogil");
        function.cold = self.take_word("cold");
        if self.take_word("contract") {
            function.float_math = FloatMath::Contract;
        } else if self.take_word("fastmath") {
            function.float_math = FloatMath::Fast;
        }
        if self.take_word("frame") {
            function.frame = Some(crate::mir::FrameId(self.number()?));
        }
        if self.take_word("source") {
            let source = self.number()?;
            self.mark(":")?;
            function.source = Some((source, self.number()?));
        }
        if self.take_mark("{") {
            self.end()?;
            self.body(&mut function)?;
        }
        self.end()?;
        self.module.functions.push(function);
        Ok(())
    }

    fn body(&mut self, function: &mut Function) -> Parsed<()> {
        while self.take_word("local") {
            match self.next() {
                Token::Local(index) if index as usize == function.locals.len() => {}
                _ => return self.wrong("the next local"),
            }
            let name = self.string()?;
            self.mark(":")?;
            let ty = self.ty()?;
            let mut field = None;
            let scratch = self.take_word("scratch");
            if self.take_word("in") {
                if !self.take_word("field") {
                    return self.wrong("'field'");
                }
                field = Some(self.number()?);
            }
            self.end()?;
            function.locals.push(Local {
                name,
                ty,
                field,
                scratch,
            });
        }
        while !self.take_mark("}") {
            self.block(function)?;
        }
        Ok(())
    }

    fn block(&mut self, function: &mut Function) -> Parsed<()> {
        match self.next() {
            Token::Block(index) if index as usize == function.blocks.len() => {}
            _ => return self.wrong("the next block"),
        }
        let cold = self.take_word("cold");
        self.mark(":")?;
        self.end()?;
        let mut instrs = Vec::new();
        loop {
            if let Some(terminator) = self.terminator()? {
                let line = self.line()?;
                function.blocks.push(Block {
                    instrs,
                    terminator,
                    line,
                    cold,
                });
                return Ok(());
            }
            instrs.push(self.instr(function)?);
        }
    }

    fn instr(&mut self, function: &mut Function) -> Parsed<Instr> {
        let mut result = None;
        if let Token::Value(index) = *self.peek() {
            self.at += 1;
            self.mark(":")?;
            let owned = self.take_word("owned");
            let ty = self.ty()?;
            self.mark("=")?;
            let ownership = match (owned, &ty) {
                (true, _) => Ownership::Owned,
                (false, crate::mir::Type::Object) => Ownership::Borrowed,
                (false, _) => Ownership::Plain,
            };
            // Values are numbered in the order made, which is not that of the text.
            let known = index as usize + 1;
            if known > 1 << 24 {
                return self.wrong("a smaller number of a value");
            }
            if function.values.len() < known {
                let filler = ValueInfo {
                    ty: crate::mir::Type::Void,
                    ownership: Ownership::Plain,
                };
                function.values.resize(known, filler);
            }
            function.values[index as usize] = ValueInfo { ty, ownership };
            result = Some(Value(index));
        }
        let op = self.op()?;
        let line = self.line()?;
        Ok(Instr { op, result, line })
    }

    fn value(&mut self) -> Parsed<Value> {
        match self.next() {
            Token::Value(index) => Ok(Value(index)),
            _ => {
                self.at -= 1;
                self.wrong("a value")
            }
        }
    }

    fn local(&mut self) -> Parsed<LocalId> {
        match self.next() {
            Token::Local(index) => Ok(LocalId(index)),
            _ => {
                self.at -= 1;
                self.wrong("a local")
            }
        }
    }

    fn block_id(&mut self) -> Parsed<BlockId> {
        match self.next() {
            Token::Block(index) => Ok(BlockId(index)),
            _ => {
                self.at -= 1;
                self.wrong("a block")
            }
        }
    }

    pub(super) fn struct_id(&mut self) -> Parsed<StructId> {
        if !self.take_word("struct") {
            return self.wrong("'struct'");
        }
        Ok(StructId(self.number()?))
    }

    fn values(&mut self) -> Parsed<Vec<Value>> {
        self.mark("(")?;
        self.list(")", Self::value)
    }

    fn op(&mut self) -> Parsed<Op> {
        let name = self.word()?;
        Ok(match name.as_str() {
            "const" => Op::Const(self.constant()?),
            "param" => Op::Param(self.number()?),
            "object" => Op::Object(ObjectId(self.number()?)),
            "addr" => self.address()?,
            "frame" => Op::Frame,
            "get" => Op::Get(self.local()?),
            "set" => Op::Set(self.local()?, self.value()?),
            "take" => Op::Take(self.local()?),
            "load" => Op::Load(self.ty()?, self.value()?),
            "store" => Op::Store {
                address: self.value()?,
                value: self.value()?,
            },
            "field" => {
                let base = self.value()?;
                Op::Field(base, self.struct_id()?, self.number()?)
            }
            "index" => Op::Index(self.value()?, self.ty()?, self.value()?),
            "extract" => Op::Extract(self.value()?, self.number()?),
            "make" => Op::Make(self.struct_id()?, self.values()?),
            "compare" => {
                let Some(op) = comparison(&self.word()?) else {
                    return self.wrong("a comparison");
                };
                Op::Compare(op, self.value()?, self.value()?)
            }
            "cast" => {
                let Some(op) = cast(&self.word()?) else {
                    return self.wrong("a cast");
                };
                let value = self.value()?;
                if !self.take_word("to") {
                    return self.wrong("'to'");
                }
                Op::Cast(op, value, self.ty()?)
            }
            "select" => Op::Select(self.value()?, self.value()?, self.value()?),
            "intrinsic" => {
                let Some(op) = intrinsic(&self.word()?) else {
                    return self.wrong("an intrinsic");
                };
                Op::Intrinsic(op, self.values()?)
            }
            "incref" => Op::IncRef(self.value()?),
            "xincref" => Op::XIncRef(self.value()?),
            "decref" => Op::DecRef(self.value()?),
            "xdecref" => Op::XDecRef(self.value()?),
            "forget" => Op::Forget(self.value()?),
            "own" => Op::Own(self.value()?),
            "hold_slice" => Op::HoldSlice(self.value()?),
            "give_slice" => Op::GiveSlice(self.value()?),
            "init_objects" => Op::InitObjects,
            "ensure_gil" => Op::EnsureGil,
            "release_gil" => Op::ReleaseGil(self.value()?),
            "save_thread" => Op::SaveThread,
            "restore_thread" => Op::RestoreThread(self.value()?),
            "call" => self.call()?,
            other => match (binary(other), unary(other)) {
                (Some(op), _) => Op::Binary(op, self.value()?, self.value()?),
                (None, Some(op)) => Op::Unary(op, self.value()?),
                (None, None) => {
                    self.at -= 1;
                    return self.wrong("an operation");
                }
            },
        })
    }

    fn address(&mut self) -> Parsed<Op> {
        if let Token::Local(_) = self.peek() {
            return Ok(Op::LocalAddr(self.local()?));
        }
        let name = self.symbol()?;
        match self.symbols.get(&name) {
            Some(SymbolIs::Function(id)) => Ok(Op::FunctionAddr(*id)),
            Some(SymbolIs::Global(id)) => Ok(Op::GlobalAddr(*id)),
            Some(SymbolIs::Extern(id)) => Ok(Op::ExternAddr(*id)),
            None => self.wrong("a known symbol"),
        }
    }

    fn call(&mut self) -> Parsed<Op> {
        let callee = if let Token::Value(_) = self.peek() {
            let address = self.value()?;
            if !self.take_word("as") {
                return self.wrong("'as'");
            }
            let signature = self.signature()?;
            if !self.take_word("with") {
                return self.wrong("'with'");
            }
            Callee::Indirect(address, Box::new(signature))
        } else {
            let name = self.symbol()?;
            match self.symbols.get(&name) {
                Some(SymbolIs::Function(id)) => Callee::Function(*id),
                Some(SymbolIs::Extern(id)) => Callee::Extern(*id),
                _ => return self.wrong("a known function"),
            }
        };
        Ok(Op::Call(callee, self.values()?))
    }

    fn terminator(&mut self) -> Parsed<Option<Terminator>> {
        let start = self.at;
        let Token::Word(word) = self.peek().clone() else {
            return Ok(None);
        };
        self.at += 1;
        Ok(Some(match word.as_str() {
            "jump" => Terminator::Jump(self.block_id()?),
            "branch" => Terminator::Branch {
                condition: self.value()?,
                then: self.block_id()?,
                otherwise: self.block_id()?,
            },
            "switch" => {
                let value = self.value()?;
                self.mark("[")?;
                let cases = self.list("]", |this| {
                    let case = this.number()?;
                    this.mark(":")?;
                    Ok((case, this.block_id()?))
                })?;
                Terminator::Switch(value, cases, self.block_id()?)
            }
            "check" => {
                let value = match self.peek() {
                    Token::Value(_) => Some(self.value()?),
                    _ => None,
                };
                if !self.take_word("raises") {
                    return self.wrong("'raises'");
                }
                let raises = match self.word()?.as_str() {
                    "null" => Raises::Null,
                    "minus_one" => Raises::MinusOne,
                    "negative" => Raises::Negative,
                    "zero" => Raises::Zero,
                    "nonzero" => Raises::NonZero,
                    "maybe" => Raises::Maybe(self.constant()?),
                    "occurred" => Raises::Occurred,
                    _ => return self.wrong("how it raises"),
                };
                let ok = self.block_id()?;
                if !self.take_word("else") {
                    return self.wrong("'else'");
                }
                Terminator::Check {
                    value,
                    raises,
                    ok,
                    error: self.block_id()?,
                }
            }
            "return" => Terminator::Return(match self.peek() {
                Token::Value(_) => Some(self.value()?),
                _ => None,
            }),
            "suspend" => Terminator::Suspend {
                value: self.value()?,
                resume: self.block_id()?,
                handling: self.take_word("handling"),
            },
            "unreachable" => Terminator::Unreachable,
            _ => {
                self.at = start;
                return Ok(None);
            }
        }))
    }
}
