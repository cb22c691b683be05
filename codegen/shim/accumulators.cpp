// Sums over calls, like s += sin(x[i]).  No register for floating-point numbers outlives a call on x86-64, so
// such a sum is in memory while the function runs; LLVM's register allocator however takes it out of memory and
// puts it back at each end of the loop, and the next iteration has to wait for both.  Here the sum lives in memory.
#include "llvm-c/Types.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

using namespace llvm;

// The calls that every iteration makes before `use`, if any.
static bool followsCall(const Instruction &use, const Loop &loop, const DominatorTree &tree) {
  for (const BasicBlock *block : loop.blocks())
    for (const Instruction &instruction : *block)
      if (const auto *call = dyn_cast<CallInst>(&instruction))
        if (!isa<IntrinsicInst>(call) && !call->isInlineAsm() && tree.dominates(call, &use)) return true;
  return false;
}

// The one operation of the loop that takes the sum, where it makes the next one; null for other values.
static Instruction *accumulates(PHINode &phi, const Loop &loop, const DominatorTree &tree) {
  const BasicBlock *latch = loop.getLoopLatch();
  if (!phi.getType()->isFloatingPointTy() || !phi.hasOneUse() || phi.getNumIncomingValues() != 2) return nullptr;
  auto *use = dyn_cast<Instruction>(*phi.user_begin());
  if (!use || isa<PHINode>(use) || !loop.contains(use) || use != phi.getIncomingValueForBlock(latch)) return nullptr;
  return followsCall(*use, loop, tree) ? use : nullptr;
}

static void keepInMemory(PHINode &phi, Instruction &next, const Loop &loop, const DataLayout &layout) {
  Function &function = *phi.getFunction();
  Type *type = phi.getType();
  auto *place = new AllocaInst(type, layout.getAllocaAddrSpace(), phi.getName() + ".sum",
                               function.getEntryBlock().getFirstNonPHIOrDbgOrAlloca());
  BasicBlock *before = loop.getLoopPredecessor();
  IRBuilder<> builder(before->getTerminator());
  builder.CreateStore(phi.getIncomingValueForBlock(before), place);
  builder.SetInsertPoint(&next);
  phi.replaceAllUsesWith(builder.CreateLoad(type, place));
  builder.SetInsertPoint(next.getParent(), std::next(next.getIterator()));
  builder.CreateStore(&next, place);
  phi.eraseFromParent();
}

// Does so in all loops of a module.
extern "C" void cyl_keep_sums_in_memory(LLVMModuleRef module) {
  for (Function &function : *unwrap(module)) {
    if (function.isDeclaration() || function.hasOptNone()) continue;
    DominatorTree tree(function);
    LoopInfo loops(tree);
    for (Loop *loop : loops.getLoopsInPreorder()) {
      if (!loop->isInnermost() || !loop->getLoopPredecessor() || !loop->getLoopLatch()) continue;
      for (PHINode &phi : make_early_inc_range(loop->getHeader()->phis()))
        if (Instruction *next = accumulates(phi, *loop, tree))
          keepInMemory(phi, *next, *loop, function.getParent()->getDataLayout());
    }
  }
}
