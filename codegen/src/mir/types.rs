//! The types of MIR values.

/// A struct of the module's table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct StructId(pub u32);

/// The type of a value, a local, or memory.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// No value; only as a function's result.
    Void,
    /// An integer of so many bits; signedness is a matter of the operation.  1 bit is a truth value.
    Int(u16),
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// x87 extended precision: C's `long double` on x86-64.
    F80,
    /// An address that is not a counted reference.
    Ptr,
    /// A reference to a Python object, or null.
    Object,
    /// A struct, by value.
    Struct(StructId),
    /// An array, by value: only in memory.
    Array(Box<Type>, u64),
}

impl Type {
    /// A truth value.
    pub const BOOL: Type = Type::Int(1);
    /// C's `int`.
    pub const I32: Type = Type::Int(32);
    /// C's `long` and `Py_ssize_t`.
    pub const I64: Type = Type::Int(64);

    /// Whether values of this type are addresses.
    pub fn is_pointer(&self) -> bool {
        matches!(self, Type::Ptr | Type::Object)
    }

    /// Whether values of this type are integers.
    pub fn is_int(&self) -> bool {
        matches!(self, Type::Int(_))
    }

    /// Whether values of this type are floating-point numbers.
    pub fn is_float(&self) -> bool {
        matches!(self, Type::F32 | Type::F64 | Type::F80)
    }
}

/// The fields of a struct, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StructDef {
    /// Unique in the module.
    pub name: String,
    /// Types of the fields.
    pub fields: Vec<Type>,
    /// No padding between fields.
    pub packed: bool,
}
