// Interleaves loops that iterate a formula until something becomes of it, like escape times or Newton's
// method: every step waits for the one before, and the loop around them has another such wait for each of its
// iterations.  Here two of those go side by side:
//
//   for j:                            for j by 2:
//     z = start(j)                      z, w = start(j), start(j + 1)
//     until done(z): z = step(z)        until done(z):
//     use(z)                              z = step(z)
//                                         after the first few steps:
//                                           until done(z) or done(w): z, w = step(z), step(w)
//                                       use(z)
//                                       until done(w): w = step(w)
//                                       use(w)
//
// The steps that both take are those that each takes by itself, and nothing else moves: what the loop does
// between has its place.  For a run of LLVM's pipeline, where loops are not vectorised yet.
#include "escapes.h"
#include "unroll.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Analysis/AssumptionCache.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"
#include "llvm/Transforms/Utils/LoopSimplify.h"
#include "llvm/Transforms/Utils/LoopUtils.h"
#include "llvm/Transforms/Utils/SSAUpdater.h"
#include "llvm/Transforms/Utils/ValueMapper.h"

using namespace llvm;

// Operations that a step may have, and the loop around with it, which is there twice then.
static constexpr unsigned MostOfStep = 48, MostAround = 120, MostBlocks = 4;
// How long a step is to take, in additions: the processor does not wait for the end of a short one to begin with
// the next iteration of the loop around.
static constexpr unsigned LeastOfStep = 5;

// Steps that the first one takes by itself: where few are enough, those of two side by side come to nothing.
static constexpr unsigned Alone = 3;

static bool isPure(const Instruction &instruction) {
  return !instruction.mayReadOrWriteMemory() && isSafeToSpeculativelyExecute(&instruction);
}

// The blocks of a loop without branches but out of it, in order; none where it has others.
static SmallVector<BasicBlock *, 4> straight(const Loop &loop) {
  SmallVector<BasicBlock *, 4> blocks;
  for (BasicBlock *block = loop.getHeader(); blocks.size() < MostBlocks;) {
    blocks.push_back(block);
    auto *branch = dyn_cast<BranchInst>(block->getTerminator());
    if (!branch) return {};
    BasicBlock *next = nullptr;
    for (BasicBlock *successor : branch->successors()) {
      if (!loop.contains(successor)) continue;
      if (next) return {};
      next = successor;
    }
    if (next == loop.getHeader()) {
      if (blocks.size() != loop.getNumBlocks()) return {};
      return blocks;
    }
    if (!next || !next->getSinglePredecessor()) return {};
    block = next;
  }
  return {};
}

// How long an operation takes, in additions of floating-point numbers.
static unsigned duration(const Instruction &instruction) {
  if (!instruction.getType()->isFloatingPointTy()) return 0;
  switch (instruction.getOpcode()) {
  case Instruction::FAdd:
  case Instruction::FSub:
  case Instruction::FMul:
    return 1;
  case Instruction::FDiv:
    return 4;
  case Instruction::Call:
    return cast<CallInst>(instruction).getIntrinsicID() == Intrinsic::sqrt ? 4 : 1;
  default:
    return 0;
  }
}

// Whether a loop does nothing but compute, waits for floating-point numbers of the step before, and ends nobody
// knows when.
static bool isEscape(const Loop &loop, ScalarEvolution &evolution) {
  if (!loop.isInnermost() || !loop.isLoopSimplifyForm() || evolution.hasLoopInvariantBackedgeTakenCount(&loop))
    return false;
  auto blocks = straight(loop);
  if (blocks.empty()) return false;
  unsigned count = 0, takes = 0;
  bool waits = false;
  for (BasicBlock *block : blocks)
    for (Instruction &instruction : *block) {
      if (instruction.isTerminator()) continue;
      if (isa<PHINode>(instruction)) {
        if (block != loop.getHeader()) return false;
        waits |= instruction.getType()->isFloatingPointTy();
      } else if (!isPure(instruction)) {
        return false;
      }
      count++;
      takes += duration(instruction);
    }
  return waits && takes >= LeastOfStep && count <= MostOfStep;
}

// Whether the next iteration of the loop around knows a value without what the inner loop comes to.
static bool isKnown(const Value *value, const Loop &outer, const Loop &inner,
                    SmallPtrSetImpl<const Value *> &seen) {
  auto *instruction = dyn_cast<Instruction>(value);
  if (!instruction || !outer.contains(instruction) || !seen.insert(value).second) return true;
  if (inner.contains(instruction)) return false;
  if (auto *phi = dyn_cast<PHINode>(instruction)) {
    if (phi->getParent() == outer.getHeader())
      return isKnown(phi->getIncomingValueForBlock(outer.getLoopLatch()), outer, inner, seen);
    return phi->getNumIncomingValues() == 1 && isKnown(phi->getIncomingValue(0), outer, inner, seen);
  }
  return isPure(*instruction) &&
         all_of(instruction->operands(), [&](const Use &use) { return isKnown(use, outer, inner, seen); });
}

