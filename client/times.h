// SPDX-License-Identifier: Apache-2.0
// Protobuf's times as Abseil's, for showing: what the server says is not
// checked further.
#ifndef ARCHPOOL_CLIENT_TIMES_H_
#define ARCHPOOL_CLIENT_TIMES_H_

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace archpool {

inline absl::Time ToTime(const google::protobuf::Timestamp& proto) {
  return absl::FromUnixSeconds(proto.seconds()) +
         absl::Nanoseconds(proto.nanos());
}

inline absl::Duration ToDuration(const google::protobuf::Duration& proto) {
  return absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_TIMES_H_
