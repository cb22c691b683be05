//! Globals and declarations.

use inkwell::GlobalVisibility;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::module::Linkage as LlvmLinkage;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValueEnum, FunctionValue, GlobalValue, PointerValue};

use super::{EmitError, Emitter, External};
use crate::incremental::Code;
use crate::mir::{ExternId, FuncId, Function, GlobalId, GlobalInit, Linkage};

impl<'ctx> Emitter<'ctx, '_> {
    /// Declares what the module defines, and where there is no plan all the rest.
    pub(super) fn declare(&self) {
        for index in 0..self.globals.len() {
            if self.plan.is_none_or(|plan| plan.defined[index]) {
                self.global(GlobalId(index as u32));
            }
        }
        for index in 0..self.functions.len() {
            if self.has_body(index) {
                self.function(FuncId(index as u32));
            }
        }
        if self.plan.is_none() {
            for index in 0..self.externs.len() {
                self.extern_(ExternId(index as u32));
            }
        }
    }

    /// A global of the module's.
    pub(super) fn global(&self, id: GlobalId) -> Option<GlobalValue<'ctx>> {
        let cell = self.globals.get(id.0 as usize)?;
        Some(*cell.get_or_init(|| self.declare_global(id.0 as usize)))
    }

    /// A function of the module's.
    pub(super) fn function(&self, id: FuncId) -> Option<FunctionValue<'ctx>> {
        let cell = self.functions.get(id.0 as usize)?;
        Some(*cell.get_or_init(|| self.declare_function(id.0 as usize)))
    }

    /// Something that the module does not define.
    pub(super) fn extern_(&self, id: ExternId) -> Option<External<'ctx>> {
        let cell = self.externs.get(id.0 as usize)?;
        Some(*cell.get_or_init(|| self.declare_extern(id.0 as usize)))
    }

    fn declare_global(&self, index: usize) -> GlobalValue<'ctx> {
        let item = &self.mir.globals[index];
        let name = self.plan.map_or(&item.name, |plan| &plan.globals[index]);
        if let Some(same) = self.plan.and_then(|_| self.llvm.get_global(name)) {
            return same;
        }
        let ty = self.ty(&item.ty).unwrap_or_else(|| self.ptr().into());
        let global = self.llvm.add_global(ty, None, name);
        match self.plan {
            None => global.set_linkage(Self::linkage(item.linkage)),
            Some(plan) => shared(global, item.linkage, plan.defined[index]),
        }
        global.set_constant(item.constant);
        // Constants are nobody else's, and equal ones may be one.
        if self.plan.is_none() && item.constant && item.linkage == Linkage::Internal {
            super::objects::private(global, true);
        }
        global
    }

    fn declare_function(&self, index: usize) -> FunctionValue<'ctx> {
        let item = &self.mir.functions[index];
        let name = self.plan.map_or(&item.name, |plan| &plan.functions[index]);
        let linkage = self.plan.is_none().then(|| Self::linkage(item.linkage));
        let ty = self.function_type(&item.signature);
        let function = self.llvm.add_function(name, ty, linkage);
        if let Some(plan) = self.plan {
            let global = function.as_global_value();
            shared(global, item.linkage, plan.code[index] == Code::Here);
            if plan.code[index] == Code::Along {
                global.set_linkage(LlvmLinkage::AvailableExternally);
            }
        }
        self.convention(&item.signature)
            .mark_function(self, function);
        self.add_attribute(function, "nounwind");
        if item.cold {
            self.add_attribute(function, "cold");
            self.add_attribute(function, "noinline");
        }
        if quickly_compiled(item) {
            self.add_attribute(function, "optnone");
        }
        function
    }

    fn declare_extern(&self, index: usize) -> External<'ctx> {
        let item = &self.mir.externs[index];
        let Some(signature) = &item.signature else {
            let global = self.llvm.get_global(&item.name).unwrap_or_else(|| {
                let global = self.llvm.add_global(self.ptr(), None, &item.name);
                global.set_visibility(GlobalVisibility::Default);
                global
            });
            return External::Data(global);
        };
        let ty = self.function_type(signature);
        let known = self.llvm.get_function(&item.name);
        let function = known.unwrap_or_else(|| self.llvm.add_function(&item.name, ty, None));
        // The emitter itself may have needed it before.
        if function.get_type() == ty {
            self.convention(signature).mark_function(self, function);
            self.add_attribute(function, "nounwind");
            if crate::gpu::of_libm(&item.name) {
                self.mark_libm(function, &item.name);
            }
        }
        External::Function(function)
    }

    /// A function of libm: called without the jump through a stub, which is 3 % of a sine, and for its
    /// value alone, so that a square root is one instruction.  `lgamma` has `signgam` to set.
    fn mark_libm(&self, function: FunctionValue<'ctx>, name: &str) {
        self.add_attribute(function, "nonlazybind");
        if !self.mir.asks_errno && !name.starts_with("lgamma") {
            self.add_attribute(function, "willreturn");
            // The number of `memory(none)` is 0.
            self.add_attribute(function, "memory");
        }
    }

    pub(super) fn add_attribute(&self, function: FunctionValue<'ctx>, name: &str) {
        let kind = Attribute::get_named_enum_kind_id(name);
        function.add_attribute(
            AttributeLoc::Function,
            self.context.create_enum_attribute(kind, 0),
        );
    }

    pub(super) fn external(&self, id: ExternId) -> Option<FunctionValue<'ctx>> {
        match self.extern_(id)? {
            External::Function(function) => Some(function),
            External::Data(_) => None,
        }
    }

    /// The address of something that the module does not define.
    pub(super) fn external_address(&self, id: ExternId) -> Option<PointerValue<'ctx>> {
        Some(match self.extern_(id)? {
            External::Function(function) => function.as_global_value().as_pointer_value(),
            External::Data(global) => global.as_pointer_value(),
        })
    }

    pub(super) fn define_globals(&self) -> Result<(), EmitError> {
        for (index, item) in self.mir.globals.iter().enumerate() {
            if self.plan.is_some_and(|plan| !plan.defined[index]) {
                continue;
            }
            let (Some(ty), Some(global)) = (self.ty(&item.ty), self.global(GlobalId(index as u32)))
            else {
                continue;
            };
            let value = self
                .initial(&item.init, ty)
                .ok_or_else(|| EmitError::Malformed {
                    function: item.name.clone(),
                    message: "the initial value does not fit the type".to_owned(),
                })?;
            global.set_initializer(&value);
        }
        Ok(())
    }

    fn initial(&self, init: &GlobalInit, ty: BasicTypeEnum<'ctx>) -> Option<BasicValueEnum<'ctx>> {
        Some(match init {
            GlobalInit::Zero => ty.const_zero(),
            GlobalInit::Bytes(bytes) => self.context.const_string(bytes, false).into(),
            GlobalInit::Int(value) => match ty {
                BasicTypeEnum::IntType(ty) => ty.const_int(*value as u64, false).into(),
                _ => return None,
            },
            GlobalInit::Float(value) => match ty {
                BasicTypeEnum::FloatType(ty) => ty.const_float(*value).into(),
                _ => return None,
            },
            GlobalInit::ObjectSlot(id) => {
                let index = self.place(*id);
                // SAFETY: the index is below the table's length: ids come from the module's table.
                unsafe {
                    self.slots?
                        .as_pointer_value()
                        .const_in_bounds_gep(self.ptr(), &[index])
                }
                .into()
            }
            GlobalInit::Function(id) => self
                .function(*id)?
                .as_global_value()
                .as_pointer_value()
                .into(),
            GlobalInit::Global(id) => self.global(*id)?.as_pointer_value().into(),
            GlobalInit::Extern(id) => self.external_address(*id)?.into(),
            GlobalInit::List(items) => match ty {
                BasicTypeEnum::StructType(ty) => {
                    let fields = ty.get_field_types();
                    let values: Option<Vec<_>> = items
                        .iter()
                        .zip(fields)
                        .map(|(item, field)| self.initial(item, field))
                        .collect();
                    ty.const_named_struct(&values?).into()
                }
                BasicTypeEnum::ArrayType(ty) => {
                    let item_type = ty.get_element_type();
                    let values: Option<Vec<_>> = items
                        .iter()
                        .map(|item| self.initial(item, item_type))
                        .collect();
                    const_array(item_type, &values?)?
                }
                _ => return None,
            },
        })
    }
}

