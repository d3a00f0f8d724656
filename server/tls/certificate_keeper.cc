// SPDX-License-Identifier: Apache-2.0
#include "server/tls/certificate_keeper.h"

#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/log/log.h"

namespace archpool {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(2);
constexpr absl::Duration kEndsSoon = absl::Hours(24 * 7);
constexpr absl::Duration kWarningInterval = absl::Hours(24);

}  // namespace

absl::StatusOr<std::unique_ptr<CertificateKeeper>> CertificateKeeper::Open(
    const Clock& clock, std::unique_ptr<CertificateSource> source) {
  ARCHPOOL_ASSIGN_OR_RETURN(std::optional<CheckedPair> first,
                            source->Look(clock.Now()));
  return std::unique_ptr<CertificateKeeper>(
      new CertificateKeeper(clock, std::move(source), *std::move(first)));
}

CertificateKeeper::CertificateKeeper(const Clock& clock,
                                     std::unique_ptr<CertificateSource> source,
                                     CheckedPair first)
    : clock_(clock), source_(std::move(source)), served_(std::move(first)) {
  WarnOfEnd(clock_.Now());
}

CertificateKeeper::~CertificateKeeper() { Stop(); }

void CertificateKeeper::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (!WaitOrStop(stop, kInterval)) Round();
  });
}

void CertificateKeeper::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void CertificateKeeper::Round() {
  const absl::Time now = clock_.Now();
  absl::StatusOr<std::optional<CheckedPair>> found = source_->Look(now);
  if (!found.ok()) {
    NoteFailure(found.status());
  } else {
    failure_.clear();
    is_failure_said_ = false;
    if (*found) {
      const ChainFacts facts = (*found)->facts;
      served_.Serve(**std::move(found));
      next_warning_ = absl::InfinitePast();
      LogInfo("certificate_renewed",
              "new connections are shown a new certificate",
              {{"pin", facts.pin.ToString()}, {"end_time", facts.not_after}});
    }
  }
  WarnOfEnd(now);
}

void CertificateKeeper::NoteFailure(const absl::Status& failure) {
  const std::string words = failure.ToString();
  if (words != failure_) {
    failure_ = words;
    is_failure_said_ = false;
  } else if (!is_failure_said_) {
    is_failure_said_ = true;
    LogError("certificate_refused",
             "the new certificate cannot be used; the last one is still shown",
             "put the certificate and the key that belongs to it in place; "
             "they are read again by themselves",
             {{"error", failure}});
  }
}

// Clients that go by the system's authorities look at the dates.
void CertificateKeeper::WarnOfEnd(absl::Time now) {
  const absl::Time end = served_.Current()->served.facts.not_after;
  if (end - now > kEndsSoon || now < next_warning_) return;
  next_warning_ = now + kWarningInterval;
  LogWarn("certificate_ends",
          "the server's certificate ends within a week, or has ended",
          "renew it, and put it in place with its key: they are read again "
          "by themselves",
          {{"end_time", end}});
}

}  // namespace archpool
