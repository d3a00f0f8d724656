// SPDX-License-Identifier: Apache-2.0
#include "client/task_outlook.h"

#include <cstdint>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/text.h"
#include "common/base/millionths.h"
#include "common/model/chance.h"

namespace archpool {
namespace {

constexpr int64_t kSurePpm = 1'000'000;
constexpr int64_t kWorkUnitsOfASecond = 1'000'000;

class Outlook {
 public:
  Outlook(const TaskSpec& spec, const DatasetFacts& dataset,
          const SpaceFacts& space)
      : spec_(spec), dataset_(dataset), space_(space) {}

  std::vector<std::string> Look() {
    LookAtChance();
    LookAtTarget();
    LookAtBudget();
    LookAtTime();
    LookAtSize();
    return std::move(sentences_);
  }

 private:
  template <typename... Parts>
  void Say(const Parts&... parts) {
    sentences_.push_back(absl::StrCat(parts...));
  }

  int64_t TrialsMax() const { return spec_.budget.trials_max; }

  // DescribeBar says so about the validation images.
  void LookAtChance() {
    const auto is_too_few = [this](int64_t count) {
      return AccuracyAboveChancePpm(count, dataset_.classes) > kSurePpm;
    };
    if (is_too_few(dataset_.validation_count)) {
      Say("with ", dataset_.validation_count, " validation images of ",
          dataset_.classes,
          " classes not even a perfect network can be told from a guess: raise "
          "dataset.validation_count, or nothing can win");
    }
    if (is_too_few(dataset_.held_out_count)) {
      Say("with ", dataset_.held_out_count, " held-out images of ",
          dataset_.classes,
          " classes not even a perfect network can be told from a guess: hold "
          "out more, or no network earns the finder's bonus");
    }
  }

  void LookAtTarget() {
    const int64_t target_ppm = spec_.budget.target_accuracy_ppm;
    const int64_t bar_ppm =
        AccuracyAboveChancePpm(dataset_.held_out_count, dataset_.classes);
    if (target_ppm > 0 && target_ppm < bar_ppm && bar_ppm <= kSurePpm) {
      Say("budget.target_accuracy is ", FormatMillionths(target_ppm),
          ", and a guess may reach that: on ", dataset_.held_out_count,
          " held-out images of ", dataset_.classes, " classes only what is at ",
          FormatPercent(bar_ppm), " or above is more than one");
    }
  }

  void LookAtBudget() {
    const int64_t budget = spec_.budget.work_units;
    if (space_.work_units_max > budget) {
      Say("some networks of the space are never trained: one training takes "
          "up to ",
          FormatMillionths(space_.work_units_max),
          " core-seconds, and budget.core_seconds is ",
          FormatMillionths(budget));
    }
    if (TrialsMax() == 0 || space_.work_units_mean <= 0) return;
    const int64_t bought = budget / space_.work_units_mean;
    if (bought < TrialsMax()) {
      Say("budget.core_seconds buys some ", FormatCount(bought),
          bought == 1 ? " training" : " trainings",
          " of middling cost, and budget.trials asks for ",
          FormatCount(TrialsMax()), ": the search ends before them");
    }
  }

  // Work units are microseconds of one core of the reference machine.
  void LookAtTime() {
    const absl::Duration least = absl::Microseconds(space_.work_units_min);
    if (least <= spec_.budget.time_limit) return;
    Say("budget.time_limit is ", FormatSpan(spec_.budget.time_limit),
        ", and the shortest training takes ",
        (space_.work_units_min + kWorkUnitsOfASecond - 1) / kWorkUnitsOfASecond,
        " s on one core of the reference machine: the task may end before its "
        "first result");
  }

  void LookAtSize() {
    const int64_t size = space_.is_whole ? space_.networks : spec_.space.size();
    const absl::int128 trainings =
        absl::int128(size) * (spec_.recipe.last_rung() + 1);
    if (TrialsMax() == 0 || trainings >= TrialsMax()) return;
    Say("the space has ", FormatCount(size),
        size == 1 ? " network" : " networks",
        " that can be trained, and budget.trials asks for ",
        FormatCount(TrialsMax()),
        " trainings: each is trained once, and the search ends with the last");
  }

  const TaskSpec& spec_;
  const DatasetFacts& dataset_;
  const SpaceFacts& space_;
  std::vector<std::string> sentences_;
};

}  // namespace

std::vector<std::string> OutlookOf(const TaskSpec& spec,
                                   const DatasetFacts& dataset,
                                   const SpaceFacts& space) {
  return Outlook(spec, dataset, space).Look();
}

}  // namespace archpool
