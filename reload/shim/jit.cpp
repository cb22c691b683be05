// ORC's LLJIT behind a C ABI: objects in, addresses out.  One JITDylib for each library.  The caller lets one
// thread in at a time.
//
// In C++ because the C API has neither debugger support nor archives of compiler builtins.
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/Core.h"
#include "llvm/ExecutionEngine/Orc/Debugging/DebuggerSupport.h"
#include "llvm/ExecutionEngine/Orc/EHFrameRegistrationPlugin.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderGDB.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/TargetSelect.h"

#include <map>
#include <mutex>
#include <string>
#include <utility>

using namespace llvm;
using namespace llvm::orc;

extern "C" int __cxa_atexit(void (*)(void *), void *, void *);
// The debugger's list of code made at run time, which LLVM only ever adds to.
extern "C" jit_descriptor __jit_debug_descriptor;
extern "C" void __jit_debug_register_code();

namespace {

using Output = void (*)(void *user, const char *text, size_t length);

struct Range {
  uint64_t start, size;
  int writable;
};

// Where each library's sections lie, and no more said of it than is needed.
struct Ranges : ObjectLinkingLayer::Plugin {
  std::mutex mutex;
  std::map<JITDylib *, std::vector<Range>> found;

  void modifyPassConfig(MaterializationResponsibility &responsibility, jitlink::LinkGraph &,
                        jitlink::PassConfiguration &passes) override {
    JITDylib *dylib = &responsibility.getTargetJITDylib();
    passes.PostFixupPasses.push_back([this, dylib](jitlink::LinkGraph &graph) -> Error {
      std::lock_guard<std::mutex> lock(mutex);
      for (jitlink::Section &section : graph.sections()) {
        if (section.empty() || section.getMemLifetime() == MemLifetime::NoAlloc)
          continue;
        jitlink::SectionRange range(section);
        int writable = (section.getMemProt() & MemProt::Write) != MemProt::None;
        if (range.getSize())
          found[dylib].push_back({range.getStart().getValue(), range.getSize(), writable});
      }
      return Error::success();
    });
    // Its symbols have their addresses: which depends on which matters to others only who ask for some
    // of them while it is linked, and there are none.  Following it takes longer than linking.
    passes.PreFixupPasses.push_back([](jitlink::LinkGraph &graph) -> Error {
      for (jitlink::Symbol *symbol : graph.defined_symbols())
        symbol->setScope(jitlink::Scope::Local);
      return Error::success();
    });
  }
  Error notifyFailed(MaterializationResponsibility &) override { return Error::success(); }
  Error notifyRemovingResources(JITDylib &dylib, ResourceKey) override {
    std::lock_guard<std::mutex> lock(mutex);
    found.erase(&dylib);
    return Error::success();
  }
  void notifyTransferringResources(JITDylib &, ResourceKey, ResourceKey) override {}
};

// What a library has beside its symbols.
struct Belongings {
  std::string name;
  std::vector<DefinitionGenerator *> generators;
  std::vector<jit_code_entry *> entries; // the debugger's
};

struct Session {
  std::unique_ptr<LLJIT> jit;
  std::map<JITDylib *, Belongings> belongings;
  // Freed ones, by the names given to them, for later libraries of the same name: ORC keeps something
  // of every JITDylib that it has had.
  std::map<std::string, std::vector<JITDylib *>> idle;
  std::shared_ptr<Ranges> ranges = std::make_shared<Ranges>();
  unsigned counter = 0;
  // What the session reported since the last call: why a lookup failed is told only there.
  std::mutex mutex;
  std::string reported;

