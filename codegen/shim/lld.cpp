// lld's ELF linker in this process.  Prints nothing: both streams end in one string.
#include "lld/Common/Driver.h"

#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

LLD_HAS_DRIVER(elf)

extern "C" {

struct CylLinkResult {
  int code;          // lld's exit code
  int can_run_again; // 0: lld crashed and must not be called again in this process
};

CylLinkResult cyl_lld_elf(const char *const *args, size_t num_args, void *user,
                          void (*output)(void *user, const char *text, size_t length)) {
  std::vector<const char *> arguments(args, args + num_args);
  std::string text;
  llvm::raw_string_ostream stream(text);
  lld::Result result =
      lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  stream.flush();
  output(user, text.data(), text.size());
  return {result.retCode, result.canRunAgain ? 1 : 0};
}
}
