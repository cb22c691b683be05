//! Statements: the table from Cython's node classes to lowering functions.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::cleanup::Exit;
use super::context::missing_node;
use super::error::LowerError;
use super::line_marks::When;

impl<'t> Body<'_, 't> {
    /// Lowers a statement.  What is missing is noted, and lowering goes on behind it, so that all of
    /// it is found in one go.
    pub(super) fn stat(&mut self, node: Node<'t>) -> Result<()> {
        let temps = self.temps.clone();
        let (frames, handlers) = (self.frames.len(), self.handlers.len());
        let directives = self.directives.len();
        let gil = self.gil;
        match self.stat_with_lines(node) {
            Err(LowerError::Missing(missing)) => {
                let position = missing.position.or_else(|| node.position());
                self.m.missing.push(super::Missing {
                    position,
                    ..missing
                });
                self.temps = temps;
                self.frames.truncate(frames);
                self.handlers.truncate(handlers);
                self.directives.truncate(directives);
                self.gil = gil;
                Ok(())
            }
            Ok(()) if self.temps.len() != temps.len() && self.drop_kept(node, &temps) => Ok(()),
            Ok(()) if self.temps.len() != temps.len() => {
                self.temps = temps;
                self.kept.clear();
                let construct = format!("{}: an address in a temporary object", node.kind());
                self.m
                    .missing
                    .push(super::Missing::new(construct, node.position()));
                Ok(())
            }
            other => other,
        }
    }

    fn stat_with_lines(&mut self, node: Node<'t>) -> Result<()> {
        self.tell_line(node, When::Start)?;
        self.stat_of(node)?;
        self.tell_line(node, When::End)
    }

    fn stat_of(&mut self, node: Node<'t>) -> Result<()> {
        self.at(node);
        match node.kind() {
            "StatListNode" | "IndirectionNode" => self.lower_list(node),
            "CompilerDirectivesNode" => self.lower_directives(node),
            "ExprStatNode" => self.lower_expr_stat(node),
            "PassStatNode" | "GlobalNode" | "NonlocalNode" => Ok(()),
            // Declarations: what they declare is in the scopes.
            "CVarDefNode" | "CStructOrUnionDefNode" | "CTypeDefNode" | "FusedTypeNode" => Ok(()),
            "CDefExternNode" => self.lower_extern_block(node),
            // What is to be fetched from the other modules is seen to at the module's start.
            "CImportStatNode" | "FromCImportStatNode"
                if node.text("module_name") == Some("numpy") =>
            {
                self.import_numpy(node)
            }
            "CImportStatNode" | "FromCImportStatNode" => Ok(()),
            "FromImportStatNode" => self.lower_from_import(node),
            "PyClassDefNode" => self.lower_class(node),
            "WithStatNode" => self.lower_with(node),
            "WithTargetAssignmentStatNode" => self.lower_with_target(node),
            "ExecStatNode" => self.lower_exec(node),
            "PrintStatNode" => {
                let call = node.child("print_function_call")?;
                self.stat(call)
            }
            "CnameDecoratorNode" => {
                let inner = node.child("node")?;
                self.stat(inner)
            }
            "CEnumDefNode" => self.lower_enum(node),
            "MatchNode" => self.lower_match(node),
            "SubstitutedIfStatListNode" => self.lower_substituted_case(node),
            "SingleAssignmentNode" => self.lower_assignment(node),
            "CascadedAssignmentNode" => self.lower_cascaded_assignment(node),
            "ParallelAssignmentNode" => self.lower_parallel_assignment(node),
            "InPlaceAssignmentNode" => self.lower_in_place(node),
            "ParallelRangeNode" => self.lower_prange(node),
            "ParallelWithBlockNode" => self.lower_parallel_block(node),
            "DelStatNode" => self.lower_del(node),
            "ReturnStatNode" => self.lower_return(node),
            "BreakStatNode" => self.leave(Exit::Break),
            "ContinueStatNode" => self.leave(Exit::Continue),
            "IfStatNode" => self.lower_if(node),
            "SwitchStatNode" => self.lower_switch(node),
            "WhileStatNode" => self.lower_while(node),
            "AsyncForStatNode" => self.lower_async_for(node),
            "ForInStatNode" => self.lower_for_in(node),
            "ForFromStatNode" => self.lower_for_from(node),
            "TempsBlockNode" => self.lower_temps_block(node),
            "DictIterationNextNode" => self.lower_dict_next(node),
            "SetIterationNextNode" => self.lower_set_next(node),
            "ComprehensionAppendNode" => self.lower_comprehension_append(node),
            "DictComprehensionAppendNode" => self.lower_dict_comprehension_append(node),
            "LetNode" => self.lower_let(node),
            "RaiseStatNode" => self.lower_raise(node),
            "ReraiseStatNode" => self.lower_reraise(node),
            "AssertStatNode" => self.lower_assert(node),
            "TryExceptStatNode" => self.lower_try_except(node),
            "ExceptStarChainNode" => self.lower_except_star(node),
            "StarExceptTestSetupNode" => self.lower_star_test(node),
            "StarExceptSetExceptionNode" => self.lower_star_handled(node),
            "StarExceptPrepAndReraiseNode" => self.lower_star_end(node),
            "TryFinallyStatNode" => self.lower_try_finally(node),
            "FusedCFuncDefNode" => self.lower_fused(node),
            "GILStatNode" => self.lower_gil_block(node),
            "DefNode"
            | "GeneratorDefNode"
            | "AsyncDefNode"
            | "IterableAsyncDefNode"
            | "AsyncGenNode" => self.lower_def(node),
            "CClassDefNode" => self.lower_extension_class(node),
            "PropertyNode" => match node.node("body") {
                Some(body) => self.stat(body),
                None => Ok(()),
            },
            "CriticalSectionStatNode" => self.lower_critical_section(node),
            "CythonLockStatNode" => self.lower_with_lock(node),
            "OverrideCheckNode" => self.lower_override_check(node),
            "CFuncDefNode" => self.lower_cdef(node),
            _ => missing_node(node, ""),
        }
    }

    /// Releases, at the end of a simple statement, the temporary objects whose addresses it took.
    fn drop_kept(&mut self, node: Node<'t>, before: &[crate::mir::Value]) -> bool {
        let left: Vec<_> = self
            .temps
            .iter()
            .copied()
            .filter(|temp| !before.contains(temp))
            .collect();
        let simple = matches!(node.kind(), "SingleAssignmentNode" | "ExprStatNode");
        let kept = left
            .iter()
            .all(|temp| self.kept.values().any(|object| object == temp));
        if !simple || !kept || self.temps.len() != before.len() + left.len() {
            return false;
        }
        for temp in left.into_iter().rev() {
            self.kept.retain(|_, object| *object != temp);
            self.release(temp);
        }
        true
    }

    /// A function that nothing calls: declared only, never reached.
    pub(super) fn leave_out(&mut self, node: Node<'t>) {
        let id = node
            .entry("entry")
            .and_then(|entry| self.m.functions.get(&entry.id()).copied());
        if let Some(id) = id {
            let declared = self.m.mir.functions[id.0 as usize].clone();
            self.m.mir.functions[id.0 as usize] = crate::mir::Builder::new(declared).finish();
        }
    }

    fn lower_list(&mut self, node: Node<'t>) -> Result<()> {
        node.nodes("stats")
            .into_iter()
            .try_for_each(|stat| self.stat(stat))
    }

    fn lower_directives(&mut self, node: Node<'t>) -> Result<()> {
        self.directives.push(node.map("directives"));
        let done = node
            .child("body")
            .map_err(LowerError::from)
            .and_then(|body| self.stat(body));
        self.directives.pop();
        done
    }

    fn lower_expr_stat(&mut self, node: Node<'t>) -> Result<()> {
        let mut expr = node.child("expr")?;
        if expr.kind() == "AttributeNode" {
            // A C method of a built-in type, which nothing calls: only its object is evaluated.
            let method = expr
                .entry("entry")
                .is_some_and(|entry| entry.flag("is_cmethod") && entry.flag("is_cfunction"));
            if method && expr.child("obj")?.expr_type()?.flag("is_builtin_type") {
                expr = expr.child("obj")?;
            }
        }
        self.statement = Some(expr.id());
        let value = self.expr(expr)?;
        self.release(value);
        Ok(())
    }
}
