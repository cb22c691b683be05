// Several iterations of a loop at a time, for passes of our own.
#pragma once

#include "llvm/IR/PassManager.h"

namespace llvm {
class Loop;
}

// Has a loop in simplified form go around `count` iterations at a time, with what is left over in a loop of its
// own.  Whether it is still a loop: where all iterations are known, it may be none.
bool unroll(llvm::Loop &loop, unsigned count, llvm::Function &function, llvm::FunctionAnalysisManager &analyses);
