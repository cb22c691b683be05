//! The types of C structs and unions: of the module's own, of headers that are known, of others.

use frontend_bridge::tree::{Entry, Position, Type as TreeType};

use super::Result;
use super::context::{Context, missing};
use super::ctypes::{by_words, c_name, in_header};
use super::types;
use crate::mir::{StructDef, StructId, Type};
use crate::shims::passed;

impl<'t> Context<'t> {
    /// The MIR type of a struct or union.
    pub(super) fn struct_type(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Type> {
        let name = ty.text("cname").unwrap_or("struct").to_owned();
        if ty.entry("entry").is_some_and(external) {
            if let Some(own) = self.own_twin(ty, &name) {
                return self.struct_type(own, at);
            }
            let Some(known) = known_struct(&name) else {
                let Some(c) = c_name(ty) else {
                    return missing("external struct without a name", at);
                };
                return self.external_struct(ty, &c, at);
            };
            let fields = known.iter().map(|(_, ty)| ty.clone()).collect();
            return Ok(Type::Struct(
                self.mir.structure(&format!("C.{name}"), || fields),
            ));
        }
        let Some(scope) = ty.scope("scope") else {
            return missing(&format!("incomplete struct '{name}'"), at);
        };
        let mut fields = Vec::new();
        for entry in scope.entries("var_entries") {
            match entry.ty("type") {
                Some(ty) => fields.push(self.c_type(ty, at)?),
                None => return missing("struct member without a type", at),
            }
        }
        let packed = ty.flag("packed");
        if !ty.flag("is_struct") {
            fields = self.union_fields(&fields);
        }
        if fields.is_empty() {
            return missing("empty struct", at);
        }
        self.mir.structs.push(StructDef {
            name: format!("{name}.{}", self.mir.structs.len()),
            fields,
            packed,
        });
        Ok(Type::Struct(StructId(self.mir.structs.len() as u32 - 1)))
    }

    /// The type of a header's struct by a typedef's name, where C gets to see no other: the struct
    /// itself may be called otherwise than it is declared.
    pub(super) fn struct_by_name(
        &mut self,
        ty: TreeType<'t>,
        name: &str,
        at: Option<Position>,
    ) -> Option<Result<Type>> {
        let of = types::resolve(ty);
        let cname = of.text("cname").unwrap_or_default();
        if !in_header(of) || known_struct(cname).is_some() || self.own_twin(of, cname).is_some() {
            return None;
        }
        Some(self.external_struct(of, name, at))
    }

    /// Integers as wide as a union's alignment, as many as its size needs.
    fn union_fields(&self, members: &[Type]) -> Vec<Type> {
        let (mut size, mut align) = (0, 1);
        for member in members {
            let (of, to) = self.mir.size_align(member);
            size = size.max(of);
            align = align.max(to);
        }
        if size == 0 {
            return Vec::new();
        }
        if size <= 16 {
            let size = size.next_multiple_of(align);
            return by_words(size, align, |word| self.union_word(members, word));
        }
        let unit = Type::Int(align as u16 * 8);
        vec![Type::Array(Box::new(unit), size.div_ceil(align))]
    }

    /// How eight bytes of a union are passed: as integers if any member has some there.
    fn union_word(&self, members: &[Type], word: u64) -> i64 {
        let mut how = 0;
        for member in members {
            let scalars = self.mir.scalars(member);
            for scalar in scalars.iter().filter(|scalar| scalar.at / 8 == word) {
                how = match scalar.ty {
                    _ if how == passed::INTEGER => how,
                    Type::F64 => passed::DOUBLE,
                    Type::F32 if how == passed::DOUBLE => how,
                    Type::F32 if scalar.at % 8 == 4 => passed::FLOATS,
                    Type::F32 => how.max(passed::FLOAT),
                    _ => passed::INTEGER,
                };
            }
        }
        how
    }

    /// The struct behind a MIR type, and whether it is packed.
    pub(super) fn struct_of(&self, ty: &Type) -> Option<(StructId, bool)> {
        match ty {
            Type::Struct(id) => Some((*id, self.mir.structs[id.0 as usize].packed)),
            _ => None,
        }
    }
}

/// Whether something is declared in a C header.
pub(super) fn external(entry: Entry<'_>) -> bool {
    matches!(entry.text("visibility"), Some("extern")) || entry.flag("in_cinclude")
}

/// Structs of C's and CPython's headers on x86-64 Linux, all of their members in order.
pub(super) fn known_struct(name: &str) -> Option<Vec<(&'static str, Type)>> {
    let all =
        |ty: Type, names: &[&'static str]| names.iter().map(|name| (*name, ty.clone())).collect();
    Some(match name {
        "Py_complex" => all(Type::F64, &["real", "imag"]),
        "div_t" => all(Type::I32, &["quot", "rem"]),
        "ldiv_t" | "lldiv_t" => all(Type::I64, &["quot", "rem"]),
        "timespec" => all(Type::I64, &["tv_sec", "tv_nsec"]),
        "timeval" => all(Type::I64, &["tv_sec", "tv_usec"]),
        "__Pyx_memviewslice" => {
            let array = Type::Array(Box::new(Type::I64), 8);
            vec![
                ("memview", Type::Ptr),
                ("data", Type::Ptr),
                ("shape", array.clone()),
                ("strides", array.clone()),
                ("suboffsets", array),
            ]
        }
        "tm" => {
            let mut fields: Vec<(&'static str, Type)> = all(
                Type::I32,
                &[
                    "tm_sec", "tm_min", "tm_hour", "tm_mday", "tm_mon", "tm_year", "tm_wday",
                    "tm_yday", "tm_isdst",
                ],
            );
            fields.push(("tm_gmtoff", Type::I64));
            fields.push(("tm_zone", Type::Ptr));
            fields
        }
        _ => return None,
    })
}

/// Whether the places of a struct's members are those of the tree.
pub(super) fn plain_members(ty: TreeType<'_>) -> bool {
    !ty.entry("entry").is_some_and(external)
}
