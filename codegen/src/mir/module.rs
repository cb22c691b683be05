//! Modules: functions, globals, external symbols, constant objects.

use std::collections::HashMap;

use super::{Function, ObjectConstant, ObjectId, StructDef, StructId, Type};

/// A function of the module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct FuncId(pub u32);

/// A symbol outside the module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ExternId(pub u32);

/// A global variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct GlobalId(pub u32);

/// Who can see a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Linkage {
    /// This module only.
    Internal,
    /// Everybody.
    External,
}

/// A parameter.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Param {
    /// Its type.
    pub ty: Type,
    /// Whether an owned reference passes to the callee.
    pub steals: bool,
}

/// Parameters and result of a function.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Signature {
    /// The parameters.
    pub params: Vec<Param>,
    /// The result's type.
    pub result: Type,
    /// Whether an object result is a new reference.
    pub owned: bool,
    /// Whether more arguments may follow.
    pub varargs: bool,
}

impl Signature {
    /// Of parameters that are not stolen; an object result is a new reference.
    pub fn new(params: impl IntoIterator<Item = Type>, result: Type) -> Signature {
        let params = params
            .into_iter()
            .map(|ty| Param { ty, steals: false })
            .collect();
        Signature {
            params,
            result,
            owned: true,
            varargs: false,
        }
    }

    /// The same with a borrowed result.
    pub fn borrowed(mut self) -> Signature {
        self.owned = false;
        self
    }

    /// The same, the n-th argument's reference passing to the callee.
    pub fn steals(mut self, index: usize) -> Signature {
        self.params[index].steals = true;
        self
    }

    /// The same, with more arguments after the named ones.
    pub fn varargs(mut self) -> Signature {
        self.varargs = true;
        self
    }
}

/// A symbol outside the module.
///
/// Integers below 32 bits are passed extended to 32, as the C ABI of x86-64 wants them from the
/// caller: signatures of functions outside have no narrower parameters.
#[derive(Clone, PartialEq, Debug)]
pub struct Extern {
    /// The symbol.
    pub name: String,
    /// For functions; `None` for data.
    pub signature: Option<Signature>,
}

/// What a global holds at first.
#[derive(Clone, PartialEq, Debug)]
pub enum GlobalInit {
    /// Zeros.
    Zero,
    /// Bytes, for arrays of 8-bit integers.
    Bytes(Vec<u8>),
    /// One initial value per field or element.
    List(Vec<GlobalInit>),
    /// An integer of the field's type.
    Int(i128),
    /// A floating-point number of the field's type.
    Float(f64),
    /// The address of a constant object's place.
    ObjectSlot(ObjectId),
    /// The address of a function.
    Function(FuncId),
    /// The address of a global.
    Global(GlobalId),
    /// The address of an external symbol.
    Extern(ExternId),
}

/// A global variable.
#[derive(Clone, PartialEq, Debug)]
pub struct Global {
    /// Its symbol.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What it holds at first.
    pub init: GlobalInit,
    /// Never written.
    pub constant: bool,
    /// Who can see it.
    pub linkage: Linkage,
}

/// A kind of scope object, by its number in the module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct FrameId(pub u32);

/// A kind of scope object: what functions share with those inside them, and what a generator keeps.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// The object's layout; its first two fields are those of every object.
    pub structure: StructId,
    /// The global that the runtime knows it by; [`crate::passes::frames`] fills it in.
    pub descriptor: GlobalId,
    /// The name of the type: zero-terminated text.
    pub name: GlobalId,
    /// Fields that own objects.
    pub objects: Vec<u32>,
    /// Fields that are memoryview slices.
    pub slices: Vec<u32>,
    /// Whether the garbage collector leaves the fields alone: a generator still has to run on them.
    pub keep: bool,
}

