//! Functions: blocks, values, locals.

use super::{Constant, FrameId, Linkage, Op, Signature, Terminator, Type};
use crate::cycles::has_cycle;

/// The result of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Value(pub u32);

/// A basic block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct BlockId(pub u32);

/// A mutable variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct LocalId(pub u32);

/// Who gives a reference back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ownership {
    /// Not a counted reference.
    Plain,
    /// Somebody else's; valid as long as they keep it.
    Borrowed,
    /// This function's: consumed exactly once on every path.
    Owned,
}

/// What is known of a value.
#[derive(Clone, PartialEq, Debug)]
pub struct ValueInfo {
    /// Its type.
    pub ty: Type,
    /// For objects, who owns it.
    pub ownership: Ownership,
}

/// A mutable variable: its name in the text form and its type.
#[derive(Clone, PartialEq, Debug)]
pub struct Local {
    /// Not necessarily unique.
    pub name: String,
    /// The type; an object local holds an owned reference or null, or a borrowed one.
    pub ty: Type,
    /// In a generator's body, the field of the scope object that it lies in.
    pub field: Option<u32>,
    /// Storage that is written before it is read: it does not start as zeros.
    pub scratch: bool,
}

/// An operation in its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Instr {
    /// What is done.
    pub op: Op,
    /// The result, where there is one.
    pub result: Option<Value>,
    /// The source line, 0 where there is none.
    pub line: u32,
}

/// A basic block.
#[derive(Clone, PartialEq, Debug)]
pub struct Block {
    /// Operations in order.
    pub instrs: Vec<Instr>,
    /// How it ends.
    pub terminator: Terminator,
    /// The terminator's source line, 0 where there is none.
    pub line: u32,
    /// Rarely run: error paths.
    pub cold: bool,
}

/// How far results of floating-point operations may be from those of each operation by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum FloatMath {
    /// Not at all.
    #[default]
    Exact,
    /// A product may be added without being rounded first.
    Contract,
    /// Sums and products in any order, by reciprocals and approximations, with no regard to the sign of
    /// zero.  NaN and infinities keep their meaning: without, what comes of one would not be defined.
    Fast,
}

/// The stride of a memoryview that is an argument, and the size of its items; not in the text form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownStride {
    /// The stride, of 64 bits, made in the entry block.
    pub stride: Value,
    /// What it is where the items lie one after the other.
    pub size: u64,
}

/// A function.
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    /// Its symbol.
    pub name: String,
    /// Who can see it.
    pub linkage: Linkage,
    /// Parameters and result.
    pub signature: Signature,
    /// Whether it starts with the GIL held.
    pub gil: bool,
    /// Not worth optimising: run once, or on errors.
    pub cold: bool,
    /// What is allowed with floating-point numbers.
    pub float_math: FloatMath,
    /// Variables.
    pub locals: Vec<Local>,
    /// Blocks; the first is the entry.  Empty: only declared so far.
    pub blocks: Vec<Block>,
    /// Values.
    pub values: Vec<ValueInfo>,
    /// For the body of a generator: the scope object that it runs on.
    pub frame: Option<FrameId>,
    /// Source file (index into the module's sources) and line where it starts.
    pub source: Option<(u32, u32)>,
    /// Strides that may turn out to be as small as they can be; see [`crate::passes::strides`].
    pub strides: Vec<KnownStride>,
    /// Values that are line numbers of the source, in order; not in the text form.
    pub lines: Vec<Value>,
}

impl Function {
    /// A function with no blocks yet.
    pub fn new(name: &str, linkage: Linkage, signature: Signature) -> Function {
        Function {
            name: name.to_owned(),
            linkage,
            signature,
            gil: true,
            cold: false,
            float_math: FloatMath::Exact,
            locals: Vec::new(),
            blocks: Vec::new(),
            values: Vec::new(),
            frame: None,
            source: None,
            strides: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Whether some way through the function comes to a block twice.
    pub fn has_loop(&self) -> bool {
        let successors = |block: BlockId| self.blocks[block.0 as usize].terminator.successors();
        !self.blocks.is_empty() && has_cycle(BlockId(0), successors)
    }

    /// What is known of a value.
    pub fn value(&self, value: Value) -> &ValueInfo {
        &self.values[value.0 as usize]
    }

    /// The line number that an operation makes as a value.
    pub fn line_value(&self, instr: &Instr) -> Option<u32> {
        let (Op::Const(Constant::Int(line, 32)), Some(result)) = (&instr.op, instr.result) else {
            return None;
        };
        let known = self.lines.binary_search(&result).is_ok();
        known.then(|| u32::try_from(*line).ok()).flatten()
    }

    /// A value's type.
    pub fn ty(&self, value: Value) -> &Type {
        &self.value(value).ty
    }
}
