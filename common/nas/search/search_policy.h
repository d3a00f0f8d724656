// SPDX-License-Identifier: Apache-2.0
// Search policies decide which architectures a pool trains next. They run
// beside the core, which consumes their rankings as recorded commands. Pure:
// the same seed, observations and requests give the same rankings on one
// machine.
#ifndef ARCHPOOL_COMMON_NAS_SEARCH_SEARCH_POLICY_H_
#define ARCHPOOL_COMMON_NAS_SEARCH_SEARCH_POLICY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/range.h"
#include "common/crypto/sha256.h"
#include "common/nas/search_space.h"
#include "common/nas/subspace.h"

namespace archpool {

// What one trial taught.
struct Observation {
  Architecture architecture;
  double value = 0;  // greater is better; the unit is the task's
};

inline bool NeverStopped() { return false; }

// What is asked of a policy.
struct RankRequest {
  int64_t count = 1;
  // Architectures that are examined before the policy gives up for now: no
  // space keeps it busy for longer than these take.
  int64_t looks_max = 100'000;
  // The live boxes and the dead ones, disjoint: nothing is named outside the
  // former, nor inside the latter. No boxes: the whole space.
  absl::Span<const Subspace> boxes;
  absl::Span<const Subspace> dead_boxes;
  // The architecture's id, or nullopt where it cannot be built. Takes
  // microseconds: asked of what is about to be named.
  absl::FunctionRef<std::optional<Digest>(const Architecture&)> id_of;
  // Tried, or being tried.
  absl::FunctionRef<bool(const Digest&)> is_taken;
  // Handed out, without a verdict yet.
  absl::Span<const Architecture> pending;
  // Asked before each look: whether the answer is no longer wanted.
  absl::FunctionRef<bool()> is_stopped = NeverStopped;
};

struct RankReply {
  // At most `count` architectures, best first: possible, not taken, in a box,
  // no two of one id.
  std::vector<Architecture> candidates;
  // The looks were used up first: where there are no candidates, the next call
  // continues where this one left off. Otherwise none is left, or none was
  // found.
  bool is_cut_short = false;
  int64_t looks = 0;
};

// Not thread-safe: one thread owns it.
class SearchPolicy {
 public:
  virtual ~SearchPolicy() = default;
  // Verdicts, in the order in which they came.
  virtual void Observe(const Observation& observation) = 0;
  virtual RankReply Rank(const RankRequest& request) = 0;
};

// Going through a larger space in the order of its ranks is no search.
inline constexpr int64_t kExhaustiveSizeMax = 1'000'000;

// docs/how-to/search-policy.md says what a new one needs.
enum class SearchPolicyKind {
  kExhaustive,  // in the order of ranks
  kRandom,      // uniform, without replacement
  kEvolution,   // regularised (ageing) evolution: Real et al., AAAI 2019
  kLocal,       // first improvement among the neighbours, with restarts
  kModel,       // a Gaussian process over all results, upper confidence bounds
  kThompson,    // the same model, by Thompson sampling
};

inline constexpr Range<int64_t> kEvolutionPopulation{2, 10'000};

struct SearchPolicySpec {
  SearchPolicyKind kind = SearchPolicyKind::kModel;
  int64_t population = 50;  // of kEvolution; in kEvolutionPopulation
  int64_t sample = 10;      // of kEvolution; in [1, population]
  friend bool operator==(const SearchPolicySpec&,
                         const SearchPolicySpec&) = default;
};

// Every policy as ParseSearchPolicy reads it, for help texts and errors:
// "model, thompson, …, evolution[:POPULATION:SAMPLE]".
std::string SearchPolicyNames();
std::vector<SearchPolicyKind> SearchPolicyKinds();

// "random", "evolution:50:10": one of SearchPolicyNames(). INVALID_ARGUMENT
// (SEARCH_POLICY), with all the names.
absl::StatusOr<SearchPolicySpec> ParseSearchPolicy(absl::string_view text);
std::string ToString(const SearchPolicySpec& spec);

// `space` must outlive the policy.
std::unique_ptr<SearchPolicy> MakeSearchPolicy(const SearchPolicySpec& spec,
                                               const SearchSpace& space,
                                               uint64_t seed);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_SEARCH_SEARCH_POLICY_H_
