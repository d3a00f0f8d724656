// SPDX-License-Identifier: Apache-2.0
#include "verifier/second_opinion.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "common/base/check.h"

namespace archpool {
namespace {

// Two logits that both move by the difference come closer by two of them. What
// other examples of the split lose may be a few times what the calibration did.
constexpr double kReach = 8;
// Both round in another order, so one may lose a multiple of what the other
// does, and in a small network by luck a large one.
constexpr double kRoundingMax = 32;
// Relative to the logits: what any network may lose, and what none may. The
// thousand networks of nn_second_opinion_test lost at most 3e-6, and at most a
// twentieth of what they were allowed.
constexpr double kRelativeMin = 1e-5;
constexpr double kRelativeMax = 1e-3;

struct Best {
  int64_t index = -1;  // the first of the largest; -1: one is not a number
  double lead = 0;     // over the second best
};

template <typename Number>
Best BestOf(absl::Span<const Number> logits) {
  Best best{.index = 0, .lead = std::numeric_limits<double>::infinity()};
  for (size_t c = 0; c < logits.size(); ++c) {
    if (std::isnan(logits[c])) return {};
    if (logits[c] > logits[static_cast<size_t>(best.index)]) {
      best.index = static_cast<int64_t>(c);
    }
  }
  const double largest = logits[static_cast<size_t>(best.index)];
  for (size_t c = 0; c < logits.size(); ++c) {
    if (static_cast<int64_t>(c) == best.index) continue;
    best.lead = std::min(best.lead, largest - double{logits[c]});
  }
  return best;
}

// Infinite where one of them alone is a number.
double DifferenceOf(double one, double other) {
  if (one == other || (std::isnan(one) && std::isnan(other))) return 0;
  const double difference = std::abs(one - other);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity()
                                : difference;
}

bool AreFinite(absl::Span<const float> logits) {
  return std::all_of(logits.begin(), logits.end(),
                     [](float logit) { return std::isfinite(logit); });
}

}  // namespace

Calibration Calibrate(absl::Span<const float> kernels,
                      absl::Span<const double> exact, int64_t classes,
                      double rounding) {
  ARCHPOOL_CHECK(kernels.size() == exact.size() && classes > 0);
  Calibration found{.examples = std::ssize(exact) / classes,
                    .rounding = rounding};
  for (size_t i = 0; i < exact.size(); ++i) {
    if (std::isfinite(exact[i])) {
      found.scale = std::max(found.scale, std::abs(exact[i]));
    }
    if (std::isinf(rounding) && !std::isfinite(kernels[i])) continue;
    found.difference =
        std::max(found.difference, DifferenceOf(double{kernels[i]}, exact[i]));
  }
  const double size = 1 + found.scale;
  found.difference_max = std::min(
      kRelativeMax * size, kRelativeMin * size + kRoundingMax * rounding);
  return found;
}

std::vector<int64_t> DoubtfulExamples(absl::Span<const float> kernels,
                                      absl::Span<const double> single,
                                      int64_t classes,
                                      const Calibration& calibration) {
  ARCHPOOL_CHECK(kernels.size() == single.size() && classes > 0);
  const auto width = static_cast<size_t>(classes);
  const bool is_beyond = std::isinf(calibration.rounding);
  const double lost =
      is_beyond ? calibration.difference
                : std::max(calibration.difference, calibration.rounding);
  std::vector<int64_t> doubtful;
  for (size_t first = 0; first < kernels.size(); first += width) {
    const absl::Span<const float> row = kernels.subspan(first, width);
    // Nothing follows from it, whatever double precision has there.
    if (is_beyond && !AreFinite(row)) continue;
    const Best ours = BestOf(row);
    const Best theirs = BestOf(single.subspan(first, width));
    if (theirs.index < 0 || ours.index != theirs.index ||
        theirs.lead <= kReach * lost) {
      doubtful.push_back(static_cast<int64_t>(first / width));
    }
  }
  return doubtful;
}

OpinionComparison CompareOpinions(absl::Span<const float> kernels,
                                  absl::Span<const double> second,
                                  int64_t classes,
                                  const Calibration& calibration) {
  ARCHPOOL_CHECK(kernels.size() == second.size() && classes > 0);
  const auto width = static_cast<size_t>(classes);
  OpinionComparison comparison{.calibration = calibration};
  comparison.examples = static_cast<int64_t>(kernels.size() / width);
  const double reach = kReach * calibration.difference;
  for (int64_t i = 0; i < comparison.examples; ++i) {
    const size_t first = static_cast<size_t>(i) * width;
    const absl::Span<const float> row = kernels.subspan(first, width);
    const Best ours = BestOf(row);
    const Best theirs = BestOf(second.subspan(first, width));
    if (ours.index == theirs.index) continue;
    // Where one of them is no answer at all, rounding is no excuse, unless
    // float32 has none.
    const bool is_out_of_range =
        std::isinf(calibration.rounding) && !AreFinite(row);
    if (is_out_of_range ||
        (ours.index >= 0 && theirs.index >= 0 && theirs.lead <= reach)) {
      ++comparison.close_calls;
      continue;
    }
    if (comparison.contradictions++ == 0) comparison.first_contradiction = i;
  }
  return comparison;
}

std::string Describe(const OpinionComparison& comparison) {
  const Calibration& calibration = comparison.calibration;
  return absl::StrFormat(
      "of %d examples %d have another answer than in double precision, beyond "
      "rounding (the first is example %d), and %d within it; %d were computed "
      "in double precision, the others in float32 leave no doubt; over the %d "
      "examples of the calibration the logits, of at most %.6g, differ by at "
      "most %.3g, and %.3g is allowed",
      comparison.examples, comparison.contradictions,
      comparison.first_contradiction, comparison.close_calls,
      comparison.in_double, calibration.examples, calibration.scale,
      calibration.difference, calibration.difference_max);
}

}  // namespace archpool
