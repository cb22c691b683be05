//! The C functions that code on a GPU may call.

/// Bitcode of libm's functions, made by this crate's build script.
pub const BITCODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/devicemath.bc"));

/// In the bitcode, in double precision; with an `f` behind in single.
const BUILT: &[&str] = &[
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "cbrt",
    "erf",
    "erfc",
    "tgamma",
    "lgamma",
    "atan2",
    "pow",
    "fmod",
    "hypot",
    "remainder",
    "nextafter",
    "fdim",
];

/// LLVM's own, by C's name and LLVM's, and the number of arguments.
const INTRINSIC: &[(&str, &str, usize)] = &[
    ("fabs", "fabs", 1),
    ("floor", "floor", 1),
    ("ceil", "ceil", 1),
    ("trunc", "trunc", 1),
    ("round", "round", 1),
    ("rint", "rint", 1),
    ("nearbyint", "nearbyint", 1),
    ("sqrt", "sqrt", 1),
    ("copysign", "copysign", 2),
    ("fmin", "minnum", 2),
    ("fmax", "maxnum", 2),
    ("fma", "fma", 3),
];

/// Complex arithmetic, in the bitcode.
const COMPLEX: &[&str] = &[
    "cyl_complex_from_parts_f64",
    "cyl_complex_prod_f64",
    "cyl_complex_quot_f64",
    "cyl_complex_abs_f64",
    "cyl_complex_from_parts_f32",
    "cyl_complex_prod_f32",
    "cyl_complex_quot_f32",
    "cyl_complex_abs_f32",
];

/// Functions of the runtime that kernels call, in [`SUPPORT`] and in the bitcode.
const RUNTIME: &[&str] = &[
    "cyl_gpu_raise",
    "cyl_gpu_at",
    "cyl_gpu_break",
    "cyl_gpu_broken",
    "cyl_gpu_range",
];

/// Whether a function can be called on a GPU.
pub(super) fn known(name: &str) -> bool {
    of_libm(name) || RUNTIME.contains(&name) || COMPLEX.contains(&name) || power(name).is_some()
}

/// Whether a function is one of libm's, in double or single precision.
pub(crate) fn of_libm(name: &str) -> bool {
    let plain =
        |name: &str| BUILT.contains(&name) || INTRINSIC.iter().any(|(known, ..)| *known == name);
    plain(name) || name.strip_suffix('f').is_some_and(plain)
}

/// Cython's powers of integers: the name of the type in theirs, its bits, and whether it is signed.
const POWERS: &[(&str, u32, bool)] = &[
    ("char", 8, true),
    ("signed_char", 8, true),
    ("unsigned_char", 8, false),
    ("short", 16, true),
    ("unsigned_short", 16, false),
    ("int", 32, true),
    ("unsigned_int", 32, false),
    ("long", 64, true),
    ("unsigned_long", 64, false),
    ("PY_LONG_LONG", 64, true),
    ("unsigned_PY_LONG_LONG", 64, false),
    ("Py_ssize_t", 64, true),
    ("Py_hash_t", 64, true),
    ("ptrdiff_t", 64, true),
    ("intptr_t", 64, true),
    ("size_t", 64, false),
    ("uintptr_t", 64, false),
];

fn power(name: &str) -> Option<&(&str, u32, bool)> {
    let ty = name.strip_prefix("__Pyx_pow_")?;
    POWERS.iter().find(|(known, ..)| *known == ty)
}

