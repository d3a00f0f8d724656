// SPDX-License-Identifier: Apache-2.0
// The words of an enum, in SQL, in transcripts and where the wire has strings:
// one table, which stands beside the enum, and from which printing, parsing,
// the count of its values and the database's checks follow. Constants and pure
// functions; thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_WORDS_H_
#define ARCHPOOL_COMMON_BASE_WORDS_H_

#include <cstddef>
#include <iterator>
#include <optional>
#include <type_traits>

#include "absl/strings/string_view.h"
#include "common/base/check.h"

namespace archpool {

// In the order of the values, which count from 0.
template <typename Enum>
inline constexpr std::nullptr_t kWordsOf = nullptr;

template <typename Enum>
concept HasWords =
    std::is_enum_v<Enum> && std::is_array_v<decltype(kWordsOf<Enum>)>;

// How many values it has.
template <HasWords Enum>
inline constexpr size_t kCountOf = std::size(kWordsOf<Enum>);

template <HasWords Enum>
constexpr const char* ToString(Enum value) {
  const auto index = static_cast<size_t>(value);
  ARCHPOOL_CHECK(index < kCountOf<Enum>);
  return kWordsOf<Enum>[index];
}

// nullopt: none of its values has that word.
template <HasWords Enum>
constexpr std::optional<Enum> FindWord(absl::string_view word) {
  for (size_t i = 0; i < kCountOf<Enum>; ++i) {
    if (word == kWordsOf<Enum>[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_WORDS_H_