// The values from outside that a loop's steps need.
static SmallVector<Value *, 8> needs(const Loop &loop) {
  SmallVector<Value *, 8> found;
  for (BasicBlock *block : loop.blocks())
    for (Instruction &instruction : *block) {
      if (auto *phi = dyn_cast<PHINode>(&instruction)) {
        found.push_back(phi->getIncomingValueForBlock(loop.getLoopPreheader()));
        continue;
      }
      for (Value *operand : instruction.operands())
        if (isa<Instruction>(operand) && !loop.contains(cast<Instruction>(operand))) found.push_back(operand);
    }
  return found;
}

static bool fits(Loop &outer, ScalarEvolution &evolution) {
  if (outer.getSubLoops().size() != 1 || !outer.isLoopSimplifyForm() || !outer.getLoopLatch() ||
      outer.getExitingBlock() != outer.getLoopLatch())
    return false;
  Loop &inner = *outer.getSubLoops()[0];
  if (!isEscape(inner, evolution) || isa<SCEVCouldNotCompute>(evolution.getBackedgeTakenCount(&outer))) return false;
  unsigned count = 0;
  for (BasicBlock *block : outer.blocks()) count += block->size();
  SmallPtrSet<const Value *, 16> seen;
  return count <= MostAround &&
         all_of(needs(inner), [&](Value *value) { return isKnown(value, outer, inner, seen); });
}

// Computes values that a later part of the code has.
struct Early {
  const DominatorTree &dominators;
  const Instruction *known; // what dominates this is there
  BasicBlock *place;        // where the others go
  ValueToValueMapTy made;

  // Null where that cannot be.
  Value *operator()(Value *value) {
    auto *instruction = dyn_cast<Instruction>(value);
    if (!instruction || dominators.dominates(instruction, known)) return value;
    if (Value *copy = made.lookup(value)) return copy;
    if (auto *phi = dyn_cast<PHINode>(instruction)) {
      Value *only = phi->getNumIncomingValues() == 1 ? (*this)(phi->getIncomingValue(0)) : nullptr;
      if (only) made[value] = only;
      return only;
    }
    if (!isPure(*instruction)) return nullptr;
    SmallVector<Value *, 4> operands;
    for (Value *operand : instruction->operands()) {
      operands.push_back((*this)(operand));
      if (!operands.back()) return nullptr;
    }
    Instruction *copy = instruction->clone();
    for (unsigned i = 0; i < operands.size(); i++) copy->setOperand(i, operands[i]);
    copy->insertInto(place, place->end());
    made[value] = copy;
    return copy;
  }
};

// What a variable is at the end of `end`: `value` on the ways from `set`, else what it is from `start` on.
static Value *merged(Type *type, BasicBlock *start, Value *otherwise, BasicBlock *set, Value *value,
                     BasicBlock *end) {
  SSAUpdater updater;
  updater.Initialize(type, "");
  updater.AddAvailableValue(start, otherwise);
  updater.AddAvailableValue(set, value);
  return updater.GetValueAtEndOfBlock(end);
}

