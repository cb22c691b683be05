//! Expressions: the table from Cython's node classes to lowering functions.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::line_marks::When;
use super::memview::is_slice;
use crate::mir::{CastOp, Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// Lowers an expression; an owned result is among the temporaries.  What the expression is part
    /// of goes on at the line where it was: errors are reported at the line of the part that raises.
    pub(super) fn expr(&mut self, node: Node<'t>) -> Result<Value> {
        let line = self.b.line;
        self.at(node);
        let value = self.expr_with_lines(node);
        self.b.line = line;
        value
    }

    fn expr_with_lines(&mut self, node: Node<'t>) -> Result<Value> {
        self.tell_line(node, When::Start)?;
        let value = if is_slice(node) {
            self.slice_expr(node)?
        } else {
            self.plain_expr(node)?
        };
        self.tell_line(node, When::End)?;
        Ok(value)
    }

    /// Lowers an expression by its class alone.
    pub(super) fn plain_expr(&mut self, node: Node<'t>) -> Result<Value> {
        match node.kind() {
            "NoneNode" => Ok(self.none()),
            "BoolNode" => self.lower_bool(node),
            "IntNode" => self.lower_int(node),
            "FloatNode" => self.lower_float(node),
            "CharNode" => self.lower_char(node),
            "BytesNode" => self.lower_bytes(node),
            "UnicodeNode" | "IdentifierStringNode" | "StringNode" => self.lower_unicode(node),
            "ImagNode" => self.lower_imaginary(node),
            "EllipsisNode" => Ok(self.symbol_object("_Py_EllipsisObject")),
            "NullNode" => Ok(self.null()),
            "NameNode" => self.lower_name(node),
            "AttributeNode" => self.lower_attribute(node),
            "IndexNode" => self.lower_index(node),
            "CythonArrayNode" => self.lower_cython_array(node),
            "ParallelThreadIdNode" => self.lower_thread_number(node),
            "MemoryViewIndexNode" => self.lower_memview_index(node),
            "BufferIndexNode" => self.lower_buffer_index(node),
            "SliceIndexNode" => self.lower_slice_index(node),
            "SliceNode" => self.lower_slice(node),
            "TupleNode" | "DefaultsTupleNode" => self.lower_tuple(node),
            "ListNode" => self.lower_list_display(node),
            "SetNode" => self.lower_set_display(node),
            "DictNode" | "DefaultsKwDictNode" => self.lower_dict_display(node),
            "FrozenSetNode" | "FrozenSetFromArrayNode" => self.lower_frozenset(node),
            "SortedListNode" => self.lower_sorted_list(node),
            "SortedDictKeysNode" => self.lower_sorted_keys(node),
            "AsTupleNode" => self.lower_as_tuple(node),
            "MergedDictNode" => self.lower_merged_dict(node),
            "MergedSequenceNode" => self.lower_merged_sequence(node),
            "JoinedStrNode" => self.lower_joined_str(node),
            "TemplateStringNode" => self.lower_template_string(node),
            "TStringInterpolationNode" => self.lower_interpolation(node),
            "FormattedValueNode" => self.lower_formatted_value(node),
            "ComprehensionNode" => self.lower_comprehension(node),
            "NextNode" | "PyTempNode" => self.lower_handed_over(node),
            "TempNode" if self.results.contains_key(&node.id()) => self.lower_handed_over(node),
            "AmpersandNode"
                if node
                    .node("operand")
                    .is_some_and(|of| of.kind() == "TempRefNode") =>
            {
                self.temp_ref_address(node.child("operand")?)
            }
            "AmpersandNode"
                if node
                    .node("operand")
                    .is_some_and(|of| of.kind() == "AssignableTempNode") =>
            {
                self.match_temp_address(node.child("operand")?)
            }
            "TempRefNode" => self.lower_temp_ref(node),
            "TempResultFromStatNode" => self.lower_temp_result(node),
            "AddNode" | "SubNode" | "MulNode" | "IntBinopNode" | "BitwiseOrNode" => {
                self.lower_binary(node)
            }
            "DivNode" | "ModNode" => self.lower_division(node),
            "PowNode" => self.lower_power(node),
            "MatMultNode" => self.lower_binary(node),
            "UnaryMinusNode" | "UnaryPlusNode" | "TildeNode" => self.lower_unary(node),
            "NotNode" => self.lower_not(node),
            "BackquoteNode" => {
                let arg = self.expr(node.child("arg")?)?;
                let text = self.rt_object("PyObject_Repr", "o:O", &[arg])?;
                self.release(arg);
                Ok(text)
            }
            "PrimaryCmpNode" | "MatchValuePrimaryCmpNode" => self.lower_comparison(node),
            "BoolBinopNode" => self.lower_bool_binop(node),
            "BoolBinopResultNode" => self.lower_bool_binop_result(node),
            "CondExprNode" => self.lower_conditional(node),
            "CoerceToPyTypeNode" => self.lower_to_python(node),
            "CoerceIntToBytesNode" => self.lower_int_to_bytes(node),
            "CoerceCStringToBooleanNode" => self.lower_c_string_truth(node),
            "CoerceFromPyTypeNode" => self.lower_from_python(node),
            "CoerceToBooleanNode" => self.lower_to_boolean(node),
            "CoerceToTempNode" => self.lower_to_temp(node),
            "CastNode" | "TypecastNode" => self.lower_cast(node),
            "PyTypeTestNode" => self.lower_type_test(node),
            "NoneCheckNode" => self.lower_none_check(node),
            "AmpersandNode" => self.lower_ampersand(node),
            "DereferenceNode" => self.lower_dereference(node),
            "DecrementIncrementNode" => self.lower_step(node),
            "SizeofTypeNode" | "SizeofVarNode" => self.lower_sizeof(node),
            "HasNoGilNode" => {
                Ok(self.int(i128::from(node.int("in_nogil_context").unwrap_or(0)), 32))
            }
            "CArrayNode" => self.lower_array_display(node),
            "CoerceToComplexNode" => self.lower_to_complex(node),
            "ProxyNode" => {
                let arg = node.child("arg")?;
                self.expr(arg)
            }
            "CompilerDirectivesExprNode" => {
                let arg = node.child("arg")?;
                self.directives.push(node.map("directives"));
                let value = self.expr(arg);
                self.directives.pop();
                value
            }
            "CloneNode" | "CMethodSelfCloneNode" => self.lower_clone(node),
            "ResultRefNode" => self.lower_result_ref(node),
            "EvalWithTempExprNode" => self.lower_eval_with_temp(node),
            "SimpleCallNode" => self.lower_simple_call(node),
            "PythonCapiCallNode" => self.lower_capi_call(node),
            "CachedBuiltinMethodCallNode" => self.lower_builtin_method(node),
            "PyMethodCallNode" => self.lower_method_call(node),
            "GeneralCallNode" => self.lower_general_call(node),
            "ImportNode" => self.lower_import(node),
            "RawCNameExprNode"
                if node
                    .text("cname")
                    .is_some_and(|name| name.starts_with("__pyx_match_")) =>
            {
                self.lower_match_array(node)
            }
            "AssignableTempNode" | "TrackTypeTempNode" => self.lower_match_temp(node),
            "EvaluateWithKeysAndSubjectsArrays" => self.lower_with_match_arrays(node),
            "RawCNameExprNode" | "ExcValueNode" => self.lower_placed(node),
            "TempNode" => self.lower_temp(node),
            "WithExitCallNode" => self.lower_with_exit(node),
            "PyClassMetaclassNode" => self.lower_metaclass(node),
            "PyClassNamespaceNode" => self.lower_class_namespace(node),
            "Py3ClassNode" => self.lower_class_object(node),
            "ClassNode" => self.lower_plain_class_object(node),
            "ClassCellNode" => self.lower_class_cell(node),
            "GlobalsExprNode" => self.lower_globals(node),
            "PyClassLocalsExprNode" => self.lower_class_locals(node),
            "FuncLocalsExprNode" => self.lower_function_locals(node),
            "AssignmentExpressionNode" => self.lower_walrus(node),
            "TypeofNode" => self.lower_typeof(node),
            "InlinedDefNodeCallNode" => self.lower_inlined_call(node),
            "DefaultNonLiteralArgNode" => self.lower_default_arg(node),
            "PyCFunctionNode" | "InnerFunctionNode" | "LambdaNode" => {
                self.lower_function_object(node)
            }
            "InlinedGeneratorExpressionNode" => self.lower_inlined_generator(node),
            "GeneratorExpressionNode" => self.lower_generator_expression(node),
            "YieldExprNode" => self.lower_yield(node),
            "YieldFromExprNode" | "AwaitExprNode" => self.lower_delegation(node),
            "AwaitIterNextExprNode" => self.lower_placed(node),
            "DefaultLiteralArgNode" => {
                let arg = node.child("arg")?;
                self.expr(arg)
            }
            _ => missing_node(node, ""),
        }
    }

    /// Lowers an expression to a truth value of one bit.
    pub(super) fn condition(&mut self, node: Node<'t>) -> Result<Value> {
        let value = self.expr(node)?;
        self.truth(value)
    }

    /// Whether a C value is not zero.
    pub(super) fn truth(&mut self, value: Value) -> Result<Value> {
        let ty = self.b.ty(value).clone();
        Ok(match ty {
            Type::Int(1) => value,
            Type::Int(bits) => {
                // Of a type of C's headers, C's value may have more bits than the type.
                let (value, bits) = self.all_bits(value, bits);
                let zero = self.int(0, bits);
                self.op(Op::Compare(crate::mir::Comparison::Ne, value, zero))
            }
            Type::F32 | Type::F64 | Type::F80 => {
                let zero = self.float(0.0, ty);
                self.op(Op::Compare(crate::mir::Comparison::FNe, value, zero))
            }
            Type::Ptr => {
                let null = self.null();
                self.op(Op::Compare(crate::mir::Comparison::Ne, value, null))
            }
            Type::Struct(_) => self.complex_truth(value)?,
            _ => return self.defect("truth of an object"),
        })
    }

    /// A truth value of one bit as C `int`.
    pub(super) fn as_int(&mut self, value: Value) -> Value {
        if *self.b.ty(value) == Type::BOOL {
            return self.op(Op::Cast(CastOp::ZExt, value, Type::I32));
        }
        value
    }

    fn lower_clone(&mut self, node: Node<'t>) -> Result<Value> {
        let mut arg = node.child("arg")?;
        while !self.results.contains_key(&arg.id()) && arg.kind() == "NoneCheckNode" {
            // Cython has found since that the value is never None, and checks it no more.
            arg = arg.child("arg")?;
        }
        if let Some(value) = self.results.get(&arg.id()).copied() {
            return Ok(self.borrow(value));
        }
        match self.node_locals.get(&arg.id()).copied() {
            Some(local) => Ok(self.op(Op::Get(local))),
            None => missing_node(node, "of a value made elsewhere"),
        }
    }

    fn lower_result_ref(&mut self, node: Node<'t>) -> Result<Value> {
        if let Some(value) = self.results.get(&node.id()).copied() {
            return Ok(self.borrow(value));
        }
        if let Some(local) = self.node_locals.get(&node.id()).copied() {
            return Ok(self.op(Op::Get(local)));
        }
        let Some(source) = node.node("expression") else {
            return missing_node(node, "without an expression");
        };
        match self.results.get(&source.id()).copied() {
            Some(value) => Ok(self.borrow(value)),
            None => missing_node(node, "of a value made elsewhere"),
        }
    }

    fn lower_eval_with_temp(&mut self, node: Node<'t>) -> Result<Value> {
        let (lazy, source) = (node.child("lazy_temp")?, node.child("temp_expression")?);
        let mut value = self.expr(source)?;
        if is_slice(source) {
            value = self.owned_slice(value, source.expr_type()?)?;
        } else {
            value = self.stored(value);
        }
        self.results.insert(lazy.id(), value);
        self.results.insert(source.id(), value);
        let mut result = self.expr(node.child("subexpression")?)?;
        if is_slice(node) {
            result = self.owned_slice(result, node.expr_type()?)?;
        } else if *self.b.ty(result) == Type::Object && !self.temps.contains(&result) {
            // It may be the temporary itself, which goes now.
            result = self.owned(result);
        }
        self.release(value);
        Ok(result)
    }

    /// `LetNode`: a statement list around a value computed once.
    pub(super) fn lower_let(&mut self, node: Node<'t>) -> Result<()> {
        let (lazy, source) = (node.child("lazy_temp")?, node.child("temp_expression")?);
        let mut value = self.expr(source)?;
        if is_slice(source) {
            value = self.owned_slice(value, source.expr_type()?)?;
        }
        if is_slice(source) {
            self.results.insert(lazy.id(), value);
            self.results.insert(source.id(), value);
            let done = self.stat(node.child("body")?);
            self.release(value);
            return done;
        }
        // The body may assign to it.
        let body = node.child("body")?;
        self.with_node_local(lazy, value, |lowering| lowering.stat(body))
    }
}
