// The run-time library's state, taken apart for libraries that it is linked into: a variable for each
// field, and tied to it what has to be done at the start where it is used (runtime/features.c).
#include "llvm-c/Types.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Operator.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

namespace {

using Report = void (*)(void *, const char *);

class Splitter {
public:
  Splitter(Module &module, GlobalVariable &state, Report report, void *user)
      : module(module), state(state), layout(module.getDataLayout()), report(report), user(user) {}

  void run() {
    cut();
    SmallVector<std::pair<Value *, uint64_t>> uses;
    collect(&state, 0, uses);
    for (auto &[value, offset] : uses) replace(value, offset);
    state.removeDeadConstantUsers();
    if (!state.use_empty()) return fail("a use of the whole state is left", &state);
    state.eraseFromParent();
    features();
    strings();
    drop_tables();
    uninitialised();
  }

private:
  struct Piece {
    uint64_t size;
    GlobalVariable *variable;
  };

  Module &module;
  GlobalVariable &state;
  const DataLayout &layout;
  Report report;
  void *user;
  MapVector<uint64_t, Piece> pieces;
  SmallVector<GlobalValue *> kept;
  DenseSet<const GlobalObject *> made; // what has an entry
  uint64_t string_table = 0;

  void fail(const Twine &what, const Value *where) {
    std::string text = what.str();
    raw_string_ostream stream(text);
    if (where) {
      stream << ": ";
      if (auto *instruction = dyn_cast<Instruction>(where))
        stream << "in " << instruction->getFunction()->getName() << ": ";
      where->print(stream);
    }
    report(user, text.c_str());
  }

  GlobalVariable *table(StringRef name) { return module.getNamedGlobal(name); }

  // Where a constant points to in the state.
  std::optional<uint64_t> offset_of(Constant *pointer, const GlobalValue **base = nullptr) {
    APInt offset(64, 0);
    Value *found = pointer->stripAndAccumulateConstantOffsets(layout, offset, true);
    if (base) *base = dyn_cast<GlobalValue>(found);
    if (found != &state) return std::nullopt;
    return offset.getZExtValue();
  }

  void piece(uint64_t at, Type *type) {
    auto *variable = new GlobalVariable(module, type, false, GlobalValue::InternalLinkage,
                                        Constant::getNullValue(type), "cyl_state." + Twine(at));
    variable->setAlignment(layout.getABITypeAlign(type));
    pieces[at] = {layout.getTypeAllocSize(type).getFixedValue(), variable};
  }

  void cut() {
    DenseSet<uint64_t> tables;
    if (GlobalVariable *list = table("cyl_state_tables"))
      for (const Use &use : list->getInitializer()->operands())
        if (auto offset = offset_of(cast<Constant>(use.get()))) {
          if (tables.empty()) string_table = *offset;
          tables.insert(*offset);
        }
    auto *type = cast<StructType>(state.getValueType());
    const StructLayout *shape = layout.getStructLayout(type);
    for (unsigned i = 0; i < type->getNumElements(); i++) {
      uint64_t at = shape->getElementOffset(i);
      auto *array = dyn_cast<ArrayType>(type->getElementType(i));
      if (!array || !tables.contains(at)) {
        piece(at, type->getElementType(i));
        continue;
      }
      Type *item = array->getElementType();
      for (uint64_t index = 0; index < array->getNumElements(); index++)
        piece(at + index * layout.getTypeAllocSize(item).getFixedValue(), item);
    }
  }

  // Every address of a constant offset within the state; they are replaced later, as a whole.
  void collect(Value *value, uint64_t offset, SmallVectorImpl<std::pair<Value *, uint64_t>> &out) {
    for (User *one : value->users()) {
      auto *gep = dyn_cast<GEPOperator>(one);
      APInt more(64, 0);
      if (gep && gep->accumulateConstantOffset(layout, more)) collect(gep, offset + more.getZExtValue(), out);
    }
    out.push_back({value, offset});
  }

