//! Builds the ORC shim.  LLVM's own libraries are named by llvm-sys.

fn main() {
    build_support::shim()
        .file("shim/jit.cpp")
        .compile("cyl_jit_shim");
}
