// Function bodies that go from the run-time library into the modules that call them.
#include "llvm-c/Core.h"
#include "llvm-c/Types.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/DebugInfo.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace llvm;

namespace {

// The functions and variables that a constant refers to.
void globals_of(const Value *value, SmallSetVector<const GlobalValue *, 16> &found) {
  if (auto *global = dyn_cast<GlobalValue>(value)) {
    found.insert(global);
    return;
  }
  if (auto *constant = dyn_cast<Constant>(value))
    for (const Use &use : constant->operands()) globals_of(use.get(), found);
}

SmallSetVector<const GlobalValue *, 16> globals_of(const Function &function) {
  SmallSetVector<const GlobalValue *, 16> found;
  for (const Instruction &instruction : instructions(function))
    for (const Use &use : instruction.operands()) globals_of(use.get(), found);
  return found;
}

// What a function needs beside itself that others cannot see: its private constants and functions.
// False where there is more: state of the library, or addresses within it.
bool needs(const Function &function, SmallSetVector<const GlobalValue *, 32> &also) {
  for (const GlobalValue *global : globals_of(function)) {
    if (!global->hasLocalLinkage() || also.contains(global)) continue;
    if (auto *variable = dyn_cast<GlobalVariable>(global)) {
      if (!variable->isConstant() || !variable->hasInitializer()) return false;
      SmallSetVector<const GlobalValue *, 16> inner;
      globals_of(variable->getInitializer(), inner);
      for (const GlobalValue *one : inner)
        if (one->hasLocalLinkage()) return false;
      also.insert(variable);
    } else if (auto *callee = dyn_cast<Function>(global)) {
      also.insert(callee);
      if (!needs(*callee, also)) return false;
    } else {
      return false;
    }
  }
  return true;
}

// A call that passes and takes small integers extended to 32 bits, as the machine does, of a function that
// has them in their own width: a call by the function's own type, which can be inlined.  False where the
// types differ in another way.
bool fit_call(CallInst &call, Function &callee) {
  FunctionType *type = callee.getFunctionType();
  if (type->isVarArg() || type->getNumParams() != call.arg_size()) return false;
  auto narrower = [](Type *small, Type *wide) {
    return small->isIntegerTy() && wide->isIntegerTy(32) && small->getIntegerBitWidth() < 32;
  };
  for (unsigned i = 0; i < call.arg_size(); i++) {
    Type *given = call.getArgOperand(i)->getType();
    if (given != type->getParamType(i) && !narrower(type->getParamType(i), given)) return false;
  }
  bool is_signed = callee.hasRetAttribute(Attribute::SExt);
  bool extended = call.getType() != type->getReturnType();
  if (extended && (!narrower(type->getReturnType(), call.getType()) ||
                   (!is_signed && !callee.hasRetAttribute(Attribute::ZExt))))
    return false;
  IRBuilder<> builder(&call);
  SmallVector<Value *, 8> arguments;
  for (unsigned i = 0; i < call.arg_size(); i++) {
    Value *given = call.getArgOperand(i);
    bool same = given->getType() == type->getParamType(i);
    arguments.push_back(same ? given : builder.CreateTrunc(given, type->getParamType(i)));
  }
  CallInst *made = builder.CreateCall(&callee, arguments);
  made->setCallingConv(call.getCallingConv());
  made->setTailCallKind(call.getTailCallKind());
  Value *result = made;
  if (extended)
    result = is_signed ? builder.CreateSExt(made, call.getType()) : builder.CreateZExt(made, call.getType());
  call.replaceAllUsesWith(result);
  call.eraseFromParent();
  return true;
}

void fit_calls(Module &module) {
  for (Function &function : module) {
    if (!function.hasAvailableExternallyLinkage()) continue;
    for (User *user : make_early_inc_range(function.users()))
      if (auto *call = dyn_cast<CallInst>(user))
        if (call->getCalledOperand() == &function && call->getFunctionType() != function.getFunctionType())
          fit_call(*call, function);
  }
}

} // namespace