  Piece *find(uint64_t offset, uint64_t &within) {
    for (auto &[at, piece] : pieces)
      if (at <= offset && offset < at + piece.size) {
        within = offset - at;
        return &piece;
      }
    return nullptr;
  }

  // How many bytes a user reads or writes at an address; 0: it cannot be told.
  uint64_t extent(User *one, Value *address) {
    if (auto *load = dyn_cast<LoadInst>(one)) return layout.getTypeStoreSize(load->getType());
    if (auto *store = dyn_cast<StoreInst>(one); store && store->getPointerOperand() == address)
      return layout.getTypeStoreSize(store->getValueOperand()->getType());
    if (auto *set = dyn_cast<AnyMemIntrinsic>(one))
      if (auto *length = dyn_cast<ConstantInt>(set->getLength())) return length->getZExtValue();
    return 0;
  }

  void replace(Value *value, uint64_t offset) {
    uint64_t within = 0;
    Piece *piece = find(offset, within);
    if (!piece) return fail("an address between the state's fields", value);
    Constant *address = piece->variable;
    if (within)
      address = ConstantExpr::getGetElementPtr(Type::getInt8Ty(module.getContext()), address,
                                               ConstantInt::get(Type::getInt64Ty(module.getContext()), within));
    SmallSetVector<User *, 8> users(value->user_begin(), value->user_end());
    for (User *one : users) {
      auto *gep = dyn_cast<GEPOperator>(one);
      APInt more(64, 0);
      if (gep && gep->accumulateConstantOffset(layout, more)) continue; // done by itself
      if (gep && pieces.count(offset) && string_table == offset) fail("a loop over the state's strings", one);
      if (extent(one, value) > piece->size - within) fail("an access to several fields of the state", one);
      if (value == &state && isa<CallBase>(one) && !isa<AnyMemIntrinsic>(one))
        fail("the whole state is passed on", one);
      if (auto *constant = dyn_cast<Constant>(one); constant && !isa<GlobalValue>(constant))
        constant->handleOperandChange(value, address);
      else
        one->replaceUsesOfWith(value, address);
    }
    if (auto *instruction = dyn_cast<Instruction>(value); instruction && instruction->use_empty())
      instruction->eraseFromParent();
    else if (auto *constant = dyn_cast<ConstantExpr>(value); constant && constant->use_empty())
      constant->destroyConstant();
  }

  Constant *relative(Constant *to, Constant *from) {
    LLVMContext &context = module.getContext();
    Type *wide = Type::getInt64Ty(context);
    return ConstantExpr::getTrunc(ConstantExpr::getSub(ConstantExpr::getPtrToInt(to, wide),
                                                       ConstantExpr::getPtrToInt(from, wide)),
                                  Type::getInt32Ty(context));
  }

  // An entry of a table that the linker puts together of what is used.
  GlobalVariable *entry(Type *type, StringRef section, GlobalObject *of) {
    auto *made = new GlobalVariable(module, type, true, GlobalValue::PrivateLinkage, nullptr, "cyl_entry");
    made->setSection(section);
    made->setAlignment(Align(4));
    made->setMetadata(LLVMContext::MD_associated,
                      MDNode::get(module.getContext(), ValueAsMetadata::get(of)));
    // The entry must not outlive its variable in LLVM's hands.
    kept.push_back(made);
    kept.push_back(of);
    return made;
  }

  void features() {
    GlobalVariable *list = table("cyl_features");
    if (!list) return fail("no table of features", nullptr);
    Type *number = Type::getInt32Ty(module.getContext());
    auto *type = StructType::get(number);
    for (const Use &use : list->getInitializer()->operands()) {
      auto *row = dyn_cast<Constant>(use.get());
      if (!row || row->getNumOperands() != 2) continue;
      auto *at = dyn_cast<GlobalObject>(row->getOperand(0)->stripPointerCasts());
      auto *need = dyn_cast<Function>(row->getOperand(1)->stripPointerCasts());
      if (!at || (!need && !cast<Constant>(row->getOperand(1))->isNullValue())) {
        fail("an entry of the features that is of nothing", row);
        continue;
      }
      made.insert(at);
      if (!need) continue;
      GlobalVariable *one = entry(type, "cyl_needs", at);
      one->setInitializer(ConstantStruct::get(type, relative(need, one)));
    }
  }

