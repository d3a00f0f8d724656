// SPDX-License-Identifier: Apache-2.0
#include "common/nas/search/search_policy.h"

#include <algorithm>
#include <deque>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/check.h"
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
    // What is taken may come free again, so the walk begins again once it has
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
      for (int misses = 0; !collector.IsDone() && misses < kSamplesMax;) {
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

// All that there are, in the order in which people are told of them.
struct PolicyRow {
  SearchPolicyKind kind;
  absl::string_view word;
  // What may follow the word: of kEvolution alone.
  absl::string_view parameters;
  std::unique_ptr<SearchPolicy> (*make)(const SearchPolicySpec&,
                                        const SearchSpace&, uint64_t seed);
};

constexpr PolicyRow kPolicies[] = {
    {SearchPolicyKind::kModel, "model", "",
     [](const SearchPolicySpec&, const SearchSpace& space,
        uint64_t seed) -> std::unique_ptr<SearchPolicy> {
       return std::make_unique<ModelPolicy>(space, seed, Allocation::kBound);
     }},
    {SearchPolicyKind::kThompson, "thompson", "",
     [](const SearchPolicySpec&, const SearchSpace& space,
        uint64_t seed) -> std::unique_ptr<SearchPolicy> {
       return std::make_unique<ModelPolicy>(space, seed, Allocation::kSample);
     }},
    {SearchPolicyKind::kLocal, "local", "",
     [](const SearchPolicySpec&, const SearchSpace& space,
        uint64_t seed) -> std::unique_ptr<SearchPolicy> {
       return std::make_unique<LocalPolicy>(space, seed);
     }},
    {SearchPolicyKind::kRandom, "random", "",
     [](const SearchPolicySpec&, const SearchSpace& space,
        uint64_t seed) -> std::unique_ptr<SearchPolicy> {
       return std::make_unique<RandomPolicy>(space, seed);
     }},
    {SearchPolicyKind::kExhaustive, "exhaustive", "",
     [](const SearchPolicySpec&, const SearchSpace& space,
        uint64_t) -> std::unique_ptr<SearchPolicy> {
       return std::make_unique<ExhaustivePolicy>(space);
     }},
    {SearchPolicyKind::kEvolution, "evolution", "[:POPULATION:SAMPLE]",
     [](const SearchPolicySpec& spec, const SearchSpace& space,
        uint64_t seed) -> std::unique_ptr<SearchPolicy> {
       return std::make_unique<EvolutionPolicy>(spec, space, seed);
     }},
};

const PolicyRow& RowOf(SearchPolicyKind kind) {
  const auto* const row =
      std::find_if(std::begin(kPolicies), std::end(kPolicies),
                   [kind](const PolicyRow& one) { return one.kind == kind; });
  ARCHPOOL_CHECK(row != std::end(kPolicies));
  return *row;
}

}  // namespace

std::string SearchPolicyNames() {
  return absl::StrJoin(kPolicies, ", ",
                       [](std::string* out, const PolicyRow& row) {
                         absl::StrAppend(out, row.word, row.parameters);
                       });
}

std::vector<SearchPolicyKind> SearchPolicyKinds() {
  std::vector<SearchPolicyKind> kinds;
  for (const PolicyRow& row : kPolicies) kinds.push_back(row.kind);
  return kinds;
}

absl::StatusOr<SearchPolicySpec> ParseSearchPolicy(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  const auto* const row = std::find_if(
      std::begin(kPolicies), std::end(kPolicies),
      [&parts](const PolicyRow& one) { return one.word == parts[0]; });
  SearchPolicySpec spec;
  bool is_good = row != std::end(kPolicies);
  if (is_good) spec.kind = row->kind;
  if (is_good && parts.size() > 1) {
    is_good = !row->parameters.empty() && parts.size() == 3 &&
              absl::SimpleAtoi(parts[1], &spec.population) &&
              absl::SimpleAtoi(parts[2], &spec.sample) &&
              kEvolutionPopulation.Contains(spec.population) &&
              spec.sample >= 1 && spec.sample <= spec.population;
  }
  if (is_good) return spec;
  return InvalidArgument(
      "SEARCH_POLICY", absl::StrCat("\"", text, "\" is no search policy: say ",
                                    "one of ", SearchPolicyNames()));
}

std::string ToString(const SearchPolicySpec& spec) {
  const PolicyRow& row = RowOf(spec.kind);
  return row.parameters.empty()
             ? std::string(row.word)
             : absl::StrCat(row.word, ":", spec.population, ":", spec.sample);
}

std::unique_ptr<SearchPolicy> MakeSearchPolicy(const SearchPolicySpec& spec,
                                               const SearchSpace& space,
                                               uint64_t seed) {
  return RowOf(spec.kind).make(spec, space, seed);
}

}  // namespace archpool
