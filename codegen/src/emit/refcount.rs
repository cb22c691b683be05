//! Reference counts, inline: an increment, and a decrement that calls `_Py_Dealloc` at zero.
//!
//! For an interpreter built with `Py_DEBUG` they keep its total too, and a count below zero is told
//! by `_Py_NegativeRefcount`, as by that interpreter's own headers.

use inkwell::IntPredicate;
use inkwell::attributes::AttributeLoc;
use inkwell::values::{FunctionValue, IntValue, PointerValue};

use super::{EmitError, Emitter};

impl<'ctx> Emitter<'ctx, '_> {
    /// `Py_INCREF`; `nullable`: `Py_XINCREF`.
    pub(super) fn incref(
        &self,
        object: PointerValue<'ctx>,
        nullable: bool,
    ) -> Result<(), EmitError> {
        let function = self.helper(
            if nullable {
                "cyl.xincref"
            } else {
                "cyl.incref"
            },
            |this, f| {
                let object = parameter(f);
                if nullable {
                    this.return_if_null(f, object)?;
                }
                // SAFETY of the layout: the count is an object's first field on CPython 3.11.
                let count = this
                    .builder
                    .build_load(this.i64(), object, "count")?
                    .into_int_value();
                let one = this.i64().const_int(1, false);
                let more = this.builder.build_int_add(count, one, "more")?;
                this.builder.build_store(object, more)?;
                this.add_to_total(one)?;
                this.builder.build_return(None)?;
                Ok(())
            },
        )?;
        self.builder.build_call(function, &[object.into()], "")?;
        Ok(())
    }

    /// `Py_XINCREF` or `Py_XDECREF` as a call of the run-time library's, for what is not optimised.
    pub(super) fn count_by_call(
        &self,
        name: &str,
        object: PointerValue<'ctx>,
    ) -> Result<(), EmitError> {
        let callee = self.llvm.get_function(name).unwrap_or_else(|| {
            let ty = self
                .context
                .void_type()
                .fn_type(&[self.ptr().into()], false);
            self.llvm.add_function(name, ty, None)
        });
        self.builder.build_call(callee, &[object.into()], "")?;
        Ok(())
    }

    /// `Py_DECREF`; `nullable`: `Py_XDECREF`.  Where it is `cold`, on the way of an exception, what is
    /// more than a look for null stays a call.
    pub(super) fn decref(
        &self,
        object: PointerValue<'ctx>,
        nullable: bool,
        cold: bool,
    ) -> Result<(), EmitError> {
        let function = self.helper(
            match (nullable, cold) {
                (true, false) => "cyl.xdecref",
                (false, false) => "cyl.decref",
                (true, true) => "cyl.xdecref.cold",
                (false, true) => "cyl.decref.cold",
            },
            |this, f| {
                let object = parameter(f);
                if nullable {
                    this.return_if_null(f, object)?;
                }
                if nullable && cold {
                    this.decref(object, false, true)?;
                    this.builder.build_return(None)?;
                    return Ok(());
                }
                if cold {
                    this.seldom(f);
                }
                let count = this
                    .builder
                    .build_load(this.i64(), object, "count")?
                    .into_int_value();
                let one = this.i64().const_int(1, false);
                let less = this.builder.build_int_sub(count, one, "less")?;
                this.builder.build_store(object, less)?;
                this.add_to_total(this.i64().const_all_ones())?;
                this.refuse_negative(f, object, less)?;
                let zero = this.i64().const_zero();
                let last = this
                    .builder
                    .build_int_compare(IntPredicate::EQ, less, zero, "last")?;
                let dealloc = this.context.append_basic_block(f, "dealloc");
                let done = this.context.append_basic_block(f, "done");
                this.builder.build_conditional_branch(last, dealloc, done)?;
                this.builder.position_at_end(dealloc);
                let ty = this
                    .context
                    .void_type()
                    .fn_type(&[this.ptr().into()], false);
                let callee = this
                    .llvm
                    .get_function("_Py_Dealloc")
                    .unwrap_or_else(|| this.llvm.add_function("_Py_Dealloc", ty, None));
                this.builder.build_call(callee, &[object.into()], "")?;
                this.builder.build_unconditional_branch(done)?;
                this.builder.position_at_end(done);
                this.builder.build_return(None)?;
                Ok(())
            },
        )?;
        self.builder.build_call(function, &[object.into()], "")?;
        Ok(())
    }

    /// `_Py_RefTotal += change`, where there is a total.
    fn add_to_total(&self, change: IntValue<'ctx>) -> Result<(), EmitError> {
        if !self.count_total {
            return Ok(());
        }
        let name = "_Py_RefTotal";
        let total = self.llvm.get_global(name);
        let total = total.unwrap_or_else(|| self.llvm.add_global(self.i64(), None, name));
        let total = total.as_pointer_value();
        let before = self.builder.build_load(self.i64(), total, "total")?;
        let after = self
            .builder
            .build_int_add(before.into_int_value(), change, "total")?;
        self.builder.build_store(total, after)?;
        Ok(())
    }

    /// Ends the program where an object has been released more often than it was held; only such an
    /// interpreter has the function for it.
    fn refuse_negative(
        &self,
        function: FunctionValue<'ctx>,
        object: PointerValue<'ctx>,
        count: IntValue<'ctx>,
    ) -> Result<(), EmitError> {
        if !self.count_total {
            return Ok(());
        }
        let zero = self.i64().const_zero();
        let negative =
            self.builder
                .build_int_compare(IntPredicate::SLT, count, zero, "negative")?;
        let bad = self.context.append_basic_block(function, "bad");
        let good = self.context.append_basic_block(function, "good");
        self.builder.build_conditional_branch(negative, bad, good)?;
        self.builder.position_at_end(bad);
        let params = [self.ptr().into(), self.i32().into(), self.ptr().into()];
        let ty = self.context.void_type().fn_type(&params, false);
        let name = "_Py_NegativeRefcount";
        let callee = self.llvm.get_function(name);
        let callee = callee.unwrap_or_else(|| self.llvm.add_function(name, ty, None));
        let file = self
            .builder
            .build_global_string_ptr(&self.mir.name, "name")?
            .as_pointer_value();
        let line = self.i32().const_zero();
        self.builder
            .build_call(callee, &[file.into(), line.into(), object.into()], "")?;
        self.builder.build_unconditional_branch(good)?;
        self.builder.position_at_end(good);
        Ok(())
    }

    /// A function that is called on the way of exceptions only.
    pub(super) fn seldom(&self, function: FunctionValue<'ctx>) {
        for name in ["cold", "noinline", "minsize", "optsize"] {
            self.add_attribute(function, name);
        }
    }

    fn return_if_null(
        &self,
        function: FunctionValue<'ctx>,
        object: PointerValue<'ctx>,
    ) -> Result<(), EmitError> {
        let null = self.builder.build_is_null(object, "null")?;
        let out = self.context.append_basic_block(function, "out");
        let go_on = self.context.append_basic_block(function, "object");
        self.builder.build_conditional_branch(null, out, go_on)?;
        self.builder.position_at_end(out);
        self.builder.build_return(None)?;
        self.builder.position_at_end(go_on);
        Ok(())
    }

    /// A small internal function of one pointer, made on first use.
    fn helper(
        &self,
        name: &str,
        body: impl FnOnce(&Self, FunctionValue<'ctx>) -> Result<(), EmitError>,
    ) -> Result<FunctionValue<'ctx>, EmitError> {
        if let Some(found) = self.llvm.get_function(name) {
            return Ok(found);
        }
        let ty = self
            .context
            .void_type()
            .fn_type(&[self.ptr().into()], false);
        let function = self
            .llvm
            .add_function(name, ty, Some(inkwell::module::Linkage::Internal));
        let kind = inkwell::attributes::Attribute::get_named_enum_kind_id("nounwind");
        function.add_attribute(
            AttributeLoc::Function,
            self.context.create_enum_attribute(kind, 0),
        );
        let back = self.builder.get_insert_block();
        let place = self.builder.get_current_debug_location();
        self.builder.unset_current_debug_location();
        let entry = self.context.append_basic_block(function, "entry");
        self.builder.position_at_end(entry);
        body(self, function)?;
        if let Some(back) = back {
            self.builder.position_at_end(back);
        }
        if let Some(place) = place {
            self.builder.set_current_debug_location(place);
        }
        Ok(function)
    }
}

fn parameter(function: FunctionValue<'_>) -> PointerValue<'_> {
    match function.get_first_param() {
        Some(value) => value.into_pointer_value(),
        None => unreachable!("the helper has one parameter"),
    }
}