  void strings() {
    GlobalVariable *data = table("cyl_string_data"), *lengths = table("cyl_string_lengths"),
                   *kinds = table("cyl_string_kinds");
    if (!data || !lengths || !kinds) return fail("no table of strings", nullptr);
    auto *text = dyn_cast<ConstantDataSequential>(data->getInitializer());
    auto *sizes = dyn_cast<ConstantDataSequential>(lengths->getInitializer());
    auto *numbers = dyn_cast<ConstantDataSequential>(kinds->getInitializer());
    if (!text || !sizes || !numbers) return fail("the tables of strings cannot be read", nullptr);
    LLVMContext &context = module.getContext();
    uint64_t position = 0, texts = numbers->getElementAsInteger(0), interned = numbers->getElementAsInteger(1);
    for (unsigned i = 0; i < sizes->getNumElements(); i++) {
      uint64_t length = sizes->getElementAsInteger(i);
      if (position + length > text->getNumElements()) return fail("the strings are shorter than told", nullptr);
      std::string bytes = text->getRawDataValues().substr(position, length).str();
      position += length;
      // Header of 7 bytes, text, zeros.
      bytes.resize(alignTo(length + 7, 4) - 7);
      auto found = pieces.find(string_table + 8 * i);
      if (found == pieces.end()) return fail("more strings than the state has", nullptr);
      GlobalVariable *place = found->second.variable;
      made.insert(place);
      uint8_t kind = i >= texts ? 0 : i >= interned ? 2 : 1;
      Constant *tail = ConstantDataArray::getString(context, bytes, false);
      auto *type = StructType::get(context, {Type::getInt32Ty(context), Type::getInt16Ty(context),
                                             Type::getInt8Ty(context), tail->getType()}, true);
      GlobalVariable *one = entry(type, "cyl_strings", place);
      one->setInitializer(ConstantStruct::get(
          type, {relative(place, one), ConstantInt::get(Type::getInt16Ty(context), length),
                 ConstantInt::get(Type::getInt8Ty(context), kind), tail}));
    }
    if (position + 1 != text->getNumElements()) fail("the strings are longer than told", nullptr);
    appendToCompilerUsed(module, kept);
  }

  void drop_tables() {
    StringRef names[] = {"cyl_features", "cyl_state_tables", "cyl_string_data", "cyl_string_lengths",
                         "cyl_string_kinds"};
    DenseSet<const Constant *> gone;
    for (StringRef name : names)
      if (GlobalVariable *variable = table(name)) gone.insert(variable);
    removeFromUsedLists(module, [&](Constant *one) { return gone.contains(one->stripPointerCasts()); });
    for (StringRef name : names)
      if (GlobalVariable *variable = table(name)) {
        variable->removeDeadConstantUsers();
        if (variable->use_empty()) variable->eraseFromParent();
      }
  }

  // What is read and never written would be null for ever.
  void uninitialised() {
    for (auto &[at, piece] : pieces) {
      GlobalVariable *variable = piece.variable;
      variable->removeDeadConstantUsers();
      if (variable->use_empty()) {
        variable->eraseFromParent();
        continue;
      }
      if (made.contains(variable)) continue;
      bool read = true;
      const User *some = nullptr;
      for (const User *one : variable->users()) {
        some = one;
        if (!isa<LoadInst>(one)) read = false;
      }
      if (read) fail("field at " + Twine(at) + " is never filled", some);
    }
  }
};

} // namespace

// Takes the state apart; what stands in the way is reported.
extern "C" void cyl_split_state(LLVMModuleRef from, const char *name, Report report, void *user) {
  Module &module = *unwrap(from);
  GlobalVariable *state = module.getNamedGlobal(name);
  if (!state || !state->hasInitializer() || !isa<StructType>(state->getValueType())) {
    report(user, "the state is not there");
    return;
  }
  Splitter(module, *state, report, user).run();
}
