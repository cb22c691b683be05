//! Constant objects: a table of descriptions, from which the runtime makes them at initialisation,
//! and a place for each.

use inkwell::types::StructType;
use inkwell::values::{GlobalValue, IntValue, PointerValue};

use super::Emitter;
use crate::mir::{CodeConstant, ObjectConstant, ObjectId};

// Kinds of descriptions, as runtime-abi/runtime/objects.c reads them.
const STR: u64 = 0;
const INTERNED: u64 = 1;
const BYTES: u64 = 2;
const INT: u64 = 3;
const FLOAT: u64 = 4;
const COMPLEX: u64 = 5;
const TUPLE: u64 = 6;
const FROZENSET: u64 = 7;
const SLICE: u64 = 8;
const SYMBOL: u64 = 9;
const CODE: u64 = 10;

const TABLE: &str = "objects.table";
const SLOTS: &str = "objects";
const COUNT: &str = "objects.count";

impl<'ctx> Emitter<'ctx, '_> {
    /// The table and the places, where there are constants.
    pub(super) fn define_objects(&mut self) {
        if self.mir.objects.is_empty() {
            return;
        }
        let count = self
            .plan
            .map_or(self.mir.objects.len() as u32, |plan| plan.length);
        let row = self.context.struct_type(
            &[self.i64().into(), self.ptr().into(), self.i64().into()],
            false,
        );
        let pile = self.plan.map(|_| {
            let pile = self.llvm.add_global(self.i64(), None, "objects.data");
            self.pile.replace(Some((pile, Vec::new())));
            pile
        });
        let mut rows: Vec<_> = self
            .mir
            .objects
            .iter()
            .map(|object| self.description(row, object))
            .collect();
        if let (Some(before), Some((_, data))) = (pile, self.pile.take()) {
            let data = self.context.const_string(&data, false);
            let pile = self.llvm.add_global(data.get_type(), None, "objects.data");
            pile.set_initializer(&data);
            pile.set_alignment(16);
            private(pile, true);
            before
                .as_pointer_value()
                .replace_all_uses_with(pile.as_pointer_value());
            // SAFETY: nothing refers to it any more.
            unsafe { before.delete() };
        }
        if let Some(plan) = self.plan {
            // What earlier versions had and this one has not is an empty string.
            let mut placed = vec![row.const_zero(); count as usize];
            for (place, row) in plan.places.iter().zip(rows) {
                placed[*place as usize] = row;
            }
            rows = placed;
        }
        let table = self.llvm.add_global(row.array_type(count), None, TABLE);
        table.set_initializer(&row.const_array(&rows));
        private(table, true);
        let slots = self
            .llvm
            .add_global(self.ptr().array_type(count), None, SLOTS);
        slots.set_initializer(&self.ptr().array_type(count).const_zero());
        private(slots, false);
        if self.plan.is_some() {
            let length = self
                .llvm
                .add_global(self.i64(), None, &crate::incremental::own(COUNT));
            length.set_initializer(&self.i64().const_int(u64::from(count), false));
            for (global, name) in [(table, TABLE), (slots, SLOTS), (length, COUNT)] {
                global.set_name(&crate::incremental::own(name));
                global.set_unnamed_address(inkwell::values::UnnamedAddress::None);
                global.set_constant(false);
                super::globals::shared(global, crate::mir::Linkage::Internal, true);
            }
        }
        self.table = Some(table);
        self.slots = Some(slots);
    }

    /// Where a constant object lies among the places.
    pub(super) fn place(&self, id: ObjectId) -> IntValue<'ctx> {
        let place = self.plan.map_or(id.0, |plan| plan.places[id.0 as usize]);
        self.i64().const_int(u64::from(place), false)
    }

    /// The table's length, where it is not in the code.
    pub(super) fn count(&self) -> Option<GlobalValue<'ctx>> {
        self.plan
            .and_then(|_| self.llvm.get_global(&crate::incremental::own(COUNT)))
    }

    /// An object in another's description.
    fn number(&self, id: ObjectId) -> u32 {
        self.plan.map_or(id.0, |plan| plan.places[id.0 as usize])
    }

    fn description(
        &self,
        row: StructType<'ctx>,
        object: &ObjectConstant,
    ) -> inkwell::values::StructValue<'ctx> {
        let (kind, data, length) = match object {
            ObjectConstant::Str { data, interned } => (
                if *interned { INTERNED } else { STR },
                self.bytes(data),
                data.len() as u64,
            ),
            ObjectConstant::Bytes(data) => (BYTES, self.bytes(data), data.len() as u64),
            ObjectConstant::Int(text) => (INT, self.bytes(text.as_bytes()), text.len() as u64),
            ObjectConstant::Float(value) => (FLOAT, self.null(), value.to_bits()),
            ObjectConstant::Complex(re, im) => {
                let f64 = self.context.f64_type();
                let data = f64.const_array(&[f64.const_float(*re), f64.const_float(*im)]);
                (COMPLEX, self.constant("objects.complex", &data), 2)
            }
            ObjectConstant::Tuple(items) => (TUPLE, self.ids(items), items.len() as u64),
            ObjectConstant::FrozenSet(items) => (FROZENSET, self.ids(items), items.len() as u64),
            ObjectConstant::Slice(a, b, c) => (SLICE, self.ids(&[*a, *b, *c]), 3),
            ObjectConstant::Symbol(name) => {
                let global = self
                    .llvm
                    .get_global(name)
                    .unwrap_or_else(|| self.llvm.add_global(self.ptr(), None, name));
                (SYMBOL, global.as_pointer_value(), 0)
            }
            ObjectConstant::Code(code) => self.code(code),
        };
        row.const_named_struct(&[
            self.i64().const_int(kind, false).into(),
            data.into(),
            self.i64().const_int(length, false).into(),
        ])
    }

    fn code(&self, code: &CodeConstant) -> (u64, PointerValue<'ctx>, u64) {
        let mut numbers = vec![
            code.argcount,
            code.posonly,
            code.kwonly,
            code.flags,
            self.number(code.filename),
            self.number(code.name),
            code.first_line,
            self.number(code.line_table),
        ];
        numbers.extend(code.varnames.iter().map(|id| self.number(*id)));
        (CODE, self.numbers(&numbers), code.varnames.len() as u64)
    }

    fn ids(&self, items: &[ObjectId]) -> PointerValue<'ctx> {
        self.numbers(&items.iter().map(|id| self.number(*id)).collect::<Vec<_>>())
    }

    fn numbers(&self, items: &[u32]) -> PointerValue<'ctx> {
        let data: Vec<u8> = items.iter().flat_map(|item| item.to_le_bytes()).collect();
        if let Some(place) = self.piled(&data, 4) {
            return place;
        }
        let values: Vec<_> = items
            .iter()
            .map(|item| self.i32().const_int(u64::from(*item), false))
            .collect();
        self.constant("objects.ids", &self.i32().const_array(&values))
    }

    /// A place for data among all others', where one global holds them.
    fn piled(&self, data: &[u8], align: usize) -> Option<PointerValue<'ctx>> {
        let mut pile = self.pile.borrow_mut();
        let (global, all) = pile.as_mut()?;
        all.resize(all.len().next_multiple_of(align), 0);
        let place = self.i64().const_int(all.len() as u64, false);
        all.extend(data);
        // SAFETY: the global that takes the place of this one has as many bytes.
        Some(unsafe {
            global
                .as_pointer_value()
                .const_gep(self.context.i8_type(), &[place])
        })
    }

    /// Bytes with a zero after them.
    fn bytes(&self, data: &[u8]) -> PointerValue<'ctx> {
        let ended: Vec<u8> = data.iter().copied().chain([0]).collect();
        if let Some(place) = self.piled(&ended, 1) {
            return place;
        }
        self.constant("objects.bytes", &self.context.const_string(data, true))
    }

    fn constant(
        &self,
        name: &str,
        value: &inkwell::values::ArrayValue<'ctx>,
    ) -> PointerValue<'ctx> {
        let global = self.llvm.add_global(value.get_type(), None, name);
        global.set_initializer(value);
        private(global, true);
        global.as_pointer_value()
    }
}

fn private(global: GlobalValue<'_>, constant: bool) {
    global.set_linkage(inkwell::module::Linkage::Private);
    global.set_constant(constant);
    if constant {
        global.set_unnamed_addr(true);
    }
}
