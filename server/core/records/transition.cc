// SPDX-License-Identifier: Apache-2.0
#include "server/core/records/transition.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace archpool {

void WrongStep(const std::string& record, const char* from, const char* to) {
  const std::string step =
      absl::StrCat(record, " may not go from ", from, " to ", to);
  CheckFailed(__FILE__, __LINE__, step.c_str());
}

}  // namespace archpool
