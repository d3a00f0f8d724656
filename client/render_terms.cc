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

std::string DescribeEnd(const v1::Task& task) {
  if (task.end_reason() == v1::END_REASON_NOTHING_LEARNS) {
    return absl::StrCat(
        "No network answered better than a guess (",
        FormatPercent(task.above_chance_ppm()),
        " on the validation split). Look at the labels, the learning rate and "
        "the number of epochs. What was trained is paid.");
  }
  if (task.end_reason() == v1::END_REASON_EXHAUSTED) {
    return "Every network of the space that is within the limits was trained.";
  }
  return "";
}

}  // namespace archpool
