// SPDX-License-Identifier: Apache-2.0
// The enums of the wire, by the words of the records' enums
// (common/base/words.h): LEASE_STATE_ACTIVE is the word "active" behind the
// enum's prefix, and the value 0, whose name ends in UNSPECIFIED, stands for
// none at all. words_test holds that every word has its value. Pure functions;
// thread-safe.
#ifndef ARCHPOOL_COMMON_WIRE_WORDS_H_
#define ARCHPOOL_COMMON_WIRE_WORDS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/check.h"
#include "common/base/words.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/generated_enum_reflection.h"

namespace archpool::wire {

// "LEASE_STATE_" of v1::LeaseState.
template <typename Proto>
std::string PrefixOf() {
  const absl::string_view unset =
      google::protobuf::GetEnumDescriptor<Proto>()->value(0)->name();
  return std::string(absl::StripSuffix(unset, "UNSPECIFIED"));
}

// "active" of LEASE_STATE_ACTIVE; "" where it is unspecified; "unknown_7" of a
// number that this build has no name for.
template <typename Proto>
std::string WordOf(Proto value) {
  const int number = static_cast<int>(value);
  if (number == 0) return "";
  const auto* const known =
      google::protobuf::GetEnumDescriptor<Proto>()->FindValueByNumber(number);
  if (known == nullptr) return absl::StrCat("unknown_", number);
  return absl::AsciiStrToLower(
      absl::StripPrefix(known->name(), PrefixOf<Proto>()));
}

// The value with that word; nullopt: there is none.
template <typename Proto>
std::optional<Proto> FindValue(absl::string_view word) {
  const auto* const found =
      google::protobuf::GetEnumDescriptor<Proto>()->FindValueByName(
          absl::StrCat(PrefixOf<Proto>(), absl::AsciiStrToUpper(word)));
  if (found == nullptr) return std::nullopt;
  return static_cast<Proto>(found->number());
}

// ToProto<v1::LeaseState>(LeaseState::kActive).
template <typename Proto, HasWords Enum>
Proto ToProto(Enum value) {
  static const auto* const kValues = [] {
    auto* const values = new std::vector<Proto>;
    for (const absl::string_view word : kWordsOf<Enum>) {
      const std::optional<Proto> found = FindValue<Proto>(word);
      ARCHPOOL_CHECK(found.has_value());
      values->push_back(*found);
    }
    return values;
  }();
  return kValues->at(static_cast<size_t>(value));
}

// Without one, the unspecified value.
template <typename Proto, HasWords Enum>
Proto ToProto(const std::optional<Enum>& value) {
  return value ? ToProto<Proto>(*value) : Proto(0);
}

// FromProto<LeaseState>(v1::LEASE_STATE_ACTIVE); nullopt: unspecified, or
// nothing that this build knows.
template <HasWords Enum, typename Proto>
std::optional<Enum> FromProto(Proto value) {
  return FindWord<Enum>(WordOf(value));
}

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_WORDS_H_
