// Keeps sums in order from being vectorised where their terms come of 64-bit integers and the processor converts
// these one at a time only (AVX2; AVX-512 has an instruction): taken apart, converted, put together and taken
// apart again for the additions, the terms cost more than they do by themselves.  LLVM's costs do not tell.
#include "conversions.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Operator.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

using namespace llvm;

static constexpr unsigned Lanes = 4;

// Whether a vector's numbers are converted one by one.
static bool isTakenApart(const CastInst &cast, const TargetTransformInfo &target) {
  if (!cast.getSrcTy()->isIntegerTy(64) || !cast.getDestTy()->isFloatingPointTy()) return false;
  auto cost = [&](Type *to, Type *from) {
    return target.getCastInstrCost(cast.getOpcode(), to, from, TargetTransformInfo::CastContextHint::None,
                                   TargetTransformInfo::TCK_RecipThroughput);
  };
  return cost(FixedVectorType::get(cast.getDestTy(), Lanes), FixedVectorType::get(cast.getSrcTy(), Lanes)) >=
         Lanes * cost(cast.getDestTy(), cast.getSrcTy());
}

static bool sumsConverted(const Loop &loop, const TargetTransformInfo &target) {
  auto inOrder = [](const PHINode &phi) {
    if (!phi.getType()->isFloatingPointTy()) return false;
    return any_of(phi.users(), [](const User *user) {
      const auto *operation = dyn_cast<FPMathOperator>(user);
      return operation && !isa<PHINode>(operation) && !operation->hasAllowReassoc();
    });
  };
  if (none_of(loop.getHeader()->phis(), inOrder)) return false;
  for (const BasicBlock *block : loop.blocks())
    for (const Instruction &instruction : *block)
      if (isa<SIToFPInst, UIToFPInst>(instruction) && isTakenApart(cast<CastInst>(instruction), target)) return true;
  return false;
}

PreservedAnalyses KeepConversionsScalar::run(Function &function, FunctionAnalysisManager &analyses) {
  for (Loop *loop : analyses.getResult<LoopAnalysis>(function).getLoopsInPreorder())
    if (loop->isInnermost() && !findStringMetadataForLoop(loop, "llvm.loop.vectorize.enable") &&
        sumsConverted(*loop, analyses.getResult<TargetIRAnalysis>(function)))
      addStringMetadataToLoop(loop, "llvm.loop.vectorize.enable", 0);
  return PreservedAnalyses::all();
}
