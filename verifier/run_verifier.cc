// SPDX-License-Identifier: Apache-2.0
#include "verifier/run_verifier.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/base/durable_file.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/base/version.h"
#include "common/base/work_directory.h"
#include "common/channel/access.h"
#include "common/channel/certificate_holder.h"
#include "common/channel/program.h"
#include "common/channel/remote.h"
#include "common/channel/token_holder.h"
#include "common/log/log.h"
#include "verifier/built_in_trial.h"
#include "verifier/grpc_audit_client.h"
#include "verifier/verifier.h"

namespace archpool {
namespace {

WorkDirectoryKind DirectoryKind() {
  return {.program = "archpool-verifier",
          .earlier_names = {"audit", "splits", "weights"},
          .earlier_sign = "lock"};
}

// After a verifier is asked to stop: when its last call is cut off, and when
// it ends whatever it does.
constexpr absl::Duration kCallsMax = absl::Seconds(5);
constexpr absl::Duration kDrainMax = absl::Seconds(10);

absl::Status TestAll(Examiner& examiner, const std::stop_token& stop) {
  for (const std::string& arithmetic : examiner.arithmetics()) {
    ARCHPOOL_RETURN_IF_ERROR(TestExaminer(examiner, arithmetic, stop));
  }
  return absl::OkStatus();
}

absl::Status Verify(const VerifierFlags& flags, const VerifierProgram& program,
                    const std::stop_token& stop) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Access access,
      ReadAccess(flags.server, flags.trust, flags.token_file));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::shared_ptr<CertificateHolder> certificate,
      CertificateHolder::Open(flags.certificate));
  ARCHPOOL_ASSIGN_OR_RETURN(const DirectoryLock lock,
                            ClaimDirectory(flags.work_dir, DirectoryKind()));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::unique_ptr<Examiner> examiner,
                            program.make_examiner(flags));
  const absl::Status tested = TestAll(*examiner, stop);
  if (stop.stop_requested()) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(tested);
  Remote remote(access.site, access.token);
  remote.Follow(std::make_shared<TokenHolder>(flags.token_file, access.token));
  remote.Show(certificate);
  const LateStop last_calls(stop, kCallsMax);
  GrpcAuditClient client(remote, flags.name, examiner->arithmetics(),
                         flags.memory_mib << 20, last_calls.token());
  LogInfo("verifier_started", "the verifier serves a pool",
          {{"verifier", flags.name},
           {"arithmetics", absl::StrJoin(examiner->arithmetics(), ",")},
           {"server", flags.server}});
  Verifier verifier(
      client, *examiner,
      {.work_dir = flags.work_dir, .cache_bytes_max = flags.cache_mib << 20});
  return verifier.Run(stop);
}

void AddFlags(CLI::App& app, VerifierFlags& flags) {
  app.add_option("--server", flags.server, "The pool's address, HOST:PORT")
      ->required();
  app.add_option("--token-file", flags.token_file,
                 "File with the verifier account's token")
      ->envname("ARCHPOOL_TOKEN_FILE")
      ->required();
  AddTrustFlags(app, flags.trust);
  app.add_option("--certificate", flags.certificate.certificate,
                 "Certificate of the verifier's account, in PEM, for a pool "
                 "that asks for one (docs/verifiers.md).\nRead again whenever "
                 "it is renewed")
      ->type_name("FILE");
  app.add_option("--key", flags.certificate.key,
                 "The private key of --certificate, in PEM without a "
                 "passphrase, for its owner alone (mode 0600)")
      ->type_name("FILE");
  app.add_option("--name", flags.name,
                 "This verifier's name, unique within the account: "
                 "1 to 64 of [a-z0-9-]")
      ->required();
  app.add_option("--work-dir", flags.work_dir,
                 "Directory for datasets and weights; one per verifier. It "
                 "contains the held-out split: never let miners read it")
      ->required();
  app.add_option(
         "--threads", flags.threads,
         "Threads of an examination; its finding does not depend on them")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option(
      "--simd", flags.simd,
      "Vector instructions to use instead of the processor's widest: "
      "avx512, avx2, neon or scalar (very slow, for tests)");
  app.add_option("--memory-mib", flags.memory_mib,
                 "Memory limit of one examination, in MiB")
      ->check(CLI::Range(256, 1 << 20))
      ->capture_default_str();
  app.add_option("--cache-mib", flags.cache_mib,
                 "Disk space for datasets, in MiB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  AddLogFlags(app, flags.log);
}

}  // namespace

int RunVerifier(int argc, char** argv, const VerifierProgram& program) {
  VerifierFlags flags;
  CLI::App app(program.description, program.name);
  AddFlags(app, flags);
  app.set_version_flag("--version", DescribeBuild(program.name));
  if (const std::optional<int> exit_code = ParseFlags(app, argc, argv)) {
    return *exit_code;
  }
  const SignalStop signals(kDrainMax);
  SetUpLogging(flags.log);
  LogInfo("program_started", DescribeBuild(program.name));
  return FinishLogged(program.name, Verify(flags, program, signals.token()));
}

}  // namespace archpool
