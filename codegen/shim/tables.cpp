// Tables of addresses, in a packed form: the library makes them when it starts (runtime/file_start.c).
#include "llvm-c/Types.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/Metadata.h"
#include "llvm/IR/Module.h"

#include <map>
#include <variant>

using namespace llvm;

namespace {

constexpr unsigned ADDRESSES = 0x80, BYTES = 0x40, INDIRECT = 0xc0, MOST = 63;

struct Address {
  Constant *of;
  bool near; // whether the linker knows how far away it is
};

// What a variable holds at the start: bytes, and addresses by their places.
struct Contents {
  const DataLayout &layout;
  std::vector<uint8_t> bytes;
  std::map<uint64_t, Address> addresses;

  static bool near(const GlobalValue *value) {
    if (!value->isDeclarationForLinker()) return true;
    StringRef name = value->getName();
    return name.starts_with("cyl_") || name.starts_with("__Pyx") || name.starts_with("__pyx");
  }

  bool add(Constant *value, uint64_t at) {
    if (value->isNullValue() || isa<UndefValue>(value)) return true;
    if (auto *data = dyn_cast<ConstantDataSequential>(value)) {
      StringRef raw = data->getRawDataValues();
      std::copy(raw.bytes_begin(), raw.bytes_end(), bytes.begin() + at);
      return true;
    }
    if (auto *number = dyn_cast<ConstantInt>(value)) return put(number->getValue(), value, at);
    if (auto *number = dyn_cast<ConstantFP>(value)) return put(number->getValueAPF().bitcastToAPInt(), value, at);
    if (auto *all = dyn_cast<ConstantStruct>(value)) {
      const StructLayout *shape = layout.getStructLayout(all->getType());
      for (unsigned i = 0; i < all->getNumOperands(); i++)
        if (!add(all->getOperand(i), at + shape->getElementOffset(i))) return false;
      return true;
    }
    if (auto *all = dyn_cast<ConstantArray>(value)) {
      uint64_t size = layout.getTypeAllocSize(all->getType()->getElementType());
      for (unsigned i = 0; i < all->getNumOperands(); i++)
        if (!add(all->getOperand(i), at + i * size)) return false;
      return true;
    }
    if (!value->getType()->isPointerTy()) return false;
    APInt offset(64, 0);
    auto *base = dyn_cast<GlobalValue>(value->stripAndAccumulateConstantOffsets(layout, offset, true));
    if (!base || base->isThreadLocal() || base->hasExternalWeakLinkage()) return false;
    bool here = near(base);
    addresses[at] = {value, here};
    // A distance to what may be in another library would need the loader.
    if (here) base->setDSOLocal(true);
    return true;
  }

  // Addresses from here on that are all near, or all not.
  unsigned run(uint64_t at) const {
    unsigned count = 0;
    for (auto one = addresses.find(at); one != addresses.end() && one->first == at + 8 * count && count < MOST; one++) {
      if (one->second.near != addresses.at(at).near) break;
      count++;
    }
    return count;
  }

  bool put(const APInt &number, Constant *value, uint64_t at) {
    uint64_t size = layout.getTypeStoreSize(value->getType());
    if (size > 8) return false;
    uint64_t bits = number.getZExtValue();
    for (uint64_t i = 0; i < size; i++) bytes[at + i] = uint8_t(bits >> 8 * i);
    return true;
  }

  // Zeros from here on, before the next address.
  uint64_t zeros(uint64_t at) const {
    uint64_t end = at;
    while (end < bytes.size() && !bytes[end] && !addresses.count(end)) end++;
    return end - at;
  }
};

class Packer {
public:
  explicit Packer(Module &module) : module(module), context(module.getContext()), layout(module.getDataLayout()) {}

  unsigned run() {
    std::vector<GlobalVariable *> all;
    for (GlobalVariable &one : module.globals())
      if (fits(one)) all.push_back(&one);
    unsigned count = 0;
    for (GlobalVariable *one : all) count += pack(*one);
    return count;
  }

private:
  Module &module;
  LLVMContext &context;
  const DataLayout &layout;
  std::map<Constant *, GlobalVariable *> words;

