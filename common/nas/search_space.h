// SPDX-License-Identifier: Apache-2.0
// A SearchSpace is a finite product of dimensions, each an ordered list of
// choices, with a template that says how one choice per dimension makes a
// network. An Architecture is one full assignment. Value types;
// thread-compatible (a const SearchSpace may be read from any thread).
#ifndef ARCHPOOL_COMMON_NAS_SEARCH_SPACE_H_
#define ARCHPOOL_COMMON_NAS_SEARCH_SPACE_H_

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/range.h"
#include "common/nas/canonical_form.h"
#include "common/nas/chain_template.h"
#include "common/nas/resolved_chain.h"

namespace archpool {

// What a choice stands for: a number (a width, a kernel size) or a word (an
// operation).
using ChoiceValue = std::variant<int64_t, std::string>;

std::string ToString(const ChoiceValue& value);

struct Dimension {
  std::string name;
  std::vector<ChoiceValue> choices;  // in [1, kMaxChoices], all different

  friend bool operator==(const Dimension&, const Dimension&) = default;
};

// One full assignment: choices[d] is an index into dimension d's choices.
struct Architecture {
  std::vector<uint8_t> choices;

  // In the order of their ranks, within one space.
  friend std::strong_ordering operator<=>(const Architecture& a,
                                          const Architecture& b);
  friend bool operator==(const Architecture&, const Architecture&) = default;
};

class SearchSpace {
 public:
  static constexpr int kMaxDimensions = 128;
  static constexpr int kMaxChoices = 64;
  // Ranks fit a signed 64-bit integer, on the wire and in SQL.
  static constexpr int64_t kMaxSize = INT64_MAX;

  SearchSpace() = default;

  // INVALID_ARGUMENT, with the reason SPACE_EMPTY (no dimension),
  // DIMENSION_EMPTY, DIMENSION_DUPLICATE (a name twice), DIMENSION_NAME (not 1
  // to 64 printable ASCII characters, or with a space or "="),
  // CHOICE_DUPLICATE, SPACE_TOO_LARGE (limits above), or a reason of
  // ChainTemplate's validation: TEMPLATE_REFERENCE (names no dimension, or one
  // whose choices are of the wrong type or range), TEMPLATE_SHAPE (no stage,
  // too many blocks, a variant or cell that is misnamed, malformed or unused),
  // TEMPLATE_RANGE (a constant out of its range), DIMENSION_UNUSED (no field
  // that a possible operation reads refers to it: it would multiply the space
  // by copies).
  // With Ranges::kTrusted, neither TEMPLATE_RANGE of a number, nor what the
  // limits of common/nas/template_limits.h alone forbid.
  static absl::StatusOr<SearchSpace> Create(std::vector<Dimension> dimensions,
                                            ChainTemplate chain_template,
                                            Ranges ranges = Ranges::kChecked);

  // A plain space names no network: benchmark tables and synthetic landscapes
  // are searched in it (by the simulator; no client's task has one). `form`
  // says which spellings are one architecture. INVALID_ARGUMENT as above, and
  // CANONICAL_FORM (it does not fit the dimensions).
  static absl::StatusOr<SearchSpace> CreatePlain(
      std::vector<Dimension> dimensions, CanonicalForm form = {});
  bool is_plain() const { return template_.stages.empty(); }
  const CanonicalForm& canonical_form() const { return form_; }
  // For a plain space: a text that is equal for spellings of one architecture;
  // "" where nothing flows through it. REQUIRES: is_plain(),
  // IsValid(architecture).
  std::string SpellingOf(const Architecture& architecture) const;

  const std::vector<Dimension>& dimensions() const { return dimensions_; }
  const ChainTemplate& chain_template() const { return template_; }
  const ResolvedChain& chain() const { return chain_; }

  // The number of architectures: the product of the dimensions' sizes.
  int64_t size() const { return size_; }

  // Mixed radix, the first dimension most significant: fixing the leading
  // dimensions makes a contiguous interval of ranks. A bijection between
  // [0, size()) and the architectures.
  // REQUIRES: rank in [0, size()).
  Architecture ArchitectureAt(int64_t rank) const;
  // REQUIRES: IsValid(architecture).
  int64_t RankOf(const Architecture& architecture) const;

  // One index per dimension, each within it.
  bool IsValid(const Architecture& architecture) const;

  // "stage1.operation=conv stage1.kernel=3 …", for people and logs.
  // REQUIRES: IsValid(architecture).
  std::string Describe(const Architecture& architecture) const;

  // The value chosen in dimension `index`. REQUIRES: IsValid(architecture).
  const ChoiceValue& ValueOf(const Architecture& architecture, int index) const;

  friend bool operator==(const SearchSpace&, const SearchSpace&) = default;

 private:
  std::vector<Dimension> dimensions_;
  ChainTemplate template_;
  ResolvedChain chain_;
  CanonicalForm form_;
  int64_t size_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_SEARCH_SPACE_H_
