// Interleaves loops whose iterations are one long chain of floating-point operations each, like a polynomial
// by Horner's rule.  LLVM interleaves small bodies only and leaves the rest to the processor, whose window
// holds a few such chains; several of them side by side keep its units busy.
//
// Two passes of LLVM's pipeline: one marks such loops where inner ones are unrolled and none is vectorised yet;
// where registers are few the other interleaves what was vectorised.  LLVM does it by powers of two only.
#include "chains.h"
#include "unroll.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/Analysis/AliasAnalysis.h"
#include "llvm/Analysis/LoopAccessAnalysis.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Transforms/Utils/LoopSimplify.h"
#include "llvm/Transforms/Utils/LoopUtils.h"
#include "llvm/Transforms/Utils/LoopVersioning.h"

#include <algorithm>

using namespace llvm;

// Operations in a row from which on it pays: as many as LLVM still takes for a small body have no need.
static constexpr unsigned Long = 12;
static constexpr const char *Marked = "cyl.chains", *Count = "llvm.loop.interleave.count";

// Each chain holds its number and what it starts from in registers.  One more than there is room for, and the
// scheduler would rather run the chains one after the other: of 16 registers eight chains take 1.5 times as long
// as four.  Seven take 0.65 (60 operations) to 0.9 times (20).
static bool hasManyRegisters(const TargetTransformInfo &target) {
  return target.getNumberOfRegisters(target.getRegisterClassForType(/*Vector=*/true)) > 16;
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
      if (instruction.getType()->isFPOrFPVectorTy()) return false;
      continue;
    }
    if (isa<CallBase>(instruction)) return false;
    unsigned depth = 0;
    for (const Value *operand : instruction.operands()) depth = std::max(depth, depths.lookup(operand));
    if (isFloatingPoint(instruction)) {
      operations += 1;
      depth += 1;
    }
    depths[&instruction] = depth;
    longest = std::max(longest, depth);
  }
  return longest >= Long && 4 * longest >= 3 * operations;
}

static void mark(Loop *loop, unsigned count) { addStringMetadataToLoop(loop, Count, count); }

// Marks a loop to be interleaved here; whether anything changed.
//
// LLVM makes sure of no more than that what it puts side by side is apart.  Where that takes a test, one that all
// of the arrays are apart chooses between two versions of the loop.
static bool markOurs(Loop *loop, Function &function, FunctionAnalysisManager &analyses) {
  auto &loops = analyses.getResult<LoopAnalysis>(function);
  auto &evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
  auto &dominators = analyses.getResult<DominatorTreeAnalysis>(function);
  auto &accesses = analyses.getResult<LoopAccessAnalysis>(function);
  bool changed = simplifyLoop(loop, &dominators, &loops, &evolution, nullptr, nullptr, false);
  const LoopAccessInfo &known = accesses.getInfo(*loop);
  if (!known.canVectorizeMemory() || !loop->isLoopSimplifyForm()) return changed;
  bool test = known.getNumRuntimePointerChecks();
  if (test) {
    formLCSSARecursively(*loop, dominators, &loops, &evolution);
    LoopVersioning versions(known, known.getRuntimePointerChecking()->getChecks(), loop, &loops, &dominators,
                            &evolution);
    versions.versionLoop();
    versions.annotateLoopWithNoAlias();
    mark(versions.getNonVersionedLoop(), 4);
    accesses.clear();
  }
  mark(loop, 1);
  addStringMetadataToLoop(loop, Marked);
  return changed || test;
}

PreservedAnalyses InterleaveChains::run(Function &function, FunctionAnalysisManager &analyses) {
  bool changed = false;
  if (function.hasOptSize()) return PreservedAnalyses::all();
  for (Loop *loop : analyses.getResult<LoopAnalysis>(function).getLoopsInPreorder()) {
    if (!loop->isInnermost() || findStringMetadataForLoop(loop, Count) ||
        findStringMetadataForLoop(loop, "llvm.loop.vectorize.enable") || !isChain(*loop))
      continue;
    if (hasManyRegisters(analyses.getResult<TargetIRAnalysis>(function)))
      mark(loop, 8);
    else
      changed |= markOurs(loop, function, analyses);
  }
  return changed ? PreservedAnalyses::none() : PreservedAnalyses::all();
}

