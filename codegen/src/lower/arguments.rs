//! Wrappers of `def` functions: the vectorcall convention in, C values out.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::memview::is_slice;
use crate::mir::{
    BinaryOp, Comparison, FuncId, Global, GlobalId, GlobalInit, Linkage, LocalId, Op, Raises, Type,
    Value,
};

/// What becomes of `*args`: a new tuple of what is left, or the call's own tuple.
const MAKE_STAR: usize = 1;
const GIVEN_STAR: usize = 2;

/// What becomes of `**kwargs`: a dictionary, or nothing where nothing reads it.
const MAKE_KEYWORDS: usize = 1;
const UNUSED_KEYWORDS: usize = 2;

impl<'t> Body<'_, 't> {
    /// A PyMethodDef: name, function, flags, documentation.
    pub(super) fn method_def(
        &mut self,
        def: Node<'t>,
        function: FuncId,
        flags: i128,
    ) -> Result<GlobalId> {
        let specialised = def
            .entry("entry")
            .filter(|entry| entry.flag("is_fused_specialized"))
            .and_then(|entry| entry.text("name"));
        let name = specialised.unwrap_or(function_name(def)).to_owned();
        let text = self.m.c_string(name.as_bytes());
        let doc = match def.entry("entry").and_then(|entry| entry.attr("doc")) {
            Some(Attr::Str(doc)) => GlobalInit::Global(self.m.c_string(doc.as_bytes())),
            Some(Attr::Bytes { data, .. }) => GlobalInit::Global(self.m.c_string(data)),
            Some(Attr::None) | None => GlobalInit::Zero,
            Some(_) => return missing_node(def, "with this documentation"),
        };
        let init = GlobalInit::List(vec![
            GlobalInit::Global(text),
            GlobalInit::Function(function),
            GlobalInit::Int(flags),
            doc,
        ]);
        let place = self.m.method_place(def);
        self.m.mir.globals[place.0 as usize].init = init;
        Ok(place)
    }

    /// Parameters as the function wants them, from a call's arguments: (address, count, names).
    /// `given_star`: the tuple for `*args` where that is the call's own.
    pub(super) fn read_arguments_of(
        &mut self,
        def: Node<'t>,
        wrapper: Node<'t>,
        args: &[Node<'t>],
        [vector, count, names]: [Value; 3],
        given_star: Option<Value>,
    ) -> Result<Vec<Value>> {
        let star = def.node("star_arg").is_some();
        let star_star = def.node("starstar_arg").is_some();
        let total = args.len() + usize::from(star) + usize::from(star_star);
        let kwonly = def.int("num_kwonly_args").unwrap_or(0) as usize;
        let own = def.nodes("args").len() - args.len();
        let posonly = (def.int("num_posonly_args").unwrap_or(0) as usize).saturating_sub(own);
        let positional = args.len() - kwonly;
        if wrapper.node("np_args").is_some() {
            return missing_node(def, "with these arguments");
        }
        let star_kind = match (star, given_star) {
            (false, _) => 0,
            (true, None) => MAKE_STAR,
            (true, Some(_)) => GIVEN_STAR,
        };
        let keywords_kind = match def.node("starstar_arg").and_then(|arg| arg.entry("entry")) {
            _ if !star_star => 0,
            // C leaves it null as well.
            Some(entry)
                if args.is_empty()
                    && !["cf_used", "cf_is_reassigned", "in_closure"]
                        .into_iter()
                        .any(|what| entry.flag(what)) =>
            {
                UNUSED_KEYWORDS
            }
            _ => MAKE_KEYWORDS,
        };
        let kinds = [star_kind, keywords_kind];
        let parameters = self.parameters(def, args, positional, posonly, kinds)?;
        let array = Type::Array(Box::new(Type::Object), total as u64);
        let values = self.b.scratch("values", array);
        let parsed = self.b.local("parsed", Type::I32);
        self.argument_values = Some((values, total as u32, parsed));
        let given: Vec<LocalId> = (0..total)
            .map(|index| self.b.local(&format!("argument{index}"), Type::Object))
            .collect();
        let ready = self.b.block();
        if args.is_empty() && star_kind == GIVEN_STAR && keywords_kind != MAKE_KEYWORDS {
            // Without keywords there is nothing to find out.
            let no_names = self.is_null(names);
            let parse = self.b.block();
            self.b.branch(no_names, ready, parse);
            self.b.switch_to(parse);
        } else if kwonly == 0 && !star && !star_star {
            // Called with exactly the positional arguments, they are read where they lie.
            let no_names = self.is_null(names);
            let mask = self.int(i128::from(i64::MAX), 64);
            let plain = self.op(Op::Binary(BinaryOp::And, count, mask));
            let wanted = self.int(positional as i128, 64);
            let exact = self.op(Op::Compare(Comparison::Eq, plain, wanted));
            let quick = self.op(Op::Binary(BinaryOp::And, no_names, exact));
            let fast = self.b.block();
            let slow = match args.iter().any(|arg| arg.node("default").is_some()) {
                true => self.b.block(),
                false => self.b.cold_block(),
            };
            self.b.branch(quick, fast, slow);
            self.b.switch_to(fast);
            for (index, local) in given.iter().enumerate() {
                let index = self.int(index as i128, 64);
                let value = self.rt_value("cyl_argument", "pl:o", &[vector, index])?;
                self.b.effect(Op::Set(*local, value));
            }
            self.b.jump(ready);
            self.b.switch_to(slow);
        }
        let parameters = self.op(Op::GlobalAddr(parameters));
        let address = self.op(Op::LocalAddr(values));
        let one = self.int(1, 32);
        self.b.effect(Op::Set(parsed, one));
        let owned = self.rt_status(
            "cyl_parse_arguments",
            "pplop:i",
            &[parameters, vector, count, names, address],
            Raises::Negative,
        )?;
        self.b.effect(Op::Set(parsed, owned));
        for (index, local) in given.iter().enumerate() {
            let value = self.item(address, index);
            self.b.effect(Op::Set(*local, value));
        }
        self.b.jump(ready);
        self.b.switch_to(ready);
        let mut out = Vec::new();
        for (arg, local) in args.iter().zip(&given) {
            self.at(*arg);
            out.push(self.one_argument(*arg, *local)?);
        }
        self.at(def);
        for local in &given[args.len()..] {
            out.push(self.op(Op::Get(*local)));
        }
        if let Some(tuple) = given_star {
            out[args.len()] = tuple;
        }
        Ok(out)
    }

    /// The n-th object of an array.
    fn item(&mut self, base: Value, index: usize) -> Value {
        let index = self.int(index as i128, 64);
        let address = self.op(Op::Index(base, Type::Object, index));
        self.op(Op::Load(Type::Object, address))
    }

    /// One argument, converted; its default where it was not given.
    fn one_argument(&mut self, arg: Node<'t>, given: LocalId) -> Result<Value> {
        let ty = arg.expr_type()?;
        let mir = self.c_type(ty)?;
        let default = arg.node("default");
        let value = self.op(Op::Get(given));
        if mir == Type::Object {
            if let Some(default) = default {
                let absent = self.is_null(value);
                let other = self.default_value(arg, default)?;
                let chosen = self.op(Op::Select(absent, other, value));
                self.b.effect(Op::Set(given, chosen));
            }
            if ty.flag("is_pyint_type") || ty.flag("is_pyfloat_type") {
                return self.number_argument(arg, given);
            }
            return Ok(self.op(Op::Get(given)));
        }
        if is_slice(arg) {
            return match default {
                Some(default) => self.optional_slice(arg, default, value),
                None => self.slice_from_object(value, ty),
            };
        }
        let Some(default) = default else {
            return self.from_python(value, ty);
        };
        let local = self.b.local("converted", mir);
        let absent = self.is_null(value);
        self.if_else(
            absent,
            |body| {
                let value = body.default_value(arg, default)?;
                let value = body.fit(value, default.expr_type()?, local);
                body.b.effect(Op::Set(local, value));
                Ok(())
            },
            |body| {
                let value = body.op(Op::Get(given));
                let value = body.from_python(value, ty)?;
                body.b.effect(Op::Set(local, value));
                Ok(())
            },
        )?;
        Ok(self.op(Op::Get(local)))
    }

    /// A default that is a literal.
    fn default_value(&mut self, arg: Node<'t>, default: Node<'t>) -> Result<Value> {
        if Body::computed_default(arg) {
            return self.read_computed_default(arg);
        }
        let literal = match default.kind() {
            "DefaultLiteralArgNode" => default.child("arg")?,
            _ => default,
        };
        if !literal.flag("is_literal")
            && !matches!(literal.kind(), "NoneNode" | "BoolNode" | "NullNode")
        {
            return missing_node(arg, "with a computed default");
        }
        let value = self.expr(literal)?;
        if self.temps.contains(&value) {
            return missing_node(arg, "with a default made anew");
        }
        Ok(value)
    }

    /// An `int` or `float` argument: other numbers that may be one are converted.
    fn number_argument(&mut self, arg: Node<'t>, given: LocalId) -> Result<Value> {
        let function = match arg.expr_type()?.flag("is_pyint_type") {
            true => "__Pyx_PyInt_FromNumber",
            false => "__Pyx_PyFloat_FromNumber",
        };
        let local = self.b.local("number", Type::Object);
        self.owned_locals.push(local);
        let value = self.op(Op::Get(given));
        let value = self.op(Op::XIncRef(value));
        self.b.effect(Op::Set(local, value));
        let address = self.op(Op::LocalAddr(local));
        let name = self.text(arg.text("name").unwrap_or_default());
        let allow = self.int(i128::from(arg.flag("accept_none")), 32);
        self.rt_status(function, "ppi:i", &[address, name, allow], Raises::Negative)?;
        Ok(self.op(Op::Get(local)))
    }

    /// The description that `cyl_parse_arguments` reads.
    fn parameters(
        &mut self,
        def: Node<'t>,
        args: &[Node<'t>],
        positional: usize,
        posonly: usize,
        [star, star_star]: [usize; 2],
    ) -> Result<GlobalId> {
        let required = args[..positional]
            .iter()
            .filter(|arg| arg.node("default").is_none())
            .count();
        let mut slots = Vec::new();
        for arg in &args[posonly.min(args.len())..] {
            // The variable's name: in a class, private names are mangled.
            let Some(name) = arg.entry("entry").and_then(|entry| entry.text("name")) else {
                return missing_node(*arg, "without a name");
            };
            let id = self.m.name(name);
            slots.push(GlobalInit::ObjectSlot(id));
        }
        slots.push(GlobalInit::Zero);
        let count = slots.len() as u64;
        let keywords = self.internal(
            "keywords",
            Type::Array(Box::new(Type::Ptr), count),
            GlobalInit::List(slots),
        );
        let flags: Vec<u8> = args[positional..]
            .iter()
            .map(|arg| u8::from(arg.node("default").is_none()))
            .collect();
        let length = flags.len() as u64 + 1;
        let mut bytes = flags;
        bytes.push(0);
        let needed = self.internal(
            "required",
            Type::Array(Box::new(Type::Int(8)), length),
            GlobalInit::Bytes(bytes),
        );
        let name = self.m.c_string(function_name(def).as_bytes());
        let structure = self.m.mir.structure("cyl_parameters", || {
            let mut fields = vec![Type::Ptr, Type::Ptr];
            fields.extend(std::iter::repeat_n(Type::I32, 6));
            fields.push(Type::Ptr);
            fields
        });
        let number = |value: usize| GlobalInit::Int(value as i128);
        let init = GlobalInit::List(vec![
            GlobalInit::Global(name),
            GlobalInit::Global(keywords),
            number(posonly),
            number(positional),
            number(required),
            number(args.len() - positional),
            number(star),
            number(star_star),
            GlobalInit::Global(needed),
        ]);
        Ok(self.internal("parameters", Type::Struct(structure), init))
    }

    fn internal(&mut self, name: &str, ty: Type, init: GlobalInit) -> GlobalId {
        let name = format!("{name}.{}", self.m.mir.globals.len());
        self.m.mir.add_global(Global {
            name,
            ty,
            init,
            constant: true,
            linkage: Linkage::Internal,
        })
    }
}

/// The name of a function that Python sees: a lambda's is numbered, as Cython has it.
pub(super) fn function_name(def: Node<'_>) -> &str {
    let lambda = def
        .text("lambda_name")
        .and_then(|_| def.entry("entry")?.text("name"));
    // A specialisation of a fused function has another name than its wrapper.
    let wrapper = def.node("py_wrapper");
    let shown = wrapper.and_then(|wrapper| wrapper.text("name"));
    lambda
        .or(shown)
        .or_else(|| def.text("name"))
        .unwrap_or_default()
}
