//! Compiling only what an edit has changed.
//!
//! A module that is to be reloaded is compiled so that its object code can be used again: every
//! function and global has a symbol that does not depend on what else is in the module, constant
//! objects keep their places in the table, and line numbers come from tables beside the functions.
//! [`plan`] gives each function a key, a hash of its MIR and of all that its machine code could
//! depend on: what it refers to by name, layouts, signatures, and the bodies of the functions that
//! could have been inlined into it.  The next version of the module then defines only what has
//! another key; what it does not define is linked from the earlier objects.

mod digest;
mod keys;
mod names;

use std::collections::HashMap;

use crate::mir::{FuncId, Function, Module, Op};

use digest::Key;
use keys::Keyer;
pub use names::own;

/// How many blocks a function may have whose body goes along with that of an edited caller.
const INLINED_BLOCKS: usize = 60;
/// How many such bodies at most.
const INLINED_BODIES: usize = 64;

/// What there is of a module in object code.
#[derive(Clone, Default, Debug)]
pub struct Known {
    /// Functions and globals: what the newest object that has the symbol was made from.
    keys: HashMap<String, Key>,
    /// Constant objects' places in the table.
    places: HashMap<Key, u32>,
}

impl Known {
    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// What becomes of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// It is compiled.
    Here,
    /// Its body may be inlined into functions that are compiled.
    Along,
    /// An earlier object has it.
    Elsewhere,
}

/// How a module is compiled as a further version of what is known.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The functions' symbols.
    pub functions: Vec<String>,
    /// The globals' symbols; equal constants have one.
    pub globals: Vec<String>,
    /// What becomes of each function.
    pub code: Vec<Code>,
    /// Whether each global is defined.
    pub defined: Vec<bool>,
    /// The constant objects' places in the table.
    pub places: Vec<u32>,
    /// The table's length.
    pub length: u32,
    /// The line numbers that each function refers to.
    pub lines: Vec<Vec<u32>>,
    /// Whether the table of line numbers is defined.
    pub lines_defined: Vec<bool>,
    /// What is known once this has been compiled too.
    pub known: Known,
    /// How many functions are compiled.
    pub compiled: usize,
}

/// The plan for a module, whose MIR is as it goes to emission.
pub fn plan(module: &Module, before: &Known) -> Plan {
    let (places, length, known_places) = names::places(module, &before.places);
    let functions = names::functions(module);
    let mut keyer = Keyer::new(module, functions, &places);
    let globals = keyer.name_globals();
    let local: Vec<Key> = module
        .functions
        .iter()
        .map(|function| keyer.function(function))
        .collect();
    let reached = reached(module, &mut keyer);
    let mut known = Known {
        keys: before.keys.clone(),
        places: known_places,
    };
    let mut changed = |symbol: &str, key: Key| {
        let same = known.keys.get(symbol) == Some(&key);
        if !same {
            known.keys.insert(symbol.to_owned(), key);
        }
        !same
    };
    let mut code = Vec::with_capacity(module.functions.len());
    let mut lines = Vec::with_capacity(module.functions.len());
    let mut lines_defined = Vec::with_capacity(module.functions.len());
    for (index, function) in module.functions.iter().enumerate() {
        let symbol = &keyer.functions[index];
        let key = digest::of_keys(local[index], reached[index].iter().map(|id| local[*id]));
        let here = !function.blocks.is_empty() && changed(symbol, key);
        code.push(if here { Code::Here } else { Code::Elsewhere });
        let own = lines_of(function);
        lines_defined
            .push(!own.is_empty() && changed(&lines_symbol(symbol), digest::of_lines(&own)));
        lines.push(own);
    }
    let mut defined = Vec::with_capacity(globals.len());
    for (index, symbol) in globals.iter().enumerate() {
        let key = keyer.global(index);
        defined.push(changed(symbol, key));
    }
    let compiled = code.iter().filter(|one| **one == Code::Here).count();
    take_along(module, &mut code, &reached);
    Plan {
        functions: keyer.functions,
        globals,
        code,
        defined,
        places,
        length,
        lines,
        lines_defined,
        known,
        compiled,
    }
}

/// The symbol of a function's table of line numbers.
pub fn lines_symbol(function: &str) -> String {
    format!("{function}.lines")
}

/// The place of a line number in its function's table.
pub fn line_index(lines: &[u32], line: u32) -> Option<usize> {
    lines.iter().position(|one| *one == line)
}

/// The line numbers that a function's code has as values, in the order in which they come.
fn lines_of(function: &Function) -> Vec<u32> {
    let mut found = Vec::new();
    for_lines(function, |line| {
        if !found.contains(&line) {
            found.push(line);
        }
    });
    found
}

fn for_lines(function: &Function, mut each: impl FnMut(u32)) {
    for instr in function.blocks.iter().flat_map(|block| &block.instrs) {
        if let Some(line) = function.line_value(instr) {
            each(line);
        }
    }
}

/// For each function, the others whose bodies its code may hold, by index.
fn reached(module: &Module, keyer: &mut Keyer<'_>) -> Vec<Vec<usize>> {
    let direct: Vec<Vec<usize>> = module
        .functions
        .iter()
        .map(|function| {
            // Neither optimised nor inlined.
            if function.cold {
                return Vec::new();
            }
            let mut ids: Vec<FuncId> = Vec::new();
            for instr in function.blocks.iter().flat_map(|block| &block.instrs) {
                match &instr.op {
                    Op::Call(crate::mir::Callee::Function(id), _) | Op::FunctionAddr(id) => {
                        ids.push(*id);
                    }
                    Op::GlobalAddr(id) => keyer.functions_in(*id, &mut ids),
                    _ => {}
                }
            }
            let mut ids: Vec<usize> = ids
                .into_iter()
                .map(|id| id.0 as usize)
                .filter(|id| !module.functions[*id].cold)
                .collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        })
        .collect();
    (0..direct.len())
        .map(|start| {
            let mut seen = vec![false; direct.len()];
            seen[start] = true;
            let mut stack = vec![start];
            let mut found = Vec::new();
            while let Some(at) = stack.pop() {
                for next in &direct[at] {
                    if !seen[*next] {
                        seen[*next] = true;
                        found.push(*next);
                        stack.push(*next);
                    }
                }
            }
            found
        })
        .collect()
}

fn take_along(module: &Module, code: &mut [Code], reached: &[Vec<usize>]) {
    let mut left = INLINED_BODIES;
    for index in 0..code.len() {
        if code[index] != Code::Here {
            continue;
        }
        for other in &reached[index] {
            let blocks = module.functions[*other].blocks.len();
            let fits = (1..=INLINED_BLOCKS).contains(&blocks);
            if code[*other] == Code::Elsewhere && fits && left > 0 {
                code[*other] = Code::Along;
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
