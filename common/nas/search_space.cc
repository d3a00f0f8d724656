// SPDX-License-Identifier: Apache-2.0
#include "common/nas/search_space.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/nas/template_limits.h"

namespace archpool {
namespace {

bool IsName(absl::string_view name, Ranges ranges) {
  return (ranges == Ranges::kTrusted ||
          limits::kWordLength.Contains(std::ssize(name))) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '='; });
}

absl::Status CheckDimension(const Dimension& dimension, size_t index,
                            Ranges ranges) {
  if (!IsName(dimension.name, ranges)) {
    return InvalidArgument(
        "DIMENSION_NAME",
        absl::StrCat("the name of dimension ", index, " must have 1 to ",
                     limits::kWordLength.max,
                     " printable ASCII characters, none of them a space or "
                     "\"=\""));
  }
  if (dimension.choices.empty()) {
    return InvalidArgument("DIMENSION_EMPTY",
                           absl::StrCat("dimension \"", dimension.name,
                                        "\" has no choice; give at least "
                                        "one"));
  }
  if (dimension.choices.size() > SearchSpace::kMaxChoices) {
    return InvalidArgument(
        "SPACE_TOO_LARGE",
        absl::StrCat("dimension \"", dimension.name, "\" has ",
                     dimension.choices.size(), " choices; at most ",
                     SearchSpace::kMaxChoices, " are allowed"));
  }
  std::set<ChoiceValue> seen;
  for (const ChoiceValue& choice : dimension.choices) {
    if (seen.insert(choice).second) continue;
    return InvalidArgument(
        "CHOICE_DUPLICATE",
        absl::StrCat("dimension \"", dimension.name, "\" has the choice \"",
                     ToString(choice), "\" twice; list each once"));
  }
  return absl::OkStatus();
}

absl::Status CheckDimensions(const std::vector<Dimension>& dimensions,
                             Ranges ranges = Ranges::kChecked) {
  if (dimensions.empty()) {
    return InvalidArgument("SPACE_EMPTY",
                           "the space has no dimension; give at least one");
  }
  if (dimensions.size() > SearchSpace::kMaxDimensions) {
    return InvalidArgument(
        "SPACE_TOO_LARGE",
        absl::StrCat("the space has ", dimensions.size(),
                     " dimensions; at most ", SearchSpace::kMaxDimensions,
                     " are allowed"));
  }
  std::set<absl::string_view> names;
  for (size_t i = 0; i < dimensions.size(); ++i) {
    ARCHPOOL_RETURN_IF_ERROR(CheckDimension(dimensions[i], i, ranges));
    if (names.insert(dimensions[i].name).second) continue;
    return InvalidArgument("DIMENSION_DUPLICATE",
                           absl::StrCat("two dimensions are named \"",
                                        dimensions[i].name, "\"; rename one"));
  }
  return absl::OkStatus();
}

}  // namespace

// Spelt out and not inline: inlined, the defaulted one makes GCC 12 warn of an
// over-long memcmp wherever an Architecture is a key.
std::strong_ordering operator<=>(const Architecture& a, const Architecture& b) {
  return std::lexicographical_compare_three_way(
      a.choices.begin(), a.choices.end(), b.choices.begin(), b.choices.end());
}

std::string ToString(const ChoiceValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return absl::StrCat(*number);
  }
  return std::get<std::string>(value);
}

namespace {

absl::StatusOr<int64_t> SizeOf(const std::vector<Dimension>& dimensions) {
  int64_t size = 1;
  for (const Dimension& dimension : dimensions) {
    const auto choices = static_cast<int64_t>(dimension.choices.size());
    if (__builtin_mul_overflow(size, choices, &size)) {
      return InvalidArgument(
          "SPACE_TOO_LARGE",
          absl::StrCat("the space has more than ", SearchSpace::kMaxSize,
                       " architectures; remove dimensions or choices"));
    }
  }
  return size;
}

bool Fits(const MovableChoice& form, const std::vector<Dimension>& dimensions) {
  if (form.runs.size() != form.choice.size()) return false;
  for (size_t r = 0; r < form.runs.size(); ++r) {
    if (form.runs[r].size() != form.choice[r].size()) return false;
    for (const int d : form.runs[r]) {
      if (d < 0 || static_cast<size_t>(d) >= dimensions.size()) return false;
    }
  }
  return true;
}

bool Fits(const CellForm& form, const std::vector<Dimension>& dimensions) {
  if (form.nodes < 2 || form.edges.size() != dimensions.size() ||
      form.none.size() != dimensions.size() ||
      form.skip.size() != dimensions.size()) {
    return false;
  }
  return std::all_of(
      form.edges.begin(), form.edges.end(), [&form](const CellEdge& edge) {
        return edge.from >= 0 && edge.from < edge.to && edge.to < form.nodes;
      });
}

bool Fits(std::monostate, const std::vector<Dimension>&) { return true; }

}  // namespace

