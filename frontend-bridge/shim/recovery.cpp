#include "recovery.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace {

// report_fatal_error's message, until the crash has been recovered.
thread_local std::string *fatal_message = nullptr;

void onFatalError(void *, const char *reason, bool) {
  if (fatal_message)
    *fatal_message = reason;
  if (auto *context = llvm::CrashRecoveryContext::GetCurrent())
    context->HandleExit(70);
}

// Crash recovery replaces the process's signal handlers while it is enabled.  They are put back as
// soon as nothing of ours runs, so that Python's faulthandler keeps its own.
class Enabled {
public:
  Enabled() {
    std::lock_guard<std::mutex> lock(mutex);
    if (users++ == 0) {
      llvm::CrashRecoveryContext::Enable();
      llvm::install_fatal_error_handler(onFatalError);
    }
  }
  ~Enabled() {
    std::lock_guard<std::mutex> lock(mutex);
    if (--users == 0) {
      llvm::remove_fatal_error_handler();
      llvm::CrashRecoveryContext::Disable();
    }
  }

private:
  static std::mutex mutex;
  static unsigned users;
};
std::mutex Enabled::mutex;
unsigned Enabled::users = 0;

} // namespace

bool cyl::runRecovered(llvm::function_ref<void()> body, std::string &message) {
  Enabled enabled;
  llvm::CrashRecoveryContext recovery;
  // A thread of its own: generated code nests deeply, and the caller's stack may be a small one.
  bool survived = recovery.RunSafelyOnThread(
      [&] {
        fatal_message = &message;
        body();
      },
      256u << 20);
  if (!survived && message.empty())
    message = "the compiler crashed on this input";
  return survived;
}

int cyl_run_recovered(void (*body)(void *), void *data, char *message, size_t capacity,
                      size_t *length) {
  std::string reason;
  if (cyl::runRecovered([&] { body(data); }, reason))
    return 1;
  *length = std::min(capacity, reason.size());
  std::memcpy(message, reason.data(), *length);
  return 0;
}
