//! Calls of runtime functions by a short signature at the place of the call.
//!
//! One letter per parameter, a colon, one for the result: `o` object, `O` an object whose reference
//! the callee takes over (as a result: a new reference), `p` address, `b` truth value as C `int`,
//! `i` 32 bits, `l` 64 bits, `d` double, `f` float, `v` nothing.  An `o` result is borrowed.

use super::body::Body;
use super::{LowerError, Result};
use crate::mir::{Callee, Raises, Signature, Type, Value};

/// The signature in its short form.
pub(super) fn signature(short: &str) -> Signature {
    let (params, result) = short.split_once(':').unwrap_or((short, "v"));
    let mut made = Signature::new(
        params.chars().map(letter),
        letter(result.chars().next().unwrap_or('v')),
    );
    for (index, param) in params.chars().enumerate() {
        made.params[index].steals = param == 'O';
    }
    made.owned = result == "O";
    made
}

/// The type that a letter stands for.
pub(super) fn letter(letter: char) -> Type {
    match letter {
        'o' | 'O' => Type::Object,
        'p' => Type::Ptr,
        'b' | 'i' => Type::I32,
        'l' => Type::I64,
        'd' => Type::F64,
        'f' => Type::F32,
        _ => Type::Void,
    }
}

impl<'t> Body<'_, 't> {
    /// Calls a runtime function that does not raise, or whose result the caller checks.  An owned
    /// result is not yet among the temporaries.
    pub(super) fn rt_raw(
        &mut self,
        name: &str,
        short: &str,
        args: &[Value],
    ) -> Result<Option<Value>> {
        let signature = signature(short);
        let symbol = if self.m.symbols.is_empty() {
            name.to_owned()
        } else {
            match self.m.resolve(name) {
                Some((symbol, found)) => {
                    check(name, &signature, found)?;
                    symbol
                }
                None => return self.missing(&format!("C function '{name}'")),
            }
        };
        for (index, param) in signature.params.iter().enumerate() {
            if param.steals {
                self.forget_temp(args[index]);
            }
        }
        let callee = Callee::Extern(self.m.mir.declare(&symbol, signature));
        Ok(self.b.call(&self.m.mir, callee, args.to_vec()))
    }

    /// Calls a runtime function without a result.
    pub(super) fn rt_void(&mut self, name: &str, short: &str, args: &[Value]) -> Result<()> {
        self.rt_raw(name, short, args)?;
        Ok(())
    }

    /// Calls a runtime function that never raises.
    pub(super) fn rt_value(&mut self, name: &str, short: &str, args: &[Value]) -> Result<Value> {
        match self.rt_raw(name, short, args)? {
            Some(value) => Ok(self.hold(value)),
            None => self.defect(&format!("'{name}' has no result")),
        }
    }

    /// Calls a runtime function that gives null with an exception; an owned result becomes a
    /// temporary.
    pub(super) fn rt_object(&mut self, name: &str, short: &str, args: &[Value]) -> Result<Value> {
        match self.rt_raw(name, short, args)? {
            Some(value) => self.checked(value, Raises::Null),
            None => self.defect(&format!("'{name}' has no result")),
        }
    }

    /// Calls a runtime function that gives an error code.
    pub(super) fn rt_status(
        &mut self,
        name: &str,
        short: &str,
        args: &[Value],
        raises: Raises,
    ) -> Result<Value> {
        match self.rt_raw(name, short, args)? {
            Some(value) => self.checked(value, raises),
            None => self.defect(&format!("'{name}' has no result")),
        }
    }

    /// A defect of lowering itself: shown as a construct that is not supported, so that the module
    /// takes the other route.
    pub(super) fn defect<T>(&self, what: &str) -> Result<T> {
        self.missing(&format!("defect: {what}"))
    }
}

/// Refuses a call whose types are not those of the C function.
fn check(name: &str, signature: &Signature, found: &super::CSignature) -> Result<()> {
    let text = |ty: &Type| match ty {
        Type::Void => "void".to_owned(),
        Type::Int(bits) => format!("i{bits}"),
        Type::F32 => "float".to_owned(),
        Type::F64 => "double".to_owned(),
        Type::F80 => "x86_fp80".to_owned(),
        _ => "ptr".to_owned(),
    };
    // A narrow parameter is passed extended, a narrow result comes back as it is.
    let fits = |ty: &Type, c: &str| {
        text(ty) == c || (*ty == Type::I32 && matches!(c, "i1" | "i8" | "i16"))
    };
    let same = text(&signature.result) == found.result
        && signature.params.len() <= found.params.len() + usize::from(found.varargs) * 100
        && signature
            .params
            .iter()
            .zip(&found.params)
            .all(|(param, c)| fits(&param.ty, c))
        && (found.varargs || signature.params.len() == found.params.len());
    if same {
        return Ok(());
    }
    Err(LowerError::Missing(super::Missing::new(
        format!(
            "defect: '{name}' is called as {signature}, but is {} ({})",
            found.result,
            found.params.join(", ")
        ),
        None,
    )))
}
