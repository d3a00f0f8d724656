// SPDX-License-Identifier: Apache-2.0
#include "client/render_terms.h"

#include "absl/strings/str_cat.h"
#include "client/text.h"

namespace archpool {

std::string DescribeBonus(const v1::Task& task) {
  const int64_t least = task.bonus_accuracy_min_ppm();
  if (task.spec().finders_bonus_ppm() == 0 || least == 0) return "";
  if (least > 1'000'000) {
    return "to nobody: the held-out split is too small to tell a network from "
           "a guess";
  }
  if (!task.has_bonus_macs_max()) {
    return absl::StrCat("to the most accurate network, from ",
                        FormatPercent(least), " on the held-out split");
  }
  return absl::StrCat("to the front, from ", FormatPercent(least),
                      " on the held-out split, up to ",
                      FormatShort(task.bonus_macs_max()),
                      " multiply-accumulates");
}

namespace {

// What most trainings came to, where that is what the learning rate does.
std::string DescribeDivergence(const v1::Task& task) {
  if (task.trials_diverged() == 0 ||
      task.trials_diverged() * 2 < task.trials_accepted()) {
    return "";
  }
  return absl::StrCat(
      task.trials_diverged(), " of ", task.trials_accepted(),
      " trainings diverged at the learning rate ",
      static_cast<double>(task.spec().recipe().learning_rate_ppm()) / 1e6,
      ", which is too high for these networks: try a tenth of it.");
}

}  // namespace

std::string DescribeEnd(const v1::Task& task) {
  const std::string divergence = DescribeDivergence(task);
  if (task.end_reason() == v1::END_REASON_NOTHING_LEARNS) {
    if (!divergence.empty()) {
      return absl::StrCat("No network learnt: ", divergence,
                          " What was trained until then is paid.");
    }
    return absl::StrCat(
        "No network answered better than a guess (",
        FormatPercent(task.above_chance_ppm()),
        " on the validation split). Look at the labels, the learning rate and "
        "the number of epochs. What was trained is paid.");
  }
  if (task.end_reason() == v1::END_REASON_EXHAUSTED) {
    return absl::StrCat(
        "Every network of the space that is within the limits was trained.",
        divergence.empty() ? "" : " ", divergence);
  }
  return "";
}

}  // namespace archpool
