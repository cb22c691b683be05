//! Operations and terminators.

use super::{
    BlockId, Constant, ExternId, FuncId, GlobalId, LocalId, ObjectId, Signature, StructId,
};
use super::{Type, Value};

/// Arithmetic on two operands of one type.  Integers wrap; a count of a shift is below the width and
/// a divisor is neither zero nor -1 with the least dividend: lowering sees to that.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    SDiv,
    UDiv,
    SRem,
    URem,
    Shl,
    LShr,
    AShr,
    And,
    Or,
    Xor,
    FAdd,
    FSub,
    FMul,
    FDiv,
    FRem,
}

/// Arithmetic on one operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum UnaryOp {
    Neg,
    Not,
    FNeg,
}

/// Comparisons; those of floating-point numbers are ordered, but for `FNe`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Comparison {
    Eq,
    Ne,
    SLt,
    SLe,
    SGt,
    SGe,
    ULt,
    ULe,
    UGt,
    UGe,
    FEq,
    FNe,
    FLt,
    FLe,
    FGt,
    FGe,
}

/// Conversions between types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CastOp {
    /// To fewer bits.
    Trunc,
    /// To more bits, signed.
    SExt,
    /// To more bits, unsigned.
    ZExt,
    /// To a narrower floating-point type.
    FTrunc,
    /// To a wider floating-point type.
    FExt,
    /// Signed integer to floating point.
    SToF,
    /// Unsigned integer to floating point.
    UToF,
    /// Floating point to signed integer; what does not fit gives the least value, as on x86.
    FToS,
    /// Floating point to unsigned integer; what does not fit is as gcc has it on x86 (`emit/conversions.rs`).
    FToU,
    /// Address to integer.
    PtrToInt,
    /// Integer to address.
    IntToPtr,
    /// Between `Ptr` and `Object`: the result is borrowed.
    Pointer,
}

/// Operations that LLVM has as intrinsics.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Intrinsic {
    Fabs,
    Floor,
    Ceil,
    Trunc,
    Sqrt,
    CopySign,
    Abs,
    /// (value, overflowed) of signed or unsigned arithmetic, as a struct of the integer and a bool.
    SAddOverflow,
    SSubOverflow,
    SMulOverflow,
    UAddOverflow,
    USubOverflow,
    UMulOverflow,
}

/// What is called.
#[derive(Clone, PartialEq, Debug)]
pub enum Callee {
    /// A function of this module.
    Function(FuncId),
    /// A function outside, by its symbol.
    Extern(ExternId),
    /// A function at an address.
    Indirect(Value, Box<Signature>),
}

/// An operation.  Whether it has a result follows from the operation and its operands.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// A number or null.
    Const(Constant),
    /// The function's n-th parameter.
    Param(u32),
    /// A constant object; borrowed.
    Object(ObjectId),
    /// The address of a global.
    GlobalAddr(GlobalId),
    /// The address of a function.
    FunctionAddr(FuncId),
    /// The address of an external symbol.
    ExternAddr(ExternId),
    /// The address of a local.
    LocalAddr(LocalId),
    /// The scope object of the generator whose body this is; borrowed.
    Frame,
    /// A local's value; an object is borrowed from it.
    Get(LocalId),
    /// Overwrites a local.  An owned object passes to the local; what the local held is not
    /// released.
    Set(LocalId, Value),
    /// Moves an object out of a local, which is null afterwards; the result is owned, may be null.
    Take(LocalId),
    /// Memory's value of a type; an object is borrowed from it.
    Load(Type, Value),
    /// Overwrites memory.  An owned object passes to it.
    Store {
        /// The address.
        address: Value,
        /// The value.
        value: Value,
    },
    /// The address of a struct's field.
    Field(Value, StructId, u32),
    /// The address of the n-th element: (address, type of elements, index of 64 bits).
    Index(Value, Type, Value),
    /// A field of a struct value.
    Extract(Value, u32),
    /// A struct value of its fields.
    Make(StructId, Vec<Value>),
    /// Arithmetic.
    Binary(BinaryOp, Value, Value),
    /// Arithmetic.
    Unary(UnaryOp, Value),
    /// A comparison; integers and addresses, or floating-point numbers.
    Compare(Comparison, Value, Value),
    /// A conversion.
    Cast(CastOp, Value, Type),
    /// (condition, if true, if false); not for owned objects.
    Select(Value, Value, Value),
    /// An intrinsic.
    Intrinsic(Intrinsic, Vec<Value>),
    /// A new reference to an object that is not null: owned.
    IncRef(Value),
    /// A new reference to an object that may be null: owned.
    XIncRef(Value),
    /// Gives an owned reference back.
    DecRef(Value),
    /// Gives an owned reference, or null, back.
    XDecRef(Value),
    /// Declares an owned reference to be null on this path (an error return was checked).
    Forget(Value),
    /// Takes over a borrowed reference as owned: it was written there by a callee that gives it away.
    Own(Value),
    /// From here on an acquisition of a memoryview belongs to the slice at this address; for the
    /// verifier alone.
    HoldSlice(Value),
    /// The slice at this address has been given back or passed on.
    GiveSlice(Value),
    /// A call.
    Call(Callee, Vec<Value>),
    /// Makes the module's constant objects: 0, or -1 with an exception.
    InitObjects,
    /// Takes the GIL in a thread that may or may not hold it; a token of 32 bits.
    EnsureGil,
    /// Undoes `EnsureGil`.
    ReleaseGil(Value),
    /// Lets go of the GIL; the thread's state.
    SaveThread,
    /// Undoes `SaveThread`.
    RestoreThread(Value),
}

