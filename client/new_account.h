// SPDX-License-Identifier: Apache-2.0
// Accounts whose token is kept before the pool is asked for them, so that no
// answer that is lost loses one.
#ifndef ARCHPOOL_CLIENT_NEW_ACCOUNT_H_
#define ARCHPOOL_CLIENT_NEW_ACCOUNT_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "archpool/v1/account.pb.h"
#include "client/context.h"

namespace archpool {

// "Account alice (miner) is made."
std::string MadeLine(const v1::Account& account);

// Writes `token` and the server's pin to the new file `token_out`, for its
// owner alone, calls `ask`, and shows the account. The file stays only where
// the account was made, or may have been. NewFile's errors; those of `ask`;
// OUTCOME_UNKNOWN.
absl::Status MakeAccountIntoFile(
    const Context& context, const std::string& token_out,
    const std::string& token,
    const std::function<absl::StatusOr<v1::Account>()>& ask);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_NEW_ACCOUNT_H_