// Whether a loop was marked, and is not what a vectorised one leaves for the last iterations.
static bool isOurs(Loop *loop) {
  if (!loop->isInnermost() || !findStringMetadataForLoop(loop, Marked) || !isChain(*loop)) return false;
  auto wide = [](Instruction &one) { return isFloatingPoint(one) && one.getType()->isVectorTy(); };
  return !findStringMetadataForLoop(loop, "llvm.loop.isvectorized") || any_of(*loop->getHeader(), wide);
}

// How many floating-point values of a body are needed at a time.
static unsigned mostLive(const BasicBlock &body) {
  SmallPtrSet<const Value *, 16> live;
  unsigned most = 0;
  for (const Instruction &instruction : reverse(body)) {
    live.erase(&instruction);
    for (const Value *operand : instruction.operands()) {
      auto *value = dyn_cast<Instruction>(operand);
      if (value && value->getParent() == &body && value->getType()->isFPOrFPVectorTy()) live.insert(value);
    }
    most = std::max<unsigned>(most, live.size());
  }
  return most;
}

namespace {

// Puts what iterations of a body do side by side: in the order of how many floating-point operations come
// before, others no earlier than what waits for them; of as many in the order that they had.
struct Schedule {
  BasicBlock &body;
  AAResults &aliases;
  SmallVector<Instruction *, 64> order, memory;
  DenseMap<const Value *, unsigned> levels;

  // Whether two accesses have to stay in their order.
  bool ordered(Instruction *one, Instruction *other) {
    if (isa<LoadInst>(one) && isa<LoadInst>(other)) return false;
    return !aliases.isNoAlias(MemoryLocation::get(one), MemoryLocation::get(other));
  }

  // The level of each from what is before it; false where something may not be moved.
  bool early() {
    for (Instruction &instruction : body) {
      if (isa<PHINode>(instruction) || instruction.isTerminator()) continue;
      unsigned level = 1;
      for (const Value *operand : instruction.operands()) level = std::max(level, levels.lookup(operand));
      if (instruction.mayReadOrWriteMemory()) {
        auto *load = dyn_cast<LoadInst>(&instruction);
        auto *store = dyn_cast<StoreInst>(&instruction);
        if (load ? !load->isSimple() : !store || !store->isSimple()) return false;
        for (Instruction *before : memory)
          if (ordered(before, &instruction)) level = std::max(level, levels.lookup(before));
        memory.push_back(&instruction);
      }
      levels[&instruction] = level + isFloatingPoint(instruction);
      order.push_back(&instruction);
    }
    return true;
  }

  // Moves what is no such operation as far down as what is after it leaves it.
  void late() {
    for (Instruction *instruction : reverse(order)) {
      if (isFloatingPoint(*instruction)) continue;
      unsigned next = ~0u;
      auto before = [&](const Value *after) {
        if (unsigned level = levels.lookup(after)) next = std::min(next, level);
      };
      for (const User *user : instruction->users()) before(user);
      if (instruction->mayReadOrWriteMemory())
        for (Instruction *after : reverse(memory)) {
          if (after == instruction) break;
          if (ordered(instruction, after)) before(after);
        }
      if (next != ~0u) levels[instruction] = next;
    }
  }

  void apply() {
    if (!early()) return;
    late();
    stable_sort(order, [&](auto *one, auto *other) { return levels.lookup(one) < levels.lookup(other); });
    for (Instruction *instruction : order) instruction->moveBefore(body.getTerminator()->getIterator());
  }
};

} // namespace

// Registers for chains, and how many of those there are at most.
static constexpr unsigned Registers = 14, Most = 7;

PreservedAnalyses MultiplyChains::run(Function &function, FunctionAnalysisManager &analyses) {
  auto &loops = analyses.getResult<LoopAnalysis>(function);
  SmallVector<Loop *, 4> found;
  for (Loop *loop : loops.getLoopsInPreorder())
    if (isOurs(loop)) found.push_back(loop);
  if (found.empty()) return PreservedAnalyses::all();
  auto &aliases = analyses.getResult<AAManager>(function);
  for (Loop *loop : found) {
    unsigned count = std::clamp(Registers / mostLive(*loop->getHeader()), 2u, Most);
    if (loop->isLoopSimplifyForm() && unroll(*loop, count, function, analyses) && loop->getNumBlocks() == 1)
      Schedule{*loop->getHeader(), aliases, {}, {}, {}}.apply();
  }
  return PreservedAnalyses::none();
}
