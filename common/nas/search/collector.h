// SPDX-License-Identifier: Apache-2.0
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
  bool IsStopped() const { return request_.is_stopped(); }
  // Nothing more is taken.
  bool IsDone() const {
    return IsFull() || looks_ >= request_.looks_max || IsStopped();
  }
  // The looks were used up, and brought nothing: the caller continues from
  // here.
  bool WasInVain() const { return ranked_.empty() && IsDone(); }
  bool IsInABox(const Architecture& architecture) const {
    if (request_.boxes.empty()) return true;
    const auto holds = [&](const Subspace& box) {
      return box.Contains(architecture);
    };
    // Searching the smaller half of the partition is faster.
    const absl::Span<const Subspace> dead = request_.dead_boxes;
    if (!dead.empty() && dead.size() < request_.boxes.size()) {
      return std::none_of(dead.begin(), dead.end(), holds);
    }
    return std::any_of(request_.boxes.begin(), request_.boxes.end(), holds);
  }
  // Whether it was taken.
  bool Offer(const Architecture& architecture) {
    if (IsDone()) return false;
    ++looks_;
    const std::optional<Digest> id = request_.id_of(architecture);
    if (!id || request_.is_taken(*id) || seen_.contains(*id) ||
        !IsInABox(architecture)) {
      return false;
    }
    seen_.insert(*id);
    ranked_.push_back(architecture);
    return true;
  }
  RankReply Take() {
    const bool is_cut_short = IsDone() && !IsFull();
    return {.candidates = std::move(ranked_),
            .is_cut_short = is_cut_short,
            .looks = looks_};
  }

 private:
  const RankRequest& request_;
  int64_t looks_ = 0;
  std::set<Digest> seen_;
  std::vector<Architecture> ranked_;
};

// Uniform over the space.
inline Architecture RandomArchitecture(const SearchSpace& space,
                                       CounterRng& rng) {
  return space.ArchitectureAt(
      static_cast<int64_t>(rng.Below64(static_cast<uint64_t>(space.size()))));
}

// Another choice in one dimension, both sampled uniformly; the same
// architecture where no dimension has two choices.
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

// Samples that find nothing new before a policy gives up sampling.
inline constexpr int kSamplesMax = 256;
// Boxes of at most this many architectures are gone through where sampling
// fails.
inline constexpr uint64_t kWalkedSizeMax = 100'000;

// Fills up with random architectures of the live boxes, larger boxes more
// often; from what is small with whatever is left.
class RandomFill {
 public:
  void Fill(const SearchSpace& space, const RankRequest& request,
            CounterRng& rng, Collector& collector) {
    // As long as most of the space is live, sampling all of it is sampling the
    // live boxes, and need not look at each.
    int misses = 0;
    while (!collector.IsDone() && misses < kSamplesMax) {
      misses = collector.Offer(RandomArchitecture(space, rng)) ? 0 : misses + 1;
    }
    if (collector.IsDone()) return;
    const Subspace whole = Subspace::Whole(space);
    const absl::Span<const Subspace> boxes =
        request.boxes.empty() ? absl::MakeConstSpan(&whole, 1) : request.boxes;
    std::vector<uint64_t> ends;  // running sums of the boxes' sizes
    uint64_t total = 0;
    for (const Subspace& box : boxes) {
      ends.push_back(total += static_cast<uint64_t>(box.size()));
    }
    const auto at = [&](uint64_t index) {
      const auto end = std::upper_bound(ends.begin(), ends.end(), index);
      const Subspace& box = boxes[static_cast<size_t>(end - ends.begin())];
      return box.ArchitectureAt(static_cast<int64_t>(
          index - (*end - static_cast<uint64_t>(box.size()))));
    };
    misses = 0;
    while (!collector.IsDone() && misses < kSamplesMax) {
      misses = collector.Offer(at(rng.Below64(total))) ? 0 : misses + 1;
    }
    if (collector.IsDone() || total > kWalkedSizeMax) return;
    // A walk that was cut short continues; other boxes are another walk.
    if (walk_left_ == 0 || walk_total_ != total) {
      walk_total_ = walk_left_ = total;
      walk_next_ = rng.Below64(total);
    }
    for (; walk_left_ > 0 && !collector.IsDone(); --walk_left_) {
      collector.Offer(at(walk_next_++ % total));
    }
    if (!collector.WasInVain()) walk_left_ = 0;
  }

 private:
  uint64_t walk_total_ = 0;
  uint64_t walk_next_ = 0;
  uint64_t walk_left_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_SEARCH_COLLECTOR_H_
