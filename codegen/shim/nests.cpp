// Loops around loops of a few iterations each, all known in number: unrolled as a whole.
//
// LLVM unrolls such a nest, from the outside, where its body is small enough; and then keeps in registers
// what the loops work on, and computes iterations side by side.  clang gets there for bodies that
// contraction makes smaller; here they may be larger.
#include "llvm-c/Types.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/ScalarEvolutionExpressions.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

using namespace llvm;

namespace {

// Iterations of a loop; instructions of a nest, each as often as it runs.
constexpr unsigned TIMES = 8, SIZE = 2400;

bool is_float(const Instruction &instruction) {
  return isa<BinaryOperator>(instruction) && instruction.getType()->isFloatingPointTy();
}

// Where it is worth to look: loops around others, and floating-point numbers.
bool may_have_nests(Function &function) {
  if (function.isDeclaration() || function.hasOptNone() || function.hasOptSize()) return false;
  if (none_of(instructions(function), is_float)) return false;
  DominatorTree tree(function);
  LoopInfo loops(tree);
  return any_of(loops, [](Loop *loop) { return !loop->isInnermost(); });
}

// What is known of a function.
struct Known {
  LoopInfo &loops;
  ScalarEvolution &evolution;
  const TargetLibraryInfo &library;
};

// Whether a number is known once the loops of the nest are unrolled.
bool known_within(const SCEV *count, const Loop *nest) {
  return !SCEVExprContains(count, [&](const SCEV *part) {
    auto *varying = dyn_cast<SCEVAddRecExpr>(part);
    return isa<SCEVUnknown>(part) || (varying && !nest->contains(varying->getLoop()));
  });
}

// How often a loop goes around at most; 0 where that is not known, or too often.
unsigned times_of(const Loop *loop, const Loop *nest, const Known &known) {
  const SCEV *count = known.evolution.getBackedgeTakenCount(loop);
  if (isa<SCEVCouldNotCompute>(count) || !known_within(count, nest)) return 0;
  unsigned most = known.evolution.getSmallConstantMaxTripCount(loop);
  return most <= TIMES + 1 ? most : 0;
}

// A call that is a few instructions at most, or a function of numbers.
bool is_simple(const CallBase &call, const Known &known) {
  LibFunc function;
  if (isa<IntrinsicInst>(call) || call.doesNotAccessMemory()) return true;
  return call.getType()->isFloatingPointTy() && known.library.getLibFunc(call, function) &&
         known.library.hasOptimizedCodeGen(function);
}

// The size of a loop once it is unrolled, 0 where it will not be.
unsigned unrolled_size(const Loop *loop, const Loop *nest, const Known &known) {
  unsigned times = times_of(loop, nest, known), size = 0;
  if (!times) return 0;
  for (const Loop *inner : *loop) {
    unsigned one = unrolled_size(inner, nest, known);
    if (!one) return 0;
    size += one;
  }
  for (const BasicBlock *block : loop->blocks()) {
    if (known.loops.getLoopFor(block) != loop) continue;
    for (const Instruction &instruction : *block) {
      auto *call = dyn_cast<CallBase>(&instruction);
      if (call && !is_simple(*call, known)) return 0;
      size++;
    }
  }
  size *= times;
  return size <= SIZE ? size : 0;
}

bool has_floats(const Loop *loop) {
  return any_of(loop->blocks(), [](const BasicBlock *block) { return any_of(*block, is_float); });
}

// Whether a nest was marked that lies in another loop.
bool mark(Loop *loop, const Known &known) {
  if (!loop->isInnermost() && has_floats(loop) && unrolled_size(loop, loop, known)) {
    for (Loop *one : loop->getLoopsInPreorder()) addStringMetadataToLoop(one, "llvm.loop.unroll.full", 1);
    return loop->getParentLoop();
  }
  bool within = false;
  for (Loop *inner : *loop) within |= mark(inner, known);
  return within;
}

// Keeps a function of this module's own out of others.  Where it comes in unrolled, what the loop around
// the nest changes is held in registers from one iteration to the next, more than there are; and with the
// stores gone SLP has less to begin with.
void keep_apart(Function &function) {
  if (!function.hasLocalLinkage() || function.hasFnAttribute(Attribute::AlwaysInline) ||
      function.hasFnAttribute(Attribute::InlineHint))
    return;
  function.addFnAttr(Attribute::NoInline);
}

} // namespace

// Marks such loops of a module for LLVM's unroller.
extern "C" void cyl_mark_small_nests(LLVMModuleRef module) {
  SmallVector<Function *, 8> functions;
  for (Function &function : *unwrap(module))
    if (may_have_nests(function)) functions.push_back(&function);
  if (functions.empty()) return;
  PassBuilder builder;
  LoopAnalysisManager loop_analyses;
  FunctionAnalysisManager analyses;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(analyses);
  builder.registerLoopAnalyses(loop_analyses);
  builder.crossRegisterProxies(loop_analyses, analyses, components, modules);
  // As the pipeline begins too: numbers of iterations are not seen through memory.
  FunctionPassManager passes;
  passes.addPass(SROAPass(SROAOptions::ModifyCFG));
  passes.addPass(EarlyCSEPass());
  passes.addPass(SimplifyCFGPass());
  for (Function *function : functions) {
    PreservedAnalyses kept = passes.run(*function, analyses);
    analyses.invalidate(*function, kept);
    Known known{analyses.getResult<LoopAnalysis>(*function),
                analyses.getResult<ScalarEvolutionAnalysis>(*function),
                analyses.getResult<TargetLibraryAnalysis>(*function)};
    bool within = false;
    for (Loop *loop : known.loops) within |= mark(loop, known);
    if (within) keep_apart(*function);
  }
}
