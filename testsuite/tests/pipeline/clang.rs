use frontend_bridge::Severity;
use frontend_bridge::clang::{self, ClangError, Language, Request};
use pretty_assertions::assert_eq;

use crate::{compile_c, compile_with, freestanding};

#[test]
fn an_error_has_its_place_through_line_directives() {
    let source = "int a;\n#line 7 \"mod.pyx\"\nint f(void) { return nope; }\n";
    let Err(error) = compile_c(source) else {
        panic!("the text is wrong")
    };
    assert_eq!(error.code(), "CYL1001");
    let found = &error.diagnostics()[0];
    assert_eq!(
        (
            found.severity,
            found.file.as_deref(),
            found.line,
            found.column
        ),
        (Severity::Error, Some("mod.pyx"), 7, 22)
    );
    assert_eq!(found.message, "use of undeclared identifier 'nope'");
    assert_eq!(
        found.source_line.as_deref(),
        Some("int f(void) { return nope; }")
    );
}

#[test]
fn warnings_come_with_their_flag_and_do_not_fail() {
    let (_, outcome) = compile_with(
        "static int unused(void) { return 1; }\n",
        Language::C,
        &["-Wall"],
    )
    .expect("only a warning");
    let options: Vec<_> = outcome
        .diagnostics
        .iter()
        .map(|d| d.option.as_deref())
        .collect();
    assert_eq!(options, [Some("-Wunused-function")]);
}

#[test]
fn virtual_headers_are_found_and_listed() {
    let files = [("/virtual/own.h".to_owned(), b"#define ANSWER 42\n".to_vec())];
    let args = freestanding();
    let request = Request {
        source: b"#include \"own.h\"\nint f(void) { return ANSWER; }\n",
        filename: "/virtual/test.c",
        args: &args,
        virtual_files: &files,
        ..Request::default()
    };
    let (mut module, outcome) = codegen::OwnedModule::compile(&request).expect("it compiles");
    assert_eq!(outcome.dependencies, ["/virtual/own.h"]);
    assert!(module.text().expect("text").contains("ret i32 42"));
}

#[test]
fn a_missing_header_is_named() {
    let Err(error) = compile_c("#include <nowhere/to/be_found.h>\n") else {
        panic!("missing")
    };
    assert_eq!(
        error.diagnostics()[0].message,
        "'nowhere/to/be_found.h' file not found"
    );
}

#[test]
fn unknown_arguments_are_errors() {
    let Err(error) = compile_with("int a;\n", Language::C, &["-fno-such-flag-at-all"]) else {
        panic!("clang knows no such flag")
    };
    assert!(
        error.to_string().contains("-fno-such-flag-at-all"),
        "{error}"
    );
}

#[test]
fn a_crash_inside_clang_is_an_error_and_the_process_goes_on() {
    let Err(error) = compile_c("#pragma clang __debug crash\nint a;\n") else {
        panic!("crash")
    };
    assert!(matches!(error, ClangError::Crashed(_)), "{error}");
    let Err(error) = compile_c("#pragma clang __debug llvm_fatal_error\n") else {
        panic!("fatal")
    };
    assert!(matches!(error, ClangError::Crashed(_)), "{error}");
    compile_c("int a;\n").expect("a later compilation works");
}

#[test]
fn cxx_has_classes_and_templates() {
    let source = "template <class T> T twice(T x) { return x + x; }\n\
                  extern \"C\" int f(int x) { return twice(x); }\n";
    let (mut module, _) = compile_with(source, Language::Cxx, &[]).expect("it compiles");
    assert!(module.symbols().defined.contains(&"f".to_owned()));
}

#[test]
fn binary_rubbish_is_refused_and_nothing_else() {
    let rubbish: Vec<u8> = (0..4096u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let args = freestanding();
    let request = Request {
        source: &rubbish,
        filename: "/virtual/rubbish.c",
        args: &args,
        ..Request::default()
    };
    assert!(codegen::OwnedModule::compile(&request).is_err());
}

#[test]
fn a_precompiled_header_serves_a_later_compilation() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prefix.pch");
    let args = freestanding();
    let header = Request {
        source: b"typedef struct { int x; } Point;\n",
        filename: "prefix.h",
        args: &args,
        ..Request::default()
    };
    clang::build_pch(&header, &path).expect("the header compiles");
    let text = path.to_string_lossy();
    let request = Request {
        source: b"int f(Point *p) { return p->x; }\n",
        filename: "/virtual/test.c",
        args: &args,
        pch: Some(&text),
        ..Request::default()
    };
    codegen::OwnedModule::compile(&request).expect("Point is known");
}

#[test]
fn a_damaged_precompiled_header_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bad.pch");
    std::fs::write(&path, b"CPCHnot really").expect("writable");
    let text = path.to_string_lossy();
    let args = freestanding();
    let request = Request {
        source: b"int a;\n",
        filename: "/virtual/test.c",
        args: &args,
        pch: Some(&text),
        ..Request::default()
    };
    assert!(codegen::OwnedModule::compile(&request).is_err());
}
