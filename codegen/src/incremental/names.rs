//! Symbols of functions and places of constant objects that an edit elsewhere does not change.

use std::collections::HashMap;

use super::digest::{Digest, Key};
use crate::mir::{Linkage, Module, ObjectConstant, ObjectId};

/// Symbols of this form are the module's own.
pub fn own(name: &str) -> String {
    format!("{name}$")
}

/// The functions' symbols: their names, numbered where several have one.
pub fn functions(module: &Module) -> Vec<String> {
    let mut seen = HashMap::<&str, u32>::new();
    module
        .functions
        .iter()
        .map(|function| {
            if function.linkage == Linkage::External {
                return function.name.clone();
            }
            let count = seen.entry(&function.name).or_default();
            *count += 1;
            match *count {
                1 => own(&function.name),
                n => own(&format!("{}#{n}", function.name)),
            }
        })
        .collect()
}

/// The constant objects' places, the table's length, and all places that are taken.
///
/// What an earlier version had keeps its place; the rest comes behind.
pub fn places(module: &Module, before: &HashMap<Key, u32>) -> (Vec<u32>, u32, HashMap<Key, u32>) {
    let mut known = before.clone();
    let mut next = known.values().map(|place| place + 1).max().unwrap_or(0);
    let mut keys: Vec<Key> = Vec::with_capacity(module.objects.len());
    let mut counts = HashMap::<Key, u64>::new();
    let mut found = Vec::with_capacity(module.objects.len());
    for object in &module.objects {
        let plain = object_key(object, &keys);
        // Code objects of one form are told apart by their order.
        let count = counts.entry(plain).or_default();
        *count += 1;
        let mut digest = Digest::new("constant");
        digest.key(plain);
        digest.number(*count);
        keys.push(plain);
        found.push(*known.entry(digest.finish()).or_insert_with(|| {
            next += 1;
            next - 1
        }));
    }
    (found, next, known)
}

/// What an object is; of a code object not where it stands.
fn object_key(object: &ObjectConstant, keys: &[Key]) -> Key {
    let mut digest = Digest::new("object");
    let item = |digest: &mut Digest, id: &ObjectId| match keys.get(id.0 as usize) {
        Some(key) => digest.key(*key),
        None => digest.number(u64::from(id.0)),
    };
    let items = |digest: &mut Digest, ids: &[ObjectId]| {
        digest.number(ids.len() as u64);
        for id in ids {
            item(digest, id);
        }
    };
    match object {
        ObjectConstant::Tuple(ids) => {
            digest.text("tuple");
            items(&mut digest, ids);
        }
        ObjectConstant::FrozenSet(ids) => {
            digest.text("frozenset");
            items(&mut digest, ids);
        }
        ObjectConstant::Slice(a, b, c) => {
            digest.text("slice");
            items(&mut digest, &[*a, *b, *c]);
        }
        ObjectConstant::Code(code) => {
            digest.text("code");
            let apart = u32::from(code.apart);
            for number in [code.argcount, code.posonly, code.kwonly, code.flags, apart] {
                digest.number(u64::from(number));
            }
            items(&mut digest, &code.varnames);
            items(&mut digest, &[code.filename, code.name]);
        }
        plain => digest.plain(plain),
    }
    digest.finish()
}
