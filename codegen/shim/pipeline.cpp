// LLVM's pipelines with passes of our own in them, which its C interface has no way for.
#include "chains.h"
#include "conversions.h"

#include "llvm-c/Core.h"
#include "llvm-c/TargetMachine.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

// Runs the passes of a text, with vectorisers and unrolling or without.  The message of a text that names
// no passes is the caller's, to be freed by LLVMDisposeMessage; null where all went well.
extern "C" char *cyl_run_passes(LLVMModuleRef module, LLVMTargetMachineRef machine, const char *passes,
                                bool fast) {
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = fast;
  PassBuilder builder(reinterpret_cast<TargetMachine *>(machine), tuning);
  if (fast)
    builder.registerVectorizerStartEPCallback([](FunctionPassManager &manager, OptimizationLevel) {
      manager.addPass(InterleaveChains());
      manager.addPass(KeepConversionsScalar());
    });
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  builder.registerLoopAnalyses(loops);
  builder.registerFunctionAnalyses(functions);
  builder.registerCGSCCAnalyses(components);
  builder.registerModuleAnalyses(modules);
  builder.crossRegisterProxies(loops, functions, components, modules);
  ModulePassManager manager;
  if (Error error = builder.parsePassPipeline(manager, passes))
    return LLVMCreateMessage(toString(std::move(error)).c_str());
  manager.run(*unwrap(module), modules);
  return nullptr;
}
