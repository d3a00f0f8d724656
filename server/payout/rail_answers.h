// SPDX-License-Identifier: Apache-2.0
// What a rail behind HTTPS answers (http_rail.h), as the pool understands it:
// bytes of a program that the pool does not know, about money. Pure functions;
// thread-safe.
#ifndef ARCHPOOL_SERVER_PAYOUT_RAIL_ANSWERS_H_
#define ARCHPOOL_SERVER_PAYOUT_RAIL_ANSWERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/payout/rail.h"

namespace archpool {

// What an answer with that HTTP status says of the payout that was asked about.
// Whatever does not say so clearly, and of this payout, is a doubt.
RailAnswer ReadRailAnswer(const Payout& payout, int status,
                          const std::string& body);

// Adds a page to the list; answers the key behind which the next one begins, ""
// where this is the last. RailListMalformed's error; some of the page may be in
// the list then.
absl::StatusOr<std::string> AddRailPage(const std::string& body,
                                        RailList& list);

// UNAVAILABLE (RAIL_LIST_MALFORMED), because of `what`.
absl::Status RailListMalformed(absl::string_view what);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_PAYOUT_RAIL_ANSWERS_H_
