#include "common/nas/search/search_policy.h"

#include <deque>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/nas/search/collector.h"
#include "common/nas/search/model_policy.h"

namespace archpool {
namespace {

class ExhaustivePolicy : public SearchPolicy {
 public:
  explicit ExhaustivePolicy(const SearchSpace& space) : space_(space) {}
  void Observe(const Observation&) override {}
  RankReply Rank(const RankRequest& request) override {
    Collector collector(request);
    // What is taken may come free again, so the walk begins anew once it has
    // ended.
    for (int round = 0; round < 2; ++round) {
      for (int64_t rank = next_; rank < space_.size() && !collector.IsDone();
           ++rank) {
        const bool fresh = collector.Offer(space_.ArchitectureAt(rank));
        if (!fresh && rank == next_) ++next_;
      }
      if (collector.IsDone() || next_ == 0) break;
      next_ = 0;
    }
    return collector.Take();
  }

 private:
  const SearchSpace& space_;
  int64_t next_ = 0;
};

class RandomPolicy : public SearchPolicy {
 public:
  RandomPolicy(const SearchSpace& space, uint64_t seed)
      : space_(space), rng_(seed, 0) {}
  void Observe(const Observation&) override {}
  RankReply Rank(const RankRequest& request) override {
    Collector collector(request);
    fill_.Fill(space_, request, rng_, collector);
    return collector.Take();
  }

 private:
  const SearchSpace& space_;
  CounterRng rng_;
  RandomFill fill_;
};

// The oldest dies, whatever it is worth.
class EvolutionPolicy : public SearchPolicy {
 public:
  EvolutionPolicy(const SearchPolicySpec& spec, const SearchSpace& space,
                  uint64_t seed)
      : spec_(spec), space_(space), rng_(seed, 0) {}

  void Observe(const Observation& observation) override {
    population_.push_back(observation);
    if (static_cast<int64_t>(population_.size()) > spec_.population) {
      population_.pop_front();
    }
    ++observed_;
  }

  RankReply Rank(const RankRequest& request) override {
    Collector collector(request);
    if (observed_ + static_cast<int64_t>(request.pending.size()) >=
            spec_.population &&
        !population_.empty()) {
      for (int misses = 0; !collector.IsDone() && misses < kDrawsMax;) {
        misses = collector.Offer(Child()) ? 0 : misses + 1;
      }
    }
    fill_.Fill(space_, request, rng_, collector);
    return collector.Take();
  }

 private:
  Architecture Child() {
    const Observation* parent = nullptr;
    for (int64_t i = 0; i < spec_.sample; ++i) {
      const Observation& one = population_[rng_.Below64(population_.size())];
      if (parent == nullptr || one.value > parent->value) parent = &one;
    }
    return Mutated(space_, parent->architecture, rng_);
  }

  SearchPolicySpec spec_;
  const SearchSpace& space_;
  CounterRng rng_;
  RandomFill fill_;
  std::deque<Observation> population_;
  int64_t observed_ = 0;
};

// Moves to the first neighbour that is better; from a local optimum to a random
// architecture.
class LocalPolicy : public SearchPolicy {
 public:
  LocalPolicy(const SearchSpace& space, uint64_t seed)
      : space_(space), rng_(seed, 0) {}

  void Observe(const Observation& observation) override {
    if (has_centre_ && observation.value <= centre_.value) return;
    centre_ = observation;
    has_centre_ = true;
    Shuffle();
  }

  RankReply Rank(const RankRequest& request) override {
    Collector collector(request);
    if (has_centre_) {
      for (const Architecture& neighbour : neighbours_) {
        collector.Offer(neighbour);
      }
      if (!collector.IsDone() && request.pending.empty()) {
        // Nothing better around it: begin again elsewhere.
        has_centre_ = false;
      }
    }
    fill_.Fill(space_, request, rng_, collector);
    return collector.Take();
  }

 private:
  void Shuffle() {
    neighbours_.clear();
    for (size_t d = 0; d < space_.dimensions().size(); ++d) {
      for (size_t c = 0; c < space_.dimensions()[d].choices.size(); ++c) {
        if (c == centre_.architecture.choices[d]) continue;
        Architecture neighbour = centre_.architecture;
        neighbour.choices[d] = static_cast<uint8_t>(c);
        neighbours_.push_back(std::move(neighbour));
      }
    }
    for (size_t i = 0; i + 1 < neighbours_.size(); ++i) {
      std::swap(neighbours_[i],
                neighbours_[i + rng_.Below64(neighbours_.size() - i)]);
    }
  }

  const SearchSpace& space_;
  CounterRng rng_;
  RandomFill fill_;
  bool has_centre_ = false;
  Observation centre_;
  std::vector<Architecture> neighbours_;
};

const std::map<std::string, SearchPolicyKind>& Kinds() {
  static const auto* const kKinds = new std::map<std::string, SearchPolicyKind>{
      {"exhaustive", SearchPolicyKind::kExhaustive},
      {"random", SearchPolicyKind::kRandom},
      {"evolution", SearchPolicyKind::kEvolution},
      {"local", SearchPolicyKind::kLocal},
      {"model", SearchPolicyKind::kModel},
      {"thompson", SearchPolicyKind::kThompson}};
  return *kKinds;
}

}  // namespace

absl::StatusOr<SearchPolicySpec> ParseSearchPolicy(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  const auto kind = Kinds().find(parts[0]);
  SearchPolicySpec spec;
  bool good = kind != Kinds().end();
  if (good) spec.kind = kind->second;
  if (good && parts.size() > 1) {
    good = spec.kind == SearchPolicyKind::kEvolution && parts.size() == 3 &&
           absl::SimpleAtoi(parts[1], &spec.population) &&
           absl::SimpleAtoi(parts[2], &spec.sample) && spec.population >= 2 &&
           spec.population <= 10'000 && spec.sample >= 1 &&
           spec.sample <= spec.population;
  }
  if (!good) {
    return InvalidArgument(
        "SEARCH_POLICY",
        absl::StrCat(
            "\"", text,
            "\" is no search policy: say model, thompson, local, "
            "random, exhaustive, evolution or evolution:POPULATION:SAMPLE"));
  }
  return spec;
}

std::string ToString(const SearchPolicySpec& spec) {
  for (const auto& [word, kind] : Kinds()) {
    if (kind != spec.kind) continue;
    return kind == SearchPolicyKind::kEvolution
               ? absl::StrCat(word, ":", spec.population, ":", spec.sample)
               : word;
  }
  return "";
}

std::unique_ptr<SearchPolicy> MakeSearchPolicy(const SearchPolicySpec& spec,
                                               const SearchSpace& space,
                                               uint64_t seed) {
  switch (spec.kind) {
    case SearchPolicyKind::kExhaustive:
      return std::make_unique<ExhaustivePolicy>(space);
    case SearchPolicyKind::kRandom:
      return std::make_unique<RandomPolicy>(space, seed);
    case SearchPolicyKind::kEvolution:
      return std::make_unique<EvolutionPolicy>(spec, space, seed);
    case SearchPolicyKind::kLocal:
      return std::make_unique<LocalPolicy>(space, seed);
    case SearchPolicyKind::kModel:
      return std::make_unique<ModelPolicy>(space, seed, Allocation::kBound);
    case SearchPolicyKind::kThompson:
      return std::make_unique<ModelPolicy>(space, seed, Allocation::kSample);
  }
  return nullptr;
}

}  // namespace archpool
