// SPDX-License-Identifier: Apache-2.0
#include "common/nas/search/model_policy.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "common/nas/search/collector.h"

namespace archpool {
namespace {

// Spaces up to this size are scored whole.
constexpr int64_t kScoredWholeMax = 20'000;
// The model's data: the best results, and the latest.
constexpr size_t kBestMax = 128;
constexpr size_t kLatestMax = 64;
// If there are many candidates and some data, the variance is worth knowing for
// those with a good mean, and for a sample.
constexpr size_t kDataMin = 48;
constexpr size_t kGoodMeans = 1'024;
constexpr size_t kShortlist = 1'280;
// In larger spaces: mutations of the best, and samples.
constexpr size_t kParentsMax = 16;
constexpr int64_t kMutationsMin = 512;
constexpr int64_t kSamplesMin = 128;
// Deviations above the mean.
constexpr double kOptimism = 1.0;
// Picks of one ranking that see each other; beyond, the order stays.
constexpr size_t kAwarePicksMax = 64;

// Accuracies crowd near the top and have a heavy lower tail: what matters is
// how far a result is from the best, on a logarithmic scale.
std::vector<double> Transformed(const std::vector<Observation>& data) {
  double best = -INFINITY;
  for (const Observation& one : data) best = std::max(best, one.value);
  std::vector<double> gaps;
  for (const Observation& one : data) gaps.push_back(best - one.value);
  std::vector<double> sorted = gaps;
  std::sort(sorted.begin(), sorted.end());
  const double scale = std::max(1e-12, sorted[sorted.size() / 4]);
  std::vector<double> values;
  for (const double gap : gaps) values.push_back(-std::log(1 + gap / scale));
  return values;
}

// Box and Muller, 1958.
double Normal(CounterRng& rng) {
  const auto uniform = [&rng] {
    return (static_cast<double>(rng.Below(1 << 30)) + 0.5) / (1 << 30);
  };
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * 3.14159265358979 * uniform());
}

// The latest, if many are under way.
absl::Span<const Architecture> LatestOf(
    absl::Span<const Architecture> pending) {
  constexpr size_t kMost = kAwarePicksMax / 2;
  return pending.size() > kMost ? pending.subspan(pending.size() - kMost)
                                : pending;
}

}  // namespace

ModelPolicy::ModelPolicy(const SearchSpace& space, uint64_t seed,
                         Allocation allocation)
    : space_(space), rng_(seed, 0), allocation_(allocation) {}

void ModelPolicy::Observe(const Observation& observation) {
  passed_ = 0;
  const size_t index = observations_.size();
  observations_.push_back(observation);
  const auto position = std::upper_bound(
      best_.begin(), best_.end(), index, [&](size_t a, size_t b) {
        return observations_[a].value > observations_[b].value;
      });
  best_.insert(position, index);
  if (best_.size() > kBestMax) best_.pop_back();
}

std::vector<Observation> ModelPolicy::Data() const {
  std::set<size_t> indices(best_.begin(), best_.end());
  const size_t latest = std::min(kLatestMax, observations_.size());
  for (size_t i = observations_.size() - latest; i < observations_.size();
       ++i) {
    indices.insert(i);
  }
  std::vector<Observation> data;
  for (const size_t index : indices) data.push_back(observations_[index]);
  return data;
}

void ModelPolicy::ChooseKernel(absl::Span<const Architecture> points,
                               absl::Span<const double> values) {
  if (points.size() < 8 || observations_.size() < kernel_chosen_at_ * 5 / 4) {
    return;
  }
  kernel_chosen_at_ = observations_.size();
  double best = -INFINITY;
  for (const double linear : {0.2, 0.5, 0.8}) {
    for (const double decay : {0.5, 0.7, 0.85}) {
      for (const double noise : {0.003, 0.03, 0.15}) {
        const MatchKernel kernel{linear, decay, noise};
        const double likelihood =
            GaussianProcess(kernel, points, values).LogLikelihood();
        if (likelihood <= best) continue;
        best = likelihood;
        kernel_ = kernel;
      }
    }
  }
}

std::vector<Architecture> ModelPolicy::CandidatesFor(
    const RankRequest& request, const Collector& collector) {
  std::vector<Architecture> candidates;
  if (space_.size() <= kScoredWholeMax) {
    for (int64_t rank = 0; rank < space_.size() && !collector.IsStopped();
         ++rank) {
      Architecture one = space_.ArchitectureAt(rank);
      if (collector.IsInABox(one)) candidates.push_back(std::move(one));
    }
    return candidates;
  }
  std::set<Architecture> seen;
  const auto add = [&](Architecture one) {
    if (seen.insert(one).second) candidates.push_back(std::move(one));
  };
  const size_t parents = std::min(kParentsMax, best_.size());
  const int64_t mutations =
      parents == 0 ? 0 : std::max(kMutationsMin, request.count * 3 / 2);
  for (int64_t i = 0; i < mutations; ++i) {
    // The better, the more children.
    const size_t parent =
        std::min(rng_.Below64(parents), rng_.Below64(parents));
    Architecture child =
        Mutated(space_, observations_[best_[parent]].architecture, rng_);
    if (rng_.Below(4) == 0) child = Mutated(space_, std::move(child), rng_);
    add(std::move(child));
  }
  const int64_t samples = std::max(kSamplesMin, request.count / 4);
  for (int64_t i = 0; i < samples; ++i) {
    if (request.boxes.empty()) {
      add(RandomArchitecture(space_, rng_));
      continue;
    }
    const Subspace& box = request.boxes[rng_.Below64(request.boxes.size())];
    add(box.ArchitectureAt(
        static_cast<int64_t>(rng_.Below64(static_cast<uint64_t>(box.size())))));
  }
  return candidates;
}

