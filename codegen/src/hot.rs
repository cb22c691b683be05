//! Bodies of the run-time library's small functions, brought into the modules that call them.
//!
//! The library is built with a second form of what callers had better inline: bitcode, from which a
//! module takes the bodies of what it declares.  They are inlined or dropped; the library has them
//! anyway.  The bitcode is there twice, as a whole and function by function: to read the whole takes
//! longer than to compile a small module.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ops::Range;

use frontend_bridge::recovery;
use inkwell::llvm_sys::prelude::LLVMModuleRef;
use inkwell::module::Module;

use crate::CodegenError;
use crate::symbols::symbols;

unsafe extern "C" {
    fn cyl_extract_hot(
        from: LLVMModuleRef,
        names: *const *const c_char,
        count: usize,
        refused: extern "C" fn(*mut c_void, *const c_char),
        made: extern "C" fn(*mut c_void, *const c_char, *const c_char, usize),
        user: *mut c_void,
    );
    fn cyl_link_hot(into: LLVMModuleRef, data: *const c_char, size: usize) -> bool;
    fn cyl_fit_calls(module: LLVMModuleRef);
}

/// How many functions are brought in one by one; the whole takes about as long as twice as many.
const FEW: usize = 10;

/// Bodies by the names of their functions.
pub struct Bodies {
    data: Vec<u8>,
    whole: Range<usize>,
    pieces: HashMap<String, Range<usize>>,
}

impl Bodies {
    /// Reads what [`extract`] wrote: how many entries there are, each one's length of the name, offset
    /// and length (32 bits each, little-endian), the names, the bitcode.
    pub fn read(data: &[u8]) -> Result<Self, CodegenError> {
        Self::parse(data).ok_or_else(unreadable)
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let number = |at: usize| -> Option<usize> {
            let bytes = data.get(at..at.checked_add(4)?)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
        };
        let count = number(0)?;
        let mut name = count.checked_mul(12)?.checked_add(4)?;
        let mut pieces = HashMap::new();
        for index in 0..count {
            let entry = 4 + 12 * index;
            let text = name..name.checked_add(number(entry)?)?;
            let start = number(entry + 4)?;
            let piece = start..start.checked_add(number(entry + 8)?)?;
            data.get(piece.clone())?;
            let text = std::str::from_utf8(data.get(text.clone())?).ok()?;
            name += text.len();
            pieces.insert(text.to_owned(), piece);
        }
        Some(Self {
            data: data.to_vec(),
            whole: pieces.remove("")?,
            pieces,
        })
    }

    /// The names that a module declares and that there are bodies of.
    fn wanted(&self, module: &Module<'_>) -> Vec<String> {
        let mut names = symbols(module).undefined;
        names.retain(|name| self.pieces.contains_key(name));
        names
    }

    fn link_piece(&self, module: &Module<'_>, piece: Range<usize>) -> Result<(), CodegenError> {
        let bytes = &self.data[piece];
        // SAFETY: both outlive the call, which reads the bytes only.
        let done = unsafe { cyl_link_hot(module.as_mut_ptr(), bytes.as_ptr().cast(), bytes.len()) };
        if done { Ok(()) } else { Err(unreadable()) }
    }
}

fn unreadable() -> CodegenError {
    CodegenError::Optimizer("the run-time library's bitcode cannot be read".to_owned())
}

/// What `cyl_extract_hot` tells.
#[derive(Default)]
struct Extracted {
    refused: Vec<String>,
    entries: Vec<(String, Range<usize>)>,
    bitcode: Vec<u8>,
}

impl Extracted {
    fn written(&self) -> Vec<u8> {
        let names: usize = self.entries.iter().map(|(name, _)| name.len()).sum();
        let start = 4 + 12 * self.entries.len() + names;
        let mut out = Vec::with_capacity(start + self.bitcode.len());
        let mut number = |value: usize| out.extend((value as u32).to_le_bytes());
        number(self.entries.len());
        for (name, piece) in &self.entries {
            number(name.len());
            number(start + piece.start);
            number(piece.len());
        }
        out.extend(self.entries.iter().flat_map(|(name, _)| name.as_bytes()));
        out.extend(&self.bitcode);
        out
    }
}

extern "C" fn on_refused(user: *mut c_void, name: *const c_char) {
    // SAFETY: `user` is the value of the call below, `name` a string of its.
    let (found, name) = unsafe { (&mut *user.cast::<Extracted>(), CStr::from_ptr(name)) };
    found.refused.push(name.to_string_lossy().into_owned());
}