/// How a value says that an exception was raised.
#[derive(Clone, PartialEq, Debug)]
pub enum Raises {
    /// Null.
    Null,
    /// -1, and never without an exception.
    MinusOne,
    /// Anything below zero.
    Negative,
    /// Zero (false).
    Zero,
    /// Anything but zero.
    NonZero,
    /// This value, but only where an exception is set.
    Maybe(Constant),
    /// The value says nothing: an exception is set or not.
    Occurred,
}

/// How a block ends.
#[derive(Clone, PartialEq, Debug)]
pub enum Terminator {
    /// To another block.
    Jump(BlockId),
    /// By a truth value.
    Branch {
        /// The truth value.
        condition: Value,
        /// Where it is true.
        then: BlockId,
        /// Where it is false.
        otherwise: BlockId,
    },
    /// By an integer's value.
    Switch(Value, Vec<(i128, BlockId)>, BlockId),
    /// The exception edge of a value that was just made.
    Check {
        /// The value; `None` with [`Raises::Occurred`].
        value: Option<Value>,
        /// What it says.
        raises: Raises,
        /// Where there was no exception.
        ok: BlockId,
        /// Where there was one; unlikely.  An owned `value` does not exist there.
        error: BlockId,
    },
    /// Out of the function.  An owned object passes to the caller.
    Return(Option<Value>),
    /// Out of a generator's body with a value, an owned object or null, to go on in a block when it
    /// is resumed.  Gone once [`crate::passes::suspend`] has run.
    Suspend {
        /// What is yielded.
        value: Value,
        /// Where it goes on.
        resume: BlockId,
        /// Whether an exception is being handled.
        handling: bool,
    },
    /// Never reached.
    Unreachable,
}

impl Terminator {
    /// The blocks that may follow.
    pub fn successors(&self) -> Vec<BlockId> {
        match self {
            Terminator::Jump(to) | Terminator::Suspend { resume: to, .. } => vec![*to],
            Terminator::Branch {
                then, otherwise, ..
            } => vec![*then, *otherwise],
            Terminator::Switch(_, cases, default) => {
                cases.iter().map(|(_, to)| *to).chain([*default]).collect()
            }
            Terminator::Check { ok, error, .. } => vec![*ok, *error],
            Terminator::Return(_) | Terminator::Unreachable => Vec::new(),
        }
    }
}

impl Op {
    /// The values that the operation reads.
    pub fn operands(&self) -> Vec<Value> {
        match self {
            Op::Const(_) | Op::Param(_) | Op::Object(_) | Op::GlobalAddr(_) => vec![],
            Op::FunctionAddr(_) | Op::ExternAddr(_) | Op::LocalAddr(_) => vec![],
            Op::Get(_) | Op::Take(_) | Op::EnsureGil | Op::SaveThread | Op::InitObjects => vec![],
            Op::Frame => vec![],
            Op::Set(_, v) | Op::Load(_, v) | Op::Field(v, _, _) | Op::Extract(v, _) => vec![*v],
            Op::Unary(_, v) | Op::Cast(_, v, _) | Op::IncRef(v) | Op::XIncRef(v) => vec![*v],
            Op::DecRef(v) | Op::XDecRef(v) | Op::Forget(v) | Op::Own(v) => vec![*v],
            Op::ReleaseGil(v) | Op::RestoreThread(v) => vec![*v],
            Op::HoldSlice(v) | Op::GiveSlice(v) => vec![*v],
            Op::Store { address, value } => vec![*address, *value],
            Op::Index(a, _, b) | Op::Binary(_, a, b) | Op::Compare(_, a, b) => vec![*a, *b],
            Op::Select(a, b, c) => vec![*a, *b, *c],
            Op::Make(_, values) | Op::Intrinsic(_, values) => values.clone(),
            Op::Call(callee, args) => {
                let mut all = args.clone();
                if let Callee::Indirect(address, _) = callee {
                    all.push(*address);
                }
                all
            }
        }
    }
}
