// SPDX-License-Identifier: Apache-2.0
#include "client/context.h"

#include "common/base/status.h"
#include "common/channel/address.h"
#include "common/channel/token_file.h"

namespace archpool {

absl::StatusOr<PoolClient*> Context::Client() {
  if (client_ != nullptr) return client_.get();
  if (flags_.token_file.empty()) {
    return InvalidArgument(
        "TOKEN_FILE_UNSET",
        "no token is given: name the file that holds your account's token "
        "with --token-file, or in ARCHPOOL_TOKEN_FILE");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string token,
                            ReadTokenFile(flags_.token_file));
  return Connect(token);
}

absl::StatusOr<PoolClient*> Context::Stranger() {
  if (client_ != nullptr) return client_.get();
  return Connect("");
}

absl::StatusOr<PoolClient*> Context::Connect(const std::string& token) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string server,
                            ReadServerAddress(flags_.server));
  RetryPolicy patience;
  patience.pause_max = absl::Seconds(2);
  patience.give_up_after = absl::Seconds(flags_.patience_s);
  client_ = std::make_unique<PoolClient>(server, token, patience, stop_);
  return client_.get();
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
