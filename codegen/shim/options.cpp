// Options of LLVM's that are for the whole process: they have no place in a module or a pipeline.
#include "llvm/Support/CommandLine.h"

using namespace llvm;

static void set(const char *name, const char *value) {
  auto &options = cl::getRegisteredOptions();
  auto found = options.find(name);
  if (found != options.end() && !found->second->getNumOccurrences()) found->second->addOccurrence(0, name, value);
}

// Before each run of the optimiser: linking sets LLVM's options back.
extern "C" void cyl_set_options() {
  // Sums of floating-point numbers in vectorised loops are added in the source's order: what is added
  // is computed for several items at once; the additions stay as they were, and so does the result, to
  // the last bit.  LLVM has that for every target, and turns it on for some by itself.
  set("force-ordered-reductions", "true");
  // A memoryview's strides are in bytes: one of them is never 1, which LLVM would bet on, and not
  // vectorise loops over items with gaps between them for that.
  set("enable-mem-access-versioning", "false");
}
