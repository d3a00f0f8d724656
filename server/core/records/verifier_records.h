// SPDX-License-Identifier: Apache-2.0
// A verifier as the pool keeps it. Part of server/core/records/entities.h,
// which says what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_VERIFIER_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_VERIFIER_RECORDS_H_

#include <cstdint>
#include <string>
#include <tuple>

#include "common/model/ids.h"

namespace archpool {

struct VerifierKey {
  AccountId account;
  std::string name;

  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;
  friend bool operator<(const VerifierKey& a, const VerifierKey& b) {
    return std::tie(a.account, a.name) < std::tie(b.account, b.name);
  }
};

// How a verifier did where its findings were compared with others', or where it
// was tried. There is one from the first of these on.
struct VerifierRecord {
  VerifierKey key;
  // Where verifiers disagreed: how often it was with the majority, or against.
  int64_t agreed = 0;
  int64_t outvoted = 0;
  // Trials of itself that it passed; and that it failed, by finding true what
  // cannot be.
  int64_t planted_passed = 0;
  int64_t planted_failed = 0;
  // How many it has still to pass since it last failed one.
  int64_t planted_owed = 0;

  bool WasTried() const { return planted_passed + planted_failed > 0; }

  friend bool operator==(const VerifierRecord&,
                         const VerifierRecord&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_VERIFIER_RECORDS_H_
