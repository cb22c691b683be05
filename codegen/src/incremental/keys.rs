//! Hashes of functions and globals that do not depend on their numbers in the module.

use std::collections::HashMap;

use super::digest::{Digest, Key};
use super::names::own;
use crate::mir::{
    Callee, Constant, ExternId, FuncId, Function, GlobalId, GlobalInit, Instr, Linkage, Module,
    ObjectId, Op, Raises, Signature, StructId, Terminator, Type,
};

/// Hashes of one module's parts.
pub struct Keyer<'m> {
    module: &'m Module,
    /// The functions' symbols.
    pub functions: Vec<String>,
    places: &'m [u32],
    globals: Vec<Option<String>>,
    structs: Vec<Option<Key>>,
    /// How often each global's name occurs.
    counts: HashMap<&'m str, u32>,
    /// Global constants whose contents are being hashed.
    inside: Vec<usize>,
}

impl<'m> Keyer<'m> {
    pub fn new(module: &'m Module, functions: Vec<String>, places: &'m [u32]) -> Self {
        let mut counts = HashMap::new();
        for global in &module.globals {
            *counts.entry(global.name.as_str()).or_default() += 1;
        }
        Keyer {
            module,
            functions,
            places,
            globals: vec![None; module.globals.len()],
            structs: vec![None; module.structs.len()],
            counts,
            inside: Vec::new(),
        }
    }

    // ------------------------------------------------------------ globals

    /// The globals' symbols: their names, where they are unique; what they hold, where that never
    /// changes; else the function that uses them first, and how many that has used before.
    pub fn name_globals(&mut self) -> Vec<String> {
        let module = self.module;
        for function in 0..module.functions.len() {
            let mut count = 0;
            for instr in module.functions[function]
                .blocks
                .iter()
                .flat_map(|block| &block.instrs)
            {
                let Op::GlobalAddr(id) = &instr.op else {
                    continue;
                };
                let index = id.0 as usize;
                let item = &module.globals[index];
                if self.globals[index].is_none() && !item.constant && !self.is_unique(index) {
                    count += 1;
                    let user = &self.functions[function];
                    self.globals[index] = Some(own(&format!("{}@{user}{count}", item.name)));
                }
            }
        }
        for index in 0..module.globals.len() {
            self.symbol(index);
        }
        // Without a user among the functions, by their order.
        let mut seen = HashMap::<String, u32>::new();
        for index in 0..module.globals.len() {
            let symbol = self.globals[index].clone().unwrap_or_default();
            if module.globals[index].constant {
                continue;
            }
            let count = seen.entry(symbol.clone()).or_default();
            *count += 1;
            if *count > 1 {
                self.globals[index] = Some(format!("{symbol}{count}"));
            }
        }
        self.globals
            .iter()
            .map(|symbol| symbol.clone().unwrap_or_default())
            .collect()
    }

    fn is_unique(&self, index: usize) -> bool {
        self.counts.get(self.module.globals[index].name.as_str()) == Some(&1)
    }

    fn symbol(&mut self, index: usize) -> String {
        if let Some(symbol) = &self.globals[index] {
            return symbol.clone();
        }
        let item = &self.module.globals[index];
        let symbol = if item.linkage == Linkage::External {
            item.name.clone()
        } else if self.is_unique(index) {
            own(&item.name)
        } else if item.constant && !self.inside.contains(&index) {
            self.inside.push(index);
            let key = self.global(index);
            self.inside.pop();
            own(&format!("{}={key}", item.name))
        } else {
            own(&format!("{}#{index}", item.name))
        };
        self.globals[index] = Some(symbol.clone());
        symbol
    }

    /// What a global is and holds at first.
    pub fn global(&mut self, index: usize) -> Key {
        let item = &self.module.globals[index];
        let mut digest = Digest::new("global");
        digest.number(u64::from(item.constant));
        digest.plain(&item.linkage);
        self.ty(&mut digest, &item.ty);
        self.init(&mut digest, &item.init);
        digest.finish()
    }

    fn init(&mut self, digest: &mut Digest, init: &GlobalInit) {
        match init {
            GlobalInit::Zero => digest.text("zero"),
            GlobalInit::Bytes(bytes) => {
                digest.text("bytes");
                digest.bytes(bytes);
            }
            GlobalInit::List(items) => {
                digest.text("list");
                digest.number(items.len() as u64);
                for item in items {
                    self.init(digest, item);
                }
            }
            GlobalInit::Int(value) => digest.plain(value),
            GlobalInit::Float(value) => {
                digest.text("float");
                digest.number(value.to_bits());
            }
            GlobalInit::ObjectSlot(id) => self.object(digest, *id),
            GlobalInit::Function(id) => self.callee(digest, *id),
            GlobalInit::Global(id) => {
                let symbol = self.symbol(id.0 as usize);
                digest.text("global");
                digest.text(&symbol);
            }
            GlobalInit::Extern(id) => self.outside(digest, *id),
        }
    }

