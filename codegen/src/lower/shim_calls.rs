//! Calls of C functions and macros, and uses of C variables and constants, through shims.

use frontend_bridge::tree::{Entry, Node, Position, Type as TreeType, Value as Attr};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::ctypes::{Passed, as_value, c_name, in_header};
use super::struct_types::external;
use super::types;
use crate::mir::{Callee, CastOp, Constant, Op, Param, Signature, Type, Value};

/// Whether an entry is one that a `cdef extern` block declares.
pub(super) fn declared_in_c(entry: Entry<'_>) -> bool {
    external(entry)
        && entry.text("cname").is_some()
        && entry
            .scope("scope")
            .is_some_and(|scope| scope.is_a("ModuleScope") && !scope.is_a("BuiltinScope"))
}

/// Whether a call is one of a macro that is declared as `f(...)`, so that it may assign to its
/// arguments or take their addresses, with arguments that are numbers and pointers.
pub(super) fn takes_anything(entry: Entry<'_>, call: Node<'_>, ty: TreeType<'_>) -> bool {
    declared_in_c(entry)
        && ty.flag("has_varargs")
        && ty.list("args").is_empty()
        && call.nodes("args").iter().all(|arg| {
            arg.expr_type().is_ok_and(|ty| {
                let ty = types::resolve(ty);
                ["is_int", "is_float", "is_ptr"]
                    .iter()
                    .any(|flag| ty.flag(flag))
                    && !ty.flag("is_array")
                    && !ty.flag("is_memoryviewslice")
            })
        })
}

/// The C text of one shim while it is put together.
struct Shim {
    params: Vec<String>,
    args: Vec<String>,
    values: Vec<Value>,
    signature: Vec<Param>,
}

