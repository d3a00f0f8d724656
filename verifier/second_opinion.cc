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

void Calibrate(absl::Span<const float> kernels, const SecondLogits& second,
               size_t values, OpinionComparison& comparison) {
  for (size_t i = 0; i < values; ++i) {
    const double logit = second.logits[i];
    if (std::isfinite(logit)) {
      comparison.scale = std::max(comparison.scale, std::abs(logit));
    }
    if (std::isinf(second.rounding) && !std::isfinite(kernels[i])) continue;
    comparison.difference = std::max(comparison.difference,
                                     DifferenceOf(double{kernels[i]}, logit));
  }
  const double size = 1 + comparison.scale;
  comparison.difference_max =
      std::min(kRelativeMax * size,
               kRelativeMin * size + kRoundingMax * second.rounding);
}

}  // namespace

OpinionComparison CompareOpinions(absl::Span<const float> kernels,
                                  const SecondLogits& second, int64_t classes) {
  ARCHPOOL_CHECK(kernels.size() == second.logits.size() && classes > 0);
  const auto width = static_cast<size_t>(classes);
  OpinionComparison comparison;
  comparison.examples = static_cast<int64_t>(kernels.size() / width);
  Calibrate(
      kernels, second,
      static_cast<size_t>(std::min(kCalibrationExamples, comparison.examples)) *
          width,
      comparison);
  const double reach = kReach * comparison.difference;
  const absl::Span<const double> logits = second.logits;
  for (int64_t i = 0; i < comparison.examples; ++i) {
    const size_t first = static_cast<size_t>(i) * width;
    const absl::Span<const float> row = kernels.subspan(first, width);
    const Best ours = BestOf(row);
    const Best theirs = BestOf(logits.subspan(first, width));
    if (ours.index == theirs.index) continue;
    // Where one of them is no answer at all, rounding is no excuse, unless
    // float32 has none.
    const bool is_out_of_range = std::isinf(second.rounding) && !AreFinite(row);
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
  return absl::StrFormat(
      "of %d examples %d have another answer than in double precision, beyond "
      "rounding (the first is example %d), and %d within it; over the first %d "
      "examples the logits, of at most %.6g, differ by at most %.3g, and %.3g "
      "is allowed",
      comparison.examples, comparison.contradictions,
      comparison.first_contradiction, comparison.close_calls,
      std::min(kCalibrationExamples, comparison.examples), comparison.scale,
      comparison.difference, comparison.difference_max);
}

}  // namespace archpool
