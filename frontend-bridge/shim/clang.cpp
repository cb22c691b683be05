// Runs clang's frontend on text in memory, up to an unoptimised llvm::Module or a precompiled
// header.  Never prints, never exits: diagnostics go to the callbacks, crashes are recovered.
#include "recovery.h"
#include "shim.h"

#include "clang/Basic/Diagnostic.h"
#include "clang/Basic/DiagnosticIDs.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Basic/Version.h"
#include "clang/CodeGen/CodeGenAction.h"
#include "clang/Driver/CreateInvocationFromArgs.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/CompilerInvocation.h"
#include "clang/Frontend/FrontendActions.h"
#include "clang/Frontend/Utils.h"
#include "clang/Lex/Preprocessor.h"
#include "clang/Lex/PreprocessorOptions.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/VirtualFileSystem.h"
#include "llvm/TargetParser/Host.h"

#include <string>
#include <vector>

using namespace clang;

namespace {

llvm::StringRef ref(CylStr s) { return llvm::StringRef(s.data, s.len); }
CylStr str(llvm::StringRef s) { return CylStr{s.data(), s.size()}; }

// Hands every diagnostic to the callback, its place mapped through #line.
class Forwarder : public DiagnosticConsumer {
public:
  explicit Forwarder(const CylCallbacks &callbacks) : callbacks(callbacks) {}

  void HandleDiagnostic(DiagnosticsEngine::Level level, const Diagnostic &info) override {
    DiagnosticConsumer::HandleDiagnostic(level, info);
    llvm::SmallString<256> message;
    info.FormatDiagnostic(message);
    std::string file, source_line;
    CylDiagnostic out = {};
    out.severity = static_cast<uint32_t>(level);
    if (info.getLocation().isValid() && info.hasSourceManager()) {
      const SourceManager &sources = info.getSourceManager();
      SourceLocation place = sources.getExpansionLoc(info.getLocation());
      PresumedLoc presumed = sources.getPresumedLoc(place);
      if (presumed.isValid()) {
        file = presumed.getFilename();
        out.line = presumed.getLine();
        out.column = presumed.getColumn();
      }
      source_line = lineText(sources, place);
    }
    llvm::StringRef flag;
    if (DiagnosticIDs *ids = const_cast<DiagnosticsEngine *>(info.getDiags())->getDiagnosticIDs().get())
      flag = ids->getWarningOptionForDiag(info.getID());
    std::string option = flag.empty() ? std::string() : ("-W" + flag).str();
    out.message = str(message);
    out.file = str(file);
    out.source_line = str(source_line);
    out.option = str(option);
    callbacks.diagnostic(callbacks.user, &out);
  }

private:
  static std::string lineText(const SourceManager &sources, SourceLocation place) {
    bool invalid = false;
    auto [file, offset] = sources.getDecomposedLoc(place);
    llvm::StringRef buffer = sources.getBufferData(file, &invalid);
    if (invalid || offset > buffer.size())
      return {};
    size_t begin = buffer.rfind('\n', offset);
    begin = begin == llvm::StringRef::npos ? 0 : begin + 1;
    if (offset < buffer.size() && buffer[offset] == '\n' && begin > offset)
      begin = offset;
    size_t end = buffer.find('\n', offset);
    return buffer.slice(begin, std::min(end, begin + 1000)).str();
  }

