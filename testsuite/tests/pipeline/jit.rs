use pretty_assertions::assert_eq;
use reload::Library;

use crate::object;

fn load(source: &str) -> Result<Library, reload::JitError> {
    Library::load_object(&object(source), "test", &[], None)
}

fn call(library: &Library, name: &str, argument: i32) -> i32 {
    let address = library.address(name).expect("it links");
    // SAFETY: every function called here is `int f(int)` in the test's C.
    let function: extern "C" fn(i32) -> i32 =
        unsafe { std::mem::transmute::<usize, extern "C" fn(i32) -> i32>(address as usize) };
    function(argument)
}

#[test]
fn code_runs_and_finds_the_process_symbols() {
    let library =
        load("extern int abs(int); int f(int x) { return abs(x) + 1; }\n").expect("it loads");
    assert_eq!(call(&library, "f", -41), 42);
}

#[test]
fn the_same_object_twice_has_its_own_variables() {
    let source = "static int count; int f(int x) { count += x; return count; }\n";
    let (one, two) = (
        load(source).expect("it loads"),
        load(source).expect("it loads"),
    );
    assert_eq!(
        [call(&one, "f", 1), call(&one, "f", 1), call(&two, "f", 1)],
        [1, 2, 1]
    );
}

#[test]
fn missing_symbols_are_named() {
    let library = load(
        "extern int nowhere_to_be_found(int); int f(int x) { return nowhere_to_be_found(x); }\n",
    )
    .expect("nothing is resolved yet");
    let Err(error) = library.address("f") else {
        panic!("the symbol is missing")
    };
    assert_eq!(error.to_string(), "symbols not found: nowhere_to_be_found");
}

#[test]
fn thread_local_storage_is_told_to_go_elsewhere() {
    let Err(error) = load("__thread int t; int f(int x) { return t += x; }\n") else {
        panic!("JITLink has no TLS here")
    };
    assert_eq!(error.code(), "CYL2101");
}

#[test]
fn a_missing_library_is_named() {
    let object = object("int f(int x) { return x; }\n");
    let libraries = ["libno_such_thing.so.1".to_owned()];
    let Err(error) = Library::load_object(&object, "test", &libraries, None) else {
        panic!("there is no such library")
    };
    assert_eq!(error.code(), "CYL2104");
}

#[test]
fn rubbish_is_an_error() {
    assert!(Library::load_object(b"rubbish", "test", &[], None).is_err());
    assert!(Library::load_object(b"\x7fELF\x02\x01\x01", "test", &[], None).is_err());
}

#[test]
fn freed_code_makes_room() {
    for _ in 0..200 {
        let library = load("static char big[1 << 20]; int f(int x) { return big[x] + x; }\n")
            .expect("it loads");
        assert_eq!(call(&library, "f", 7), 7);
        // SAFETY: nothing keeps an address of it.
        unsafe { library.free() }.expect("it is freed");
    }
}

#[test]
fn many_threads_load_at_once() {
    let object = object("int f(int x) { return x * 2; }\n");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let object = &object;
            scope.spawn(move || {
                for _ in 0..10 {
                    let library =
                        Library::load_object(object, "test", &[], None).expect("it loads");
                    assert_eq!(call(&library, "f", number), number * 2);
                }
            });
        }
    });
}
