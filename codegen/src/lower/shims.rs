//! Shims: small C functions for what only a C compiler can make sense of (macros, static inline
//! functions, external constants and variables), and facts of the headers (sizes and offsets).
//!
//! Lowering notes what it needs while it goes on with a guess; where something was not known yet the
//! module is lowered again once the shims are compiled.  Arguments and results are passed as 64-bit
//! integers, floating-point numbers and addresses, and what is none of these by its address.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use frontend_bridge::tree::{Position, Scope, Tree, Value as Attr};

use crate::mir::FloatMath;

/// What the C compiler has already said about a module.
#[derive(Clone, Default, Debug)]
pub struct ShimFacts {
    /// The functions that there are.
    pub functions: HashSet<String>,
    /// Numbers by their symbol.
    pub numbers: HashMap<String, i64>,
    /// Whether the module's C has been compiled at all.
    pub compiled: bool,
    /// Macros that the module is built with.
    pub macros: TraceMacros,
    /// What the flags for the C compiler allow with floating-point numbers, everywhere.
    pub float_math: FloatMath,
}

/// The macros of Cython's C that decide what of the directives `profile` and `linetrace` is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceMacros {
    /// CYTHON_PROFILE.
    pub profile: bool,
    /// CYTHON_TRACE.
    pub trace: bool,
    /// CYTHON_TRACE_NOGIL.
    pub nogil: bool,
}

impl Default for TraceMacros {
    fn default() -> TraceMacros {
        TraceMacros {
            profile: true,
            trace: false,
            nogil: false,
        }
    }
}

/// C that a module needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShimRequest {
    /// What comes before Cython's own macros: `Python.h`.
    pub before: String,
    /// What comes after them.
    pub text: String,
    /// Symbols of functions.
    pub functions: Vec<String>,
    /// Symbols of constants of the type `long long`, and of functions that tell how a type is passed.
    pub numbers: Vec<String>,
    /// Whether the facts that were given already had all of this.
    pub known: bool,
    /// Whether a number among them was a guess.
    pub guessed: bool,
    /// The file that the module is made from.
    pub source: String,
}

/// What one lowering needs.
#[derive(Default, Debug)]
pub(super) struct Shims {
    known: ShimFacts,
    functions: BTreeMap<String, String>,
    numbers: BTreeMap<String, String>,
    guessed: bool,
    incomplete: bool,
    own_c: Option<OwnC>,
}

/// What a module's own C may make of names that the process knows as functions.
#[derive(Debug)]
struct OwnC {
    /// The words of its verbatim blocks.
    words: HashSet<String>,
    /// Whether it includes headers that are neither CPython's nor the C library's.
    headers: bool,
}

/// The headers of the C library, and of CPython, whose functions are what the process has.
const PLAIN_HEADERS: &str = "Python.h assert.h complex.h ctype.h datetime.h errno.h fenv.h float.h \
    frameobject.h inttypes.h limits.h locale.h malloc.h math.h omp.h pythread.h setjmp.h signal.h \
    stdarg.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h structmember.h time.h unistd.h \
    wchar.h numpy/arrayobject.h numpy/ufuncobject.h numpy/random/distributions.h";

/// Functions that only a C compiler may call: what they return to must know that they return again.
const RETURN_TWICE: [&str; 3] = ["setjmp", "_setjmp", "sigsetjmp"];

impl OwnC {
    fn of(tree: &Tree) -> OwnC {
        let (before, text, _) = includes(tree.root().scope("scope"));
        let mut found = OwnC {
            words: HashSet::new(),
            headers: false,
        };
        for line in before.lines().chain(text.lines()) {
            match line.trim().strip_prefix("#include") {
                Some(header) => {
                    let name = header.trim().trim_matches(['"', '<', '>']);
                    found.headers |= !PLAIN_HEADERS.split(' ').any(|plain| plain == name);
                }
                None => {
                    let words = line.split(|char: char| char != '_' && !char.is_alphanumeric());
                    found.words.extend(words.map(str::to_owned));
                }
            }
        }
        found
    }
}

impl Shims {
    pub fn new(known: ShimFacts) -> Shims {
        Shims {
            known,
            ..Shims::default()
        }
    }

    /// Whether a function that the process has may be another, or a macro, in the module's C.
    pub fn may_redefine(&mut self, tree: &Tree, name: &str) -> bool {
        if RETURN_TWICE.contains(&name) {
            return true;
        }
        let own = self.own_c.get_or_insert_with(|| OwnC::of(tree));
        own.words.contains(name) || own.headers && !name.to_ascii_lowercase().starts_with("__pyx")
    }

