// SPDX-License-Identifier: Apache-2.0
// What a search's folder remembers between two calls of the command, and what
// the next call is to do. Pure.
#ifndef ARCHPOOL_CLIENT_SEARCH_SEARCH_STATE_H_
#define ARCHPOOL_CLIENT_SEARCH_SEARCH_STATE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace archpool::search {

// Value type.
struct SearchState {
  // Which task of this folder it is, from 1: `--again` makes the next one.
  int64_t number = 1;
  // What the task's file said; see FingerprintOf.
  std::string fingerprint;
  // The pool's number of the task; 0 until it is known to be open.
  int64_t task_id = 0;
  // The task has ended, and its results are written.
  bool has_ended = false;
  // Nothing came of it: no training was accepted.
  bool has_failed = false;

  // By which the pool knows a deposit or a task that it is asked for again.
  std::string RequestId() const;

  friend bool operator==(const SearchState&, const SearchState&) = default;
};

// As JSON. FAILED_PRECONDITION (SEARCH_STATE_MALFORMED): `path`, for the
// message, holds something else, or what a later version wrote.
std::string ToText(const SearchState& state);
absl::StatusOr<SearchState> ParseSearchState(absl::string_view text,
                                             const std::string& path);

enum class Step {
  kBegin,     // a task of its own
  kContinue,  // the one that was begun
  kShow,      // it has ended
};

struct NextStep {
  Step step = Step::kBegin;
  SearchState state;  // of the task to begin or to continue
};

// `known`: what the folder remembers, nullopt in a new one. `fingerprint`: of
// the task's file as it is now. `is_again`: another task is asked for, whatever
// there is. A task of which it is not known that it was opened may be another
// one by now: its file was refused, and put right. FAILED_PRECONDITION
// (TASK_CHANGED): the folder is another task's; `root` and `task_path` are for
// the message.
absl::StatusOr<NextStep> DecideStep(const std::optional<SearchState>& known,
                                    const std::string& fingerprint,
                                    bool is_again, const std::string& root,
                                    const std::string& task_path);

}  // namespace archpool::search

#endif  // ARCHPOOL_CLIENT_SEARCH_SEARCH_STATE_H_