  std::string takeReported() {
    std::lock_guard<std::mutex> lock(mutex);
    return std::exchange(reported, std::string());
  }
};

// Handlers that jitted code registers run at the process's end, as code is kept until then.
int atexitInProcess(void (*function)()) {
  return __cxa_atexit(reinterpret_cast<void (*)(void *)>(function), nullptr, nullptr);
}
char dso_handle;

// What JITLink, without a platform runtime, cannot give: thread-local storage and initialisers.
const char *unsupported(object::ObjectFile &object) {
  for (const object::SectionRef &section : object.sections()) {
    Expected<StringRef> name = section.getName();
    if (!name) {
      consumeError(name.takeError());
      continue;
    }
    if (object::ELFSectionRef(section).getFlags() & ELF::SHF_TLS)
      return "it uses thread-local storage";
    if (name->starts_with(".init_array") || name->starts_with(".ctors") ||
        name->starts_with(".fini_array") || name->starts_with(".dtors"))
      return "it has static constructors or destructors";
  }
  for (const object::SymbolRef &symbol : object.symbols()) {
    if (object::ELFSymbolRef(symbol).getELFType() == ELF::STT_TLS)
      return "it uses thread-local storage";
    if (object::ELFSymbolRef(symbol).getELFType() == ELF::STT_GNU_IFUNC)
      return "it uses indirect functions";
  }
  return nullptr;
}

// Takes entries off the debugger's list, while what they describe is still there.
void forgetEntries(std::vector<jit_code_entry *> &entries) {
  for (jit_code_entry *entry : entries) {
    if (entry->prev_entry)
      entry->prev_entry->next_entry = entry->next_entry;
    else
      __jit_debug_descriptor.first_entry = entry->next_entry;
    if (entry->next_entry)
      entry->next_entry->prev_entry = entry->prev_entry;
    __jit_debug_descriptor.relevant_entry = entry;
    __jit_debug_descriptor.action_flag = JIT_UNREGISTER_FN;
    __jit_debug_register_code();
    delete entry;
  }
  __jit_debug_descriptor.relevant_entry = nullptr;
  entries.clear();
}

// Frees a library's code; its JITDylib is for the next library of its name.
Error emptied(Session &session, JITDylib &dylib) {
  Belongings &belongings = session.belongings[&dylib];
  forgetEntries(belongings.entries);
  for (DefinitionGenerator *generator : belongings.generators)
    dylib.removeGenerator(*generator);
  belongings.generators.clear();
  if (Error error = dylib.clear())
    return error;
  session.idle[belongings.name].push_back(&dylib);
  session.jit->getExecutionSession().getSymbolStringPool()->clearDeadEntries();
  return Error::success();
}

// An empty library.
Expected<JITDylib &> made(Session &session, const char *name) {
  auto idle = session.idle.find(name);
  if (idle != session.idle.end() && !idle->second.empty()) {
    JITDylib &dylib = *idle->second.back();
    idle->second.pop_back();
    return dylib;
  }
  auto created = session.jit->createJITDylib(std::string(name) + "#" + std::to_string(++session.counter));
  if (created)
    session.belongings[&*created].name = name;
  return created;
}

int fail(Error error, void *user, Output output) {
  std::string text = toString(std::move(error));
  output(user, text.data(), text.size());
  return 1;
}

} // namespace

extern "C" {

// null: `output` was given the reason.
Session *cyl_jit_create(void *user, Output output) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  auto session = std::make_unique<Session>();
  auto jit = LLJITBuilder().setPlatformSetUp(setUpInactivePlatform).create();
  if (!jit) {
    fail(jit.takeError(), user, output);
    return nullptr;
  }
  session->jit = std::move(*jit);
  // Kept for the caller, not printed.
  session->jit->getExecutionSession().setErrorReporter([raw = session.get()](Error error) {
    std::lock_guard<std::mutex> lock(raw->mutex);
    raw->reported += "\n" + toString(std::move(error));
  });
  // C++ exceptions pass through jitted frames; without a platform nobody registers those.
  auto frames = EHFrameRegistrationPlugin::Create(session->jit->getExecutionSession());
  if (!frames) {
    fail(frames.takeError(), user, output);
    return nullptr;
  }
  static_cast<ObjectLinkingLayer &>(session->jit->getObjLinkingLayer())
      .addPlugin(std::move(*frames));
  static_cast<ObjectLinkingLayer &>(session->jit->getObjLinkingLayer()).addPlugin(session->ranges);
  if (Error error = enableDebuggerSupport(*session->jit)) {
    fail(std::move(error), user, output);
    return nullptr;
  }
  return session.release();
}

