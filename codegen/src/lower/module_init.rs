//! What the import system calls: `PyInit_name`, the module's definition, its execution.

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::{Context, missing};
use super::functions::ErrorReturn;
use crate::mir::{
    Callee, FuncId, Function, Global, GlobalInit, Linkage, Op, Raises, Signature, Type,
};

/// Slots of a module definition (PEP 489).
const CREATE: i128 = 1;
const EXEC: i128 = 2;

impl<'t> Context<'t> {
    /// The module's body and what starts it.
    pub fn lower_module(&mut self) -> Result<()> {
        if let Err(error) = self.declare_cimports() {
            self.note(error)?;
        }
        let exec = self.lower_exec()?;
        self.define_module(exec)
    }

    fn lower_exec(&mut self) -> Result<FuncId> {
        let root = self.tree.root();
        let name = self.tree.module_name();
        let name = name.strip_suffix(".__init__").unwrap_or(name).to_owned();
        let mut function = Function::new(
            "module.exec",
            Linkage::Internal,
            Signature::new([Type::Object], Type::I32),
        );
        function.cold = true;
        function.source = Some((0, 1));
        let mut body = Body::new(self, function, &format!("init {name}"));
        body.tells_lines_of(root);
        body.b.line = 1;
        if let Some(scope) = root.scope("scope") {
            body.directives.push(scope.map("directives"));
            body.choose_float_math();
        }
        let module = body.op(Op::Param(0));
        let (object, dict) = (body.m.module_object, body.m.module_dict);
        let object = body.op(Op::GlobalAddr(object));
        let dict = body.op(Op::GlobalAddr(dict));
        let known = body.rt_status(
            "cyl_module_begin",
            "opp:i",
            &[module, object, dict],
            NEGATIVE,
        )?;
        let (again, go_on) = (body.b.cold_block(), body.b.block());
        let known = body.truth(known)?;
        body.b.branch(known, again, go_on);
        body.b.switch_to(again);
        let zero = body.int(0, 32);
        body.b.end(crate::mir::Terminator::Return(Some(zero)));
        body.b.switch_to(go_on);
        let status = body.op(Op::InitObjects);
        body.checked(status, Raises::Negative)?;
        body.variables_are_none(root)?;
        body.make_global_locks()?;
        body.module_docstring(root)?;
        body.export_declared()?;
        body.fetch_shared_functions()?;
        body.make_classes()?;
        body.fetch_shared_types()?;
        body.fetch_cimports()?;
        let traced = body.m.traced(root.scope("scope"));
        if traced {
            let last = name.rsplit('.').next().unwrap_or(&name);
            body.prepare_trace(root);
            body.start_trace(root, &format!("PyInit_{last}"), false)?;
        }
        body.stat(root.child("body")?)?;
        if traced {
            body.trace_return()?;
            body.end_trace()?;
            body.trace = None;
        }
        body.wrap_declared()?;
        body.wrap_constants()?;
        if let Some(local) = body.returned {
            let zero = body.int(0, 32);
            body.b.effect(Op::Set(local, zero));
        }
        body.finish(ErrorReturn::Module)?;
        let function = body.b.finish();
        Ok(self.mir.add_function(function))
    }

    /// Where the user has a module for memoryview code, the run-time library takes it from there: it
    /// looks for this symbol where it is linked into the library.
    fn name_shared_utility(&mut self) {
        let Some(name) = super::shared_utility::named_by_user(self.tree) else {
            return;
        };
        let id = self.c_string(name.as_bytes());
        let text = &mut self.mir.globals[id.0 as usize];
        text.name = "cyl_shared_utility".to_owned();
        text.linkage = Linkage::External;
    }

