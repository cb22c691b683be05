// Loops around others are not unrolled: what is gained is little beside the inner loop's work, and the
// copies of the inner loop compete for registers and for the branch predictor.
#include "llvm-c/Types.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Metadata.h"
#include "llvm/IR/Module.h"

using namespace llvm;

// Marks the loops of a module that have a loop in them, for LLVM's unroller.
extern "C" void cyl_mark_outer_loops(LLVMModuleRef module) {
  for (Function &function : *unwrap(module)) {
    if (function.isDeclaration() || function.hasOptNone()) continue;
    DominatorTree tree(function);
    LoopInfo loops(tree);
    for (Loop *loop : loops.getLoopsInPreorder()) {
      if (loop->isInnermost() || loop->getLoopID()) continue;
      LLVMContext &context = function.getContext();
      MDNode *disabled =
          MDNode::get(context, MDString::get(context, "llvm.loop.unroll.runtime.disable"));
      MDNode *id = MDNode::getDistinct(context, {nullptr, disabled});
      id->replaceOperandWith(0, id);
      loop->setLoopID(id);
    }
  }
}
