//! The body of one function while it is lowered: builder, variables, live temporaries.

use std::collections::{HashMap, HashSet};

use frontend_bridge::tree::{
    Entry, EntryId, HelperId, Node, NodeId, Position, ScopeId, Type as TreeType, Value as Attr,
};

use super::c_integers::CInteger;
use super::cleanup::{Frame, Handler};
use super::closures::ScopeObject;
use super::context::{Context, missing};
use super::{Missing, Result};
use crate::mir::{
    BlockId, Builder, Constant, FloatMath, FuncId, Function, LocalId, Op, Raises, Terminator, Type,
    Value,
};

/// Where a variable of Cython's tree lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Variable {
    /// In a local; `owned`: the local owns the object in it.
    Local { id: LocalId, owned: bool },
}

/// The body of one function.
pub(super) struct Body<'m, 't> {
    pub m: &'m mut Context<'t>,
    pub b: Builder,
    /// Owned references that are alive, oldest first.
    pub temps: Vec<Value>,
    /// Where exceptions go, innermost last.
    pub handlers: Vec<Handler>,
    /// Loops and clean-ups around the current statement, innermost last.
    pub frames: Vec<Frame<'t>>,
    /// Variables of the scope.
    pub variables: HashMap<EntryId, Variable>,
    /// Results of nodes that others refer to.
    pub results: HashMap<NodeId, Value>,
    /// Values of the type `float` that C has as `double`: see `rounding`.
    pub doubles: HashMap<Value, Value>,
    /// Integers that C has in another type than Cython: see `c_integers`.
    pub integers: HashMap<Value, CInteger>,
    /// Directives in force, outermost first: maps of the tree.
    pub directives: Vec<&'t [(Attr, Attr)]>,
    /// The line that raised, for the traceback.
    pub line: LocalId,
    /// What is returned, where the function returns something.
    pub returned: Option<LocalId>,
    /// Releases variables and returns.
    pub return_block: BlockId,
    /// The function's qualified name, for tracebacks.
    pub qualified_name: String,
    /// Whether an operation below a checked expression has overflowed, by that expression.
    pub overflow_bits: HashMap<NodeId, LocalId>,
    /// Temporary objects that addresses lie in, by the address.
    pub kept: HashMap<Value, Value>,
    /// Whether the GIL is held here.
    pub gil: bool,
    /// The token of a function that takes the GIL.
    pub gil_token: Option<Value>,
    /// The array of arguments that the function owns, its length, and whether it is filled.
    pub argument_values: Option<(LocalId, u32, LocalId)>,
    /// Variables that own memoryview slices.
    pub slices: Vec<LocalId>,
    /// Variables that are locks, and whether each is a mutex.
    pub locks: Vec<(LocalId, bool)>,
    /// The buffers that the function holds.
    pub buffers: Vec<LocalId>,
    /// Variables of the function around a parallel region that are used where they lie.
    pub remote: HashMap<EntryId, (Value, Type)>,
    /// The parallel region whose function this is.
    pub region: Option<super::parallel::Region>,
    /// Where that ends.
    pub region_end: BlockId,
    /// Whether it keeps exceptions of loops for the thread that started it.
    pub region_keeps: bool,
    /// Whether a loop in it returns.
    pub region_returns: bool,
    /// The loop on a GPU whose function this is.
    pub on_device: Option<super::parallel_kernel::OnDevice>,
    /// Where the caller wants the slice that is returned.
    pub returned_slice: Option<Value>,
    /// Locals besides variables that own objects.
    pub owned_locals: Vec<LocalId>,
    /// The scope object, and the entry of its type.
    pub scope_object: Option<(ScopeObject, EntryId)>,
    /// The parts of the exception that the innermost `except` handles.
    pub handled: Option<[LocalId; 3]>,
    /// Namespaces of the Python classes whose bodies run here.
    pub namespaces: HashMap<ScopeId, Value>,
    /// Lists of the methods that want to know the class, innermost class last.
    pub class_cells: Vec<Option<Value>>,
    /// `__exit__` of `with` statements.
    pub with_exits: HashMap<NodeId, LocalId>,
    /// Locals for values that a node takes out again.
    pub temp_locals: HashMap<NodeId, LocalId>,
    /// Variables of `TempsBlockNode`.
    pub handle_locals: HashMap<HelperId, LocalId>,
    /// Variables that nodes stand for.
    pub node_locals: HashMap<NodeId, LocalId>,
    /// The call that is a statement, whose result nobody wants.
    pub statement: Option<NodeId>,
    /// Temporaries that may be null.
    pub nullable: HashSet<Value>,
    /// Where the `while` loops around lead when their iteration ends, innermost last.
    pub exhausted: Vec<BlockId>,
    /// The type of what is being assigned, where it is known.
    pub assigned: Option<TreeType<'t>>,
    /// In a cpdef function: whether the caller says that it is not overridden.
    pub skip_dispatch: Option<Value>,
    pub matching: super::match_stat::Matching,
    pub trace: Option<super::tracing::Trace<'t>>,
    /// In a parallel region: what the function around tells of lines with.
    pub(super) region_trace: Option<LocalId>,
    /// The function, or module, whose body this is.
    pub function: Option<NodeId>,
    /// The copies of `finally` clauses around, a letter each: see `line_marks`.
    pub copies: String,
    /// Set where an exception is raised that has this function in its traceback already.
    pub(super) in_traceback: Option<LocalId>,
    /// Where exceptions go that leave without this function's line in their traceback.
    pub(super) untraced: Option<BlockId>,
    pub(super) cleanups: HashMap<(BlockId, Vec<Value>), BlockId>,
    pub(super) landings: HashMap<(BlockId, u32), BlockId>,
}

