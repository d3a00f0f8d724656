// SPDX-License-Identifier: Apache-2.0
// Words of enums (common/base/word_table.h), read. In SQL, in transcripts and
// where the wire has strings. Pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_WORDS_H_
#define ARCHPOOL_COMMON_BASE_WORDS_H_

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"
#include "common/base/word_table.h"

namespace archpool {

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
