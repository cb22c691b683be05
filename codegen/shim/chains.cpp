// Interleaves loops whose iterations are one long chain of floating-point operations each, like a polynomial
// by Horner's rule.  LLVM interleaves small bodies only and leaves the rest to the processor, whose window
// holds a few such chains; several of them side by side keep its units busy.  For a run of LLVM's pipeline, where
// inner loops are unrolled and loops are not vectorised yet.
#include "chains.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

#include <algorithm>

using namespace llvm;

// Operations in a row from which on it pays: as many as LLVM still takes for a small body have no need.
static constexpr unsigned Long = 12;
// Each chain holds its number and what it starts from in registers.  One more than there is room for, and
// the scheduler would rather run the chains one after the other: of 16 registers eight chains take 1.5 times
// as long as four.
static unsigned copies(const TargetTransformInfo &target) {
  return target.getNumberOfRegisters(target.getRegisterClassForType(/*Vector=*/true)) > 16 ? 8 : 4;
}

static bool isFloatingPoint(const Instruction &instruction) {
  switch (instruction.getOpcode()) {
  case Instruction::FAdd:
  case Instruction::FSub:
  case Instruction::FMul:
    return true;
  default:
    return false;
  }
}

// Whether most operations of the body wait for one another, and none for an earlier iteration.
static bool isChain(const Loop &loop) {
  const BasicBlock *body = loop.getHeader();
  if (loop.getNumBlocks() != 1) return false;
  DenseMap<const Value *, unsigned> depths;
  unsigned operations = 0, longest = 0;
  for (const Instruction &instruction : *body) {
    if (isa<PHINode>(instruction)) {
      if (instruction.getType()->isFloatingPointTy()) return false;
      continue;
    }
    if (isa<CallBase>(instruction)) return false;
    unsigned depth = 0;
    for (const Value *operand : instruction.operands()) {
      auto found = depths.find(operand);
      if (found != depths.end()) depth = std::max(depth, found->second);
    }
    if (isFloatingPoint(instruction)) {
      operations += 1;
      depth += 1;
    }
    depths[&instruction] = depth;
    longest = std::max(longest, depth);
  }
  return longest >= Long && 4 * longest >= 3 * operations;
}

PreservedAnalyses InterleaveChains::run(Function &function, FunctionAnalysisManager &analyses) {
  for (Loop *loop : analyses.getResult<LoopAnalysis>(function).getLoopsInPreorder())
    if (loop->isInnermost() && !findStringMetadataForLoop(loop, "llvm.loop.interleave.count") &&
        !findStringMetadataForLoop(loop, "llvm.loop.vectorize.enable") && isChain(*loop))
      addStringMetadataToLoop(loop, "llvm.loop.interleave.count",
                              copies(analyses.getResult<TargetIRAnalysis>(function)));
  return PreservedAnalyses::all();
}
