// SPDX-License-Identifier: Apache-2.0
#include "client/search/search_state.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool::search {
namespace {

using StateJson = nlohmann::ordered_json;

// The version of the file's form. A later version's is not read.
constexpr int kForm = 1;

}  // namespace

std::string SearchState::RequestId() const {
  return absl::StrCat("search-", number);
}

std::string ToText(const SearchState& state) {
  const StateJson json = {{"form", kForm},
                          {"number", state.number},
                          {"fingerprint", state.fingerprint},
                          {"task_id", state.task_id},
                          {"has_ended", state.has_ended},
                          {"has_failed", state.has_failed}};
  return json.dump(2) + "\n";
}

absl::StatusOr<SearchState> ParseSearchState(absl::string_view text,
                                             const std::string& path) {
  const StateJson json = StateJson::parse(text.begin(), text.end(), nullptr,
                                          /*allow_exceptions=*/false);
  const auto number = [&json](const char* key) {
    return json.is_object() && json.contains(key) &&
           json[key].is_number_integer();
  };
  const auto flag = [&json](const char* key) {
    return json.contains(key) && json[key].is_boolean();
  };
  if (!number("form") || json["form"] != kForm || !number("number") ||
      !number("task_id") || !flag("has_ended") || !flag("has_failed") ||
      !json.contains("fingerprint") || !json["fingerprint"].is_string()) {
    return FailedPrecondition(
        "SEARCH_STATE_MALFORMED",
        absl::StrCat(path,
                     " does not say what was begun here: it was changed, or "
                     "is of a later version of archpool, which can continue; "
                     "nothing was touched"));
  }
  SearchState state;
  state.number = json["number"].get<int64_t>();
  state.fingerprint = json["fingerprint"].get<std::string>();
  state.task_id = json["task_id"].get<int64_t>();
  state.has_ended = json["has_ended"].get<bool>();
  state.has_failed = json["has_failed"].get<bool>();
  return state;
}

absl::StatusOr<NextStep> DecideStep(const std::optional<SearchState>& known,
                                    const std::string& fingerprint,
                                    bool is_again, const std::string& root,
                                    const std::string& task_path) {
  if (!known) {
    return NextStep{Step::kBegin, {.number = 1, .fingerprint = fingerprint}};
  }
  const bool is_other = known->fingerprint != fingerprint;
  if (is_again || (is_other && known->task_id == 0)) {
    return NextStep{Step::kBegin,
                    {.number = known->number + 1, .fingerprint = fingerprint}};
  }
  if (is_other) {
    return FailedPrecondition(
        "TASK_CHANGED",
        absl::StrCat(
            root, " is the search of another task than ", task_path,
            " describes now; nothing was touched. Put the file back "
            "to continue, begin the new task in a --folder of its own, "
            "or give this one up for it with --again"));
  }
  return NextStep{known->has_ended ? Step::kShow : Step::kContinue, *known};
}

}  // namespace archpool::search
