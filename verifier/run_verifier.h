// The main function that all verifier programs share: flags, wiring, signals.
#ifndef ARCHPOOL_VERIFIER_RUN_VERIFIER_H_
#define ARCHPOOL_VERIFIER_RUN_VERIFIER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "verifier/examiner.h"

namespace archpool {

struct VerifierFlags {
  std::string server;
  std::string token_file;
  std::string name;
  std::string work_dir;
  int64_t threads = 1;
  int64_t cache_mib = 4096;
  int64_t memory_mib = 4096;
};

struct VerifierProgram {
  std::string name;
  std::string description;
  // Called with all flags parsed, before any thread runs: may execute the
  // program anew. May be empty.
  std::function<void()> pin;
  // Called once, after that.
  std::function<std::unique_ptr<Examiner>(const VerifierFlags&)> make_examiner;
};

// Runs until SIGINT or SIGTERM. Exit codes as in common/channel/program.h.
int RunVerifier(int argc, char** argv, const VerifierProgram& program);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_RUN_VERIFIER_H_
