//! What the lowering of all functions of one module shares.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use frontend_bridge::tree::{Entry, EntryId, Node, NodeId, Position, Tree, TypeId, Value as Attr};

use super::class_layout::Layout;
use super::classes::Class;
use super::closures::Closure;
use super::line_marks::LineMarks;
use super::shims::{ShimFacts, Shims, TraceMacros};
use super::{LowerError, Missing, Result, Symbols};
use crate::mir::{
    self, FloatMath, FuncId, Global, GlobalId, GlobalInit, Linkage, ObjectConstant, ObjectId, Type,
};

/// The module so far.
pub(super) struct Context<'t> {
    pub tree: &'t Tree,
    pub symbols: &'t Symbols,
    pub mir: mir::Module,
    /// C functions by their entry.
    pub functions: HashMap<EntryId, FuncId>,
    /// The same by their C name, which types name as their conversions.
    pub functions_by_name: HashMap<String, FuncId>,
    /// `def` functions by their node: implementation and wrapper.
    pub def_functions: HashMap<NodeId, FuncId>,
    /// PyMethodDef of `def` functions.
    pub method_defs: HashMap<NodeId, GlobalId>,
    /// The places of those that calls refer to, and of all whose wrapper is lowered.
    pub method_places: HashMap<NodeId, GlobalId>,
    /// `def` functions of the module that calls may go to directly, by the entry of their name.
    pub module_defs: HashMap<EntryId, Node<'t>>,
    /// Functions of the module that want a tuple of arguments, by the names that they are bound to at first.
    pub module_defs_of_tuples: HashSet<EntryId>,
    /// Places of the addresses of what other modules define.
    pub imported: HashMap<EntryId, GlobalId>,
    /// Computed defaults that the module keeps, by their arguments.
    pub default_globals: HashMap<NodeId, GlobalId>,
    /// Module-level C variables.
    pub globals: HashMap<EntryId, GlobalId>,
    /// MIR types of Cython's types.
    pub types: HashMap<TypeId, Type>,
    /// Kinds of scope objects, by the entries of their types.
    pub closures: HashMap<EntryId, Closure>,
    /// Wrappers of methods by the method's entry.
    pub wrappers: HashMap<EntryId, FuncId>,
    /// C functions that take the place of a method's older signature.
    pub wrapped_methods: HashMap<EntryId, String>,
    /// Structs of extension types.
    pub layouts: HashMap<TypeId, Rc<Layout<'t>>>,
    /// Extension types of the module, and their order.
    pub classes: HashMap<TypeId, Class<'t>>,
    pub class_order: Vec<TypeId>,
    /// What makes instances, by type: a slot, and what it and those of derived types call.
    pub vectorcalls: HashMap<TypeId, FuncId>,
    pub class_makes: HashMap<TypeId, FuncId>,
    /// Places of the addresses of type objects and of C method tables.
    pub type_places: HashMap<TypeId, GlobalId>,
    pub vtables: HashMap<TypeId, GlobalId>,
    pub imported_types: HashSet<TypeId>,
    /// OpenMP's descriptions of places, by their flags.
    pub openmp_places: HashMap<i128, GlobalId>,
    openmp_lock: Option<GlobalId>,
    /// Descriptions of the item types of memoryviews.
    pub type_infos: HashMap<TypeId, GlobalId>,
    /// Conversions of their items: from memory, or to it.
    pub item_converters: HashMap<(TypeId, bool), FuncId>,
    pub missing: Vec<Missing>,
    /// C that the module needs.
    pub shims: Shims,
    /// Macros that decide about profilers and tracers.
    pub macros: TraceMacros,
    /// What the flags for the C compiler allow with floating-point numbers.
    pub float_math: FloatMath,
    /// Where tracers are told of lines.
    pub line_marks: LineMarks,
    /// Structs of headers that are not passed by value as their members say.
    pub strangers: HashSet<String>,
    /// NumPy's C API is seen to.
    pub numpy_ready: bool,
    /// Variables that something assigns to or deletes.
    pub reassigned: HashSet<EntryId>,
    traceback_caches: HashMap<u32, GlobalId>,
    /// Places of constant frozensets, by what is in them.
    pub frozensets: HashMap<String, GlobalId>,
    /// The module object.
    pub module_object: GlobalId,
    /// The module's dictionary.
    pub module_dict: GlobalId,
}

