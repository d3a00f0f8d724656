// SPDX-License-Identifier: Apache-2.0
#include "common/nas/field_resolver.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"

namespace archpool {

FieldResolver::FieldResolver(const std::vector<Dimension>& dimensions,
                             Ranges ranges)
    : dimensions_(dimensions), ranges_(ranges) {
  for (size_t i = 0; i < dimensions.size(); ++i) {
    index_of_[dimensions[i].name] = static_cast<int>(i);
  }
}

template <typename T, typename Accept, typename Encode>
absl::StatusOr<ResolvedField> FieldResolver::Reference(
    absl::string_view field, const DimensionRef& reference,
    absl::string_view expected, const Accept& accept,
    const Encode& encode) const {
  const auto found = index_of_.find(reference.dimension);
  if (found == index_of_.end()) {
    return InvalidArgument(
        "TEMPLATE_REFERENCE",
        absl::StrCat("field ", field, " refers to the dimension \"",
                     reference.dimension, "\", which the space does not have"));
  }
  ResolvedField resolved{.dimension = found->second, .values = {}};
  for (const ChoiceValue& choice :
       dimensions_[static_cast<size_t>(found->second)].choices) {
    const T* value = std::get_if<T>(&choice);
    if (value == nullptr || !accept(*value)) {
      return InvalidArgument(
          "TEMPLATE_REFERENCE",
          absl::StrCat("field ", field, " refers to the dimension \"",
                       reference.dimension, "\", whose choice \"",
                       ToString(choice), "\" does not fit: each must be ",
                       expected));
    }
    resolved.values.push_back(encode(*value));
  }
  return resolved;
}

absl::StatusOr<ResolvedField> FieldResolver::Int(
    absl::string_view field, const IntField& value,
    const Range<int64_t>& range) const {
  if (const auto* constant = std::get_if<int64_t>(&value)) {
    ARCHPOOL_RETURN_IF_ERROR(CheckConstant(field, *constant, range));
    return ResolvedField{.dimension = -1, .values = {*constant}};
  }
  return Reference<int64_t>(
      field, std::get<DimensionRef>(value),
      absl::StrCat(range.is_odd ? "odd, in " : "in ",
                   archpool::ToString(range)),
      [&](int64_t choice) {
        return ranges_ == Ranges::kTrusted || range.Contains(choice);
      },
      [](int64_t choice) { return choice; });
}

absl::StatusOr<ResolvedField> FieldResolver::Word(
    absl::string_view field, const WordField& value,
    const Vocabulary& words) const {
  const std::string expected = absl::StrCat(
      "one of ",
      absl::StrJoin(words, ", ", [](std::string* out, const auto& word) {
        absl::StrAppend(out, word.first);
      }));
  if (const auto* constant = std::get_if<std::string>(&value)) {
    const auto found = words.find(*constant);
    if (found == words.end()) {
      return InvalidArgument("TEMPLATE_RANGE",
                             absl::StrCat("field ", field, " is \"", *constant,
                                          "\"; it must be ", expected));
    }
    return ResolvedField{.dimension = -1, .values = {found->second}};
  }
  return Reference<std::string>(
      field, std::get<DimensionRef>(value), expected,
      [&words](const std::string& word) { return words.contains(word); },
      [&words](const std::string& word) { return words.at(word); });
}

absl::Status FieldResolver::CheckConstant(absl::string_view field,
                                          int64_t value,
                                          const Range<int64_t>& range) const {
  if (ranges_ == Ranges::kTrusted) return absl::OkStatus();
  return CheckRange("TEMPLATE_RANGE", field, value, range);
}

absl::Status FieldResolver::CheckAllRead() const {
  for (size_t i = 0; i < dimensions_.size(); ++i) {
    if (read_.contains(static_cast<int>(i))) continue;
    return InvalidArgument(
        "DIMENSION_UNUSED",
        absl::StrCat("no network depends on dimension \"", dimensions_[i].name,
                     "\": refer to it in a field that one of its block's "
                     "operations reads, or remove it"));
  }
  return absl::OkStatus();
}

}  // namespace archpool