    /// The symbol of a function; `text` is all of it but its name, which stands as `@`.
    pub fn function(&mut self, tree: &Tree, text: &str, at: Option<Position>) -> String {
        let symbol = format!("cyl_shim_{:016x}", hash(text));
        self.incomplete |= !self.known.functions.contains(&symbol);
        self.functions.entry(symbol.clone()).or_insert_with(|| {
            let place = line_of(tree, at);
            let text = text.replacen('@', &symbol, 1);
            format!("{place}__attribute__((always_inline)) {text}\n")
        });
        symbol
    }

    /// The value of an integer constant expression of C; `None` where it is not known yet.
    pub fn number(&mut self, tree: &Tree, c: &str, at: Option<Position>) -> Option<i64> {
        self.fact(tree, c, &format!("const long long @ = {c};"), at)
    }

    /// How C passes a type by value, as `crate::shims::number` says of a function that takes and
    /// returns it; `None` where it is not known yet.
    pub fn passing(&mut self, tree: &Tree, c: &str, at: Option<Position>) -> Option<i64> {
        // C neither takes nor returns arrays.
        let value = super::ctypes::as_value(c);
        let text = format!("{value} @({value} it) {{ return it; }}");
        self.fact(tree, &text, &text, at)
    }

    /// A number that a definition tells, whose name stands as `@`; `key` is its own.
    fn fact(&mut self, tree: &Tree, key: &str, text: &str, at: Option<Position>) -> Option<i64> {
        let symbol = format!("cyl_fact_{:016x}", hash(key));
        let found = self.known.numbers.get(&symbol).copied();
        self.incomplete |= found.is_none();
        self.guessed |= found.is_none();
        self.numbers.entry(symbol.clone()).or_insert_with(|| {
            let place = line_of(tree, at);
            format!("{place}{}\n", text.replacen('@', &symbol, 1))
        });
        found
    }

    /// What the module needs, if anything.
    pub fn request(&self, tree: &Tree) -> Option<ShimRequest> {
        let (before, mut text, verbatim) = includes(tree.root().scope("scope"));
        // C that stands in the module is compiled whether or not it is used: it may define symbols,
        // warn or refuse.
        if self.functions.is_empty() && self.numbers.is_empty() && !verbatim {
            return None;
        }
        text.extend(self.numbers.values().map(String::as_str));
        text.extend(self.functions.values().map(String::as_str));
        Some(ShimRequest {
            before,
            text,
            functions: self.functions.keys().cloned().collect(),
            numbers: self.numbers.keys().cloned().collect(),
            known: self.known.compiled && !self.incomplete,
            guessed: self.guessed,
            source: match tree.root().text("source_path") {
                Some(path) => path.to_owned(),
                None => tree.sources().first().cloned().unwrap_or_default(),
            },
        })
    }
}

/// Whether the module's C knows of `errno`: it cimports `libc.errno`, or includes the header itself.
pub(super) fn names_errno(tree: &Tree) -> bool {
    let (before, text, _) = includes(tree.root().scope("scope"));
    before.contains("errno") || text.contains("errno")
}

/// A number for a text, the same in every process.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The directive that makes clang speak of a place in the .pyx.
fn line_of(tree: &Tree, at: Option<Position>) -> String {
    let Some(at) = at else { return String::new() };
    match tree.sources().get(at.source as usize) {
        Some(file) => {
            let file = file.replace('\\', "\\\\").replace('"', "\\\"");
            format!("#line {} \"{file}\"\n", at.line)
        }
        None => String::new(),
    }
}

/// The module's includes and verbatim blocks: `Python.h`, and all others; whether there are blocks.
fn includes(scope: Option<Scope<'_>>) -> (String, String, bool) {
    let mut parts = [String::new(), String::new(), String::new()];
    let mut verbatim = false;
    for include in scope
        .map(|scope| scope.helpers("c_includes"))
        .unwrap_or_default()
    {
        let location = include.int("location").unwrap_or(2).clamp(0, 2) as usize;
        for piece in include.list("pieces") {
            if let Attr::Str(piece) = piece {
                verbatim |= !piece.trim_start().starts_with("#include");
                parts[location].push_str(piece);
                parts[location].push('\n');
            }
        }
    }
    let [initial, early, late] = parts;
    (initial, early + &late, verbatim)
}
