// SPDX-License-Identifier: Apache-2.0
// The main function that all verifier programs share: flags, wiring, signals.
#ifndef ARCHPOOL_VERIFIER_RUN_VERIFIER_H_
#define ARCHPOOL_VERIFIER_RUN_VERIFIER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/channel/certificate_holder.h"
#include "common/channel/trust_flags.h"
#include "common/log/log.h"
#include "verifier/examiner.h"

namespace archpool {

struct VerifierFlags {
  LogOptions log;
  std::string server;
  std::string token_file;
  TrustFlags trust;
  CertificateFiles certificate;  // what the pool is shown, where it asks
  std::string name;
  std::string work_dir;
  int64_t threads = 1;
  std::string simd;  // empty: the widest there is
  int64_t cache_mib = 4096;
  int64_t memory_mib = 4096;
};

struct VerifierProgram {
  std::string name;
  std::string description;
  // Called once, with all flags parsed.
  std::function<absl::StatusOr<std::unique_ptr<Examiner>>(const VerifierFlags&)>
      make_examiner;
};

// Runs until SIGINT or SIGTERM. Exit codes as in common/channel/program.h.
int RunVerifier(int argc, char** argv, const VerifierProgram& program);

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_RUN_VERIFIER_H_
