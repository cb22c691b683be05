//! Builds the clang shim and names clang's static libraries to the linker.

/// In link order: a library comes before those it uses.
const CLANG_LIBRARIES: &[&str] = &[
    "clangCodeGen",
    "clangFrontend",
    "clangDriver",
    "clangParse",
    "clangSerialization",
    "clangSema",
    "clangAnalysis",
    "clangAnalysisLifetimeSafety",
    "clangAPINotes",
    "clangEdit",
    "clangASTMatchers",
    "clangAST",
    "clangLex",
    "clangOptions",
    "clangSupport",
    "clangBasic",
];

fn main() {
    build_support::shim()
        .files(["shim/clang.cpp", "shim/recovery.cpp"])
        .compile("cyl_clang_shim");
    build_support::link(CLANG_LIBRARIES);
}
