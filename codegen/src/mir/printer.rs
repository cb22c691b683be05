//! MIR as text, for people, golden tests and `--emit=mir`.

use std::fmt::{self, Display, Formatter, Write};

use super::{
    Block, Callee, Constant, FloatMath, Function, Global, GlobalInit, Linkage, Module,
    ObjectConstant, Op, Ownership, Raises, Signature, Terminator, Type, Value,
};

/// The module's text.
pub fn print(module: &Module) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_module(&mut out, module);
    out
}

fn write_module(out: &mut String, module: &Module) -> fmt::Result {
    writeln!(out, "module {}", module.name)?;
    for (index, source) in module.sources.iter().enumerate() {
        writeln!(out, "source {index} {source:?}")?;
    }
    for (index, item) in module.structs.iter().enumerate() {
        let packed = if item.packed { "packed " } else { "" };
        let fields = List(&item.fields);
        writeln!(out, "struct {index} {packed}{:?} {{{fields}}}", item.name)?;
    }
    for (index, object) in module.objects.iter().enumerate() {
        writeln!(out, "object {index} = {}", Object(object))?;
    }
    for item in &module.externs {
        match &item.signature {
            Some(signature) => writeln!(out, "extern @{}{signature}", item.name)?,
            None => writeln!(out, "extern @{}", item.name)?,
        }
    }
    for global in &module.globals {
        write_global(out, module, global)?;
    }
    for frame in &module.frames {
        let (descriptor, name) = (frame.descriptor.0, frame.name.0);
        write!(
            out,
            "frame struct {} {descriptor} {name} [",
            frame.structure.0
        )?;
        for (index, field) in frame.objects.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(out, "{comma}{field}")?;
        }
        write!(out, "]")?;
        if !frame.slices.is_empty() {
            write!(out, " slices {:?}", frame.slices)?;
        }
        writeln!(out, "{}", if frame.keep { " keep" } else { "" })?;
    }
    for function in &module.functions {
        write_function(out, module, function)?;
    }
    Ok(())
}

fn write_global(out: &mut String, module: &Module, global: &Global) -> fmt::Result {
    let kind = if global.constant {
        "constant"
    } else {
        "global"
    };
    let linkage = if global.linkage == Linkage::External {
        "external "
    } else {
        ""
    };
    write!(out, "{linkage}{kind} @{}: {} = ", global.name, global.ty)?;
    write_init(out, module, &global.init)?;
    writeln!(out)
}

fn write_init(out: &mut String, module: &Module, init: &GlobalInit) -> fmt::Result {
    match init {
        GlobalInit::Zero => write!(out, "zero"),
        GlobalInit::Bytes(bytes) => write!(out, "bytes \"{}\"", bytes.escape_ascii()),
        GlobalInit::Int(value) => write!(out, "{value}"),
        GlobalInit::ObjectSlot(id) => write!(out, "object {}", id.0),
        GlobalInit::Float(value) => write!(out, "{value:?}"),
        GlobalInit::Function(id) => write!(out, "@{}", module.functions[id.0 as usize].name),
        GlobalInit::Global(id) => write!(out, "@{}", module.globals[id.0 as usize].name),
        GlobalInit::Extern(id) => write!(out, "@{}", module.externs[id.0 as usize].name),
        GlobalInit::List(items) => {
            write!(out, "[")?;
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    write!(out, ", ")?;
                }
                write_init(out, module, item)?;
            }
            write!(out, "]")
        }
    }
}

fn write_function(out: &mut String, module: &Module, function: &Function) -> fmt::Result {
    let linkage = if function.linkage == Linkage::External {
        "external "
    } else {
        ""
    };
    let gil = if function.gil { "" } else { " nogil" };
    let cold = if function.cold { " cold" } else { "" };
    let math = match function.float_math {
        FloatMath::Exact => "",
        FloatMath::Contract => " contract",
        FloatMath::Fast => " fastmath",
    };
    let name = &function.name;
    write!(
        out,
        "\n{linkage}func @{name}{}{gil}{cold}{math}",
        function.signature
    )?;
    if let Some(frame) = function.frame {
        write!(out, " frame {}", frame.0)?;
    }
    if let Some((source, line)) = function.source {
        write!(out, " source {source}:{line}")?;
    }
    if function.blocks.is_empty() {
        return writeln!(out);
    }
    writeln!(out, " {{")?;
    for (index, local) in function.locals.iter().enumerate() {
        write!(out, "  local ${index} {:?}: {}", local.name, local.ty)?;
        if local.scratch {
            write!(out, " scratch")?;
        }
        if let Some(field) = local.field {
            write!(out, " in field {field}")?;
        }
        writeln!(out)?;
    }
    for (index, block) in function.blocks.iter().enumerate() {
        let cold = if block.cold { " cold" } else { "" };
        writeln!(out, "bb{index}{cold}:")?;
        write_block(out, module, function, block)?;
    }
    writeln!(out, "}}")
}