// 0: `*library` is the new JITDylib.  1: an error.  2: JITLink cannot load such an object.
// Of weak symbols that several objects define, the first object's count.
// `builtins` is an archive of compiler builtins, empty for none.
int cyl_jit_add(Session *session, const char *const *objects, const size_t *lengths, size_t count,
                const char *name,
                const char *const *libraries, size_t num_libraries, const char *builtins,
                JITDylib **library, void *user, Output output) {
  LLJIT &jit = *session->jit;
  std::vector<std::unique_ptr<MemoryBuffer>> buffers;
  for (size_t i = 0; i < count; ++i) {
    buffers.push_back(MemoryBuffer::getMemBufferCopy(StringRef(objects[i], lengths[i]), name));
    auto file = object::ObjectFile::createELFObjectFile(buffers[i]->getMemBufferRef());
    if (!file)
      return fail(file.takeError(), user, output);
    if (const char *reason = unsupported(**file)) {
      output(user, reason, strlen(reason));
      return 2;
    }
  }

  auto found = made(*session, name);
  if (!found)
    return fail(found.takeError(), user, output);
  JITDylib &dylib = *found;
  std::vector<DefinitionGenerator *> &generators = session->belongings[&dylib].generators;
  auto abandon = [&](Error error) {
    int code = fail(std::move(error), user, output);
    consumeError(emptied(*session, dylib));
    return code;
  };
  SymbolMap own;
  own[jit.mangleAndIntern("__dso_handle")] = {ExecutorAddr::fromPtr(&dso_handle),
                                              JITSymbolFlags::Exported};
  own[jit.mangleAndIntern("atexit")] = {ExecutorAddr::fromPtr(&atexitInProcess),
                                        JITSymbolFlags::Exported};
  if (Error error = dylib.define(absoluteSymbols(std::move(own))))
    return abandon(std::move(error));
  char prefix = jit.getDataLayout().getGlobalPrefix();
  for (size_t i = 0; i < num_libraries; ++i) {
    auto generator = DynamicLibrarySearchGenerator::Load(libraries[i], prefix);
    if (!generator)
      return abandon(generator.takeError());
    generators.push_back(&dylib.addGenerator(std::move(*generator)));
  }
  if (builtins && *builtins) {
    auto generator = StaticLibraryDefinitionGenerator::Load(jit.getObjLinkingLayer(), builtins);
    if (!generator)
      return abandon(generator.takeError());
    generators.push_back(&dylib.addGenerator(std::move(*generator)));
  }
  for (auto &buffer : buffers)
    if (Error error = jit.addObjectFile(dylib, std::move(buffer)))
      return abandon(std::move(error));
  *library = &dylib;
  return 0;
}

int cyl_jit_lookup(Session *session, JITDylib *library, const char *symbol, uint64_t *address,
                   void *user, Output output) {
  session->takeReported();
  jit_code_entry *before = __jit_debug_descriptor.first_entry;
  auto found = session->jit->lookup(*library, symbol);
  std::vector<jit_code_entry *> &entries = session->belongings[library].entries;
  for (jit_code_entry *one = __jit_debug_descriptor.first_entry; one && one != before; one = one->next_entry)
    entries.push_back(one);
  std::string reasons = session->takeReported();
  if (!found) {
    int code = fail(found.takeError(), user, output);
    output(user, reasons.data(), reasons.size());
    return code;
  }
  // Something that this symbol needs could not be linked.
  if (!reasons.empty()) {
    output(user, reasons.data(), reasons.size());
    return 1;
  }
  *address = found->getValue();
  return 0;
}

// Where a library's sections lie, once it has been linked.
void cyl_jit_ranges(Session *session, JITDylib *library, void *user,
                    void (*each)(void *user, uint64_t start, uint64_t size, int writable)) {
  std::lock_guard<std::mutex> lock(session->ranges->mutex);
  auto found = session->ranges->found.find(library);
  if (found == session->ranges->found.end())
    return;
  for (const Range &range : found->second)
    each(user, range.start, range.size, range.writable);
}

int cyl_jit_remove(Session *session, JITDylib *library, void *user, Output output) {
  if (Error error = emptied(*session, *library))
    return fail(std::move(error), user, output);
  return 0;
}
}
