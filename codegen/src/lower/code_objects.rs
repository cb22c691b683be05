//! Code objects of functions, for `__code__`: what the function is like, and where its parts stand.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::body::Body;
use crate::mir::{CodeConstant, ObjectConstant, ObjectId, Op, Value};

// CO_* of CPython.
const OPTIMIZED_NEWLOCALS: u32 = 3;
const VARARGS: u32 = 0x4;
const VARKEYWORDS: u32 = 0x8;
const GENERATOR: u32 = 0x20;
const COROUTINE: u32 = 0x80;
const ASYNC_GENERATOR: u32 = 0x200;

impl<'t> Body<'_, 't> {
    /// The code object of a function; borrowed.
    pub(super) fn code_object(&mut self, def: Node<'t>) -> Result<Value> {
        self.code_object_of(def, false)
    }

    /// The same; `apart`: of the object that picks a specialisation.
    pub(super) fn code_object_of(&mut self, def: Node<'t>, apart: bool) -> Result<Value> {
        let Some(code) = def.node("code_object") else {
            return Ok(self.null_object());
        };
        let mut varnames = Vec::new();
        for name in code.nodes("varnames") {
            varnames.push(self.m.name(name.text("value").unwrap_or_default()));
        }
        // What picks a specialisation has the code object of one.
        let like = code.node("def_node").unwrap_or(def);
        // A generator expression's only arguments are Cython's own.
        let own_args = if def.flag("is_generator_expression") {
            0
        } else {
            like.list("args").len()
        };
        let kwonly = like.int("num_kwonly_args").unwrap_or(0);
        let place = code.position().or_else(|| def.position());
        let first_line = place.map_or(0, |at| at.line);
        let source = def.position().map_or(0, |at| at.source) as usize;
        let file = self
            .m
            .tree
            .sources()
            .get(source)
            .cloned()
            .unwrap_or_default();
        let filename: ObjectId = self.m.mir.object(ObjectConstant::Str {
            data: file.into_bytes(),
            interned: false,
        });
        // C functions have theirs with what they declare.
        let entry = def.entry("entry");
        let name = def
            .text("name")
            .or_else(|| entry.and_then(|entry| entry.text("qualified_name")?.rsplit('.').next()));
        let name = self.m.name(name.unwrap_or_default());
        let lines = line_table(def.list("node_positions"), first_line);
        let constant = CodeConstant {
            argcount: (own_args as i64 - kwonly).max(0) as u32,
            posonly: like.int("num_posonly_args").unwrap_or(0) as u32,
            kwonly: kwonly as u32,
            flags: flags(like),
            varnames,
            filename,
            name,
            first_line,
            line_table: self.m.mir.object(ObjectConstant::Bytes(lines)),
            apart,
        };
        let id = self.m.mir.object(ObjectConstant::Code(Box::new(constant)));
        Ok(self.op(Op::Object(id)))
    }
}

fn flags(def: Node<'_>) -> u32 {
    let mut flags = OPTIMIZED_NEWLOCALS;
    if def.node("star_arg").is_some() {
        flags |= VARARGS;
    }
    if def.node("starstar_arg").is_some() {
        flags |= VARKEYWORDS;
    }
    if def.flag("is_asyncgen") {
        flags |= ASYNC_GENERATOR;
    } else if def.flag("is_coroutine") {
        flags |= COROUTINE;
    } else if def.flag("is_generator") {
        flags |= GENERATOR;
    }
    flags
}

/// CPython's location table (its Objects/locations.md): one code unit for each place in the function.
fn line_table(positions: &[Attr], first_line: u32) -> Vec<u8> {
    let mut table = Vec::new();
    let mut line = i64::from(first_line);
    for position in positions {
        let Attr::List(parts) = position else {
            continue;
        };
        let [
            Attr::Int(start),
            Attr::Int(end),
            Attr::Int(from),
            Attr::Int(to),
        ] = parts.as_slice()
        else {
            continue;
        };
        location(&mut table, start - line, end - start, *from, *to);
        line = *end;
    }
    table
}

fn location(table: &mut Vec<u8>, down: i64, height: i64, from: i64, to: i64) {
    let mut head = |code: i64| table.push(0x80 | ((code as u8) << 3));
    if height == 0 && down == 0 && from < 80 && (0..16).contains(&(to - from)) {
        head(from >> 3);
        table.push((((from & 7) << 4) | (to - from)) as u8);
    } else if height == 0 && (0..3).contains(&down) && from < 128 && to < 128 {
        head(10 + down);
        table.extend([from as u8, to as u8]);
    } else {
        head(14);
        for number in [down << 1, height, from + 1, to + 1] {
            varint(table, number);
        }
    }
}

fn varint(table: &mut Vec<u8>, number: i64) {
    let mut number = number.max(0);
    while number >= 64 {
        table.push(0x40 | (number & 63) as u8);
        number >>= 6;
    }
    table.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_take_the_shortest_form() {
        let row =
            |a, b, c, d| Attr::List(vec![Attr::Int(a), Attr::Int(b), Attr::Int(c), Attr::Int(d)]);
        let rows = [
            row(5, 5, 0, 9),
            row(5, 5, 40, 57),
            row(6, 6, 4, 100),
            row(6, 9, 200, 3),
        ];
        let table = line_table(&rows, 5);
        assert_eq!(table[..2], [0x80, 0x09]);
        assert_eq!(table[2..5], [0xd0, 40, 57]);
        assert_eq!(table[5..8], [0xd8, 4, 100]);
        assert_eq!(table[8..], [0xf0, 0, 3, 0x40 | 9, 3, 4]);
    }
}
