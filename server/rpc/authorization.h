// SPDX-License-Identifier: Apache-2.0
// Who may call what, by which tokens: the option (archpool.v1.roles) of each
// method, read from
// the descriptors once, and nothing else decides it. What a caller may see
// within a call (its own tasks, its own trials) is the handler's matter.
// Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_AUTHORIZATION_H_
#define ARCHPOOL_SERVER_RPC_AUTHORIZATION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/model/account.h"

namespace archpool::rpc {

class RoleSet {
 public:
  RoleSet() = default;
  void Add(Role role) { bits_ |= 1u << static_cast<unsigned>(role); }
  bool Contains(Role role) const {
    return (bits_ >> static_cast<unsigned>(role) & 1u) != 0;
  }

 private:
  unsigned bits_ = 0;
};

// Scopes of tokens; the owner's is in every set.
class ScopeSet {
 public:
  ScopeSet() = default;
  void Add(TokenScope scope) { bits_ |= 1u << static_cast<unsigned>(scope); }
  bool Contains(TokenScope scope) const {
    return (bits_ >> static_cast<unsigned>(scope) & 1u) != 0;
  }

 private:
  unsigned bits_ = 1u << static_cast<unsigned>(TokenScope::kOwner);
};

struct MethodRule {
  std::string method;  // "/archpool.v1.AccountService/WhoAmI"
  RoleSet roles;
  ScopeSet scopes;
  bool is_for_anyone = false;  // needs no token
};

// The rules of all methods that the server serves, by name.
const std::vector<MethodRule>& MethodRules();

// PERMISSION_DENIED (ROLE_NOT_ALLOWED), also for a method that has no rule, or
// a rule without roles.
absl::Status Authorize(absl::string_view method, Role role);

// PERMISSION_DENIED (SCOPE_NOT_ALLOWED): a token of that scope does not reach
// the method.
absl::Status AuthorizeScope(absl::string_view method, TokenScope scope);

// The same of a caller that nobody knows.
absl::Status AuthorizeAnyone(absl::string_view method);

// Whether a verifier needs a certificate for a call of the method, where the
// pool asks for them: for the work that verifiers do and operators do not. What
// any account may do about itself needs its token alone.
bool NeedsCertificate(absl::string_view method, Role role);

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_AUTHORIZATION_H_
