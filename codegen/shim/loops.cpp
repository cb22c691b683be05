// What LLVM's unroller and vectoriser are told about loops.
#include "llvm-c/Types.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/Metadata.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

using namespace llvm;

// Functions of libm that no vector instruction is for.
static bool isComputed(StringRef name) {
  static const StringSet<> known = {
      "sin",  "cos",  "tan",  "asin",  "acos",  "atan",  "atan2", "sinh", "cosh",  "tanh",   "asinh",  "acosh",
      "atanh", "exp", "exp2", "exp10", "expm1", "log",   "log2",  "log10", "log1p", "pow",   "cbrt",   "hypot",
      "erf",  "erfc", "fmod", "remainder", "tgamma", "lgamma"};
  return known.contains(name) || (name.consume_back("f") && known.contains(name));
}

// Whether a block calls such a function, itself or in a function that may be inlined.
static bool computes(const BasicBlock &block, unsigned depth) {
  for (const Instruction &instruction : block) {
    const auto *call = dyn_cast<CallBase>(&instruction);
    const Function *callee = call ? call->getCalledFunction() : nullptr;
    if (!callee) continue;
    StringRef name = callee->getName();
    // `llvm.sin.f64`
    if (name.consume_front("llvm.")) name = name.split('.').first;
    if (callee->isDeclaration() && isComputed(name)) return true;
    if (callee->isDeclaration() || !depth) continue;
    for (const BasicBlock &inner : *callee)
      if (computes(inner, depth - 1)) return true;
  }
  return false;
}

// Marks the loops of a module.  Those that have a loop in them are not unrolled: what is gained is little
// beside the inner loop's work, and the copies of the inner loop compete for registers and for the branch
// predictor.  Those that call functions like `sin` are not vectorised: each call would be for one number
// still, with all vectors in memory meanwhile, which LLVM takes for free.
extern "C" void cyl_mark_loops(LLVMModuleRef module) {
  for (Function &function : *unwrap(module)) {
    if (function.isDeclaration() || function.hasOptNone()) continue;
    DominatorTree tree(function);
    LoopInfo loops(tree);
    for (Loop *loop : loops.getLoopsInPreorder()) {
      if (loop->isInnermost()) {
        if (any_of(loop->blocks(), [](const BasicBlock *block) { return computes(*block, 3); }))
          addStringMetadataToLoop(loop, "llvm.loop.vectorize.enable", 0);
        continue;
      }
      if (loop->getLoopID()) continue;
      LLVMContext &context = function.getContext();
      MDNode *disabled =
          MDNode::get(context, MDString::get(context, "llvm.loop.unroll.runtime.disable"));
      MDNode *id = MDNode::getDistinct(context, {nullptr, disabled});
      id->replaceOperandWith(0, id);
      loop->setLoopID(id);
    }
  }
}
