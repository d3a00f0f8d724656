// SPDX-License-Identifier: Apache-2.0
// Part of server/core/records/entities.h, which says what records are.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_ADDED_TIME_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_ADDED_TIME_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/base/words.h"

namespace archpool {

// Time in which the pool was away, and that is being added to what was to be
// done by then: in steps, kind by kind, in the order of ids.
enum class DueKind { kTask, kLease, kTrial, kAudit, kSession, kAccount };
template <>
inline constexpr const char* kWordsOf<DueKind>[] = {
    "task", "lease", "trial", "audit", "session", "account"};
struct AddedTime {
  absl::Time begin;
  absl::Time end;
  // Records of the kinds before have got it, and of this one up to that id.
  DueKind kind = DueKind::kTask;
  int64_t done_to = 0;

  friend bool operator==(const AddedTime&, const AddedTime&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_ADDED_TIME_H_
