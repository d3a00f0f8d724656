// SPDX-License-Identifier: Apache-2.0
// What the fields of a request and of its answer may hold that belong to no
// task, dataset or account. The servers check them and clients ask within them;
// a test compares the comments of the protocol with them. Compile-time
// constants.
#ifndef ARCHPOOL_COMMON_WIRE_REQUEST_LIMITS_H_
#define ARCHPOOL_COMMON_WIRE_REQUEST_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/base/range.h"
#include "common/model/ids.h"

namespace archpool::limits {

// Every number that counts from zero and has no other bound.
inline constexpr Range<int64_t> kNotNegative{0, INT64_MAX};
inline constexpr Range<int64_t> kPositive{1, INT64_MAX};

inline constexpr int64_t kRequestIdLengthMax = 64;
inline constexpr int64_t kAddressLengthMax = 200;  // of a payout
// How long a call may wait for work, on both sides.
inline constexpr Range<absl::Duration> kWait{absl::ZeroDuration(),
                                             absl::Seconds(30)};
// What one message of an upload or a download carries.
inline constexpr int64_t kChunkSizeBytesMax = int64_t{1} << 20;
// Every list has these; 0 asks for the default.
inline constexpr Range<int64_t> kPageSize{0, 1000};
inline constexpr int64_t kPageSizeDefault = 100;

inline constexpr Range<int64_t> kDeposit{1, kAmountMax};
inline constexpr Range<int64_t> kAmount{0, kAmountMax};

// The weights of one trial, as a file.
inline constexpr Range<int64_t> kWeightsSizeBytes{1, int64_t{512} << 20};

// A worker.
inline constexpr Range<int64_t> kThreads{1, 1024};
inline constexpr int64_t kArithmeticLengthMax = 100;
inline constexpr Range<absl::Duration> kTrainTime{absl::ZeroDuration(),
                                                  absl::Hours(24 * 365)};
// In one call.
inline constexpr Range<int64_t> kReports{1, 64};
inline constexpr int64_t kAssignmentsMax = 64;
inline constexpr int64_t kLeasesNamedMax = 64;
inline constexpr int64_t kTrialsKeptMax = 1024;

// A verifier.
inline constexpr Range<int64_t> kArithmetics{1, 64};
// One of a trial: what a worker said of itself, or what was recorded of one
// while the number of its threads was a part of it.
inline constexpr int64_t kTrialArithmeticLengthMax = 128;
inline constexpr int64_t kFindingReasonLengthMax = 64;
inline constexpr Range<absl::Duration> kAuditTime{absl::ZeroDuration(),
                                                  absl::Hours(24 * 365)};

// What a program says of itself.
inline constexpr int64_t kFeaturesMax = 64;
inline constexpr int64_t kFeatureLengthMax = 64;

// What an operator may allow one account.
inline constexpr Range<int64_t> kOpenTasksAllowed{0, 1'000};
inline constexpr Range<int64_t> kLeasesAllowed{0, 1'000'000};
inline constexpr Range<int64_t> kSessionsAllowed{0, 1'000'000};
inline constexpr Range<int64_t> kStoredBytesAllowed{0, int64_t{1} << 50};

// What the answer about a task shows of its backups.
inline constexpr int64_t kBackupsShownMax = 20;

}  // namespace archpool::limits

#endif  // ARCHPOOL_COMMON_WIRE_REQUEST_LIMITS_H_
