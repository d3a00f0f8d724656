// SPDX-License-Identifier: Apache-2.0
// archpool-hostile: calls the pool as no worker would, for as long as it is
// told. For tests.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "archpool/v1/work.grpc.pb.h"
#include "common/base/status.h"
#include "common/channel/access.h"
#include "common/channel/remote.h"
#include "common/crypto/random.h"
#include "common/crypto/signature.h"
#include "common/model/arithmetic.h"
#include "common/wire/api_version.h"

namespace archpool {
namespace {

using Stub = v1::WorkService::Stub;

struct Flags {
  std::string server;
  std::string token_file;
  std::string attack = "grab";
  int64_t seconds = 10;
};

class Hostile {
 public:
  Hostile(const Flags& flags, const Access& access)
      : flags_(flags),
        remote_(access.site, access.token),
        stub_(remote_.channel()),
        end_(absl::Now() + absl::Seconds(flags.seconds)) {}

  // Counts what the pool answered, by reason, and prints it.
  void Run() {
    const std::map<std::string, std::function<void()>> attacks = {
        {"grab", [this] { Grab(); }},
        {"sessions", [this] { OpenSession(absl::StrCat("w", ++names_)); }},
        {"squat", [this] { Squat(); }},
        {"garbage", [this] { ReportGarbage(); }},
    };
    while (absl::Now() < end_) attacks.at(flags_.attack)();
    for (const auto& [answer, count] : answers_) {
      std::printf("%s %lld\n", answer.c_str(), static_cast<long long>(count));
    }
  }

 private:
  template <typename Reply>
  bool Note(const absl::StatusOr<Reply>& reply) {
    ++answers_[reply.ok() ? "OK" : GetReason(reply.status())];
    return reply.ok();
  }

  bool OpenSession(const std::string& name) {
    v1::OpenSessionRequest request;
    request.set_worker_name(name);
    request.set_threads(1);
    request.set_arithmetic(std::string(archpool::kArithmetic));
    request.set_public_key(key_.public_key().AsBytes());
    request.set_client_version(wire::kOwnVersion);
    const auto reply = remote_.Call(stub_, &Stub::OpenSession, request);
    if (!Note(reply)) return false;
    session_ = reply->session_id();
    return true;
  }

  // A lease, or none.
  v1::LeaseGrant Acquire() {
    if (session_ == 0 && !OpenSession("w1")) return {};
    v1::AcquireLeaseRequest request;
    request.set_session_id(session_);
    const auto reply = remote_.Call(stub_, &Stub::AcquireLease, request);
    if (!Note(reply)) {
      session_ = 0;
      return {};
    }
    if (!reply->has_lease()) ++answers_[reply->idle_reason()];
    return reply->lease();
  }

  // Takes what it can, and gives it back at once.
  void Grab() {
    const v1::LeaseGrant lease = Acquire();
    if (lease.lease_id() == 0) return;
    v1::ReleaseLeaseRequest request;
    request.set_session_id(session_);
    request.set_lease_id(lease.lease_id());
    request.set_attempt(lease.attempt());
    Note(remote_.Call(stub_, &Stub::ReleaseLease, request));
  }

  // Says that it works on what it holds, and never finishes.
  void Squat() {
    const v1::LeaseGrant lease = Acquire();
    v1::HeartbeatRequest request;
    request.set_session_id(session_);
    if (lease.lease_id() != 0) request.add_lease_ids(lease.lease_id());
    request.set_activity(v1::WORKER_ACTIVITY_TRAINING);
    Note(remote_.Call(stub_, &Stub::Heartbeat, request));
    absl::SleepFor(absl::Milliseconds(200));
  }

  // Well-formed messages that prove nothing.
  void ReportGarbage() {
    const v1::LeaseGrant lease = Acquire();
    if (lease.assignments_size() == 0) return;
    v1::ReportTrialsRequest request;
    request.set_session_id(session_);
    request.set_lease_id(lease.lease_id());
    request.set_attempt(lease.attempt());
    v1::TrialReport& report = *request.add_reports();
    report.set_trial_id(lease.assignments(0).trial_id());
    report.set_weights_digest(RandomSecret().AsBytes());
    report.set_weights_size_bytes(100);
    report.set_validation_correct(1);
    report.set_checkpoint_root(RandomSecret().AsBytes());
    report.set_final_optimizer_digest(RandomSecret().AsBytes());
    report.set_signature(RandomSecret().AsBytes() + RandomSecret().AsBytes());
    Note(remote_.Call(stub_, &Stub::ReportTrials, request));
  }

  const Flags& flags_;
  const Remote remote_;
  Stub stub_;
  const absl::Time end_;
  const SigningKey key_ = SigningKey::Generate();
  int64_t session_ = 0;
  int64_t names_ = 0;
  std::map<std::string, int64_t> answers_;
};

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  archpool::Flags flags;
  CLI::App app("Calls the pool as no worker would. For tests.");
  app.add_option("--server", flags.server, "HOST:PORT")->required();
  app.add_option("--token-file", flags.token_file, "A miner's")->required();
  app.add_option("--attack", flags.attack, "What to do")
      ->check(CLI::IsMember({"grab", "sessions", "squat", "garbage"}))
      ->capture_default_str();
  app.add_option("--seconds", flags.seconds, "For how long")
      ->check(CLI::Range(1, 7'200))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<archpool::Access> access =
      archpool::ReadAccess(flags.server, {}, flags.token_file);
  if (!access.ok()) {
    std::fprintf(stderr, "%s\n", access.status().ToString().c_str());
    return 2;
  }
  archpool::Hostile(flags, *access).Run();
  return 0;
}