// Bitcode of the named functions, for `cyl_link_hot`; names that cannot be taken are passed to
// `refused`.
extern "C" LLVMMemoryBufferRef cyl_extract_hot(LLVMModuleRef from, const char *const *names, size_t count,
                                               void (*refused)(void *, const char *), void *user) {
  Module &module = *unwrap(from);
  SmallSetVector<const GlobalValue *, 32> keep;
  StringSet<> hot;
  for (size_t i = 0; i < count; i++) {
    const Function *function = module.getFunction(names[i]);
    SmallSetVector<const GlobalValue *, 32> also;
    if (!function || function->isDeclaration() || function->isVarArg() || !needs(*function, also)) {
      refused(user, names[i]);
      continue;
    }
    hot.insert(names[i]);
    keep.insert(function);
    keep.insert(also.begin(), also.end());
  }
  ValueToValueMapTy map;
  auto copy = CloneModule(module, map, [&](const GlobalValue *global) { return keep.contains(global); });
  StripDebugInfo(*copy);
  while (!copy->named_metadata_empty()) copy->eraseNamedMetadata(&*copy->named_metadata_begin());
  copy->setModuleInlineAsm("");
  auto tidy = [&](GlobalObject &global) {
    global.setComdat(nullptr);
    if (!global.hasLocalLinkage()) {
      global.setVisibility(GlobalValue::DefaultVisibility);
      global.setDSOLocal(false);
    }
  };
  SmallVector<Function *, 32> replaced;
  for (Function &function : make_early_inc_range(*copy)) {
    if (function.isDeclaration()) {
      function.removeDeadConstantUsers();
      if (function.use_empty()) {
        if (!is_contained(replaced, &function)) function.eraseFromParent();
        continue;
      }
    } else if (hot.contains(function.getName())) {
      StringRef name = function.getName();
      if (name.consume_front("cyl_hot_")) {
        // The short form of another one, in its place.
        if (Function *whole = copy->getFunction(name)) {
          function.takeName(whole);
          whole->replaceAllUsesWith(&function);
          replaced.push_back(whole);
        } else {
          function.setName(name.str());
        }
      }
      function.setLinkage(GlobalValue::AvailableExternallyLinkage);
      function.addFnAttr(Attribute::InlineHint);
    }
    tidy(function);
  }
  for (Function *function : replaced)
    if (function->use_empty()) function->eraseFromParent();
  for (GlobalVariable &variable : make_early_inc_range(copy->globals())) {
    variable.removeDeadConstantUsers();
    if (variable.use_empty()) {
      variable.eraseFromParent();
      continue;
    }
    tidy(variable);
  }
  for (GlobalAlias &alias : make_early_inc_range(copy->aliases()))
    if (alias.use_empty()) alias.eraseFromParent();
  SmallString<0> bytes;
  raw_svector_ostream stream(bytes);
  WriteBitcodeToFile(*copy, stream);
  return LLVMCreateMemoryBufferWithMemoryRangeCopy(bytes.data(), bytes.size(), "hot");
}

// Brings in the bodies of what the module declares, to be inlined and then dropped.  False: the
// bitcode cannot be read.
extern "C" bool cyl_link_hot(LLVMModuleRef into, const char *data, size_t size) {
  Module &module = *unwrap(into);
  MemoryBufferRef buffer(StringRef(data, size), "hot");
  auto read = getLazyBitcodeModule(buffer, module.getContext());
  if (!read) {
    consumeError(read.takeError());
    return false;
  }
  std::unique_ptr<Module> hot = std::move(*read);
  hot->setDataLayout(module.getDataLayout());
  hot->setTargetTriple(module.getTargetTriple());
  bool any = false;
  for (const Function &function : *hot) {
    const Function *declared = function.isDeclaration() ? nullptr : module.getFunction(function.getName());
    any = any || (declared && declared->isDeclaration());
  }
  if (!any) return true;
  if (Linker::linkModules(module, std::move(hot), Linker::LinkOnlyNeeded)) return false;
  fit_calls(module);
  return true;
}