/// A parallel loop whose body may run on a GPU.
#[derive(Clone, PartialEq, Debug)]
pub struct Kernel {
    /// Its symbol on the device.
    pub name: String,
    /// One thread's share of it: `(arguments, state, and three times index and number of threads)`.
    pub function: FuncId,
    /// What the runtime knows of it; empty where it stays on the CPU.
    pub descriptor: GlobalId,
    /// Whether it is an error where it cannot run on a GPU.
    pub required: bool,
    /// Words of 8 bytes that it is given.
    pub arguments: u32,
    /// Words that each thread keeps.
    pub state: u32,
    /// What threads combine: the word of the state, the type, the operator.
    pub reductions: Vec<(u32, Type, String)>,
    /// How many dimensions the grid that it runs over has besides the first.
    pub inner: u32,
}

/// A module.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Module {
    /// The Python module's qualified name.
    pub name: String,
    /// Source files, for positions.
    pub sources: Vec<String>,
    /// Structs.
    pub structs: Vec<StructDef>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Symbols outside.
    pub externs: Vec<Extern>,
    /// Variables.
    pub globals: Vec<Global>,
    /// Constant objects.
    pub objects: Vec<ObjectConstant>,
    /// Kinds of scope objects.
    pub frames: Vec<Frame>,
    /// Loops that may run on a GPU.
    pub kernels: Vec<Kernel>,
    /// Whether anything asks what libm's functions leave in `errno`.
    pub asks_errno: bool,
    extern_ids: HashMap<String, ExternId>,
    struct_ids: HashMap<String, StructId>,
    object_ids: HashMap<String, ObjectId>,
}

impl Module {
    /// An empty module.
    pub fn new(name: &str) -> Module {
        Module {
            name: name.to_owned(),
            ..Module::default()
        }
    }

    /// Declares a function's symbol; the same symbol gives the same id.
    pub fn declare(&mut self, name: &str, signature: Signature) -> ExternId {
        self.add_extern(name, Some(signature))
    }

    /// Declares a variable's symbol.
    pub fn declare_data(&mut self, name: &str) -> ExternId {
        self.add_extern(name, None)
    }

    fn add_extern(&mut self, name: &str, signature: Option<Signature>) -> ExternId {
        if let Some(found) = self.extern_ids.get(name) {
            let same = |item: &Extern| signature.is_none() || item.signature == signature;
            if same(&self.externs[found.0 as usize]) {
                return *found;
            }
            // A function may be declared to take an object over here, and not there.
            let mut other = self.externs.iter();
            let other = other.rposition(|item| item.name == name && same(item));
            if let Some(index) = other {
                return ExternId(index as u32);
            }
        }
        let id = ExternId(self.externs.len() as u32);
        self.externs.push(Extern {
            name: name.to_owned(),
            signature,
        });
        self.extern_ids.entry(name.to_owned()).or_insert(id);
        id
    }

    /// A struct by its name, made by `fields` the first time.
    pub fn structure(&mut self, name: &str, fields: impl FnOnce() -> Vec<Type>) -> StructId {
        if let Some(found) = self.struct_ids.get(name) {
            return *found;
        }
        let fields = fields();
        let id = StructId(self.structs.len() as u32);
        self.structs.push(StructDef {
            name: name.to_owned(),
            fields,
            packed: false,
        });
        self.struct_ids.insert(name.to_owned(), id);
        id
    }

    /// Adds a function.
    pub fn add_function(&mut self, function: Function) -> FuncId {
        self.functions.push(function);
        FuncId(self.functions.len() as u32 - 1)
    }

    /// Adds a global.
    pub fn add_global(&mut self, global: Global) -> GlobalId {
        self.globals.push(global);
        GlobalId(self.globals.len() as u32 - 1)
    }

    /// A constant object; equal ones are one.
    pub fn object(&mut self, object: ObjectConstant) -> ObjectId {
        // Debug text tells -0.0 from 0.0 and 1 from 1.0, as equality of constants must.
        let key = format!("{object:?}");
        if let Some(found) = self.object_ids.get(&key) {
            return *found;
        }
        let id = ObjectId(self.objects.len() as u32);
        self.objects.push(object);
        self.object_ids.insert(key, id);
        id
    }
}