impl<'m, 't> Body<'m, 't> {
    /// Starts a function.
    pub fn new(m: &'m mut Context<'t>, function: Function, qualified_name: &str) -> Body<'m, 't> {
        let gil = function.gil;
        let result = function.signature.result.clone();
        let mut b = Builder::new(function);
        let line = b.local("line", Type::I32);
        let returned = (result != Type::Void).then(|| b.local("returned", result));
        let return_block = b.block();
        let error = b.cold_block();
        Body {
            m,
            b,
            temps: Vec::new(),
            handlers: vec![Handler {
                block: error,
                depth: 0,
            }],
            frames: Vec::new(),
            variables: HashMap::new(),
            results: HashMap::new(),
            doubles: HashMap::new(),
            integers: HashMap::new(),
            directives: Vec::new(),
            line,
            returned,
            return_block,
            qualified_name: qualified_name.to_owned(),
            gil,
            gil_token: None,
            kept: HashMap::new(),
            overflow_bits: HashMap::new(),
            argument_values: None,
            slices: Vec::new(),
            locks: Vec::new(),
            buffers: Vec::new(),
            remote: HashMap::new(),
            region: None,
            region_end: return_block,
            region_keeps: false,
            region_returns: false,
            on_device: None,
            returned_slice: None,
            owned_locals: Vec::new(),
            scope_object: None,
            handled: None,
            namespaces: HashMap::new(),
            class_cells: Vec::new(),
            with_exits: HashMap::new(),
            temp_locals: HashMap::new(),
            handle_locals: HashMap::new(),
            node_locals: HashMap::new(),
            statement: None,
            nullable: HashSet::new(),
            exhausted: Vec::new(),
            assigned: None,
            skip_dispatch: None,
            matching: super::match_stat::Matching::default(),
            trace: None,
            region_trace: None,
            function: None,
            copies: String::new(),
            in_traceback: None,
            untraced: None,
            cleanups: HashMap::new(),
            landings: HashMap::new(),
        }
    }

    /// The block where uncaught exceptions go.
    pub fn error_block(&self) -> BlockId {
        self.handlers[0].block
    }

    /// The error for a construct without a lowering, at the current line.
    pub fn missing<T>(&self, construct: &str) -> Result<T> {
        let position = (self.b.line > 0).then_some(Position {
            source: 0,
            line: self.b.line,
            column: 0,
        });
        missing(construct, position)
    }

    // ---------------------------------------------------------------- values

    /// Appends an operation with a result.
    pub fn op(&mut self, op: Op) -> Value {
        self.b.value(&self.m.mir, op)
    }

    /// An integer constant.
    pub fn int(&mut self, value: i128, bits: u16) -> Value {
        self.b.int(&self.m.mir, value, bits)
    }

    /// A floating-point constant.
    pub fn float(&mut self, value: f64, ty: Type) -> Value {
        self.op(Op::Const(Constant::Float(value, ty)))
    }

    /// A null address.
    pub fn null(&mut self) -> Value {
        self.b.null(&self.m.mir, Type::Ptr)
    }

    /// The null object.
    pub fn null_object(&mut self) -> Value {
        self.b.null(&self.m.mir, Type::Object)
    }

    /// The address of zero-terminated text.
    pub fn text(&mut self, text: &str) -> Value {
        let id = self.m.c_string(text.as_bytes());
        self.op(Op::GlobalAddr(id))
    }