impl<'t> Body<'_, 't> {
    /// Calls an external function or macro.
    pub(super) fn call_shim(
        &mut self,
        node: Node<'t>,
        cname: &str,
        ty: TreeType<'t>,
        args: &[(Value, TreeType<'t>)],
    ) -> Result<Option<Value>> {
        let declared = parameter_types(ty);
        let mut shim = Shim::new();
        for (index, (value, from)) in args.iter().enumerate() {
            let to = declared.get(index).copied().flatten().unwrap_or(*from);
            self.shim_argument(node, &mut shim, *value, *from, to)?;
        }
        let Some(returns) = ty.ty("return_type") else {
            return missing_node(node, "of a function without a result type");
        };
        let call = format!("{cname}({})", shim.args.join(", "));
        let result = self.c_type(returns)?;
        if (result.is_int() || result.is_float()) && self.unused(node, ty) {
            // Nor does C look at it: what is declared as a number may be nothing at all.
            let text = format!("void @({}) {{ {call}; }}", shim.parameters());
            self.call_made(node.position(), &text, shim, Type::Void, false);
            return Ok(Some(match result {
                Type::Int(bits) => self.int(0, bits),
                float => self.op(Op::Const(Constant::Float(0.0, float))),
            }));
        }
        let counted = node.flag("is_temp");
        self.finish_shim(node.position(), shim, &call, returns, counted)
    }

    /// Whether a call is a statement that looks at its result for no exception.
    fn unused(&self, node: Node<'t>, ty: TreeType<'t>) -> bool {
        let check = ty.attr("exception_check").is_some_and(Attr::truth);
        let value = ty.attr("exception_value");
        self.statement == Some(node.id()) && !check && matches!(value, None | Some(Attr::None))
    }

    /// Calls a macro on its arguments where they lie.
    pub(super) fn call_on_places(
        &mut self,
        node: Node<'t>,
        entry: Entry<'t>,
        ty: TreeType<'t>,
    ) -> Result<Option<Value>> {
        let mut shim = Shim::new();
        for arg in node.nodes("args") {
            let Some(c) = c_name(arg.expr_type()?) else {
                return missing_node(arg, "of a C function, with this type");
            };
            let place = self.lvalue(arg)?;
            let name = format!("a{}", shim.params.len());
            shim.params.push(format!("void *{name}"));
            shim.args.push(format!("(*({c} *){name})"));
            shim.signature.push(Param {
                ty: Type::Ptr,
                steals: false,
            });
            shim.values.push(place);
        }
        let Some(returns) = ty.ty("return_type") else {
            return missing_node(node, "of a function without a result type");
        };
        let cname = entry.text("cname").unwrap_or_default();
        let call = format!("{cname}({})", shim.args.join(", "));
        self.finish_shim(node.position(), shim, &call, returns, false)
    }

    /// The value of an external variable or macro.
    pub(super) fn shim_value(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let (Some(cname), Some(ty)) = (entry.text("cname"), entry.ty("type")) else {
            return missing_node(node, "without a C name");
        };
        if self.m.is_array_in_c(ty, node.position()) {
            return missing_node(node, "that is an array in C, as a value");
        }
        let found = self.finish_shim(node.position(), Shim::new(), cname, ty, false)?;
        match found {
            Some(value) => Ok(self.hold(value)),
            None => Ok(self.none()),
        }
    }

    /// A constant that C declares.
    pub(super) fn external_constant(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let name = entry.text("cname").unwrap_or_default();
        let ty = self.type_of(node)?;
        if let Some(constant) = super::externs::library_constant(name, &ty) {
            return Ok(self.op(Op::Const(constant)));
        }
        self.shim_value(node, entry)
    }

    /// The address of an external variable, or of a function.
    pub(super) fn shim_address(&mut self, at: Option<Position>, cname: &str, of: &str) -> Value {
        let text = format!("void *@(void) {{ return (void *){of}({cname}); }}");
        let symbol = self.m.shims.function(self.m.tree, &text, at);
        let signature = Signature::new([], Type::Ptr);
        let callee = Callee::Extern(self.m.mir.declare(&symbol, signature));
        self.op(Op::Call(callee, Vec::new()))
    }

    /// Overwrites an external variable.
    pub(super) fn assign_external(
        &mut self,
        target: Node<'t>,
        entry: Entry<'t>,
        value: Value,
    ) -> Result<()> {
        let (Some(cname), Some(ty)) = (entry.text("cname"), entry.ty("type")) else {
            return missing_node(target, "without a C name");
        };
        if *self.b.ty(value) == Type::Object {
            // The variable owns what is in it.
            let address = self.shim_address(target.position(), cname, "&");
            self.store(address, value);
            return Ok(());
        }
        let from = self.assigned.unwrap_or(ty);
        let mut shim = Shim::new();
        self.shim_argument(target, &mut shim, value, from, ty)?;
        let text = format!(
            "void @({}) {{ {cname} = {}; }}",
            shim.params.join(", "),
            shim.args.join(", ")
        );
        self.call_made(target.position(), &text, shim, Type::Void, false);
        Ok(())
    }

    fn shim_argument(
        &mut self,
        node: Node<'t>,
        shim: &mut Shim,
        value: Value,
        from: TreeType<'t>,
        to: TreeType<'t>,
    ) -> Result<()> {
        let name = format!("a{}", shim.params.len());
        let have = self.b.ty(value).clone();
        let passed = Passed::of(&have);
        // A typedef's name may be a type of C++ such as `point const *`: C gets to see what is given.
        let to = match external_name(to) {
            Some(name) if name.contains(' ') && passed == Passed::Address => from,
            _ => to,
        };
        let c = match c_name(to) {
            Some(c) => c,
            None if passed == Passed::Address => "void *".to_owned(),
            None => return missing_node(node, "of a C function, with this type"),
        };
        let (value, arg) = match passed {
            Passed::Integer => {
                let wide = self.widen(value, 64, types::unsigned(from));
                (wide, format!("(({c}){name})"))
            }
            Passed::Memory => {
                // The declared type of a complex number may be another.
                let c = c_name(from).unwrap_or(c);
                (self.spill(value), format!("(*({c} *){name})"))
            }
            Passed::Float | Passed::Double => (value, format!("(({c}){name})")),
            Passed::Address if in_header(from) => {
                // An array of C's, by its place.
                let c = c_name(from).unwrap_or(c);
                (value, format!("(*({c} *){name})"))
            }
            Passed::Address => (value, format!("(({c}){name})")),
        };
        shim.params.push(format!("{} {name}", passed.c()));
        shim.args.push(arg);
        shim.signature.push(Param {
            ty: self.b.ty(value).clone(),
            steals: false,
        });
        shim.values.push(value);
        Ok(())
    }

    fn finish_shim(
        &mut self,
        at: Option<Position>,
        mut shim: Shim,
        value: &str,
        returns: TreeType<'t>,
        counted: bool,
    ) -> Result<Option<Value>> {
        let result = self.c_type(returns)?;
        if result == Type::Void {
            let text = format!("void @({}) {{ {value}; }}", shim.parameters());
            self.call_made(at, &text, shim, Type::Void, false);
            return Ok(None);
        }
        let passed = Passed::of(&result);
        if passed == Passed::Memory {
            let Some(c) = c_name(returns) else {
                return self.missing("C function elsewhere with a result of this type");
            };
            let local = self.b.local("returned", result);
            let place = self.op(Op::LocalAddr(local));
            shim.params.push("void *r".to_owned());
            shim.signature.push(Param {
                ty: Type::Ptr,
                steals: false,
            });
            shim.values.push(place);
            // Before C has been asked what it is, it may be an array, which is no value.
            let c = match in_header(returns) {
                true => as_value(&c),
                false => c,
            };
            let text = format!("void @({}) {{ *({c} *)r = {value}; }}", shim.parameters());
            self.call_made(at, &text, shim, Type::Void, false);
            return Ok(Some(self.op(Op::Get(local))));
        }
        let c = passed.c();
        let text = format!("{c} @({}) {{ return ({c})({value}); }}", shim.parameters());
        let object = result == Type::Object;
        let native = if object { Type::Object } else { passed.mir() };
        let Some(made) = self.call_made(at, &text, shim, native, object && counted) else {
            return self.defect("no result");
        };
        if object && !counted {
            // The arguments, which may be what keeps it alive, are given back soon.
            return Ok(Some(self.op(Op::XIncRef(made))));
        }
        Ok(Some(match result {
            Type::Int(64) => made,
            Type::Int(bits) => self.op(Op::Cast(CastOp::Trunc, made, Type::Int(bits))),
            _ => made,
        }))
    }

    fn call_made(
        &mut self,
        at: Option<Position>,
        text: &str,
        shim: Shim,
        result: Type,
        owned: bool,
    ) -> Option<Value> {
        let symbol = self.m.shims.function(self.m.tree, text, at);
        let signature = Signature {
            params: shim.signature,
            result,
            owned,
            varargs: false,
        };
        let callee = Callee::Extern(self.m.mir.declare(&symbol, signature));
        self.b.call(&self.m.mir, callee, shim.values)
    }
}

impl Shim {
    fn new() -> Shim {
        Shim {
            params: Vec::new(),
            args: Vec::new(),
            values: Vec::new(),
            signature: Vec::new(),
        }
    }

    /// Its parameters in C.
    fn parameters(&self) -> String {
        match self.params.is_empty() {
            true => "void".to_owned(),
            false => self.params.join(", "),
        }
    }
}

/// What a typedef of a header is called in C.
fn external_name(ty: TreeType<'_>) -> Option<&str> {
    let external = ty.kind() == "CTypedefType" && ty.flag("typedef_is_external");
    ty.text("typedef_cname").filter(|_| external)
}

/// The declared types of a function's parameters.
fn parameter_types(ty: TreeType<'_>) -> Vec<Option<TreeType<'_>>> {
    ty.list("args")
        .iter()
        .map(|arg| match arg {
            Attr::Type(id) => ty.tree().ty(*id).ty("type"),
            Attr::Helper(id) => ty.tree().helper(*id).ty("type"),
            _ => None,
        })
        .collect()
}
