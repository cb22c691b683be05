//! What modules share with C: public functions, variables and types, and whether C calls a function as
//! it is lowered.

use frontend_bridge::tree::{Entry, Type as TreeType, Value as Attr};

use super::Result;
use super::classes::Class;
use super::context::{Context, missing};
use super::types;
use crate::mir::{
    Builder, Callee, CastOp, FuncId, Function, Global, GlobalInit, Linkage, Op, Terminator, Type,
};

/// Whether C code of other files names something.
pub(super) fn is_public(entry: Entry<'_>) -> bool {
    entry.text("visibility") == Some("public")
}

/// Whether functions of a class's C method table are called by other modules.
pub(super) fn is_shared(class: &Class<'_>) -> bool {
    class
        .ty
        .entry("entry")
        .is_some_and(|entry| is_public(entry) || entry.flag("api") || entry.flag("defined_in_pxd"))
}

/// Whether values of a type are passed as C passes them.
fn plain(context: &Context<'_>, ty: &Type) -> bool {
    let Type::Struct(id) = ty else {
        return !matches!(ty, Type::Array(..));
    };
    let size = context.mir.size_align(ty).0;
    if size > 32 {
        return true;
    }
    // Results that are `long double` or a complex number of them are in x87's registers.
    let x87 = context
        .mir
        .scalars(ty)
        .iter()
        .any(|scalar| scalar.ty == Type::F80);
    let name = &context.mir.structs[id.0 as usize].name;
    !x87 && !context.strangers.contains(name)
}

/// The types of a C function's parameters.
pub(super) fn argument_types<'t>(ty: TreeType<'t>) -> Vec<TreeType<'t>> {
    let tree = ty.tree();
    ty.list("args")
        .iter()
        .filter_map(|value| match value {
            Attr::Type(id) => tree.ty(*id).ty("type"),
            Attr::Helper(id) => tree.helper(*id).ty("type"),
            _ => None,
        })
        .collect()
}

impl<'t> Context<'t> {
    /// Whether a C function type is passed arguments and results as C does it.
    pub(super) fn fits_c(&mut self, ty: TreeType<'t>) -> Result<bool> {
        self.fits(ty, false)
    }

    /// The same, where slices are the module's own business.
    pub(super) fn fits_c_but_slices(&mut self, ty: TreeType<'t>) -> Result<bool> {
        self.fits(ty, true)
    }

    fn fits(&mut self, ty: TreeType<'t>, slices: bool) -> Result<bool> {
        let mut all = argument_types(ty);
        all.extend(ty.ty("return_type"));
        for ty in all {
            if ty.flag("is_memoryviewslice") {
                if slices {
                    continue;
                }
                return Ok(false);
            }
            // What is called through a pointer to it.
            let inner = types::resolve(ty);
            let pointed = inner.ty("base_type").filter(|_| inner.flag("is_ptr"));
            if let Some(called) = pointed.map(types::resolve)
                && called.flag("is_cfunction")
                && !self.fits(called, slices)?
            {
                return Ok(false);
            }
            let made = self.c_type(ty, None)?;
            if !plain(self, &made) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A function as C calls it: itself, or one that extends a narrow result.
    pub(super) fn c_entry(&mut self, id: FuncId, entry: Entry<'t>) -> Result<FuncId> {
        let (Some(ty), at) = (entry.ty("type"), entry.position()) else {
            return missing("shared function without a type", entry.position());
        };
        if !self.fits_c_but_slices(ty)? {
            return missing("shared function with such structs", at);
        }
        let declared = self.mir.functions[id.0 as usize].clone();
        let result = ty.ty("return_type");
        let slices = |ty: &TreeType<'t>| ty.flag("is_memoryviewslice");
        let narrow = matches!(declared.signature.result, Type::Int(8 | 16));
        let returned = result.as_ref().is_some_and(slices);
        let taken: Vec<bool> = argument_types(ty).iter().map(slices).collect();
        if !narrow && !returned && !taken.contains(&true) {
            return Ok(id);
        }
        let slice = Type::Struct(self.slice_struct());
        let first = usize::from(returned);
        let mut signature = declared.signature.clone();
        for (param, _) in signature.params[first..]
            .iter_mut()
            .zip(&taken)
            .filter(|(_, slices)| **slices)
        {
            param.ty = slice.clone();
        }
        if returned {
            signature.params.remove(0);
            signature.result = slice.clone();
        } else if narrow {
            signature.result = Type::I32;
        }
        let count = signature.params.len() as u32;
        let mut function = Function::new(
            &format!("{}.c", declared.name),
            Linkage::Internal,
            signature,
        );
        function.gil = declared.gil;
        let mut b = Builder::new(function);
        let place = returned.then(|| b.local("returned", slice.clone()));
        let mut values: Vec<_> = place
            .iter()
            .map(|place| b.value(&self.mir, Op::LocalAddr(*place)))
            .collect();
        for index in 0..count {
            let value = b.value(&self.mir, Op::Param(index));
            if !taken.get(index as usize).is_some_and(|slices| *slices) {
                values.push(value);
                continue;
            }
            let local = b.local("slice", slice.clone());
            b.effect(Op::Set(local, value));
            values.push(b.value(&self.mir, Op::LocalAddr(local)));
        }
        let made = b.call(&self.mir, Callee::Function(id), values);
        let unsigned = result.is_some_and(types::unsigned);
        let made = match (place, made) {
            (Some(place), _) => Some(b.value(&self.mir, Op::Get(place))),
            (None, Some(made)) if narrow => {
                let how = if unsigned { CastOp::ZExt } else { CastOp::SExt };
                Some(b.value(&self.mir, Op::Cast(how, made, Type::I32)))
            }
            (None, made) => made,
        };
        b.end(Terminator::Return(made));
        Ok(self.mir.add_function(b.finish()))
    }

    /// Whether the C methods of a class are called as C calls them: other modules may do so, of it or
    /// of a class that it extends.
    pub(super) fn shares_methods(&self, ty: TreeType<'t>) -> bool {
        let mut next = Some(ty);
        while let Some(ty) = next {
            match self.classes.get(&ty.id()) {
                Some(class) if is_shared(class) => return true,
                Some(_) => next = ty.ty("base_type"),
                None => return ty.text("vtabptr_cname").is_some(),
            }
        }
        false
    }

    /// Checks a function that C code calls by its name.
    pub(super) fn check_public(&mut self, entry: Entry<'t>) -> Result<()> {
        let (Some(ty), at) = (entry.ty("type"), entry.position()) else {
            return missing("public function without a type", entry.position());
        };
        let narrow = match ty.ty("return_type") {
            Some(result) => matches!(self.c_type(result, at)?, Type::Int(8 | 16)),
            None => false,
        };
        if narrow || !self.fits_c(ty)? {
            return missing("public function with these types", at);
        }
        Ok(())
    }

    /// The symbol of a public extension type's type object; null for others, which are made anew.
    pub(super) fn type_storage(&mut self, class: &Class<'t>) -> GlobalInit {
        let entry = class.ty.entry("entry").filter(|entry| is_public(*entry));
        let (Some(_), Some(name)) = (entry, class.ty.text("typeobj_cname")) else {
            return GlobalInit::Zero;
        };
        let words = runtime_abi::structs::type_object_size().div_ceil(8);
        let storage = Global {
            name: name.to_owned(),
            ty: Type::Array(Box::new(Type::I64), words),
            init: GlobalInit::Zero,
            constant: false,
            linkage: Linkage::External,
        };
        GlobalInit::Global(self.mir.add_global(storage))
    }
}