// The steps that two loops, one after the other in a third one, both take, before the first of them.
static bool interleave(Loop &outer, Loop &first, Loop &second, DominatorTree &dominators) {
  BasicBlock *before = first.getLoopPreheader();
  BasicBlock *between = second.getLoopPreheader();
  if (!before || !between) return false;
  LLVMContext &context = before->getContext();
  auto *enter = BasicBlock::Create(context, "enter", before->getParent());
  Early early{dominators, before->getTerminator(), enter, {}};
  if (!all_of(needs(second), [&](Value *value) { return early(value) != nullptr; })) {
    DeleteDeadBlock(enter);
    return false;
  }
  BasicBlock *header = first.getHeader(), *latch = first.getLoopLatch();
  auto *again_alone = BasicBlock::Create(context, "alone", header->getParent());
  auto *both = BasicBlock::Create(context, "both", header->getParent());
  auto *apart = BasicBlock::Create(context, "apart", header->getParent());
  IRBuilder<> builder(both);
  ValueToValueMapTy map;
  for (const auto &[value, copy] : early.made) map[value] = copy;
  BranchInst::Create(both, enter);
  // Phis first: what a step begins with.
  struct State {
    PHINode *of, *here;
    BasicBlock *latch;
    bool of_first;
  };
  SmallVector<State, 8> states;
  for (Loop *loop : {&first, &second})
    for (PHINode &phi : loop->getHeader()->phis()) {
      PHINode *here = builder.CreatePHI(phi.getType(), 2);
      Value *start =
          loop == &first ? phi.getIncomingValueForBlock(latch) : early(phi.getIncomingValueForBlock(between));
      here->addIncoming(start, enter);
      map[&phi] = here;
      states.push_back({&phi, here, loop->getLoopLatch(), loop == &first});
    }
  Value *done = nullptr;
  for (Loop *loop : {&first, &second})
    for (BasicBlock *block : straight(*loop)) {
      for (Instruction &instruction : *block) {
        if (isa<PHINode>(instruction) || instruction.isTerminator()) continue;
        Instruction *copy = instruction.clone();
        builder.Insert(copy);
        RemapInstruction(copy, map, RF_NoModuleLevelChanges | RF_IgnoreMissingLocals);
        map[&instruction] = copy;
      }
      auto *branch = cast<BranchInst>(block->getTerminator());
      if (branch->isUnconditional()) continue;
      Value *condition = branch->getCondition();
      if (Value *copy = map.lookup(condition)) condition = copy;
      if (loop->contains(branch->getSuccessor(0))) condition = builder.CreateNot(condition);
      // What comes after an exit may be undefined, were it to be taken.
      done = done ? builder.CreateLogicalOr(done, condition) : condition;
    }
  // The second one's steps are nobody's where the loop ends in between.
  builder.CreateCondBr(builder.CreateFreeze(done), apart, both);
  for (const State &state : states) {
    Value *next = state.of->getIncomingValueForBlock(state.latch);
    if (Value *copy = map.lookup(next)) next = copy;
    state.here->addIncoming(next, both);
  }
  builder.SetInsertPoint(apart);
  builder.CreateBr(header);
  // After the first few steps the first loop goes there, and comes back.
  latch->getTerminator()->replaceSuccessorWith(header, again_alone);
  IRBuilder<> top(header, header->begin());
  PHINode *steps = top.CreatePHI(top.getInt32Ty(), 3);
  builder.SetInsertPoint(again_alone);
  Value *more = builder.CreateAdd(steps, builder.getInt32(1));
  builder.CreateCondBr(builder.CreateICmpEQ(more, builder.getInt32(Alone)), enter, header);
  steps->addIncoming(builder.getInt32(0), before);
  steps->addIncoming(more, again_alone);
  steps->addIncoming(builder.getInt32(Alone), apart);
  // Whether that was so before the second loop.
  Value *shared = nullptr;
  for (const State &state : states) {
    Type *type = state.here->getType();
    IRBuilder<> start(apart, apart->begin());
    PHINode *reached = start.CreatePHI(type, 1);
    reached->addIncoming(state.here, both);
    if (state.of_first) {
      state.of->replaceIncomingBlockWith(latch, again_alone);
      state.of->addIncoming(reached, apart);
      continue;
    }
    if (!shared)
      shared = merged(start.getInt1Ty(), outer.getHeader(), start.getFalse(), apart, start.getTrue(), between);
    Value *value = merged(type, outer.getHeader(), PoisonValue::get(type), apart, reached, between);
    IRBuilder<> end(between->getTerminator());
    Value *own = state.of->getIncomingValueForBlock(between);
    state.of->setIncomingValueForBlock(between, end.CreateSelect(shared, value, own));
  }
  return true;
}

// Whether it is worth the while to look closer.
static bool mayFit(const Loop &outer) {
  if (outer.getSubLoops().size() != 1) return false;
  const Loop &inner = *outer.getSubLoops()[0];
  return inner.isInnermost() && inner.getNumBlocks() <= MostBlocks &&
         any_of(inner.getHeader()->phis(), [](PHINode &phi) { return phi.getType()->isFloatingPointTy(); });
}

// Interleaves the inner loop of one that has not been tried; whether there was one.
static bool change(Function &function, FunctionAnalysisManager &analyses, SmallPtrSetImpl<BasicBlock *> &tried) {
  auto &loops = analyses.getResult<LoopAnalysis>(function);
  auto all = loops.getLoopsInPreorder();
  auto found = find_if(all, [&](Loop *loop) { return !tried.contains(loop->getHeader()) && mayFit(*loop); });
  if (found == all.end()) return false;
  Loop *outer = *found, *inner = outer->getSubLoops()[0];
  tried.insert(outer->getHeader());
  auto &evolution = analyses.getResult<ScalarEvolutionAnalysis>(function);
  auto &dominators = analyses.getResult<DominatorTreeAnalysis>(function);
  auto &assumptions = analyses.getResult<AssumptionAnalysis>(function);
  simplifyLoop(outer, &dominators, &loops, &evolution, &assumptions, nullptr, false);
  if (fits(*outer, evolution) && unroll(*outer, 2, function, analyses)) {
    // The first iteration has the blocks that were there before.
    auto both = outer->getSubLoops();
    if (both.size() == 2 && is_contained(both, inner))
      interleave(*outer, *inner, *both[both[0] == inner], dominators);
  }
  analyses.invalidate(function, PreservedAnalyses::none());
  return true;
}

PreservedAnalyses InterleaveEscapes::run(Function &function, FunctionAnalysisManager &analyses) {
  SmallPtrSet<BasicBlock *, 8> tried;
  if (function.hasOptSize() || !function.getParent()->getTargetTriple().isX86()) return PreservedAnalyses::all();
  while (change(function, analyses, tried)) {
  }
  return tried.empty() ? PreservedAnalyses::all() : PreservedAnalyses::none();
}
