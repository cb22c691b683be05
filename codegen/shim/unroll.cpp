#include "unroll.h"

#include "llvm/Analysis/AssumptionCache.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/OptimizationRemarkEmitter.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/Transforms/Utils/LoopUtils.h"
#include "llvm/Transforms/Utils/UnrollLoop.h"

using namespace llvm;

bool unroll(Loop &loop, unsigned count, Function &function, FunctionAnalysisManager &analyses) {
  auto &loops = analyses.getResult<LoopAnalysis>(function);
  auto &evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
  auto &dominators = analyses.getResult<DominatorTreeAnalysis>(function);
  auto &assumptions = analyses.getResult<AssumptionAnalysis>(function);
  auto &target = analyses.getResult<TargetIRAnalysis>(function);
  auto &remarks = analyses.getResult<OptimizationRemarkEmitterAnalysis>(function);
  formLCSSARecursively(loop, dominators, &loops, &evolution);
  UnrollLoopOptions options{};
  options.Count = count;
  options.Force = options.Runtime = true;
  options.SCEVExpansionBudget = 8;
  return UnrollLoop(&loop, options, &loops, &evolution, &dominators, &assumptions, &target, &remarks, true) ==
         LoopUnrollResult::PartiallyUnrolled;
}
