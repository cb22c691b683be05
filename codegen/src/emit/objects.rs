//! Constant objects: descriptions, packed into one string, from which the runtime makes them at
//! initialisation, and a place for each.

use inkwell::values::{GlobalValue, IntValue};

use super::Emitter;
use crate::mir::{CodeConstant, ObjectConstant, ObjectId};

// Kinds of descriptions, as runtime-abi/runtime/objects.c reads them.
const STR: u8 = 0;
const INTERNED: u8 = 1;
const BYTES: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const COMPLEX: u8 = 5;
const TUPLE: u8 = 6;
const FROZENSET: u8 = 7;
const SLICE: u8 = 8;
const SYMBOL: u8 = 9;
const CODE: u8 = 10;

const TABLE: &str = "objects.packed";
const SYMBOLS: &str = "objects.symbols";
const SLOTS: &str = "objects";
const COUNT: &str = "objects.count";

/// Descriptions one after the other: a byte for the kind, then numbers and bytes.  Code objects have
/// the byte only; what they are of, which may be anything else, comes after the others.
#[derive(Default)]
struct Packed<'p> {
    data: Vec<u8>,
    codes: Vec<u8>,
    /// The objects' places, where they are not their numbers.
    places: Option<&'p [u32]>,
    /// What symbols refer to, by their order.
    symbols: Vec<String>,
}

/// Seven bits a byte, the lowest first; the last byte is below 128.
fn pack(data: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        data.push(number as u8 | 0x80);
        number >>= 7;
    }
    data.push(number as u8);
}

impl Packed<'_> {
    /// An object in another's description.
    fn place(&self, id: ObjectId) -> u32 {
        self.places.map_or(id.0, |places| places[id.0 as usize])
    }

    fn bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.data.push(kind);
        pack(&mut self.data, bytes.len() as u32);
        self.data.extend_from_slice(bytes);
    }

    fn ids(&mut self, kind: u8, items: &[ObjectId]) {
        self.data.push(kind);
        pack(&mut self.data, items.len() as u32);
        for item in items {
            let place = self.place(*item);
            pack(&mut self.data, place);
        }
    }

    fn object(&mut self, object: &ObjectConstant) {
        match object {
            ObjectConstant::Str { data, interned } => {
                self.bytes(if *interned { INTERNED } else { STR }, data);
            }
            ObjectConstant::Bytes(data) => self.bytes(BYTES, data),
            ObjectConstant::Int(text) => {
                // C reads it as a string.
                self.bytes(INT, format!("{text}\0").as_bytes());
            }
            ObjectConstant::Float(value) => {
                self.data.push(FLOAT);
                self.data.extend_from_slice(&value.to_le_bytes());
            }
            ObjectConstant::Complex(re, im) => {
                self.data.push(COMPLEX);
                self.data.extend_from_slice(&re.to_le_bytes());
                self.data.extend_from_slice(&im.to_le_bytes());
            }
            ObjectConstant::Tuple(items) => self.ids(TUPLE, items),
            ObjectConstant::FrozenSet(items) => self.ids(FROZENSET, items),
            ObjectConstant::Slice(a, b, c) => self.ids(SLICE, &[*a, *b, *c]),
            ObjectConstant::Symbol(name) => {
                self.data.push(SYMBOL);
                pack(&mut self.data, self.symbols.len() as u32);
                self.symbols.push(name.clone());
            }
            ObjectConstant::Code(code) => self.code(code),
        }
    }

    fn code(&mut self, code: &CodeConstant) {
        self.data.push(CODE);
        let mut numbers = vec![
            code.varnames.len() as u32,
            code.argcount,
            code.posonly,
            code.kwonly,
            code.flags,
            self.place(code.filename),
            self.place(code.name),
            code.first_line,
            self.place(code.line_table),
        ];
        numbers.extend(code.varnames.iter().map(|id| self.place(*id)));
        for number in numbers {
            pack(&mut self.codes, number);
        }
    }
}

impl<'ctx> Emitter<'ctx, '_> {
    /// The descriptions and the places, where there are constants.
    pub(super) fn define_objects(&mut self) {
        if self.mir.objects.is_empty() {
            return;
        }
        let count = self
            .plan
            .map_or(self.mir.objects.len() as u32, |plan| plan.length);
        let mut placed = vec![None; count as usize];
        for (index, object) in self.mir.objects.iter().enumerate() {
            let place = self.plan.map_or(index as u32, |plan| plan.places[index]);
            placed[place as usize] = Some(object);
        }
        let mut packed = Packed {
            places: self.plan.map(|plan| plan.places.as_slice()),
            ..Packed::default()
        };
        for object in placed {
            match object {
                Some(object) => packed.object(object),
                // What earlier versions had and this one has not.
                None => packed.bytes(STR, &[]),
            }
        }
        let Packed {
            mut data,
            codes,
            symbols,
            ..
        } = packed;
        data.extend(codes);
        let data = self.context.const_string(&data, false);
        let table = self.llvm.add_global(data.get_type(), None, TABLE);
        table.set_initializer(&data);
        private(table, true);
        let symbols = self.addresses(&symbols);
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
            for (global, name) in [
                (table, TABLE),
                (symbols, SYMBOLS),
                (slots, SLOTS),
                (length, COUNT),
            ] {
                global.set_name(&crate::incremental::own(name));
                global.set_unnamed_address(inkwell::values::UnnamedAddress::None);
                global.set_constant(false);
                super::globals::shared(global, crate::mir::Linkage::Internal, true);
            }
        }
        self.table = Some(table);
        self.symbols = Some(symbols);
        self.slots = Some(slots);
    }

    /// A table of the addresses of symbols, and a null.
    fn addresses(&self, names: &[String]) -> GlobalValue<'ctx> {
        let mut values: Vec<_> = names
            .iter()
            .map(|name| {
                self.llvm
                    .get_global(name)
                    .unwrap_or_else(|| self.llvm.add_global(self.ptr(), None, name))
                    .as_pointer_value()
            })
            .collect();
        values.push(self.null());
        let list = self.ptr().const_array(&values);
        let global = self.llvm.add_global(list.get_type(), None, SYMBOLS);
        global.set_initializer(&list);
        private(global, true);
        global
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
}

pub(super) fn private(global: GlobalValue<'_>, constant: bool) {
    global.set_linkage(inkwell::module::Linkage::Private);
    global.set_constant(constant);
    if constant {
        global.set_unnamed_addr(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_packed() {
        let mut packed = Packed::default();
        for object in [
            ObjectConstant::Str {
                data: b"ab".to_vec(),
                interned: true,
            },
            ObjectConstant::Int("7".to_owned()),
            ObjectConstant::Tuple(vec![ObjectId(0), ObjectId(300)]),
            ObjectConstant::Symbol("PyExc_KeyError".to_owned()),
        ] {
            packed.object(&object);
        }
        let expected: Vec<u8> = [
            &[INTERNED, 2, b'a', b'b'][..],
            &[INT, 2, b'7', 0],
            &[TUPLE, 2, 0, 0xac, 0x02],
            &[SYMBOL, 0],
        ]
        .concat();
        assert_eq!(packed.data, expected);
        assert_eq!(packed.symbols, ["PyExc_KeyError"]);
    }
}
