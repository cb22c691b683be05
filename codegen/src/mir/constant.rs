//! Constants: numbers in the code, and Python objects made when the module is initialised.

use super::Type;

/// A number or a null pointer.
#[derive(Clone, PartialEq, Debug)]
pub enum Constant {
    /// An integer of the given bits; the value's low bits count.
    Int(i128, u16),
    /// A floating-point number of the given type.
    Float(f64, Type),
    /// A null pointer, `Ptr` or `Object`.
    Null(Type),
    /// An address that is a number, `Ptr`.
    Address(i64),
    /// All bits zero, of any type.
    Zero(Type),
}

impl Constant {
    /// The constant's type.
    pub fn ty(&self) -> Type {
        match self {
            Constant::Int(_, bits) => Type::Int(*bits),
            Constant::Address(_) => Type::Ptr,
            Constant::Float(_, ty) | Constant::Null(ty) | Constant::Zero(ty) => ty.clone(),
        }
    }
}

/// A Python object of the module's table of constants.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ObjectId(pub u32);

/// A Python object that the module holds from its initialisation on.
#[derive(Clone, PartialEq, Debug)]
pub enum ObjectConstant {
    /// A string, UTF-8 with surrogates encoded; interned where it looks like an identifier.
    Str {
        /// The text.
        data: Vec<u8>,
        /// Whether it is interned.
        interned: bool,
    },
    /// A bytes object.
    Bytes(Vec<u8>),
    /// An int, as text that `int(text, 0)` reads.
    Int(String),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A tuple of constants.
    Tuple(Vec<ObjectId>),
    /// A frozenset of constants.
    FrozenSet(Vec<ObjectId>),
    /// A slice of constants.
    Slice(ObjectId, ObjectId, ObjectId),
    /// None, True, False, Ellipsis, or NotImplemented: process-wide objects by their C symbol.
    Symbol(String),
    /// A code object, for functions' `__code__`.
    Code(Box<CodeConstant>),
}

/// What a code object says of its function.
#[derive(Clone, PartialEq, Debug)]
pub struct CodeConstant {
    /// Number of positional arguments, positional-only ones included.
    pub argcount: u32,
    /// Number of positional-only arguments.
    pub posonly: u32,
    /// Number of keyword-only arguments.
    pub kwonly: u32,
    /// CO_* flags.
    pub flags: u32,
    /// Names of arguments and local variables, strings.
    pub varnames: Vec<ObjectId>,
    /// The file's name, a string.
    pub filename: ObjectId,
    /// The function's name, a string.
    pub name: ObjectId,
    /// The first line.
    pub first_line: u32,
    /// Where its parts stand, as bytes in CPython's form; empty where that is not known.
    pub line_table: ObjectId,
    /// Of the object that picks a specialisation, which has what the first of them has.
    pub apart: bool,
}
