// Takes candidates best first and keeps those that may be named. For the
// policies of this folder.
#ifndef ARCHPOOL_COMMON_NAS_SEARCH_COLLECTOR_H_
#define ARCHPOOL_COMMON_NAS_SEARCH_COLLECTOR_H_

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/nas/search/search_policy.h"

namespace archpool {

class Collector {
 public:
  explicit Collector(const RankRequest& request) : request_(request) {}

  bool IsFull() const {
    return static_cast<int64_t>(ranked_.size()) >= request_.count;
  }
  bool IsInABox(const Architecture& architecture) const {
    return request_.boxes.empty() ||
           std::any_of(
               request_.boxes.begin(), request_.boxes.end(),
               [&](const Subspace& box) { return box.Contains(architecture); });
  }
  // Whether it was taken.
  bool Offer(const Architecture& architecture) {
    if (IsFull() || !IsInABox(architecture)) return false;
    const std::optional<Digest> id = request_.id_of(architecture);
    if (!id || request_.is_taken(*id) || !seen_.insert(*id).second) {
      return false;
    }
    ranked_.push_back(architecture);
    return true;
  }
  std::vector<Architecture> Take() { return std::move(ranked_); }

 private:
  const RankRequest& request_;
  std::set<Digest> seen_;
  std::vector<Architecture> ranked_;
};

// Uniform over the space.
inline Architecture RandomArchitecture(const SearchSpace& space,
                                       CounterRng& rng) {
  return space.ArchitectureAt(
      static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(space.size()))));
}

// Another choice in one dimension, both drawn uniformly; the same architecture
// where no dimension has two choices.
inline Architecture Mutated(const SearchSpace& space, Architecture architecture,
                            CounterRng& rng) {
  for (int tries = 0; tries < 256; ++tries) {
    const size_t d = rng.Below64(space.dimensions().size());
    const uint64_t choices = space.dimensions()[d].choices.size();
    if (choices < 2) continue;
    const uint64_t other = rng.Below64(choices - 1);
    architecture.choices[d] = static_cast<uint8_t>(
        other < architecture.choices[d] ? other : other + 1);
    break;
  }
  return architecture;
}

// Draws that find nothing new before a policy gives up drawing.
inline constexpr int kDrawsMax = 256;
// A space of at most this size is gone through whole where drawing fails.
inline constexpr int64_t kWalkedSizeMax = 100'000;

// Fills up with random architectures; in a small space with whatever is left.
inline void FillAtRandom(const SearchSpace& space, CounterRng& rng,
                         Collector& collector) {
  int misses = 0;
  while (!collector.IsFull() && misses < kDrawsMax) {
    misses = collector.Offer(RandomArchitecture(space, rng)) ? 0 : misses + 1;
  }
  if (collector.IsFull() || space.size() > kWalkedSizeMax) return;
  const int64_t begin =
      static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(space.size())));
  for (int64_t i = 0; i < space.size() && !collector.IsFull(); ++i) {
    collector.Offer(space.ArchitectureAt((begin + i) % space.size()));
  }
}

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_SEARCH_COLLECTOR_H_
