// SPDX-License-Identifier: Apache-2.0
// What the reasons say that a miner may be given, and what helps: of
// rejections, and of work that is not given. Constant; thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_VIEWS_EXPLAIN_REASONS_H_
#define ARCHPOOL_SERVER_CORE_VIEWS_EXPLAIN_REASONS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace archpool {

struct Rejection {
  const char* reason;
  const char* message;
  const char* advice;
};

// Worst first.
absl::Span<const Rejection> Rejections();

// What helps against a refusal of work, or of a session.
std::string AdviceOnRefusal(absl::string_view reason);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_VIEWS_EXPLAIN_REASONS_H_