/// Multiplies as often as the exponent has bits; what is less than nothing gives nothing, as in C.
fn power_text((ty, bits, signed): (&str, u32, bool)) -> String {
    let ty = format!("__Pyx_pow_{ty}(i{bits} %base, i{bits} %exponent)");
    // Whether a negative number is one.
    let can_be = i32::from(signed);
    format!(
        "define i{bits} @{ty} alwaysinline {{
begin:
  %less = icmp slt i{bits} %exponent, 0
  %none = and i1 %less, {can_be}
  br i1 %none, label %out, label %loop
loop:
  %total = phi i{bits} [ 1, %begin ], [ %next, %loop ]
  %square = phi i{bits} [ %base, %begin ], [ %twice, %loop ]
  %left = phi i{bits} [ %exponent, %begin ], [ %rest, %loop ]
  %odd = trunc i{bits} %left to i1
  %more = mul i{bits} %total, %square
  %next = select i1 %odd, i{bits} %more, i{bits} %total
  %twice = mul i{bits} %square, %square
  %rest = lshr i{bits} %left, 1
  %done = icmp eq i{bits} %rest, 0
  br i1 %done, label %out, label %loop
out:
  %result = phi i{bits} [ 0, %begin ], [ %next, %loop ]
  ret i{bits} %result
}}\n"
    )
}

/// The runtime's functions on a GPU.  A thread's state starts with a mark (0, 1: it raised, 2: before
/// all others) and the address of the launch's error word, which holds: taken, site, line, detail,
/// left early.
const SUPPORT: &str = r"
define void @cyl_gpu_raise(ptr %state, i32 %site, i32 %line, i32 %detail) alwaysinline {
  %seen = load i32, ptr %state
  %first = icmp eq i32 %seen, 0
  br i1 %first, label %try, label %out
try:
  %place = getelementptr i8, ptr %state, i64 8
  %word = load ptr, ptr %place
  %global = addrspacecast ptr %word to ptr addrspace(1)
  %pair = cmpxchg ptr addrspace(1) %global, i32 0, i32 1 monotonic monotonic
  %won = extractvalue { i32, i1 } %pair, 1
  %mark = select i1 %won, i32 2, i32 1
  store i32 %mark, ptr %state
  br i1 %won, label %tell, label %out
tell:
  %a = getelementptr i8, ptr addrspace(1) %global, i64 4
  store i32 %site, ptr addrspace(1) %a
  %b = getelementptr i8, ptr addrspace(1) %global, i64 8
  store i32 %line, ptr addrspace(1) %b
  %c = getelementptr i8, ptr addrspace(1) %global, i64 12
  store i32 %detail, ptr addrspace(1) %c
  br label %out
out:
  ret void
}
define void @cyl_gpu_at(ptr %state, i32 %line) alwaysinline {
  %mark = load i32, ptr %state
  %won = icmp eq i32 %mark, 2
  br i1 %won, label %tell, label %out
tell:
  %place = getelementptr i8, ptr %state, i64 8
  %word = load ptr, ptr %place
  %b = getelementptr i8, ptr %word, i64 8
  store i32 %line, ptr %b
  br label %out
out:
  ret void
}
define void @cyl_gpu_break(ptr %state) alwaysinline {
  %place = getelementptr i8, ptr %state, i64 8
  %word = load ptr, ptr %place
  %flag = getelementptr i8, ptr %word, i64 16
  store volatile i32 1, ptr %flag
  ret void
}
define i32 @cyl_gpu_broken(ptr %state) alwaysinline {
  %place = getelementptr i8, ptr %state, i64 8
  %word = load ptr, ptr %place
  %flag = getelementptr i8, ptr %word, i64 16
  %found = load volatile i32, ptr %flag
  ret i32 %found
}
";

/// LLVM text of all that is not in the bitcode.
pub(super) fn support() -> String {
    let mut text = SUPPORT.to_owned();
    text.extend(POWERS.iter().map(|one| power_text(*one)));
    for (c, llvm, count) in INTRINSIC {
        for (ty, suffix, short) in [("double", "", "f64"), ("float", "f", "f32")] {
            let params: Vec<_> = (0..*count).map(|index| format!("{ty} %{index}")).collect();
            let types = vec![ty; *count].join(", ");
            let params = params.join(", ");
            text += &format!(
                "declare {ty} @llvm.{llvm}.{short}({types})\n\
                 define {ty} @{c}{suffix}({params}) alwaysinline {{\n  \
                 %r = call {ty} @llvm.{llvm}.{short}({params})\n  ret {ty} %r\n}}\n"
            );
        }
    }
    text
}