    fn define_module(&mut self, exec: FuncId) -> Result<()> {
        self.name_shared_utility();
        let full = self.tree.module_name();
        let full = full.strip_suffix(".__init__").unwrap_or(full);
        let last = full.rsplit('.').next().unwrap_or(full).to_owned();
        if !last.is_ascii() {
            return missing("module name beyond ASCII", None);
        }
        let signature = Signature::new([Type::Object, Type::Ptr], Type::Object);
        let create = self.mir.declare("cyl_module_create", signature);
        let slot = self
            .mir
            .structure("PyModuleDef_Slot", || vec![Type::I32, Type::Ptr]);
        let slots = GlobalInit::List(vec![
            GlobalInit::List(vec![GlobalInit::Int(CREATE), GlobalInit::Extern(create)]),
            GlobalInit::List(vec![GlobalInit::Int(EXEC), GlobalInit::Function(exec)]),
            GlobalInit::List(vec![GlobalInit::Int(0), GlobalInit::Zero]),
        ]);
        let ty = Type::Array(Box::new(Type::Struct(slot)), 3);
        let slots = self.mir.add_global(internal("module.slots", ty, slots));
        let text = self.c_string(last.as_bytes());
        // cpdef functions without binding, which no statement assigns.
        let methods = match self.tree.root().scope("scope") {
            Some(scope) => self.method_table(scope, None)?,
            None => GlobalInit::Zero,
        };
        // PyModuleDef: head (count, type), m_init, m_index, m_copy; name, doc, size, methods, slots,
        // traverse, clear, free.  Then, for the run-time library, the place of the module object.
        let def = self.mir.structure("cyl_module_def", || {
            let mut fields = vec![Type::I64, Type::Ptr, Type::Ptr, Type::I64, Type::Ptr];
            fields.extend([Type::Ptr, Type::Ptr, Type::I64, Type::Ptr, Type::Ptr]);
            fields.extend([Type::Ptr, Type::Ptr, Type::Ptr, Type::Ptr]);
            fields
        });
        let mut init = vec![GlobalInit::Int(1)];
        init.extend(std::iter::repeat_n(GlobalInit::Zero, 4));
        init.push(GlobalInit::Global(text));
        init.extend([GlobalInit::Zero, GlobalInit::Zero, methods]);
        init.push(GlobalInit::Global(slots));
        init.extend(std::iter::repeat_n(GlobalInit::Zero, 3));
        init.push(GlobalInit::Global(self.module_object));
        let ty = Type::Struct(def);
        let def = self
            .mir
            .add_global(internal("module.def", ty, GlobalInit::List(init)));
        let mut function = Function::new(
            &format!("PyInit_{last}"),
            Linkage::External,
            Signature::new([], Type::Object),
        );
        function.cold = true;
        let mut b = crate::mir::Builder::new(function);
        let address = b.value(&self.mir, Op::GlobalAddr(def));
        let init = self.mir.declare(
            "PyModuleDef_Init",
            Signature::new([Type::Ptr], Type::Object),
        );
        let result = b.call(&self.mir, Callee::Extern(init), vec![address]);
        b.end(crate::mir::Terminator::Return(result));
        let function = b.finish();
        self.mir.add_function(function);
        Ok(())
    }
}

impl<'t> Body<'_, 't> {
    /// The module's C variables of object types are None until something is assigned to them.
    fn variables_are_none(&mut self, root: frontend_bridge::tree::Node<'t>) -> Result<()> {
        let Some(scope) = root.scope("scope") else {
            return Ok(());
        };
        for entry in scope.entries("var_entries") {
            let object = entry.ty("type").is_some_and(|ty| ty.flag("is_pyobject"));
            let own = entry.flag("is_cglobal") && entry.scope("scope") == Some(scope);
            let other = entry.flag("is_pyglobal") || entry.flag("is_cclass_var_entry");
            let external = entry.text("visibility") == Some("extern");
            if !object || !own || other || external || !entry.flag("used") {
                continue;
            }
            let global = self.m.global_of(entry)?;
            let address = self.op(Op::GlobalAddr(global));
            let none = self.none();
            self.store(address, none);
        }
        Ok(())
    }

    fn module_docstring(&mut self, root: frontend_bridge::tree::Node<'t>) -> Result<()> {
        use frontend_bridge::tree::Value as Attr;
        let data = match root.attr("doc") {
            Some(Attr::Str(text)) => text.as_bytes().to_vec(),
            Some(Attr::WideStr(bytes)) => bytes.clone(),
            _ => return Ok(()),
        };
        let id = self.m.mir.object(crate::mir::ObjectConstant::Str {
            data,
            interned: false,
        });
        let doc = self.op(Op::Object(id));
        self.set_global("__doc__", doc)
    }
}

fn internal(name: &str, ty: Type, init: GlobalInit) -> Global {
    Global {
        name: name.to_owned(),
        ty,
        init,
        constant: false,
        linkage: Linkage::Internal,
    }
}