impl<'t> Context<'t> {
    pub fn new(tree: &'t Tree, symbols: &'t Symbols, facts: ShimFacts) -> Context<'t> {
        let mut mir = mir::Module::new(tree.module_name());
        mir.sources = tree.sources().to_vec();
        let mut object = |name: &str| {
            mir.add_global(Global {
                name: name.to_owned(),
                ty: Type::Object,
                init: GlobalInit::Zero,
                constant: false,
                linkage: Linkage::Internal,
            })
        };
        let module_object = object("module.object");
        let module_dict = object("module.dict");
        Context {
            tree,
            symbols,
            mir,
            functions: HashMap::new(),
            functions_by_name: HashMap::new(),
            def_functions: HashMap::new(),
            method_defs: HashMap::new(),
            method_places: HashMap::new(),
            module_defs: HashMap::new(),
            module_defs_of_tuples: HashSet::new(),
            imported: HashMap::new(),
            default_globals: HashMap::new(),
            globals: HashMap::new(),
            types: HashMap::new(),
            closures: HashMap::new(),
            wrappers: HashMap::new(),
            wrapped_methods: HashMap::new(),
            layouts: HashMap::new(),
            classes: HashMap::new(),
            class_order: Vec::new(),
            vectorcalls: HashMap::new(),
            class_makes: HashMap::new(),
            type_places: HashMap::new(),
            vtables: HashMap::new(),
            imported_types: HashSet::new(),
            openmp_places: HashMap::new(),
            openmp_lock: None,
            type_infos: HashMap::new(),
            item_converters: HashMap::new(),
            missing: Vec::new(),
            line_marks: if facts.macros.trace {
                LineMarks::new(tree)
            } else {
                LineMarks::default()
            },
            macros: facts.macros,
            float_math: facts.float_math,
            shims: Shims::new(facts),
            strangers: HashSet::new(),
            numpy_ready: false,
            reassigned: reassigned(tree),
            traceback_caches: HashMap::new(),
            frozensets: HashMap::new(),
            module_object,
            module_dict,
        }
    }

    /// An interned string constant.
    pub fn name(&mut self, text: &str) -> ObjectId {
        self.mir.object(ObjectConstant::Str {
            data: text.as_bytes().to_vec(),
            interned: true,
        })
    }

    /// Zero-terminated bytes.
    pub fn c_string(&mut self, text: &[u8]) -> GlobalId {
        let mut data = text.to_vec();
        data.push(0);
        let name = format!("text.{}", self.mir.globals.len());
        let ty = Type::Array(Box::new(Type::Int(8)), data.len() as u64);
        let init = GlobalInit::Bytes(data);
        self.mir.add_global(Global {
            name,
            ty,
            init,
            constant: true,
            linkage: Linkage::Internal,
        })
    }

    /// An internal variable.
    pub fn variable(&mut self, name: &str, ty: Type) -> GlobalId {
        let name = name.to_owned();
        let init = GlobalInit::Zero;
        self.mir.add_global(Global {
            name,
            ty,
            init,
            constant: false,
            linkage: Linkage::Internal,
        })
    }

    /// The place of a source file's cache of code objects for tracebacks.
    pub fn traceback_cache(&mut self, source: u32) -> GlobalId {
        if let Some(found) = self.traceback_caches.get(&source) {
            return *found;
        }
        let id = self.variable(&format!("traceback.cache.{source}"), Type::Ptr);
        self.traceback_caches.insert(source, id);
        id
    }

    /// The lock under which threads combine reductions.
    pub fn openmp_lock(&mut self) -> GlobalId {
        if let Some(found) = self.openmp_lock {
            return found;
        }
        let words = Type::Array(Box::new(Type::I32), 8);
        let id = self.variable("openmp.lock", words);
        self.openmp_lock = Some(id);
        id
    }

    /// Notes what is missing; other errors end the lowering.
    pub fn note(&mut self, error: LowerError) -> Result<()> {
        match error {
            LowerError::Missing(missing) => {
                self.missing.push(missing);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// The global of a module-level C variable.
    pub fn global_of(&mut self, entry: Entry<'t>) -> Result<GlobalId> {
        if let Some(found) = self.globals.get(&entry.id()) {
            return Ok(*found);
        }
        if of_memoryview_code(entry) {
            return missing("variable of Cython's memoryview code", entry.position());
        }
        let Some(ty) = entry.ty("type") else {
            return missing("a variable without a type", entry.position());
        };
        let ty = self.c_type(ty, entry.position())?;
        let name = entry.text("cname").unwrap_or("variable").to_owned();
        let init = match entry.attr("init") {
            Some(value) if entry.ty("type").is_some_and(|ty| ty.flag("is_const")) => {
                initial(value, &ty, entry)?
            }
            _ => GlobalInit::Zero,
        };
        let id = self.variable(&name, ty);
        self.mir.globals[id.0 as usize].init = init;
        if super::shared::is_public(entry) && entry.flag("is_cglobal") {
            self.mir.globals[id.0 as usize].linkage = Linkage::External;
        }
        self.globals.insert(entry.id(), id);
        Ok(id)
    }
}

/// What a variable that is `const` starts as: where a `.pxd` declares it, no statement assigns it.
fn initial(value: &Attr, ty: &Type, entry: Entry<'_>) -> Result<GlobalInit> {
    let number = match value {
        Attr::Bool(value) => Some(i128::from(*value)),
        Attr::Int(value) => Some(i128::from(*value)),
        Attr::BigInt(text) => text.parse().ok(),
        _ => None,
    };
    Ok(match (ty, value, number) {
        // No value: a statement of the module assigns it.
        (_, Attr::None, _) => GlobalInit::Zero,
        (_, Attr::Str(text), _) if text.is_empty() => GlobalInit::Zero,
        (Type::Int(_), _, Some(number)) => GlobalInit::Int(number),
        (ty, _, Some(number)) if ty.is_float() => GlobalInit::Float(number as f64),
        (ty, Attr::Float(number), _) if ty.is_float() => GlobalInit::Float(*number),
        _ => return missing("a constant of this type", entry.position()),
    })
}

/// The module that has Cython's memoryview code in the tree.
pub(super) fn memoryview_module(tree: &Tree) -> Option<&str> {
    tree.root().text("shared_utility")
}

/// Whether a variable is one of the module that has Cython's memoryview code.
pub(super) fn of_memoryview_code(entry: Entry<'_>) -> bool {
    let module = entry
        .scope("scope")
        .and_then(|scope| scope.text("qualified_name"));
    module.is_some() && module == memoryview_module(entry.tree())
}

/// The error for a construct without a lowering.
pub(super) fn missing<T>(construct: &str, position: Option<Position>) -> Result<T> {
    Err(LowerError::Missing(Missing::new(construct, position)))
}

/// The error for a node without a lowering.
pub(super) fn missing_node<T>(node: Node<'_>, what: &str) -> Result<T> {
    let construct = if what.is_empty() {
        node.kind().to_owned()
    } else {
        format!("{}: {what}", node.kind())
    };
    missing(&construct, node.position())
}

/// The entries that are targets or deleted anywhere: one walk for all functions' arguments.
fn reassigned(tree: &Tree) -> HashSet<EntryId> {
    let mut found = HashSet::new();
    for node in tree.nodes() {
        match node.kind() {
            "NameNode" if node.flag("is_target") || node.flag("is_deleted") => {
                found.extend(node.entry("entry").map(|entry| entry.id()));
            }
            "DelStatNode" => {
                let args = node.nodes("args");
                found.extend(
                    args.iter()
                        .filter_map(|arg| arg.entry("entry"))
                        .map(|entry| entry.id()),
                );
            }
            _ => {}
        }
    }
    found
}
