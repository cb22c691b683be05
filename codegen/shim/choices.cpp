// Choices between numbers by a comparison of floating-point ones, made without a branch.
//
// LLVM turns `if v < low: v = low` into a selection where integers are compared, and keeps the branch where
// they are floating-point numbers, which costs a misprediction for every other number of random data.
#include "llvm-c/Types.h"
#include "llvm/ADT/PostOrderIterator.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/ValueHandle.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;

namespace {

// Instructions that are then done in vain; numbers that are chosen; how far to look for a cycle.
constexpr unsigned WORK = 3, RESULTS = 2, SEEN = 64;

bool is_cheap(const Instruction &instruction) {
  if (instruction.getType()->isVectorTy()) return false;
  return isa<FCmpInst, ICmpInst, SelectInst>(instruction) || instruction.getOpcode() == Instruction::FNeg;
}

// `if (condition) then; after`, where `then` comes from `head` alone.
struct Triangle {
  BranchInst *branch;
  BasicBlock *head, *then, *after;
  bool when; // what the condition is on the way to `then`
  SmallVector<PHINode *, RESULTS> results;
};

// Whether a number that is chosen depends on what was chosen the last time around: then the choice is on
// the way from one iteration to the next, where a branch that is predicted takes no time.
bool goes_around(PHINode *result, const Triangle &triangle, const Loop *loop) {
  SmallSetVector<Value *, 16> seen;
  seen.insert(triangle.branch->getCondition());
  seen.insert(result->getIncomingValueForBlock(triangle.then));
  seen.insert(result->getIncomingValueForBlock(triangle.head));
  for (unsigned at = 0; at < seen.size(); at++) {
    if (at == SEEN || seen[at] == result) return true;
    auto *instruction = dyn_cast<Instruction>(seen[at]);
    if (instruction && loop->contains(instruction) && !instruction->mayReadFromMemory())
      seen.insert_range(instruction->operand_values());
  }
  return false;
}

// The numbers that are chosen; false where that is not all, or too much.
bool find_results(Triangle &triangle, const Loop *loop) {
  for (PHINode &phi : triangle.after->phis()) {
    if (phi.getIncomingValueForBlock(triangle.then) == phi.getIncomingValueForBlock(triangle.head)) continue;
    Type *type = phi.getType();
    bool scalar = type->isFloatTy() || type->isDoubleTy() || type->isIntegerTy();
    if (!scalar || triangle.results.size() == RESULTS || goes_around(&phi, triangle, loop)) return false;
    triangle.results.push_back(&phi);
  }
  return !triangle.results.empty();
}

bool find(BasicBlock *head, const LoopInfo &loops, Triangle &triangle) {
  auto *branch = dyn_cast<BranchInst>(head->getTerminator());
  const Loop *loop = loops.getLoopFor(head);
  if (!loop || !branch || !branch->isConditional() || !isa<FCmpInst>(branch->getCondition())) return false;
  // Where it is known which way it goes, the branch is better.
  if (branch->getMetadata(LLVMContext::MD_prof)) return false;
  for (unsigned side : {0, 1}) {
    BasicBlock *then = branch->getSuccessor(side), *after = branch->getSuccessor(1 - side);
    if (then == after || then->getSinglePredecessor() != head || then->getSingleSuccessor() != after) continue;
    if (after == loop->getHeader() || loops.getLoopFor(after) != loop || then->size() > WORK + 1) continue;
    if (!all_of(drop_end(*then), is_cheap)) continue;
    triangle = {branch, head, then, after, side == 0, {}};
    if (find_results(triangle, loop)) return true;
  }
  return false;
}

void convert(const Triangle &triangle, LoopInfo &loops) {
  auto [branch, head, then, after, when, results] = triangle;
  head->splice(branch->getIterator(), then, then->begin(), then->getTerminator()->getIterator());
  IRBuilder<> builder(branch);
  for (PHINode *result : results) {
    Value *yes = result->getIncomingValueForBlock(then), *no = result->getIncomingValueForBlock(head);
    if (!when) std::swap(yes, no);
    result->setIncomingValueForBlock(head, builder.CreateSelect(branch->getCondition(), yes, no));
  }
  builder.CreateBr(after);
  branch->eraseFromParent();
  loops.removeBlock(then);
  DeleteDeadBlock(then);
  MergeBlockIntoPredecessor(after, nullptr, &loops);
}

bool has_choices(const Function &function) {
  return !function.hasOptNone() && !function.hasOptSize() && any_of(function, [](const BasicBlock &block) {
    auto *branch = dyn_cast_or_null<BranchInst>(block.getTerminator());
    return branch && branch->isConditional() && isa<FCmpInst>(branch->getCondition());
  });
}

} // namespace

// Such branches in loops become selections.
extern "C" void cyl_choose_numbers(LLVMModuleRef module) {
  for (Function &function : *unwrap(module)) {
    if (!has_choices(function)) continue;
    DominatorTree tree(function);
    LoopInfo loops(tree);
    // What comes after first: choices within choices.
    SmallVector<WeakVH, 32> blocks;
    for (BasicBlock *block : post_order(&function)) blocks.push_back(block);
    for (WeakVH &block : blocks) {
      Triangle triangle;
      if (block && find(cast<BasicBlock>(block), loops, triangle)) convert(triangle, loops);
    }
  }
}
