// SPDX-License-Identifier: Apache-2.0
// The words of an enum: one table, which stands beside the enum, and from which
// printing, parsing, the count of its values and the database's checks follow.
// In plain C++ of the standard library alone: kernels that are built for
// machines without our other libraries have such enums too. What is parsed is
// in common/base/words.h. Constants and pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_WORD_TABLE_H_
#define ARCHPOOL_COMMON_BASE_WORD_TABLE_H_

#include <cstddef>
#include <iterator>
#include <type_traits>

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

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_WORD_TABLE_H_
