// What clang sets on a TargetMachine and LLVM's C API does not reach.
#include "llvm-c/TargetMachine.h"
#include "llvm/Target/TargetMachine.h"

extern "C" void cyl_target_options(LLVMTargetMachineRef machine) {
  auto *target = reinterpret_cast<llvm::TargetMachine *>(machine);
  // glibc runs .init_array; constructors in .ctors, LLVM's default, would never run.
  target->Options.UseInitArray = true;
  // The linker can leave out what nothing refers to.
  target->Options.FunctionSections = true;
  target->Options.DataSections = true;
  // What debuggers unwind by, where there are no tables for it at run time: dropped with the rest of
  // the debug information.
  target->Options.ForceDwarfFrameSection = true;
}
