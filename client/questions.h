// SPDX-License-Identifier: Apache-2.0
// Asking a person at a terminal, a line for each answer. Thread-compatible.
#ifndef ARCHPOOL_CLIENT_QUESTIONS_H_
#define ARCHPOOL_CLIENT_QUESTIONS_H_

#include <functional>
#include <ostream>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace archpool {

class Questions {
 public:
  // Answers are read from `descriptor`, which stays the caller's; questions go
  // to `out`.
  Questions(int descriptor, std::ostream& out, std::stop_token stop)
      : descriptor_(descriptor), out_(out), stop_(std::move(stop)) {}

  // Takes an answer, or says in a sentence what is wrong with it.
  using Take = std::function<absl::Status(const std::string& answer)>;

  // Asks, and again until `take` takes the answer, without the blanks around
  // it. An empty one is `fallback` where that is not "". CANCELLED (STOPPED):
  // asked to stop. INVALID_ARGUMENT (ANSWERS_ENDED): the input ended before.
  absl::Status Ask(const std::string& question, const std::string& fallback,
                   const Take& take);

 private:
  absl::StatusOr<std::string> ReadLine();

  const int descriptor_;
  std::ostream& out_;
  const std::stop_token stop_;
  std::string read_;  // behind the last line
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_QUESTIONS_H_