/// What other objects of the same module may define, and refer to.
pub(super) fn shared(global: GlobalValue<'_>, linkage: Linkage, defined: bool) {
    if linkage == Linkage::Internal {
        global.set_visibility(GlobalVisibility::Hidden);
    }
    global.set_linkage(if defined {
        LlvmLinkage::WeakODR
    } else {
        LlvmLinkage::External
    });
}

fn const_array<'ctx>(
    item: BasicTypeEnum<'ctx>,
    values: &[BasicValueEnum<'ctx>],
) -> Option<BasicValueEnum<'ctx>> {
    macro_rules! array {
        ($ty:expr, $into:ident) => {{
            let items: Vec<_> = values.iter().map(|value| value.$into()).collect();
            $ty.const_array(&items).into()
        }};
    }
    Some(match item {
        BasicTypeEnum::IntType(ty) => array!(ty, into_int_value),
        BasicTypeEnum::FloatType(ty) => array!(ty, into_float_value),
        BasicTypeEnum::PointerType(ty) => array!(ty, into_pointer_value),
        BasicTypeEnum::StructType(ty) => array!(ty, into_struct_value),
        BasicTypeEnum::ArrayType(ty) => array!(ty, into_array_value),
        _ => return None,
    })
}

/// Whether optimising a function takes longer than running it as it is.
pub(super) fn quickly_compiled(function: &Function) -> bool {
    function.cold && !function.has_loop()
}

#[cfg(test)]
mod tests {
    use crate::OwnedModule;
    use crate::emit::EmitOptions;

    fn emitted(body: &str) -> String {
        let text = format!("module m\n\nfunc @f(object, i1) -> void cold {{\n{body}\n}}\n");
        let mir = crate::mir::parse(&text).expect("text");
        let mut module =
            OwnedModule::from_mir(&mir, EmitOptions::default(), None).expect("emitted");
        module.text().expect("text")
    }

    #[test]
    fn what_runs_once_is_compiled_as_it_is() {
        let release = "  %0: object = param 0\n  %1: owned object = incref %0\n";
        let straight = emitted(&format!(
            "bb0:\n{release}  %2: i1 = param 1\n  branch %2 bb1 bb2\nbb1:\n  decref %1\n  return\n\
             bb2:\n  decref %1\n  jump bb3\nbb3:\n  return"
        ));
        assert!(straight.contains("optnone"), "{straight}");
        assert!(
            straight.contains("call void @cyl_hold") && straight.contains("call void @cyl_release")
        );
    }

    #[test]
    fn loops_are_optimised_wherever_they_are() {
        let around = emitted(
            "bb0:\n  %0: object = param 0\n  %1: i1 = param 1\n  jump bb1\nbb1:\n  \
             %2: owned object = incref %0\n  decref %2\n  branch %1 bb1 bb2\nbb2:\n  return",
        );
        assert!(
            around.contains("cold") && !around.contains("optnone"),
            "{around}"
        );
        assert!(!around.contains("cyl_release"));
    }
}