    /// The functions that a constant leads to.
    pub fn functions_in(&self, id: GlobalId, found: &mut Vec<FuncId>) {
        fn walk(module: &Module, init: &GlobalInit, depth: u32, found: &mut Vec<FuncId>) {
            match init {
                GlobalInit::Function(id) => found.push(*id),
                GlobalInit::List(items) => {
                    for item in items {
                        walk(module, item, depth, found);
                    }
                }
                GlobalInit::Global(id) if depth < 8 => {
                    let item = &module.globals[id.0 as usize];
                    if item.constant {
                        walk(module, &item.init, depth + 1, found);
                    }
                }
                _ => {}
            }
        }
        let item = &self.module.globals[id.0 as usize];
        if item.constant {
            walk(self.module, &item.init, 0, found);
        }
    }

    // ------------------------------------------------------------ references

    fn object(&self, digest: &mut Digest, id: ObjectId) {
        digest.text("object");
        digest.number(u64::from(self.places[id.0 as usize]));
    }

    fn callee(&mut self, digest: &mut Digest, id: FuncId) {
        let function = &self.module.functions[id.0 as usize];
        digest.text("function");
        let symbol = self.functions[id.0 as usize].clone();
        digest.text(&symbol);
        digest.number(u64::from(function.cold));
        self.signature(digest, &function.signature);
    }

    fn outside(&mut self, digest: &mut Digest, id: ExternId) {
        let item = &self.module.externs[id.0 as usize];
        digest.text("extern");
        digest.text(&item.name);
        // What calls of libm may be taken to do.
        digest.number(u64::from(
            self.module.asks_errno && crate::gpu::of_libm(&item.name),
        ));
        if let Some(signature) = &item.signature {
            self.signature(digest, signature);
        }
    }

    /// A global that code refers to: a constant's contents may have gone into the code.
    fn variable(&mut self, digest: &mut Digest, id: GlobalId) {
        let index = id.0 as usize;
        let symbol = self.symbol(index);
        digest.text("global");
        digest.text(&symbol);
        let item = &self.module.globals[index];
        if item.constant {
            let key = self.global(index);
            digest.key(key);
            self.behind(digest, &item.init, 0);
        } else {
            self.ty(digest, &item.ty);
        }
    }

    /// What the constants hold that a constant leads to.
    fn behind(&mut self, digest: &mut Digest, init: &GlobalInit, depth: u32) {
        match init {
            GlobalInit::List(items) => {
                for item in items {
                    self.behind(digest, item, depth);
                }
            }
            GlobalInit::Global(id) if depth < 8 => {
                let item = &self.module.globals[id.0 as usize];
                if item.constant {
                    let key = self.global(id.0 as usize);
                    digest.key(key);
                    self.behind(digest, &item.init, depth + 1);
                }
            }
            _ => {}
        }
    }

    // ------------------------------------------------------------ types

    fn structure(&mut self, id: StructId) -> Key {
        let index = id.0 as usize;
        if let Some(key) = self.structs[index] {
            return key;
        }
        let item = &self.module.structs[index];
        let mut digest = Digest::new("struct");
        digest.text(&item.name);
        digest.number(u64::from(item.packed));
        digest.number(item.fields.len() as u64);
        for field in &item.fields {
            self.ty(&mut digest, field);
        }
        let key = digest.finish();
        self.structs[index] = Some(key);
        key
    }

    fn ty(&mut self, digest: &mut Digest, ty: &Type) {
        match ty {
            Type::Struct(id) => {
                let key = self.structure(*id);
                digest.text("struct");
                digest.key(key);
            }
            Type::Array(item, count) => {
                digest.text("array");
                digest.number(*count);
                self.ty(digest, item);
            }
            plain => digest.plain(plain),
        }
    }

    fn signature(&mut self, digest: &mut Digest, signature: &Signature) {
        digest.number(signature.params.len() as u64);
        for param in &signature.params {
            digest.number(u64::from(param.steals));
            self.ty(digest, &param.ty);
        }
        digest.number(u64::from(signature.owned) * 2 + u64::from(signature.varargs));
        self.ty(digest, &signature.result);
    }

