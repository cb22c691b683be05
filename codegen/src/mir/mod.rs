//! MIR: what the tree route's lowering produces and its emission reads.
//!
//! A small typed IR between Cython's tree and LLVM.  Functions are graphs of basic blocks over
//! single-assignment values and mutable locals.  What C text leaves implicit is explicit here:
//! every reference is owned or borrowed and every owned one is consumed exactly once on each path
//! ([`verify`] proves it), every call that may raise is followed by a checked edge, and the state of
//! the GIL is known at every point.  MIR never mentions Cython's node classes.

mod bits;
mod builder;
mod constant;
mod function;
mod layout;
pub mod locks;
mod module;
mod op;
mod parser;
mod printer;
mod types;
mod verifier;
mod verifier_places;
#[cfg(test)]
mod verifier_tests;

pub use builder::Builder;
pub use constant::{CodeConstant, Constant, ObjectConstant, ObjectId};
pub use function::{
    Block, BlockId, FloatMath, Function, Instr, KnownStride, Local, LocalId, Ownership, Value,
    ValueInfo,
};
pub use layout::Scalar;
pub use module::{
    Extern, ExternId, Frame, FrameId, FuncId, Global, GlobalId, GlobalInit, Kernel, Linkage,
    Module, Param, Signature,
};
pub use op::{BinaryOp, Callee, CastOp, Comparison, Intrinsic, Op, Raises, Terminator, UnaryOp};
pub use parser::{ParseError, parse};
pub use printer::print;
pub use types::{StructDef, StructId, Type};
pub use verifier::{VerifyError, verify};
