// The C ABI between frontend-bridge's Rust and clang.  Strings are (pointer, length), UTF-8 where
// clang gives UTF-8; nothing passed to a callback outlives the call.
#pragma once
#include <cstddef>
#include <cstdint>

#include "llvm-c/Types.h"

extern "C" {

struct CylStr {
  const char *data;
  size_t len;
};

struct CylDiagnostic {
  uint32_t severity; // clang::DiagnosticsEngine::Level: 1 note, 2 remark, 3 warning, 4 error, 5 fatal
  CylStr message;
  CylStr file;        // empty: no place
  uint32_t line;      // 1-based, after #line
  uint32_t column;    // 1-based byte column
  CylStr source_line; // physical line, may be empty
  CylStr option;      // "-Wfoo" or empty
};

struct CylVirtualFile {
  CylStr path;
  CylStr contents;
};

struct CylRequest {
  CylStr source;
  CylStr filename;
  const CylStr *args; // clang driver arguments, the input left out
  size_t num_args;
  const CylVirtualFile *virtual_files;
  size_t num_virtual_files;
  CylStr pch;        // empty: none
  CylStr pch_output; // not empty: write a precompiled header there, make no module
};

struct CylCallbacks {
  void *user;
  void (*diagnostic)(void *user, const CylDiagnostic *);
  void (*dependency)(void *user, CylStr path);
};

// 0: done.  1: clang reported errors.  2: clang crashed and was recovered; `crash` was called back
// as a fatal diagnostic.
int cyl_clang_run(const CylRequest *request, const CylCallbacks *callbacks, LLVMContextRef context,
                  LLVMModuleRef *module);

const char *cyl_clang_version(void);
}
