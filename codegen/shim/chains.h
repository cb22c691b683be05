#pragma once

#include "llvm/IR/PassManager.h"

// Marks loops for LLVM's vectoriser.
struct InterleaveChains : llvm::PassInfoMixin<InterleaveChains> {
  llvm::PreservedAnalyses run(llvm::Function &function, llvm::FunctionAnalysisManager &analyses);
};

// Has more chains side by side in what the vectoriser made of them.
struct MultiplyChains : llvm::PassInfoMixin<MultiplyChains> {
  llvm::PreservedAnalyses run(llvm::Function &function, llvm::FunctionAnalysisManager &analyses);
};