    fn constant(&mut self, digest: &mut Digest, constant: &Constant) {
        match constant {
            Constant::Int(..) | Constant::Address(_) => digest.plain(constant),
            Constant::Float(value, ty) => {
                digest.text("float");
                digest.number(value.to_bits());
                self.ty(digest, ty);
            }
            Constant::Null(ty) => {
                digest.text("null");
                self.ty(digest, ty);
            }
            Constant::Zero(ty) => {
                digest.text("zero");
                self.ty(digest, ty);
            }
        }
    }

    // ------------------------------------------------------------ functions

    /// A function by itself: what it calls counts by name and signature.
    pub fn function(&mut self, function: &Function) -> Key {
        let mut digest = Digest::new("function");
        digest.plain(&(function.linkage, function.gil, function.cold));
        digest.plain(&function.float_math);
        self.signature(&mut digest, &function.signature);
        digest.number(function.locals.len() as u64);
        for local in &function.locals {
            digest.plain(&local.field);
            self.ty(&mut digest, &local.ty);
        }
        if let Some(frame) = function.frame {
            let key = self.structure(self.module.frames[frame.0 as usize].structure);
            digest.key(key);
        }
        let lines = super::lines_of(function);
        for block in &function.blocks {
            digest.text(if block.cold { "cold block" } else { "block" });
            for instr in &block.instrs {
                digest.plain(&instr.result);
                self.instr(&mut digest, function, instr, &lines);
            }
            self.terminator(&mut digest, &block.terminator);
        }
        digest.finish()
    }

    fn instr(&mut self, digest: &mut Digest, function: &Function, instr: &Instr, lines: &[u32]) {
        if let Some(line) = function.line_value(instr) {
            digest.text("line");
            digest.plain(&super::line_index(lines, line));
            return;
        }
        match &instr.op {
            Op::Const(constant) => self.constant(digest, constant),
            Op::Object(id) => self.object(digest, *id),
            Op::GlobalAddr(id) => self.variable(digest, *id),
            Op::FunctionAddr(id) => self.callee(digest, *id),
            Op::ExternAddr(id) => self.outside(digest, *id),
            Op::Load(ty, value) => {
                digest.text("load");
                digest.plain(value);
                self.ty(digest, ty);
            }
            Op::Field(value, id, index) => {
                digest.text("field");
                digest.plain(&(value, index));
                let key = self.structure(*id);
                digest.key(key);
            }
            Op::Index(base, ty, index) => {
                digest.text("index");
                digest.plain(&(base, index));
                self.ty(digest, ty);
            }
            Op::Make(id, values) => {
                digest.text("make");
                digest.plain(values);
                let key = self.structure(*id);
                digest.key(key);
            }
            Op::Cast(op, value, ty) => {
                digest.text("cast");
                digest.plain(&(op, value));
                self.ty(digest, ty);
            }
            Op::Call(callee, values) => {
                digest.text("call");
                digest.plain(values);
                match callee {
                    Callee::Function(id) => self.callee(digest, *id),
                    Callee::Extern(id) => self.outside(digest, *id),
                    Callee::Indirect(value, signature) => {
                        digest.plain(value);
                        self.signature(digest, signature);
                    }
                }
            }
            // Nothing but values and locals, which are the function's own.
            op @ (Op::Param(_)
            | Op::LocalAddr(_)
            | Op::Frame
            | Op::Get(_)
            | Op::Set(..)
            | Op::Take(_)
            | Op::Store { .. }
            | Op::Extract(..)
            | Op::Binary(..)
            | Op::Unary(..)
            | Op::Compare(..)
            | Op::Select(..)
            | Op::Intrinsic(..)
            | Op::IncRef(_)
            | Op::XIncRef(_)
            | Op::DecRef(_)
            | Op::XDecRef(_)
            | Op::Forget(_)
            | Op::Own(_)
            | Op::HoldSlice(_)
            | Op::GiveSlice(_)
            | Op::InitObjects
            | Op::EnsureGil
            | Op::ReleaseGil(_)
            | Op::SaveThread
            | Op::RestoreThread(_)) => digest.plain(op),
        }
    }

    fn terminator(&mut self, digest: &mut Digest, terminator: &Terminator) {
        match terminator {
            Terminator::Check {
                value,
                raises: Raises::Maybe(constant),
                ok,
                error,
            } => {
                digest.text("check");
                digest.plain(&(value, ok, error));
                self.constant(digest, constant);
            }
            plain => digest.plain(plain),
        }
    }
}
