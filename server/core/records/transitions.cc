#include "server/core/records/transitions.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace archpool {

const char* ToString(Cause value) {
  switch (value) {
    case Cause::kClient:
      return "client";
    case Cause::kMiner:
      return "miner";
    case Cause::kVerifier:
      return "verifier";
    case Cause::kOperator:
      return "operator";
    case Cause::kHolder:
      return "account";
    case Cause::kPayer:
      return "payer";
    case Cause::kPool:
      return "pool";
  }
  return "";
}

void WrongStep(const std::string& record, const char* from, const char* to) {
  const std::string step =
      absl::StrCat(record, " may not go from ", from, " to ", to);
  CheckFailed(__FILE__, __LINE__, step.c_str());
}

}  // namespace archpool
