// Function bodies that go from the run-time library into the modules that call them.
#include "hot.h"

#include "llvm-c/Core.h"
#include "llvm-c/Types.h"
#include "llvm/ADT/EquivalenceClasses.h"
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

// What others need not know, and what nothing refers to any more, taken out.
void tidy(Module &module) {
  auto plain = [&](GlobalObject &global) {
    global.setComdat(nullptr);
    if (!global.hasLocalLinkage()) {
      global.setVisibility(GlobalValue::DefaultVisibility);
      global.setDSOLocal(false);
    }
  };
  for (Function &function : make_early_inc_range(module)) {
    function.removeDeadConstantUsers();
    if (function.isDeclaration() && function.use_empty())
      function.eraseFromParent();
    else
      plain(function);
  }
  for (GlobalVariable &variable : make_early_inc_range(module.globals())) {
    variable.removeDeadConstantUsers();
    if (variable.use_empty())
      variable.eraseFromParent();
    else
      plain(variable);
  }
  for (GlobalAlias &alias : make_early_inc_range(module.aliases()))
    if (alias.use_empty()) alias.eraseFromParent();
}

// A copy of a module with some definitions of it, and declarations of what they refer to.
std::unique_ptr<Module> copy_of(const Module &module, const SmallSetVector<const GlobalValue *, 32> &keep) {
  ValueToValueMapTy map;
  return CloneModule(module, map, [&](const GlobalValue *global) { return keep.contains(global); });
}

void write(const Module &module, function_ref<void(StringRef)> use) {
  SmallString<0> bytes;
  raw_svector_ostream stream(bytes);
  WriteBitcodeToFile(module, stream);
  use(bytes);
}

// Bodies that have a function of their own in common, which must not come into a module twice, as one
// piece; every other body by itself.
std::vector<SmallVector<const Function *, 1>> pieces(const Module &module) {
  std::vector<SmallVector<const Function *, 1>> groups;
  EquivalenceClasses<const Function *> shared;
  for (const Function &function : module) {
    if (!function.hasAvailableExternallyLinkage()) continue;
    shared.insert(&function);
    SmallSetVector<const GlobalValue *, 32> also;
    needs(function, also);
    for (const GlobalValue *one : also)
      if (auto *callee = dyn_cast<Function>(one)) shared.unionSets(&function, callee);
  }
  for (const auto *value : shared) {
    if (!value->isLeader()) continue;
    SmallVector<const Function *, 1> group;
    for (const Function *function : shared.members(*value))
      if (function->hasAvailableExternallyLinkage()) group.push_back(function);
    groups.push_back(group);
  }
  return groups;
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

// Bitcode for `cyl_link_hot`: of the named functions together, with an empty name, then of every one, with
// no more than it needs; those that cannot come apart have the same.  Names that cannot be taken are passed
// to `refused`.
extern "C" void cyl_extract_hot(LLVMModuleRef from, const char *const *names, size_t count,
                                void (*refused)(void *, const char *),
                                void (*made)(void *, const char *, const char *, size_t), void *user) {
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
  std::unique_ptr<Module> copy = copy_of(module, keep);
  StripDebugInfo(*copy);
  while (!copy->named_metadata_empty()) copy->eraseNamedMetadata(&*copy->named_metadata_begin());
  copy->setModuleInlineAsm("");
  for (Function &function : *copy) {
    if (function.isDeclaration() || !hot.contains(function.getName())) continue;
    StringRef name = function.getName();
    if (name.consume_front("cyl_hot_")) {
      // The short form of another one, in its place.
      if (Function *whole = copy->getFunction(name)) {
        function.takeName(whole);
        whole->replaceAllUsesWith(&function);
      } else {
        function.setName(name.str());
      }
    }
    function.setLinkage(GlobalValue::AvailableExternallyLinkage);
    function.addFnAttr(Attribute::InlineHint);
    function.addFnAttr(OPTIMISED);
  }
  tidy(*copy);
  write(*copy, [&](StringRef bytes) { made(user, "", bytes.data(), bytes.size()); });
  for (const auto &group : pieces(*copy)) {
    SmallSetVector<const GlobalValue *, 32> needed;
    for (const Function *function : group) {
      needed.insert(function);
      needs(*function, needed);
    }
    std::unique_ptr<Module> piece = copy_of(*copy, needed);
    tidy(*piece);
    write(*piece, [&](StringRef bytes) {
      for (const Function *function : group)
        made(user, function->getName().str().c_str(), bytes.data(), bytes.size());
    });
  }
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
  return !Linker::linkModules(module, std::move(hot), Linker::LinkOnlyNeeded);
}

// After bodies have come in: calls of them have their types.
extern "C" void cyl_fit_calls(LLVMModuleRef module) { fit_calls(*unwrap(module)); }