void ModelPolicy::Shortlist(const GaussianProcess& process,
                            std::vector<Architecture>& candidates) {
  if (candidates.size() <= kShortlist) return;
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < candidates.size(); ++i) {
    order.emplace_back(-process.MeanAt(candidates[i]), i);
  }
  const auto good = order.begin() + static_cast<std::ptrdiff_t>(kGoodMeans);
  std::nth_element(order.begin(), good, order.end());
  for (size_t i = kGoodMeans; i < kShortlist; ++i) {
    std::swap(order[i], order[i + rng_.Below64(order.size() - i)]);
  }
  order.resize(kShortlist);
  std::sort(order.begin(), order.end());
  std::vector<Architecture> kept;
  for (const auto& [mean, i] : order) kept.push_back(std::move(candidates[i]));
  candidates = std::move(kept);
}

std::vector<ModelPolicy::Scored> ModelPolicy::Score(
    const GaussianProcess& process, std::vector<Architecture> candidates) {
  std::vector<std::vector<double>> projections = process.Project(candidates);
  std::vector<Scored> scored;
  for (size_t i = 0; i < candidates.size(); ++i) {
    Scored next{
        .architecture = std::move(candidates[i]),
        .projection = std::move(projections[i]),
        .optimism =
            allocation_ == Allocation::kBound ? kOptimism : Normal(rng_),
        .tie_break = 1e-6 * static_cast<double>(rng_.Below(1'000'000)) * 1e-6};
    next.mean = process.MeanOf(next.projection);
    next.variance = 1 - Dot(next.projection, next.projection);
    scored.push_back(std::move(next));
  }
  return scored;
}

RankReply ModelPolicy::Rank(const RankRequest& request) {
  Collector collector(request);
  const std::vector<Observation> data = Data();
  std::vector<Architecture> points;
  for (const Observation& one : data) points.push_back(one.architecture);
  const std::vector<double> values =
      data.empty() ? std::vector<double>() : Transformed(data);
  ChooseKernel(points, values);
  const GaussianProcess process(kernel_, points, values);

  std::vector<Architecture> candidates = CandidatesFor(request, collector);
  if (data.size() >= kDataMin) Shortlist(process, candidates);
  std::vector<Scored> scored = Score(process, std::move(candidates));
  // Everybody learns that `architecture` is under way: its value will be what
  // is expected, its neighbourhood less uncertain.
  size_t aware = 0;
  const auto learn = [&](const Architecture& architecture,
                         // A copy: it may be of one of `scored`, which change.
                         // NOLINTNEXTLINE(performance-unnecessary-value-param)
                         std::vector<double> projection) {
    if (++aware > kAwarePicksMax) return;
    const double variance = 1 + process.noise() - Dot(projection, projection);
    const double deviation = std::sqrt(std::max(1e-9, variance));
    for (Scored& one : scored) {
      const double covariance =
          process.Covariance(one.architecture, architecture) -
          Dot(absl::MakeConstSpan(one.projection).first(projection.size()),
              projection);
      const double v = covariance / deviation;
      one.projection.push_back(v);
      one.variance -= v * v;
    }
  };
  for (const Architecture& one : LatestOf(request.pending)) {
    if (collector.IsStopped()) break;
    // A candidate's own projection counts what was learnt before it, too.
    const auto known = std::find_if(
        scored.begin(), scored.end(),
        [&](const Scored& other) { return other.architecture == one; });
    learn(one,
          known == scored.end() ? process.Project(one) : known->projection);
  }
  const auto bound = [](const Scored& one) {
    return one.mean + one.optimism * std::sqrt(std::max(0.0, one.variance)) +
           one.tie_break;
  };
  while (!collector.IsDone() && !scored.empty() && aware < kAwarePicksMax) {
    const auto best = std::max_element(
        scored.begin(), scored.end(),
        [&](const Scored& a, const Scored& b) { return bound(a) < bound(b); });
    const Scored picked = std::move(*best);
    if (best != scored.end() - 1) *best = std::move(scored.back());
    scored.pop_back();
    if (collector.Offer(picked.architecture) && !collector.IsDone()) {
      learn(picked.architecture, picked.projection);
    }
  }
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < scored.size(); ++i) {
    order.emplace_back(-bound(scored[i]), i);
  }
  std::sort(order.begin(), order.end());
  for (; passed_ < order.size() && !collector.IsDone(); ++passed_) {
    collector.Offer(scored[order[passed_].second].architecture);
  }
  fill_.Fill(space_, request, rng_, collector);
  if (!collector.WasInVain()) passed_ = 0;
  return collector.Take();
}

}  // namespace archpool