extern "C" fn on_made(user: *mut c_void, name: *const c_char, data: *const c_char, size: usize) {
    // SAFETY: as above; `data` has `size` bytes.
    let (found, name, bytes) = unsafe {
        (
            &mut *user.cast::<Extracted>(),
            CStr::from_ptr(name),
            std::slice::from_raw_parts(data.cast::<u8>(), size),
        )
    };
    let last = found.entries.last().map(|(_, piece)| piece.clone());
    let piece = match last {
        Some(piece) if &found.bitcode[piece.clone()] == bytes => piece,
        _ => {
            let start = found.bitcode.len();
            found.bitcode.extend(bytes);
            start..found.bitcode.len()
        }
    };
    let name = name.to_string_lossy().into_owned();
    found.entries.push((name, piece));
}

/// The functions with these names as [`Bodies`] reads them, and the names of those that are not there or
/// refer to the module's own state.
pub fn extract(
    module: &Module<'_>,
    names: &[String],
) -> Result<(Vec<u8>, Vec<String>), CodegenError> {
    Ok(recovery::run(|| {
        let names: Vec<CString> = names
            .iter()
            .filter_map(|name| CString::new(name.as_str()).ok())
            .collect();
        let pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let mut found = Extracted::default();
        // SAFETY: the module, the names and what is found outlive the call.
        unsafe {
            cyl_extract_hot(
                module.as_mut_ptr(),
                pointers.as_ptr(),
                pointers.len(),
                on_refused,
                on_made,
                (&raw mut found).cast(),
            );
        }
        (found.written(), found.refused)
    })?)
}

/// Brings the bodies in for what the module declares, and for what they declare.
pub fn link(module: &Module<'_>, bodies: &Bodies) -> Result<(), CodegenError> {
    recovery::run(|| {
        let mut linked = HashSet::new();
        loop {
            let mut wanted = bodies.wanted(module);
            wanted.retain(|name| !linked.contains(name));
            if wanted.is_empty() {
                break;
            }
            if linked.len() + wanted.len() > FEW {
                bodies.link_piece(module, bodies.whole.clone())?;
                break;
            }
            for name in wanted {
                bodies.link_piece(module, bodies.pieces[&name].clone())?;
                linked.insert(name);
            }
        }
        // SAFETY: the module outlives the call.
        unsafe { cyl_fit_calls(module.as_mut_ptr()) };
        Ok(())
    })?
}

#[cfg(test)]
mod tests {
    use super::Bodies;
    use crate::OwnedModule;

    fn read(data: &[u8]) -> Bodies {
        Bodies::read(data).expect("what was written")
    }

    const LIBRARY: &str = r#"
@state = internal global i64 0
@text = private unnamed_addr constant [3 x i8] c"ab\00"
declare void @far(ptr)
define internal void @helper() {
  call void @far(ptr @text)
  ret void
}
define i64 @small(i64 %a) {
  %b = add i64 %a, 41
  %rare = icmp eq i64 %b, 0
  br i1 %rare, label %cold, label %out
cold:
  call void @helper()
  br label %out
out:
  ret i64 %b
}
define i64 @stateful() {
  %a = load i64, ptr @state
  ret i64 %a
}
"#;

    #[test]
    fn bodies_are_inlined_and_dropped() {
        let mut library = OwnedModule::from_text(LIBRARY, "library").expect("text");
        let names = ["small", "stateful", "absent"].map(str::to_owned);
        let (bitcode, refused) = library.extract_hot(&names).expect("bitcode");
        assert_eq!(refused, ["stateful", "absent"]);
        let caller = "declare i64 @small(i64)\ndefine i64 @user() {\n %a = call i64 @small(i64 1)\n ret i64 %a\n}\n";
        let mut module = OwnedModule::from_text(caller, "caller").expect("text");
        module.link_hot(&read(&bitcode)).expect("linked");
        module.optimize(2).expect("optimised");
        let text = module.text().expect("text");
        assert!(text.contains("ret i64 42"), "{text}");
        assert_eq!(module.symbols().defined, ["user"]);
    }

    #[test]
    fn small_integers_do_not_keep_a_call() {
        let library = "define signext i8 @low(ptr %p, i8 signext %a, i16 zeroext %b) {\n %c = trunc i16 %b to i8\n \
                       %d = add i8 %a, %c\n ret i8 %d\n}\n";
        let mut library = OwnedModule::from_text(library, "library").expect("text");
        let (bitcode, _) = library.extract_hot(&["low".to_owned()]).expect("bitcode");
        let caller = "declare i32 @low(ptr, i32, i32)\ndefine i32 @user() {\n \
                      %a = call i32 @low(ptr null, i32 -3, i32 65535)\n ret i32 %a\n}\n";
        let mut module = OwnedModule::from_text(caller, "caller").expect("text");
        module.link_hot(&read(&bitcode)).expect("linked");
        module.optimize(2).expect("optimised");
        let text = module.text().expect("text");
        assert!(text.contains("ret i32 -4"), "{text}");
    }

