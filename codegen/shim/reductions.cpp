// Sums of floating-point numbers in vectorised loops, added in the source's order.
//
// What is added is computed for several items at once; the additions stay as they were, and so does
// the result, to the last bit.  LLVM has that for every target, and turns it on for some by itself.
#include "llvm/Support/CommandLine.h"

using namespace llvm;

// Before each run of the optimiser: linking sets LLVM's options back.
extern "C" void cyl_keep_order_of_sums() {
  constexpr const char *NAME = "force-ordered-reductions";
  auto &options = cl::getRegisteredOptions();
  auto found = options.find(NAME);
  if (found != options.end() && !found->second->getNumOccurrences()) found->second->addOccurrence(0, NAME, "true");
}
