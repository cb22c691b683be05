#pragma once

#include "llvm/IR/PassManager.h"

struct InterleaveChains : llvm::PassInfoMixin<InterleaveChains> {
  llvm::PreservedAnalyses run(llvm::Function &function, llvm::FunctionAnalysisManager &analyses);
};
