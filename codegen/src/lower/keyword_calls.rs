//! Calls of Python callables without an argument tuple: positional arguments in an array, keywords by
//! name or in a dictionary.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{ObjectConstant, ObjectId, Op, Value};

impl<'t> Body<'_, 't> {
    /// `PyMethodCallNode`: `object.name(...)` or a call of what may be a method.
    pub(super) fn lower_method_call(&mut self, node: Node<'t>) -> Result<Value> {
        let function = node.child("function")?;
        let tuple = node.child("arg_tuple")?;
        if tuple.kind() != "TupleNode" {
            return missing_node(node, "with an argument tuple");
        }
        let attribute = node.flag("use_method_vectorcall")
            && function.kind() == "AttributeNode"
            && !function.flag("is_special_lookup");
        let mut args = Vec::new();
        let head = if attribute {
            let object = self.expr(function.child("obj")?)?;
            args.push(object);
            None
        } else {
            Some(self.expr(function)?)
        };
        args.extend(self.expr_list(tuple.nodes("args"))?);
        let positional = args.len();
        if let Some(keywords) = node.node("kwdict") {
            let Some(callee) = head else {
                return missing_node(node, "of a method, with a keyword dictionary");
            };
            return self.call_with_dictionary(node, callee, &args, keywords);
        }
        let names_of = node.nodes("kwnames");
        let (names, keys) = if names_of.is_empty() {
            (None, Vec::new())
        } else {
            let (names, keys) = self.keyword_names(node, &names_of, &mut args)?;
            (Some(names), keys)
        };
        self.at(node);
        let (callee, result) = match head {
            Some(callee) => {
                let result = self.call_object(Some(function), callee, &args, positional, names)?;
                (callee, result)
            }
            None => {
                let array = self.argument_array(&args);
                let count = self.vector_count(positional);
                let name = self.name(function.text("attribute").unwrap_or_default());
                let given = match names {
                    Some(names) => names,
                    None => self.null_object(),
                };
                let call = [name, array, count, given];
                let result = self.rt_object("PyObject_VectorcallMethod", "oplo:O", &call)?;
                (name, result)
            }
        };
        if let Some(names) = names {
            self.release(names);
        }
        // The object whose method it is comes last, as what is called does.
        let (object, args) = args.split_at(usize::from(attribute));
        self.release_under(result, args);
        self.release_under(result, &keys);
        self.release_under(result, object);
        self.release(callee);
        Ok(result)
    }

    /// The tuple of keyword names, with the values appended to the arguments; and the keys that were
    /// computed, which are to be released.
    fn keyword_names(
        &mut self,
        node: Node<'t>,
        names: &[Node<'t>],
        args: &mut Vec<Value>,
    ) -> Result<(Value, Vec<Value>)> {
        let values = node.nodes("kwvalues");
        let constants: Option<Vec<ObjectId>> =
            names.iter().map(|name| self.constant_name(*name)).collect();
        if let Some(ids) = constants {
            let id = self.m.mir.object(ObjectConstant::Tuple(ids));
            args.extend(self.expr_list(values)?);
            return Ok((self.op(Op::Object(id)), Vec::new()));
        }
        let keys = self.expr_list(names.to_vec())?;
        for (name, key) in names.iter().zip(&keys) {
            self.results.insert(name.id(), *key);
        }
        args.extend(self.expr_list(values)?);
        let tuple = self.expr(node.child("kwnames_tuple")?)?;
        self.at(node);
        for (index, name) in names.iter().enumerate() {
            if self.constant_name(*name).is_none() {
                let index = self.int(index as i128, 64);
                let short = "ol:i";
                self.rt_status(
                    "__Pyx_CheckVectorcallKwarg",
                    short,
                    &[tuple, index],
                    NEGATIVE,
                )?;
            }
        }
        Ok((tuple, keys))
    }

    /// `f(1, x=2)` of a callable that is no method: what Cython has in its tree as a tuple and a dictionary,
    /// which nothing needs where all names are literals.
    pub(super) fn call_with_displays(&mut self, node: Node<'t>) -> Result<Option<Value>> {
        let (positional, keywords) = (node.child("positional_args")?, node.child("keyword_args")?);
        if positional.kind() != "TupleNode"
            || positional.node("mult_factor").is_some()
            || keywords.kind() != "DictNode"
            || keywords.flag("exclude_null_values")
        {
            return Ok(None);
        }
        let mut ids = Vec::new();
        let mut values = Vec::new();
        for item in keywords.nodes("key_value_pairs") {
            match self.constant_name(item.child("key")?) {
                Some(id) if !ids.contains(&id) => ids.push(id),
                _ => return Ok(None),
            }
            values.push(item.child("value")?);
        }
        if ids.is_empty() {
            return Ok(None);
        }
        let function = node.child("function")?;
        let callee = self.expr(function)?;
        let mut args = self.expr_list(positional.nodes("args"))?;
        let count = args.len();
        args.extend(self.expr_list(values)?);
        let id = self.m.mir.object(ObjectConstant::Tuple(ids));
        let names = self.op(Op::Object(id));
        self.at(node);
        let result = self.call_counted(Some(function), callee, &args, count, Some(names))?;
        let (positional, named) = args.split_at(count);
        self.release_called(callee, positional, named);
        Ok(Some(result))
    }

    /// A keyword's name where it is a literal.
    fn constant_name(&mut self, name: Node<'t>) -> Option<ObjectId> {
        let text = matches!(name.kind(), "UnicodeNode" | "IdentifierStringNode");
        match name.attr("value") {
            Some(Attr::Str(value)) if text => Some(self.m.name(value)),
            _ => None,
        }
    }

    /// A call with positional arguments and a dictionary of keywords.
    fn call_with_dictionary(
        &mut self,
        node: Node<'t>,
        callee: Value,
        args: &[Value],
        keywords: Node<'t>,
    ) -> Result<Value> {
        let dictionary = self.expr(keywords)?;
        let array = self.argument_array(args);
        let count = self.vector_count(args.len());
        self.at(node);
        let call = [callee, array, count, dictionary];
        let result = self.rt_object("__Pyx_PyObject_FastCallDict", "oplo:O", &call)?;
        self.release(dictionary);
        self.release_under(result, args);
        self.release(callee);
        Ok(result)
    }
}