    #[test]
    fn what_nobody_calls_stays_out() {
        let mut library = OwnedModule::from_text(LIBRARY, "library").expect("text");
        let (bitcode, _) = library.extract_hot(&["small".to_owned()]).expect("bitcode");
        let mut module =
            OwnedModule::from_text("define void @f() { ret void }", "other").expect("text");
        module.link_hot(&read(&bitcode)).expect("linked");
        assert!(!module.text().expect("text").contains("small"));
    }

    #[test]
    fn damaged_bodies_are_an_error() {
        let mut library = OwnedModule::from_text(LIBRARY, "library").expect("text");
        let (data, _) = library.extract_hot(&["small".to_owned()]).expect("bitcode");
        let caller = "declare i64 @small(i64)\ndefine i64 @user() {\n %a = call i64 @small(i64 1)\n ret i64 %a\n}\n";
        let header = 4 + 2 * 12 + "small".len();
        for end in 0..header {
            assert!(Bodies::read(&data[..end]).is_err());
        }
        for at in 0..header {
            let mut changed = data.clone();
            changed[at] ^= 0xff;
            if let Ok(bodies) = Bodies::read(&changed) {
                // Another name, or another part of the bitcode: nothing to link, or an error.
                let mut module = OwnedModule::from_text(caller, "caller").expect("text");
                let _ = module.link_hot(&bodies);
            }
        }
        let mut empty = data[..header].to_vec();
        empty.resize(data.len(), 0);
        let mut module = OwnedModule::from_text(caller, "caller").expect("text");
        assert!(module.link_hot(&read(&empty)).is_err());
    }

    /// Functions that call each other in a row; the last two have a function of their own in common.
    fn chain(count: usize) -> (String, Vec<String>) {
        let mut text = String::from(
            "declare void @far()\ndefine internal void @common() {\n call void @far()\n ret void\n}\n",
        );
        for index in 0..count {
            let callee = match count - index {
                1 | 2 => "common".to_owned(),
                _ => format!("f{}", index + 1),
            };
            text += &format!(
                "define i64 @f{index}(i64 %a) {{\n call void @{callee}X\n ret i64 %a\n}}\n"
            );
        }
        for index in 0..count {
            text = text.replace(
                &format!("call void @f{index}X"),
                &format!("%b = call i64 @f{index}(i64 %a)"),
            );
        }
        let names = (0..count).map(|index| format!("f{index}")).collect();
        (text.replace("@commonX", "@common()"), names)
    }

    #[test]
    fn bodies_bring_in_what_they_call() {
        for count in [3, 40] {
            let (text, names) = chain(count);
            let mut library = OwnedModule::from_text(&text, "library").expect("text");
            let (data, refused) = library.extract_hot(&names).expect("bitcode");
            assert_eq!(refused, [""; 0]);
            let caller = "declare i64 @f0(i64)\ndefine i64 @user() {\n %a = call i64 @f0(i64 1)\n ret i64 %a\n}\n";
            let mut module = OwnedModule::from_text(caller, "caller").expect("text");
            module.link_hot(&read(&data)).expect("linked");
            let text = module.text().expect("text");
            let reached = (0..count - 1)
                .filter(|index| text.contains(&format!("available_externally i64 @f{index}(")));
            assert_eq!(reached.count(), count - 1, "{text}");
            assert_eq!(text.matches("define internal void @common").count(), 1);
        }
    }

    #[test]
    fn what_is_inlined_is_optimised() {
        let library = "define i64 @slow(i64 %a) {\n %p = alloca i64\n store i64 %a, ptr %p\n \
                       %b = load i64, ptr %p\n %c = add i64 %b, 0\n ret i64 %c\n}\n";
        let mut library = OwnedModule::from_text(library, "library").expect("text");
        let (data, _) = library.extract_hot(&["slow".to_owned()]).expect("bitcode");
        let caller = "declare i64 @slow(i64)\ndefine ptr @user() {\n ret ptr @slow\n}\n\
                      define i64 @inlined(i64 %a) {\n %b = call i64 @slow(i64 %a)\n ret i64 %b\n}\n";
        let mut module = OwnedModule::from_text(caller, "caller").expect("text");
        module.link_hot(&read(&data)).expect("linked");
        module.optimize(2).expect("optimised");
        let text = module.text().expect("text");
        // Inlined, it is optimised like everything else.
        assert!(text.contains("ret i64 %a"), "{text}");
        assert!(text.contains("declare i64 @slow"), "{text}");
    }
}
