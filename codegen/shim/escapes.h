#pragma once

#include "llvm/IR/PassManager.h"

struct InterleaveEscapes : llvm::PassInfoMixin<InterleaveEscapes> {
  llvm::PreservedAnalyses run(llvm::Function &function, llvm::FunctionAnalysisManager &analyses);
};
