// Runs LLVM code so that a crash or a fatal error inside it comes back as a value.
#pragma once
#include <string>

#include "llvm/ADT/STLFunctionalExtras.h"

namespace cyl {
// False: `body` crashed or called report_fatal_error; `message` says what is known.
bool runRecovered(llvm::function_ref<void()> body, std::string &message);
} // namespace cyl

extern "C" {
// The same for Rust.  Returns 1 where `body` came to its end; otherwise 0, with up to `capacity`
// bytes of the reason in `message` and their number in `length`.
int cyl_run_recovered(void (*body)(void *), void *data, char *message, size_t capacity,
                      size_t *length);
}
