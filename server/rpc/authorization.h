// SPDX-License-Identifier: Apache-2.0
// Who may call what: one table, and nothing else decides it. What a caller may
// see within a call (its own tasks, its own trials) is the handler's matter.
// Constant; thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_AUTHORIZATION_H_
#define ARCHPOOL_SERVER_RPC_AUTHORIZATION_H_

#include <initializer_list>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/model/account.h"

namespace archpool::rpc {

class RoleSet {
 public:
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ |= 1u << static_cast<unsigned>(role);
  }
  constexpr bool Contains(Role role) const {
    return (bits_ >> static_cast<unsigned>(role) & 1u) != 0;
  }

 private:
  unsigned bits_ = 0;
};

struct MethodRule {
  absl::string_view method;  // "/archpool.v1.PoolService/WhoAmI"
  RoleSet roles;
};

absl::Span<const MethodRule> MethodRules();

// PERMISSION_DENIED (ROLE_NOT_ALLOWED), also for a method that is not in the
// table.
absl::Status Authorize(absl::string_view method, Role role);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_AUTHORIZATION_H_
