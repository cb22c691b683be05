//! What stands at a module's top: structs, objects, externs, globals.

use super::lexer::Token;
use super::{Parsed, Parser, SymbolIs};
use crate::mir::{
    CodeConstant, Constant, Extern, Frame, Global, GlobalId, GlobalInit, Linkage, ObjectConstant,
    ObjectId, Param, Signature, StructDef, StructId, Type,
};

/// Nested array types and initial values end before this.
const DEEPEST: usize = 64;

impl Parser {
    pub(super) fn module(&mut self) -> Parsed<()> {
        while !self.done() {
            if self.peek() == &Token::End {
                self.at += 1;
                continue;
            }
            let external = self.take_word("external");
            let linkage = if external {
                Linkage::External
            } else {
                Linkage::Internal
            };
            match self.word()?.as_str() {
                "module" => {
                    self.module.name = match self.next() {
                        Token::Word(name) => name,
                        _ => return self.wrong("a module's name"),
                    };
                    self.end()?;
                }
                "source" => {
                    self.number::<u32>()?;
                    let name = self.string()?;
                    self.module.sources.push(name);
                    self.end()?;
                }
                "struct" => self.structure()?,
                "frame" => self.frame()?,
                "object" => self.object()?,
                "extern" => self.external()?,
                "global" => self.global(linkage, false)?,
                "constant" => self.global(linkage, true)?,
                "func" => self.function(linkage)?,
                _ => return self.wrong("an item of a module"),
            }
        }
        Ok(())
    }

    fn structure(&mut self) -> Parsed<()> {
        self.number::<u32>()?;
        let packed = self.take_word("packed");
        let name = self.string()?;
        self.mark("{")?;
        let fields = self.list("}", Self::ty)?;
        self.end()?;
        self.module.structs.push(StructDef {
            name,
            fields,
            packed,
        });
        Ok(())
    }

    /// `frame struct N descriptor name [objects] slices [fields] keep`: globals by their numbers.
    fn frame(&mut self) -> Parsed<()> {
        let structure = self.struct_id()?;
        let descriptor = GlobalId(self.number()?);
        let name = GlobalId(self.number()?);
        self.mark("[")?;
        let objects = self.list("]", Self::number)?;
        let slices = if self.take_word("slices") {
            self.mark("[")?;
            self.list("]", Self::number)?
        } else {
            Vec::new()
        };
        let keep = self.take_word("keep");
        self.end()?;
        self.module.frames.push(Frame {
            structure,
            descriptor,
            name,
            objects,
            slices,
            keep,
        });
        Ok(())
    }

    fn external(&mut self) -> Parsed<()> {
        let name = self.symbol()?;
        let signature = match self.peek() {
            Token::Mark("(") => Some(self.signature()?),
            _ => None,
        };
        self.end()?;
        self.module.externs.push(Extern { name, signature });
        Ok(())
    }

    pub(super) fn signature(&mut self) -> Parsed<Signature> {
        self.mark("(")?;
        let mut varargs = false;
        let params = self.list(")", |this| {
            if this.take_mark("...") {
                varargs = true;
                return Ok(None);
            }
            let steals = this.take_word("steals");
            Ok(Some(Param {
                ty: this.ty()?,
                steals,
            }))
        })?;
        self.mark("->")?;
        let owned = self.take_word("owned");
        let result = self.ty()?;
        // Of a result that is no object nothing is said; made ones have the flag set.
        let owned = owned || result != Type::Object;
        Ok(Signature {
            params: params.into_iter().flatten().collect(),
            result,
            owned,
            varargs,
        })
    }

    pub(super) fn ty(&mut self) -> Parsed<Type> {
        self.nested_type(0)
    }

    fn nested_type(&mut self, depth: usize) -> Parsed<Type> {
        if depth > DEEPEST {
            return self.wrong("a type that is not nested so deeply");
        }
        if self.take_mark("[") {
            let item = self.nested_type(depth + 1)?;
            if !self.take_word("x") {
                return self.wrong("'x'");
            }
            let count = self.number()?;
            self.mark("]")?;
            return Ok(Type::Array(Box::new(item), count));
        }
        let word = self.word()?;
        Ok(match word.as_str() {
            "void" => Type::Void,
            "f32" => Type::F32,
            "f64" => Type::F64,
            "f80" => Type::F80,
            "ptr" => Type::Ptr,
            "object" => Type::Object,
            "struct" => Type::Struct(StructId(self.number()?)),
            other => match other.strip_prefix('i').and_then(|bits| bits.parse().ok()) {
                Some(bits) if bits > 0 => Type::Int(bits),
                _ => {
                    self.at -= 1;
                    return self.wrong("a type");
                }
            },
        })
    }