  const CylCallbacks &callbacks;
};

class Dependencies : public DependencyCollector {
public:
  bool needSystemDependencies() override { return true; }
  bool sawDependency(StringRef name, bool, bool, bool is_module_file, bool is_missing) override {
    return !is_module_file && !is_missing && !name.starts_with("<");
  }
};

void report(const CylCallbacks &callbacks, llvm::StringRef message) {
  CylDiagnostic out = {};
  out.severity = DiagnosticsEngine::Fatal;
  out.message = str(message);
  callbacks.diagnostic(callbacks.user, &out);
}

llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem> fileSystem(const CylRequest &request) {
  auto memory = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
  auto overlay =
      llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(llvm::vfs::getRealFileSystem());
  overlay->pushOverlay(memory);
  memory->addFile(ref(request.filename), 0,
                  llvm::MemoryBuffer::getMemBufferCopy(ref(request.source), ref(request.filename)));
  for (size_t i = 0; i < request.num_virtual_files; ++i) {
    const CylVirtualFile &file = request.virtual_files[i];
    memory->addFile(ref(file.path), 0,
                    llvm::MemoryBuffer::getMemBufferCopy(ref(file.contents), ref(file.path)));
  }
  return overlay;
}

int compile(const CylRequest &request, const CylCallbacks &callbacks, llvm::LLVMContext *context,
            std::unique_ptr<llvm::Module> &module) {
  std::vector<std::string> storage;
  for (size_t i = 0; i < request.num_args; ++i)
    storage.push_back(ref(request.args[i]).str());
  storage.push_back("-fsyntax-only");
  storage.push_back(ref(request.filename).str());
  std::vector<const char *> args{"clang"};
  for (const std::string &arg : storage)
    args.push_back(arg.c_str());

  auto vfs = fileSystem(request);
  Forwarder forwarder(callbacks);
  DiagnosticOptions options;
  auto engine = CompilerInstance::createDiagnostics(*vfs, options, &forwarder, false);
  CreateInvocationOptions create;
  create.Diags = engine;
  create.VFS = vfs;
  auto invocation = createInvocation(args, create);
  if (!invocation || engine->hasErrorOccurred()) {
    if (!engine->hasErrorOccurred())
      report(callbacks, "the compiler options could not be understood");
    return 1;
  }
  // The module is optimised by codegen, at a level chosen there.
  invocation->getCodeGenOpts().DisableLLVMPasses = true;
  invocation->getCodeGenOpts().CodeModel = "default";
  invocation->getDiagnosticOpts().ShowCarets = false; // or the number of errors is printed
  invocation->getFrontendOpts().DisableFree = false;
  invocation->getFrontendOpts().ShowStats = false;
  if (!ref(request.pch).empty()) {
    invocation->getPreprocessorOpts().ImplicitPCHInclude = ref(request.pch).str();
    // The cache key covers the headers' contents, so their time stamps need no second look.
    invocation->getPreprocessorOpts().DisablePCHOrModuleValidation =
        DisableValidationForModuleKind::PCH;
  }
  if (!ref(request.pch_output).empty()) {
    invocation->getFrontendOpts().ProgramAction = frontend::GeneratePCH;
    invocation->getFrontendOpts().OutputFile = ref(request.pch_output).str();
    invocation->getFrontendOpts().UseTemporary = true;
    for (FrontendInputFile &input : invocation->getFrontendOpts().Inputs)
      input = FrontendInputFile(input.getFile(), input.getKind().getHeader());
  }

  CompilerInstance instance(std::shared_ptr<CompilerInvocation>(std::move(invocation)));
  instance.setVirtualFileSystem(vfs);
  instance.createDiagnostics(&forwarder, false);
  instance.createFileManager();
  instance.createSourceManager();
  auto dependencies = std::make_shared<Dependencies>();
  instance.addDependencyCollector(dependencies);

  bool done = false;
  if (!ref(request.pch_output).empty()) {
    GeneratePCHAction action;
    done = instance.ExecuteAction(action);
  } else {
    EmitLLVMOnlyAction action(context);
    done = instance.ExecuteAction(action);
    if (done)
      module = action.takeModule();
    done = module != nullptr;
  }
  for (const std::string &path : dependencies->getDependencies())
    if (path != ref(request.filename))
      callbacks.dependency(callbacks.user, str(path));
  return done && !instance.getDiagnostics().hasErrorOccurred() ? 0 : 1;
}

} // namespace

int cyl_clang_run(const CylRequest *request, const CylCallbacks *callbacks, LLVMContextRef context,
                  LLVMModuleRef *module) {
  std::unique_ptr<llvm::Module> made;
  int result = 2;
  auto body = [&] { result = compile(*request, *callbacks, llvm::unwrap(context), made); };
  std::string fatal;
  if (!cyl::runRecovered(body, fatal)) {
    report(*callbacks, fatal);
    // What the crashed run left half-built must not be torn down.
    (void)made.release();
    return 2;
  }
  *module = llvm::wrap(made.release());
  return result;
}

const char *cyl_clang_version(void) { return CLANG_VERSION_STRING; }
