// Small functions that call themselves, inlined into themselves a few levels deep.
//
// LLVM's inliner never does; gcc does, and gains a factor of two to four on such functions.
#include "llvm-c/Types.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace llvm;

namespace {

// Of a function to be inlined into itself, and of the result.
constexpr unsigned SMALL = 100, LARGE = 2600, CALLS = 4, LEVELS = 8;

SmallVector<CallInst *, 8> calls_of_itself(Function &function) {
  SmallVector<CallInst *, 8> found;
  for (Instruction &instruction : instructions(function))
    if (auto *call = dyn_cast<CallInst>(&instruction))
      if (call->getCalledFunction() == &function && !call->isMustTailCall()) found.push_back(call);
  return found;
}

bool fits(Function &function, unsigned calls) {
  return !function.isVarArg() && !function.hasOptNone() && !function.hasMinSize() &&
         !function.hasFnAttribute(Attribute::Cold) && calls >= 1 && calls <= CALLS &&
         function.getInstructionCount() <= SMALL;
}

bool unroll(Function &function) {
  auto calls = calls_of_itself(function);
  if (function.isDeclaration() || !fits(function, calls.size())) return false;
  unsigned size = function.getInstructionCount();
  ValueToValueMapTy map;
  Function *once = CloneFunction(&function, map);
  // The clone's own calls go to the whole function, not to the clone.
  once->setLinkage(GlobalValue::InternalLinkage);
  for (CallInst *call : calls_of_itself(*once)) call->setCalledFunction(&function);
  bool any = false;
  for (unsigned level = 0; level < LEVELS; level++) {
    calls = calls_of_itself(function);
    if (calls.empty() || function.getInstructionCount() + calls.size() * size > LARGE) break;
    for (CallInst *call : calls) {
      call->setCalledFunction(once);
      InlineFunctionInfo info;
      if (InlineFunction(*call, info).isSuccess()) {
        any = true;
      } else {
        call->setCalledFunction(&function);
      }
    }
  }
  once->eraseFromParent();
  return any;
}

} // namespace

// Whether any function was changed.
extern "C" bool cyl_unroll_recursion(LLVMModuleRef module) {
  SmallVector<Function *, 8> functions;
  for (Function &function : *unwrap(module))
    if (!function.isDeclaration()) functions.push_back(&function);
  bool any = false;
  for (Function *function : functions) any = unroll(*function) || any;
  return any;
}
