// LLVM's pipelines with passes of our own in them, which its C interface has no way for.
#include "chains.h"
#include "conversions.h"
#include "escapes.h"
#include "hot.h"

#include "llvm-c/Core.h"
#include "llvm-c/TargetMachine.h"
#include "llvm/Analysis/LazyCallGraph.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Passes/StandardInstrumentations.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

static bool optimised_before(const Function &function) {
  return function.hasAvailableExternallyLinkage() && function.hasFnAttribute(OPTIMISED);
}

// Whether all that a pass would work on are the run-time library's bodies, which are dropped in the end.
static bool optimised_before(const Any &unit) {
  if (auto *function = any_cast<const Function *>(&unit)) return optimised_before(**function);
  if (auto *loop = any_cast<const Loop *>(&unit)) return optimised_before(*(*loop)->getHeader()->getParent());
  if (auto *component = any_cast<const LazyCallGraph::SCC *>(&unit))
    return all_of(**component,
                  [](const LazyCallGraph::Node &node) { return optimised_before(node.getFunction()); });
  return false;
}

// Runs the passes of a text, with vectorisers and unrolling or without.  The message of a text that names
// no passes is the caller's, to be freed by LLVMDisposeMessage; null where all went well.
extern "C" char *cyl_run_passes(LLVMModuleRef module, LLVMTargetMachineRef machine, const char *passes,
                                bool fast) {
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopInterleaving = tuning.LoopUnrolling = fast;
  // Without it, functions marked `optnone` would be optimised all the same.
  PassInstrumentationCallbacks callbacks;
  OptNoneInstrumentation unoptimised(/*DebugLogging=*/false);
  unoptimised.registerCallbacks(callbacks);
  callbacks.registerShouldRunOptionalPassCallback([](StringRef, Any unit) { return !optimised_before(unit); });
  PassBuilder builder(reinterpret_cast<TargetMachine *>(machine), tuning, std::nullopt, &callbacks);
  if (fast) {
    builder.registerVectorizerStartEPCallback([](FunctionPassManager &manager, OptimizationLevel) {
      manager.addPass(InterleaveEscapes());
      manager.addPass(InterleaveChains());
      manager.addPass(KeepConversionsScalar());
    });
    builder.registerVectorizerEndEPCallback(
        [](FunctionPassManager &manager, OptimizationLevel) { manager.addPass(MultiplyChains()); });
  }
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