fn write_block(
    out: &mut String,
    module: &Module,
    function: &Function,
    block: &Block,
) -> fmt::Result {
    for instr in &block.instrs {
        write!(out, "  ")?;
        if let Some(result) = instr.result {
            let info = function.value(result);
            let owned = if info.ownership == Ownership::Owned {
                "owned "
            } else {
                ""
            };
            write!(out, "{result}: {owned}{} = ", info.ty)?;
        }
        write_op(out, module, &instr.op)?;
        write_line(out, instr.line)?;
    }
    write!(out, "  ")?;
    write_terminator(out, &block.terminator)?;
    write_line(out, block.line)
}

fn write_line(out: &mut String, line: u32) -> fmt::Result {
    if line > 0 {
        writeln!(out, " ; line {line}")
    } else {
        writeln!(out)
    }
}

fn write_op(out: &mut String, module: &Module, op: &Op) -> fmt::Result {
    match op {
        Op::Const(constant) => write!(out, "const {constant}"),
        Op::Param(index) => write!(out, "param {index}"),
        Op::Object(id) => write!(out, "object {}", id.0),
        Op::GlobalAddr(id) => write!(out, "addr @{}", module.globals[id.0 as usize].name),
        Op::FunctionAddr(id) => write!(out, "addr @{}", module.functions[id.0 as usize].name),
        Op::ExternAddr(id) => write!(out, "addr @{}", module.externs[id.0 as usize].name),
        Op::LocalAddr(id) => write!(out, "addr ${}", id.0),
        Op::Frame => write!(out, "frame"),
        Op::Get(id) => write!(out, "get ${}", id.0),
        Op::Set(id, value) => write!(out, "set ${} {value}", id.0),
        Op::Take(id) => write!(out, "take ${}", id.0),
        Op::Load(ty, address) => write!(out, "load {ty} {address}"),
        Op::Store { address, value } => write!(out, "store {address} {value}"),
        Op::Field(base, id, index) => write!(out, "field {base} struct {} {index}", id.0),
        Op::Index(base, ty, index) => write!(out, "index {base} {ty} {index}"),
        Op::Extract(value, index) => write!(out, "extract {value} {index}"),
        Op::Make(id, values) => write!(out, "make struct {}({})", id.0, List(values)),
        Op::Binary(op, a, b) => write!(out, "{} {a} {b}", lower(op)),
        Op::Unary(op, a) => write!(out, "{} {a}", lower(op)),
        Op::Compare(op, a, b) => write!(out, "compare {} {a} {b}", lower(op)),
        Op::Cast(op, value, ty) => write!(out, "cast {} {value} to {ty}", lower(op)),
        Op::Select(c, a, b) => write!(out, "select {c} {a} {b}"),
        Op::Intrinsic(which, args) => write!(out, "intrinsic {}({})", lower(which), List(args)),
        Op::IncRef(value) => write!(out, "incref {value}"),
        Op::XIncRef(value) => write!(out, "xincref {value}"),
        Op::DecRef(value) => write!(out, "decref {value}"),
        Op::XDecRef(value) => write!(out, "xdecref {value}"),
        Op::Forget(value) => write!(out, "forget {value}"),
        Op::Own(value) => write!(out, "own {value}"),
        Op::HoldSlice(value) => write!(out, "hold_slice {value}"),
        Op::GiveSlice(value) => write!(out, "give_slice {value}"),
        Op::InitObjects => write!(out, "init_objects"),
        Op::EnsureGil => write!(out, "ensure_gil"),
        Op::ReleaseGil(token) => write!(out, "release_gil {token}"),
        Op::SaveThread => write!(out, "save_thread"),
        Op::RestoreThread(state) => write!(out, "restore_thread {state}"),
        Op::Call(callee, args) => {
            match callee {
                Callee::Function(id) => {
                    write!(out, "call @{}", module.functions[id.0 as usize].name)?;
                }
                Callee::Extern(id) => {
                    write!(out, "call @{}", module.externs[id.0 as usize].name)?;
                }
                Callee::Indirect(address, signature) => {
                    write!(out, "call {address} as {signature} with ")?;
                }
            }
            write!(out, "({})", List(args))
        }
    }
}

