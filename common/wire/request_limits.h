// SPDX-License-Identifier: Apache-2.0
// What the fields of a request may hold that belong to no task or dataset. The
// servers check them and clients ask within them; a test compares the comments
// of the protocol with them. Compile-time constants.
#ifndef ARCHPOOL_COMMON_WIRE_REQUEST_LIMITS_H_
#define ARCHPOOL_COMMON_WIRE_REQUEST_LIMITS_H_

#include <cstdint>

#include "common/base/range.h"
#include "common/model/ids.h"

namespace archpool::limits {

// Every number that counts from zero and has no other bound.
inline constexpr Range<int64_t> kNotNegative{0, INT64_MAX};
inline constexpr Range<int64_t> kPositive{1, INT64_MAX};

inline constexpr int64_t kRequestIdLengthMax = 64;
// Every list has these; 0 asks for the default.
inline constexpr Range<int64_t> kPageSize{0, 1000};
inline constexpr int64_t kPageSizeDefault = 100;

inline constexpr Range<int64_t> kDeposit{1, kAmountMax};
inline constexpr Range<int64_t> kAmount{0, kAmountMax};

// The weights of one trial, as a file.
inline constexpr Range<int64_t> kWeightsSizeBytes{1, int64_t{512} << 20};
inline constexpr Range<int64_t> kThreads{1, 1024};  // of a worker
inline constexpr Range<int64_t> kReports{1, 64};    // in one call

}  // namespace archpool::limits

#endif  // ARCHPOOL_COMMON_WIRE_REQUEST_LIMITS_H_
