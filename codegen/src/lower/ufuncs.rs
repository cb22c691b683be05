//! `@cython.ufunc`: the loops that Cython's tree has for a C function become an object of NumPy's.

use frontend_bridge::tree::{Entry, Node};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{Callee, Global, GlobalInit, Linkage, Op, Signature, Type, Value};

/// The function that Cython's tree calls, with arguments that are C's text.
const FUNCTION: &str = "PyUFunc_FromFuncAndData";
/// `NPY_OBJECT`.
const OBJECT: i128 = 17;

impl<'t> Body<'_, 't> {
    /// `PythonCapiCallNode`.
    pub(super) fn lower_capi_call(&mut self, node: Node<'t>) -> Result<Value> {
        match node.nodes("args").as_slice() {
            [given] if given.kind() == "ConstNode" => {
                let name = node.node("function").and_then(|it| it.text("cname"));
                match (name, given.text("value")) {
                    (Some(FUNCTION), Some(given)) => self.make_ufunc(node, given),
                    _ => missing_node(*given, ""),
                }
            }
            _ => self.lower_simple_call(node),
        }
    }

    fn make_ufunc(&mut self, node: Node<'t>, given: &str) -> Result<Value> {
        // Functions, data and types by names of C's text; counts of loops, arguments and results;
        // the identity; name and documentation, which may hold commas.
        let parts: Vec<&str> = given.splitn(9, ", ").collect();
        let [_, _, _, loops, taken, made, "PyUFunc_None", name, rest] = parts.as_slice() else {
            return missing_node(node, "of another form");
        };
        let counts: Vec<usize> = [loops, taken, made]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        let ([loops, taken, made], Some(doc)) = (counts.as_slice(), rest.strip_suffix(", 0"))
        else {
            return missing_node(node, "of another form");
        };
        let Some(definitions) = self.loops_before(node, *loops) else {
            return missing_node(node, "of unknown loops");
        };
        let (mut functions, mut kinds) = (Vec::new(), Vec::new());
        for definition in definitions {
            let id = definition.entry("entry");
            let id = id.and_then(|entry| self.m.functions.get(&entry.id()).copied());
            let (Some(id), Some(scope)) = (id, definition.scope("local_scope")) else {
                return missing_node(node, "of loops that are not lowered");
            };
            functions.push(GlobalInit::Function(id));
            let values = scope.entries("var_entries");
            for (prefix, count) in [("cast_in_", taken), ("cast_out_", made)] {
                for index in 0..*count {
                    let name = format!("{prefix}{index}");
                    let found = values
                        .iter()
                        .find(|entry| entry.text("name") == Some(&name));
                    match self.numpy_type(found)? {
                        Some(kind) => kinds.push(GlobalInit::Int(kind)),
                        None => return missing_node(node, "of a type that NumPy lacks"),
                    }
                }
            }
        }
        self.at(node);
        let nothing = vec![GlobalInit::Zero; *loops];
        let functions = self.array_of("functions", Type::Ptr, functions);
        let data = self.array_of("data", Type::Ptr, nothing);
        let kinds = self.array_of("types", Type::Int(8), kinds);
        let counts = [loops, taken, made].map(|count| self.int(*count as i128, 32));
        let name = self.text(name.trim_matches('"'));
        let doc = self.documentation(node, doc);
        let args = [
            functions, data, kinds, counts[0], counts[1], counts[2], name, doc,
        ];
        self.rt_object("cyl_ufunc_new", "pppiiipp:O", &args)
    }

    /// The definitions of the loops, which stand before the statement that makes the object.
    fn loops_before(&self, call: Node<'t>, count: usize) -> Option<Vec<Node<'t>>> {
        let makes = |stat: &Node<'t>| stat.node("rhs").is_some_and(|rhs| rhs.id() == call.id());
        self.m.tree.nodes().find_map(|list| {
            let stats = list.nodes("stats");
            let end = stats.iter().position(makes)?;
            let found = stats.get(end.checked_sub(count)?..end)?;
            found
                .iter()
                .all(|stat| stat.kind() == "CFuncDefNode")
                .then(|| found.to_vec())
        })
    }

    /// NumPy's number for the type of a variable.
    fn numpy_type(&mut self, entry: Option<&Entry<'t>>) -> Result<Option<i128>> {
        let Some(ty) = entry.and_then(|entry| entry.ty("type")) else {
            return Ok(None);
        };
        if types::resolve(ty).flag("is_complex") {
            let part = types::resolve(ty).ty("real_type");
            let part = part.map(|part| self.c_type(part)).transpose()?;
            return Ok(part.and_then(|part| float_number(&part)).map(|it| it + 3));
        }
        Ok(match self.c_type(ty)? {
            Type::Object => Some(OBJECT),
            Type::Int(bits) => {
                let unsigned = i128::from(types::unsigned(ty));
                let signed = match bits {
                    8 => Some(1),
                    16 => Some(3),
                    32 => Some(5),
                    64 => Some(7),
                    _ => None,
                };
                signed.map(|number| number + unsigned)
            }
            other => float_number(&other),
        })
    }

    /// The address of an array that NumPy keeps.
    fn array_of(&mut self, name: &str, item: Type, items: Vec<GlobalInit>) -> Value {
        let id = self.m.mir.add_global(Global {
            name: format!("ufunc.{name}.{}", self.m.mir.globals.len()),
            ty: Type::Array(Box::new(item), items.len() as u64),
            init: GlobalInit::List(items),
            constant: false,
            linkage: Linkage::Internal,
        });
        self.op(Op::GlobalAddr(id))
    }

    /// The text of a literal of C, or null.
    fn documentation(&mut self, node: Node<'t>, literal: &str) -> Value {
        if literal == "NULL" {
            return self.null();
        }
        let text = format!("const char *@(void) {{ return {literal}; }}");
        let symbol = self.m.shims.function(self.m.tree, &text, node.position());
        let callee = Callee::Extern(self.m.mir.declare(&symbol, Signature::new([], Type::Ptr)));
        self.op(Op::Call(callee, Vec::new()))
    }
}

/// `NPY_FLOAT`, `NPY_DOUBLE` and `NPY_LONGDOUBLE`; complex numbers of them are three on.
fn float_number(ty: &Type) -> Option<i128> {
    match ty {
        Type::F32 => Some(11),
        Type::F64 => Some(12),
        Type::F80 => Some(13),
        _ => None,
    }
}
