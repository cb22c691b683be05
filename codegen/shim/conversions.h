#pragma once

#include "llvm/IR/PassManager.h"

struct KeepConversionsScalar : llvm::PassInfoMixin<KeepConversionsScalar> {
  llvm::PreservedAnalyses run(llvm::Function &function, llvm::FunctionAnalysisManager &analyses);
};