    pub(super) fn constant(&mut self) -> Parsed<Constant> {
        if self.take_word("null") {
            return Ok(Constant::Null(self.ty()?));
        }
        if self.take_word("zero") {
            return Ok(Constant::Zero(self.ty()?));
        }
        let number = self.word()?;
        let ty = self.ty()?;
        let constant = match &ty {
            Type::Int(bits) => number.parse().ok().map(|value| Constant::Int(value, *bits)),
            ty if ty.is_float() => number
                .parse()
                .ok()
                .map(|value| Constant::Float(value, ty.clone())),
            _ => None,
        };
        match constant {
            Some(constant) => Ok(constant),
            None => self.wrong("a number of its type"),
        }
    }

    fn global(&mut self, linkage: Linkage, constant: bool) -> Parsed<()> {
        let name = self.symbol()?;
        self.mark(":")?;
        let ty = self.ty()?;
        self.mark("=")?;
        let init = self.init(0)?;
        self.end()?;
        self.module.globals.push(Global {
            name,
            ty,
            init,
            constant,
            linkage,
        });
        Ok(())
    }

    fn init(&mut self, depth: usize) -> Parsed<GlobalInit> {
        if depth > DEEPEST {
            return self.wrong("a value that is not nested so deeply");
        }
        if self.take_mark("[") {
            return Ok(GlobalInit::List(
                self.list("]", |this| this.init(depth + 1))?,
            ));
        }
        if self.take_word("zero") {
            return Ok(GlobalInit::Zero);
        }
        if self.take_word("bytes") {
            return Ok(GlobalInit::Bytes(self.text()?));
        }
        if self.take_word("object") {
            return Ok(GlobalInit::ObjectSlot(ObjectId(self.number()?)));
        }
        if let Token::Symbol(_) = self.peek() {
            let name = self.symbol()?;
            return match self.symbols.get(&name) {
                Some(SymbolIs::Function(id)) => Ok(GlobalInit::Function(*id)),
                Some(SymbolIs::Global(id)) => Ok(GlobalInit::Global(*id)),
                Some(SymbolIs::Extern(id)) => Ok(GlobalInit::Extern(*id)),
                None => self.wrong("a known symbol"),
            };
        }
        let word = self.word()?;
        if let Ok(value) = word.parse() {
            return Ok(GlobalInit::Int(value));
        }
        match word.parse() {
            Ok(value) => Ok(GlobalInit::Float(value)),
            Err(_) => self.wrong("an initial value"),
        }
    }

    fn ids(&mut self) -> Parsed<Vec<ObjectId>> {
        self.mark("(")?;
        self.list(")", |this| Ok(ObjectId(this.number()?)))
    }

    fn object(&mut self) -> Parsed<()> {
        self.number::<u32>()?;
        self.mark("=")?;
        let interned = self.take_word("interned");
        let kind = self.word()?;
        let object = match kind.as_str() {
            "str" => ObjectConstant::Str {
                data: self.text()?,
                interned,
            },
            "bytes" => ObjectConstant::Bytes(self.text()?),
            "int" => ObjectConstant::Int(self.word()?),
            "float" => ObjectConstant::Float(self.number()?),
            "complex" => ObjectConstant::Complex(self.number()?, self.number()?),
            "tuple" => ObjectConstant::Tuple(self.ids()?),
            "frozenset" => ObjectConstant::FrozenSet(self.ids()?),
            "symbol" => ObjectConstant::Symbol(self.symbol()?),
            "slice" => match self.ids()?.as_slice() {
                [a, b, c] => ObjectConstant::Slice(*a, *b, *c),
                _ => return self.wrong("three parts of a slice"),
            },
            "code" | "code_apart" => ObjectConstant::Code(Box::new(CodeConstant {
                argcount: self.number()?,
                posonly: self.number()?,
                kwonly: self.number()?,
                flags: self.number()?,
                varnames: self.ids()?,
                filename: ObjectId(self.number()?),
                name: ObjectId(self.number()?),
                first_line: self.number()?,
                line_table: ObjectId(self.number()?),
                apart: kind == "code_apart",
            })),
            _ => return self.wrong("a kind of object"),
        };
        self.end()?;
        self.module.objects.push(object);
        Ok(())
    }
}
