// SPDX-License-Identifier: Apache-2.0
// How pay is skewed between kinds of layers, from trainings whose time was
// predicted. Header-only.
#ifndef ARCHPOOL_TESTS_BENCH_PAY_SKEW_H_
#define ARCHPOOL_TESTS_BENCH_PAY_SKEW_H_

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/nas/cost_table.h"
#include "tests/bench/step_time.h"

namespace archpool {

// A training of which the time was measured.
struct PredictedTraining {
  double ratio = 0;                      // measured / predicted
  std::map<std::string, double> shares;  // of the predicted time, by kind
};

inline std::string KindOf(const Layer& layer) {
  if (layer.kind != LayerKind::kConv) return ToString(layer.kind);
  if (layer.groups > 1) return "conv_depthwise";
  return layer.kernel == 1 ? "conv_1x1" : "conv";
}

inline std::map<std::string, double> SharesOf(const LayerPlan& plan,
                                              const Pricing& pricing) {
  std::map<std::string, double> shares;
  double sum = 0;
  for (const Layer& layer : plan.layers) {
    const auto cost = static_cast<double>(CostOf(layer, pricing).train_ps);
    shares[KindOf(layer)] += cost;
    sum += cost;
  }
  for (auto& [kind, share] : shares) share /= sum;
  return shares;
}

// Solves rows · x = right, `right` standing as the last column. REQUIRES: the
// rows are positive definite without it.
inline std::vector<double> Solve(std::vector<std::vector<double>> rows) {
  const size_t count = rows.size();
  for (size_t pivot = 0; pivot < count; ++pivot) {
    for (size_t row = 0; row < count; ++row) {
      if (row == pivot) continue;
      const double times = rows[row][pivot] / rows[pivot][pivot];
      for (size_t i = pivot; i <= count; ++i) {
        rows[row][i] -= times * rows[pivot][i];
      }
    }
  }
  std::vector<double> x;
  for (size_t i = 0; i < count; ++i) x.push_back(rows[i][count] / rows[i][i]);
  return x;
}

inline double ShareOf(const PredictedTraining& found, const std::string& kind) {
  const auto at = found.shares.find(kind);
  return at == found.shares.end() ? 0 : at->second;
}

// The factors that `kinds` have in the ratios.
inline std::vector<double> FactorsOf(const std::vector<PredictedTraining>& all,
                                     const std::vector<std::string>& kinds) {
  // As strong as ten networks of which a kind is a tenth.
  constexpr double kDraw = 0.1;
  const size_t count = kinds.size();
  std::vector<double> ratios;
  for (const PredictedTraining& found : all) ratios.push_back(found.ratio);
  const double median = Quantile(std::move(ratios), 0.5);
  std::vector<std::vector<double>> rows;
  for (size_t i = 0; i < count; ++i) {
    std::vector<double>& row = rows.emplace_back();
    row.resize(count + 1);
    for (const PredictedTraining& found : all) {
      const double share = ShareOf(found, kinds[i]);
      for (size_t j = 0; j < count; ++j) {
        row[j] += share * ShareOf(found, kinds[j]);
      }
      row[count] += share * found.ratio;
    }
    row[i] += kDraw;
    row[count] += kDraw * median;
  }
  return Solve(std::move(rows));
}

inline double MeanRatio(const std::vector<PredictedTraining>& all, size_t first,
                        size_t count) {
  double sum = 0;
  for (size_t i = first; i < first + count; ++i) sum += all[i].ratio;
  return sum / static_cast<double>(count);
}

// share   its part of the predicted time, in the mean;
// factor  of its predicted time, so that the sums come nearest to what was
//         measured (least squares, drawn to the median where kinds cannot be
//         told apart): above the median, networks of such layers are paid too
//         little;
// skew    the mean ratio of the third of networks with the largest share of it
//         over that of the third with the smallest.
// REQUIRES: all is not empty.
inline void PrintSkew(std::vector<PredictedTraining> all) {
  std::vector<std::string> kinds;
  std::map<std::string, double> shares;
  for (const PredictedTraining& one : all) {
    for (const auto& [kind, share] : one.shares) shares[kind] += share;
  }
  for (const auto& [kind, share] : shares) kinds.push_back(kind);
  const std::vector<double> factors = FactorsOf(all, kinds);
  const size_t third = std::max<size_t>(all.size() / 3, 1);
  std::printf("%-16s %7s %7s %7s\n", "kind", "share", "factor", "skew");
  for (size_t k = 0; k < kinds.size(); ++k) {
    const std::string& kind = kinds[k];
    std::stable_sort(
        all.begin(), all.end(),
        [&](const PredictedTraining& a, const PredictedTraining& b) {
          return ShareOf(a, kind) > ShareOf(b, kind);
        });
    const double skew =
        MeanRatio(all, 0, third) / MeanRatio(all, all.size() - third, third);
    std::printf("%-16s %7.3f %7.3f %7.3f\n", kind.c_str(),
                shares[kind] / static_cast<double>(all.size()), factors[k],
                skew);
  }
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_PAY_SKEW_H_