    /// A process-wide object such as `_Py_NoneStruct`; borrowed.
    pub fn symbol_object(&mut self, symbol: &str) -> Value {
        if let Some(at) = symbol.find("PyExc_") {
            return self.variable_object(symbol[at..].trim_end_matches(')'));
        }
        let symbol = match symbol {
            // A type of CPython from 3.15 on; Cython takes dict before.
            "__Pyx_PyFrozenDict_TypePtr"
                if self.m.symbols.resolve("PyFrozenDict_New").is_some() =>
            {
                "PyFrozenDict_Type"
            }
            "__Pyx_PyFrozenDict_TypePtr" => "PyDict_Type",
            other => other,
        };
        if !symbol.starts_with("Py") && !symbol.starts_with("_Py") {
            // A macro of Cython's, for what only some versions of CPython have.
            let position = (self.b.line > 0).then_some(Position {
                source: 0,
                line: self.b.line,
                column: 0,
            });
            let construct = format!("built-in '{symbol}'");
            self.m.missing.push(Missing::new(construct, position));
        }
        let id = self.m.mir.declare_data(symbol);
        let address = self.op(Op::ExternAddr(id));
        self.op(Op::Cast(crate::mir::CastOp::Pointer, address, Type::Object))
    }

    /// An object kept in a variable of CPython, such as `PyExc_ValueError`; borrowed.
    pub fn variable_object(&mut self, symbol: &str) -> Value {
        let id = self.m.mir.declare_data(symbol);
        let address = self.op(Op::ExternAddr(id));
        self.op(Op::Load(Type::Object, address))
    }

    /// None; borrowed.
    pub fn none(&mut self) -> Value {
        self.symbol_object("_Py_NoneStruct")
    }

    /// An interned string; borrowed.
    pub fn name(&mut self, text: &str) -> Value {
        let id = self.m.name(text);
        self.op(Op::Object(id))
    }

    /// The module's dictionary; borrowed.
    pub fn module_dict(&mut self) -> Value {
        let address = self.op(Op::GlobalAddr(self.m.module_dict));
        self.op(Op::Load(Type::Object, address))
    }

    /// The module object; borrowed.
    pub fn module_object(&mut self) -> Value {
        let address = self.op(Op::GlobalAddr(self.m.module_object));
        self.op(Op::Load(Type::Object, address))
    }

    /// The address of a function.
    pub fn function_address(&mut self, function: FuncId) -> Value {
        self.op(Op::FunctionAddr(function))
    }

    // ---------------------------------------------------------------- ownership

    /// Notes an owned value as a live temporary; a borrowed one passes through.
    pub fn hold(&mut self, value: Value) -> Value {
        if self.b.owned(value) {
            self.temps.push(value);
        }
        value
    }

    /// A temporary is somebody else's from here on.
    pub fn forget_temp(&mut self, value: Value) {
        if let Some(index) = self.temps.iter().rposition(|temp| *temp == value) {
            self.temps.remove(index);
            self.no_slice_held(value);
        }
    }

    /// Gives a temporary back; nothing for a borrowed value.
    pub fn release(&mut self, value: Value) {
        if let Some(object) = self.kept.remove(&value) {
            self.release(object);
        }
        if self.temps.contains(&value) {
            self.forget_temp(value);
            if self.nullable.contains(&value) {
                self.b.effect(Op::XDecRef(value));
            } else if *self.b.ty(value) == Type::Object {
                self.b.effect(Op::DecRef(value));
            } else {
                self.drop_slice(value);
            }
        }
    }

    /// An address that lies in a temporary object, which lives as long as the address is held.
    pub fn keep_alive(&mut self, address: Value, object: Value) {
        self.kept.insert(address, object);
    }

    /// Gives back a temporary that may be null.
    pub fn release_nullable(&mut self, value: Value) {
        if self.temps.contains(&value) {
            self.forget_temp(value);
            self.b.effect(Op::XDecRef(value));
        }
    }

    /// An owned reference to pass on: the temporary itself, or a new reference to what is borrowed.
    /// No temporary any more: to be consumed before anything can raise.
    pub fn give(&mut self, value: Value) -> Value {
        if self.temps.contains(&value) {
            self.forget_temp(value);
            return value;
        }
        self.op(Op::IncRef(value))
    }

    /// A temporary that is owned for sure.
    pub fn owned(&mut self, value: Value) -> Value {
        if self.temps.contains(&value) {
            return value;
        }
        let mine = self.op(Op::IncRef(value));
        self.hold(mine)
    }

    /// A borrowed view of a value that something else keeps alive.
    pub fn borrow(&mut self, value: Value) -> Value {
        if self.b.owned(value) {
            return self.op(Op::Cast(crate::mir::CastOp::Pointer, value, Type::Object));
        }
        if self.temps.contains(&value) {
            // A memoryview slice: the same address, but not the temporary.
            return self.op(Op::Cast(crate::mir::CastOp::Pointer, value, Type::Ptr));
        }
        value
    }