fn write_terminator(out: &mut String, terminator: &Terminator) -> fmt::Result {
    match terminator {
        Terminator::Jump(to) => write!(out, "jump bb{}", to.0),
        Terminator::Branch {
            condition,
            then,
            otherwise,
        } => {
            write!(out, "branch {condition} bb{} bb{}", then.0, otherwise.0)
        }
        Terminator::Switch(value, cases, default) => {
            write!(out, "switch {value} [")?;
            for (index, (case, to)) in cases.iter().enumerate() {
                let comma = if index > 0 { ", " } else { "" };
                write!(out, "{comma}{case}: bb{}", to.0)?;
            }
            write!(out, "] bb{}", default.0)
        }
        Terminator::Check {
            value,
            raises,
            ok,
            error,
        } => {
            write!(out, "check ")?;
            if let Some(value) = value {
                write!(out, "{value} ")?;
            }
            write!(out, "raises {raises} bb{} else bb{}", ok.0, error.0)
        }
        Terminator::Return(Some(value)) => write!(out, "return {value}"),
        Terminator::Return(None) => write!(out, "return"),
        Terminator::Suspend {
            value,
            resume,
            handling,
        } => {
            let handling = if *handling { " handling" } else { "" };
            write!(out, "suspend {value} bb{}{handling}", resume.0)
        }
        Terminator::Unreachable => write!(out, "unreachable"),
    }
}

/// An operator's name in the text form: that of its variant in small letters.
fn lower(name: &impl fmt::Debug) -> String {
    format!("{name:?}").to_lowercase()
}

struct List<'a, T>(&'a [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

struct Object<'a>(&'a ObjectConstant);

impl Display for Object<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ids = |items: &[super::ObjectId]| {
            items
                .iter()
                .map(|id| id.0.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self.0 {
            ObjectConstant::Str { data, interned } => {
                let interned = if *interned { "interned " } else { "" };
                write!(f, "{interned}str \"{}\"", data.escape_ascii())
            }
            ObjectConstant::Bytes(data) => write!(f, "bytes \"{}\"", data.escape_ascii()),
            ObjectConstant::Int(text) => write!(f, "int {text}"),
            ObjectConstant::Float(value) => write!(f, "float {value:?}"),
            ObjectConstant::Complex(re, im) => write!(f, "complex {re:?} {im:?}"),
            ObjectConstant::Tuple(items) => write!(f, "tuple ({})", ids(items)),
            ObjectConstant::FrozenSet(items) => write!(f, "frozenset ({})", ids(items)),
            ObjectConstant::Slice(a, b, c) => write!(f, "slice ({}, {}, {})", a.0, b.0, c.0),
            ObjectConstant::Symbol(name) => write!(f, "symbol @{name}"),
            ObjectConstant::Code(code) => write!(
                f,
                "{} {} {} {} {} ({}) {} {} {} {}",
                if code.apart { "code_apart" } else { "code" },
                code.argcount,
                code.posonly,
                code.kwonly,
                code.flags,
                ids(&code.varnames),
                code.filename.0,
                code.name.0,
                code.first_line,
                code.line_table.0
            ),
        }
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Type::Void => f.write_str("void"),
            Type::Int(bits) => write!(f, "i{bits}"),
            Type::F32 => f.write_str("f32"),
            Type::F64 => f.write_str("f64"),
            Type::F80 => f.write_str("f80"),
            Type::Ptr => f.write_str("ptr"),
            Type::Object => f.write_str("object"),
            Type::Struct(id) => write!(f, "struct {}", id.0),
            Type::Array(item, count) => write!(f, "[{item} x {count}]"),
        }
    }
}

impl Display for Constant {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Constant::Int(value, bits) => write!(f, "{value} i{bits}"),
            Constant::Float(value, ty) => write!(f, "{value:?} {ty}"),
            Constant::Address(number) => write!(f, "address {number}"),
            Constant::Null(ty) => write!(f, "null {ty}"),
            Constant::Zero(ty) => write!(f, "zero {ty}"),
        }
    }
}

impl Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (index, param) in self.params.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let steals = if param.steals { "steals " } else { "" };
            write!(f, "{comma}{steals}{}", param.ty)?;
        }
        if self.varargs {
            f.write_str(", ...")?;
        }
        let owned = if self.owned && self.result == Type::Object {
            "owned "
        } else {
            ""
        };
        write!(f, ") -> {owned}{}", self.result)
    }
}

impl Display for Raises {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Raises::Null => f.write_str("null"),
            Raises::MinusOne => f.write_str("minus_one"),
            Raises::Negative => f.write_str("negative"),
            Raises::Zero => f.write_str("zero"),
            Raises::NonZero => f.write_str("nonzero"),
            Raises::Maybe(constant) => write!(f, "maybe {constant}"),
            Raises::Occurred => f.write_str("occurred"),
        }
    }
}
