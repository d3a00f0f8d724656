// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/token.h"

#include "absl/strings/str_cat.h"
#include "common/crypto/random.h"

namespace archpool {

std::string MakeToken() {
  return absl::StrCat("ap_", RandomSecret().ToString());
}

std::string MakeInvitationCode() {
  return absl::StrCat("inv_", RandomSecret().ToString().substr(0, 32));
}

Digest HashToken(absl::string_view token) { return Sha256(token); }

}  // namespace archpool
