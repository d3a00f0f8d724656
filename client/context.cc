// SPDX-License-Identifier: Apache-2.0
#include "client/context.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/channel/token_file.h"

namespace archpool {
namespace {

// Who waits for less does not wonder.
constexpr absl::Duration kWaitUnsaid = absl::Seconds(3);

}  // namespace

absl::StatusOr<PoolClient*> Context::Client() {
  if (client_ != nullptr) return client_.get();
  if (flags_.token_file.empty()) {
    return InvalidArgument(
        "TOKEN_FILE_UNSET",
        "no token is given: name the file that holds your account's token "
        "with --token-file, or in ARCHPOOL_TOKEN_FILE");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Access access,
      ReadAccess(flags_.server, flags_.trust, flags_.token_file));
  return Connect(access.site, access.token);
}

absl::StatusOr<PoolClient*> Context::Stranger(
    const std::optional<FoundPin>& found) {
  if (client_ != nullptr) return client_.get();
  std::optional<FoundPin> pin = found;
  // Another account's file tells of the same server; its token is not used.
  if (!pin && !flags_.token_file.empty()) {
    const auto kept = ReadTokenAndPin(flags_.token_file);
    if (kept.ok() && kept->server_pin) {
      pin = FoundPin{*kept->server_pin,
                     absl::StrCat("the token file ", flags_.token_file)};
    }
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const ServerSite site,
                            ReadServerSite(flags_.server, flags_.trust, pin));
  return Connect(site, "");
}

PoolClient* Context::Connect(const ServerSite& site, const std::string& token) {
  RetryPolicy patience;
  patience.pause_max = absl::Seconds(2);
  patience.give_up_after = absl::Seconds(flags_.patience_s);
  patience.on_wait = [this](const absl::Status& why, absl::Duration waited) {
    SayWait(why, waited);
  };
  trust_ = site.trust;
  client_ = std::make_unique<PoolClient>(site, token, patience, stop_);
  return client_.get();
}

void Context::SayWait(const absl::Status& why, absl::Duration waited) {
  if (waited < kWaitUnsaid || is_drawn_over_) return;
  const absl::MutexLock lock(&mutex_);
  if (wait_said_ == why.message()) return;
  wait_said_ = std::string(why.message());
  output_.err << "archpool: trying again until it works: " << wait_said_ << " ("
              << GetReason(why) << ")" << std::endl;
}

std::optional<Pin> Context::ServerPin() const {
  if (client_ == nullptr || trust_.by != ServerTrust::By::kPin) {
    return std::nullopt;
  }
  return trust_.pin;
}

void Context::Show(const Json& json, const std::string& page) const {
  if (!is_json()) {
    output_.out << page << std::flush;
    return;
  }
  // Names from elsewhere need not be UTF-8.
  output_.out << json.dump(2, ' ', false, Json::error_handler_t::replace)
              << std::endl;
}

}  // namespace archpool
