use std::fs;

use pretty_assertions::assert_eq;

use crate::object;

fn args(output: &std::path::Path, more: &[&str]) -> Vec<String> {
    let mut args = vec!["-o".to_owned(), output.to_string_lossy().into_owned()];
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    args
}

#[test]
fn an_object_becomes_a_shared_library() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("libanswer.so");
    let object = object("int answer(void) { return 42; }\n");
    let warnings = codegen::link::link_shared(&args(&output, &[]), &[&object]).expect("it links");
    assert_eq!(warnings, vec![]);
    let bytes = fs::read(&output).expect("written");
    assert_eq!(&bytes[..4], b"\x7fELF");
    assert_eq!(bytes[16], 3, "ET_DYN");
}

#[test]
fn a_missing_library_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("x.so");
    let object = object("int f(void) { return 1; }\n");
    let Err(error) = codegen::link::link_shared(&args(&output, &["-lno_such_library"]), &[&object])
    else {
        panic!("there is no such library")
    };
    assert_eq!(error.code(), "CYL2001");
    assert!(error.to_string().contains("no_such_library"), "{error}");
    assert!(!output.exists());
}

#[test]
fn what_is_not_an_object_is_refused_and_the_linker_lives_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("x.so");
    for rubbish in [&b"\x7fELF\x02\x01\x01 not really"[..], b"", b"hello"] {
        assert!(codegen::link::link_shared(&args(&output, &[]), &[rubbish]).is_err());
    }
    let object = object("int f(void) { return 1; }\n");
    codegen::link::link_shared(&args(&output, &[]), &[&object]).expect("a good one links");
}

#[test]
fn static_constructors_are_in_the_section_that_the_loader_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("libctor.so");
    let object =
        object("int made; __attribute__((constructor)) static void make(void) { made = 42; }\n");
    codegen::link::link_shared(&args(&output, &[]), &[&object]).expect("it links");
    let path = std::ffi::CString::new(output.to_string_lossy().as_bytes()).expect("no NUL");
    // SAFETY: a library of ours with one constructor, and a symbol that it defines as an int.
    let made = unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        assert!(!handle.is_null(), "it loads");
        *libc::dlsym(handle, c"made".as_ptr()).cast::<i32>()
    };
    assert_eq!(made, 42);
}
