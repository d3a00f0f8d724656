// SPDX-License-Identifier: Apache-2.0
// The shared model of all results: a Gaussian process ranks candidates inside
// the open boxes by an upper confidence bound; pending trials count as what is
// expected of them, so that parallel miners look in different places (Desautels
// et al., "Parallelizing Exploration-Exploitation Tradeoffs in Gaussian Process
// Bandit Optimization", JMLR 2014).
#ifndef ARCHPOOL_COMMON_NAS_SEARCH_MODEL_POLICY_H_
#define ARCHPOOL_COMMON_NAS_SEARCH_MODEL_POLICY_H_

#include <cstdint>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/nas/search/collector.h"
#include "common/nas/search/gaussian_process.h"
#include "common/nas/search/search_policy.h"

namespace archpool {

// How much an uncertain candidate is worth: its mean and one deviation, or what
// it may turn out to be, drawn for each candidate of a ranking by itself.
enum class Allocation { kBound, kSample };

class ModelPolicy : public SearchPolicy {
 public:
  ModelPolicy(const SearchSpace& space, uint64_t seed, Allocation allocation);

  void Observe(const Observation& observation) override;
  RankReply Rank(const RankRequest& request) override;

 private:
  struct Scored {
    Architecture architecture;
    std::vector<double> projection;
    double mean = 0;
    double variance = 0;
    double optimism = 0;  // deviations above the mean
    double tie_break = 0;
  };
  // What the model is fitted to: the best and the latest.
  std::vector<Observation> Data() const;
  void ChooseKernel(absl::Span<const Architecture> points,
                    absl::Span<const double> values);
  // Keeps those that may come out first, and some at random.
  void Shortlist(const GaussianProcess& process,
                 std::vector<Architecture>& candidates);
  std::vector<Scored> Score(const GaussianProcess& process,
                            std::vector<Architecture> candidates);
  std::vector<Architecture> CandidatesFor(const RankRequest& request,
                                          const Collector& collector);

  const SearchSpace& space_;
  CounterRng rng_;
  const Allocation allocation_;
  std::vector<Observation> observations_;  // in the order in which they came
  std::vector<size_t> best_;               // indices, best first
  MatchKernel kernel_;
  size_t kernel_chosen_at_ = 0;
  // The number of candidates, in their order, that the last calls examined in
  // vain since something was learnt.
  size_t passed_ = 0;
  RandomFill fill_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_SEARCH_MODEL_POLICY_H_