  // A word with an address that the loader knows.
  GlobalVariable *word(Constant *address) {
    GlobalVariable *&word = words[address];
    if (!word) {
      word = new GlobalVariable(module, address->getType(), true, GlobalValue::PrivateLinkage, address, "cyl_address");
      word->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
    }
    return word;
  }

  static bool fits(const GlobalVariable &one) {
    return one.hasInitializer() && !one.getInitializer()->isNullValue() && one.hasLocalLinkage() &&
           !one.hasSection() && !one.hasComdat() && !one.isThreadLocal() && !one.isExternallyInitialized() &&
           !one.getMetadata(LLVMContext::MD_associated) && !one.getName().starts_with("llvm.") &&
           !one.getName().starts_with("switch.table");
  }

  Constant *relative(Constant *to, Constant *from) {
    Type *wide = Type::getInt64Ty(context);
    return ConstantExpr::getTrunc(
        ConstantExpr::getSub(ConstantExpr::getPtrToInt(to, wide), ConstantExpr::getPtrToInt(from, wide)),
        Type::getInt32Ty(context));
  }

  bool pack(GlobalVariable &variable) {
    uint64_t size = layout.getTypeAllocSize(variable.getValueType());
    Contents contents{layout, std::vector<uint8_t>(size), {}};
    if (!contents.add(variable.getInitializer(), 0) || contents.addresses.empty()) return false;
    // Pieces: bytes as they are, or the place of an address.
    std::vector<std::variant<std::string, Constant *>> pieces{&variable};
    uint64_t total = 4;
    auto bytes = [&](std::string text) {
      total += text.size();
      if (auto *last = std::get_if<std::string>(&pieces.back()))
        *last += text;
      else
        pieces.push_back(std::move(text));
    };
    for (uint64_t at = 0; at < size;) {
      unsigned count = contents.run(at);
      if (count) {
        bytes(std::string(1, char((contents.addresses[at].near ? ADDRESSES : INDIRECT) | count)));
        for (; count; count--, at += 8) {
          Address &one = contents.addresses[at];
          pieces.push_back(one.near ? one.of : word(one.of));
          total += one.near ? 4 : 4 + 8;
        }
      } else if (uint64_t zeros = contents.zeros(at)) {
        if (at + zeros == size) break;
        count = std::min<uint64_t>(zeros, MOST);
        bytes(std::string(1, char(count)));
        at += count;
      } else {
        std::string text;
        while (at < size && text.size() < MOST && !contents.addresses.count(at) && contents.zeros(at) < 2)
          text += char(contents.bytes[at++]);
        bytes(char(BYTES | text.size()) + text);
      }
    }
    bytes(std::string(1, '\0'));
    if (total >= size) return false;
    emit(variable, pieces);
    return true;
  }

  void emit(GlobalVariable &variable, const std::vector<std::variant<std::string, Constant *>> &pieces) {
    std::vector<Type *> types;
    for (const auto &piece : pieces)
      if (auto *text = std::get_if<std::string>(&piece))
        types.push_back(ArrayType::get(Type::getInt8Ty(context), text->size()));
      else
        types.push_back(Type::getInt32Ty(context));
    auto *type = StructType::get(context, types, true);
    auto *entry = new GlobalVariable(module, type, true, GlobalValue::PrivateLinkage, nullptr, "cyl_table");
    entry->setSection("cyl_tables");
    entry->setAlignment(Align(1));
    entry->setMetadata(LLVMContext::MD_associated, MDNode::get(context, ValueAsMetadata::get(&variable)));
    std::vector<Constant *> values;
    for (const auto &piece : pieces)
      if (auto *text = std::get_if<std::string>(&piece))
        values.push_back(ConstantDataArray::getString(context, *text, false));
      else
        values.push_back(relative(std::get<Constant *>(piece), entry));
    entry->setInitializer(ConstantStruct::get(type, values));
    variable.setAlignment(variable.getPointerAlignment(layout));
    variable.setInitializer(Constant::getNullValue(variable.getValueType()));
    variable.setConstant(false);
  }
};

} // namespace

// Packs tables of addresses; how many.  Nothing may read them before the library has started.
extern "C" unsigned cyl_pack_tables(LLVMModuleRef from) { return Packer(*unwrap(from)).run(); }