    /// Ends the block with the exception edge of a value and goes on where there was none.
    pub fn checked(&mut self, value: Value, raises: Raises) -> Result<Value> {
        if !self.gil && self.b.function.gil && matches!(raises, Raises::Maybe(_) | Raises::Occurred)
        {
            self.checked_without_gil(Some(value), &raises)?;
            return Ok(self.hold(value));
        }
        let error = self.error_edge();
        let ok = self.b.block();
        self.b.end(Terminator::Check {
            value: Some(value),
            raises,
            ok,
            error,
        });
        self.b.switch_to(ok);
        Ok(self.hold(value))
    }

    /// Goes to the exception's handler: an exception is set.
    pub fn raise_now(&mut self) {
        let error = self.error_edge();
        self.b.jump(error);
        let dead = self.b.block();
        self.b.switch_to(dead);
    }

    // ---------------------------------------------------------------- variables

    /// Makes a variable.
    pub fn declare(&mut self, entry: Entry<'t>, owned: bool) -> Result<LocalId> {
        let Some(ty) = entry.ty("type") else {
            return self.missing("variable without a type");
        };
        let ty = self.m.c_type(ty, entry.position())?;
        let slice = entry
            .ty("type")
            .is_some_and(|ty| ty.flag("is_memoryviewslice"));
        let owned = owned && ty == Type::Object;
        let id = self.b.local(entry.text("name").unwrap_or("variable"), ty);
        self.variables
            .insert(entry.id(), Variable::Local { id, owned });
        if slice {
            self.slices.push(id);
        }
        if let Some(lock) = entry.ty("type").filter(|ty| super::locks::is_lock(*ty)) {
            self.declare_lock(id, lock)?;
        }
        Ok(id)
    }

    /// Overwrites a local that owns its object, which is released.  Takes an owned value.
    pub fn replace(&mut self, local: LocalId, value: Value) {
        let old = self.op(Op::Take(local));
        self.b.effect(Op::Set(local, value));
        self.b.effect(Op::XDecRef(old));
    }

    /// The type of an expression in MIR.
    pub fn type_of(&mut self, node: Node<'t>) -> Result<Type> {
        let ty = node.expr_type()?;
        self.m.c_type(ty, node.position())
    }

    /// The MIR type of a type.
    pub fn c_type(&mut self, ty: TreeType<'t>) -> Result<Type> {
        self.m.c_type(ty, None)
    }

    /// A directive in force.
    pub fn directive(&self, name: &str) -> Option<&'t Attr> {
        // The innermost map is whole but for what is at its default.
        if let Some(map) = self.directives.last() {
            let found = map
                .iter()
                .find(|(key, _)| matches!(key, Attr::Str(key) if key == name));
            return found
                .map(|(_, value)| value)
                .or_else(|| self.m.tree.directive_default(name));
        }
        self.m.tree.root().directive(name)
    }

    /// Whether a directive is on.
    pub fn directive_on(&self, name: &str) -> bool {
        self.directive(name).is_some_and(Attr::truth)
    }

    /// What the directives in force, or else the compiler's flags, allow with floating-point numbers.
    pub fn choose_float_math(&mut self) {
        let asked = if self.directive_on("fastmath") {
            FloatMath::Fast
        } else if self.directive_on("fp_contract") {
            FloatMath::Contract
        } else {
            FloatMath::Exact
        };
        self.b.function.float_math = asked.max(self.m.float_math);
    }

    /// Goes on in the places of another node.
    pub fn at(&mut self, node: Node<'t>) {
        if let Some(position) = node.position() {
            self.b.line = position.line;
        }
    }

    // ---------------------------------------------------------------- control

    /// A two-way branch on a truth value; both sides must leave the same temporaries.
    pub fn if_else(
        &mut self,
        condition: Value,
        then: impl FnOnce(&mut Self) -> Result<()>,
        otherwise: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let yes = self.b.block();
        let no = self.b.block();
        let after = self.b.block();
        self.b.branch(condition, yes, no);
        self.b.switch_to(yes);
        then(self)?;
        self.b.jump(after);
        self.b.switch_to(no);
        otherwise(self)?;
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    /// Runs something seldom on a condition.
    pub fn if_unlikely(
        &mut self,
        condition: Value,
        then: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let yes = self.b.cold_block();
        let after = self.b.block();
        self.b.branch(condition, yes, after);
        self.b.switch_to(yes);
        then(self)?;
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    /// Whether an address is null.
    pub fn is_null(&mut self, value: Value) -> Value {
        let null = if *self.b.ty(value) == Type::Object {
            self.null_object()
        } else {
            self.null()
        };
        self.op(Op::Compare(crate::mir::Comparison::Eq, value, null))
    }
}