absl::StatusOr<SearchSpace> SearchSpace::CreatePlain(
    std::vector<Dimension> dimensions, CanonicalForm form) {
  ARCHPOOL_RETURN_IF_ERROR(CheckDimensions(dimensions));
  SearchSpace space;
  ARCHPOOL_ASSIGN_OR_RETURN(space.size_, SizeOf(dimensions));
  if (!std::visit([&](const auto& one) { return Fits(one, dimensions); },
                  form)) {
    return InvalidArgument("CANONICAL_FORM",
                           "the canonical form does not fit the dimensions");
  }
  space.dimensions_ = std::move(dimensions);
  space.form_ = std::move(form);
  return space;
}

std::string SearchSpace::SpellingOf(const Architecture& architecture) const {
  ARCHPOOL_CHECK(is_plain());
  std::vector<std::string> words;
  words.reserve(dimensions_.size());
  for (size_t d = 0; d < dimensions_.size(); ++d) {
    words.push_back(ToString(ValueOf(architecture, static_cast<int>(d))));
  }
  return CanonicalSpelling(form_, architecture.choices, words);
}

absl::StatusOr<SearchSpace> SearchSpace::Create(
    std::vector<Dimension> dimensions, ChainTemplate chain_template,
    Ranges ranges) {
  ARCHPOOL_RETURN_IF_ERROR(CheckDimensions(dimensions, ranges));
  SearchSpace space;
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t size, SizeOf(dimensions));
  ARCHPOOL_ASSIGN_OR_RETURN(space.chain_,
                            ResolveChain(dimensions, chain_template, ranges));
  space.dimensions_ = std::move(dimensions);
  space.template_ = std::move(chain_template);
  space.size_ = size;
  return space;
}

Architecture SearchSpace::ArchitectureAt(int64_t rank) const {
  ARCHPOOL_CHECK(rank >= 0 && rank < size_);
  Architecture architecture;
  architecture.choices.resize(dimensions_.size());
  for (size_t d = dimensions_.size(); d-- > 0;) {
    const auto choices = static_cast<int64_t>(dimensions_[d].choices.size());
    architecture.choices[d] = static_cast<uint8_t>(rank % choices);
    rank /= choices;
  }
  return architecture;
}

int64_t SearchSpace::RankOf(const Architecture& architecture) const {
  ARCHPOOL_CHECK(IsValid(architecture));
  int64_t rank = 0;
  for (size_t d = 0; d < dimensions_.size(); ++d) {
    rank = rank * static_cast<int64_t>(dimensions_[d].choices.size()) +
           architecture.choices[d];
  }
  return rank;
}

bool SearchSpace::IsValid(const Architecture& architecture) const {
  if (architecture.choices.size() != dimensions_.size()) return false;
  for (size_t d = 0; d < dimensions_.size(); ++d) {
    if (architecture.choices[d] >= dimensions_[d].choices.size()) return false;
  }
  return size_ > 0;
}

std::string SearchSpace::Describe(const Architecture& architecture) const {
  std::vector<std::string> words;
  for (size_t d = 0; d < dimensions_.size(); ++d) {
    words.push_back(
        absl::StrCat(dimensions_[d].name, "=",
                     ToString(ValueOf(architecture, static_cast<int>(d)))));
  }
  return absl::StrJoin(words, " ");
}

const ChoiceValue& SearchSpace::ValueOf(const Architecture& architecture,
                                        int index) const {
  ARCHPOOL_CHECK(IsValid(architecture));
  ARCHPOOL_CHECK(index >= 0 && index < static_cast<int>(dimensions_.size()));
  const auto d = static_cast<size_t>(index);
  return dimensions_[d].choices[architecture.choices[d]];
}

}  // namespace archpool
