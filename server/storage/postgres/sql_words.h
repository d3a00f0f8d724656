// SPDX-License-Identifier: Apache-2.0
// Lists of an enum's words for SQL, so that no statement spells them itself.
// Functions; thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_SQL_WORDS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_SQL_WORDS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/words.h"
#include "server/core/records/entities.h"

namespace archpool::postgres {

// "('settled', 'refused')": the words of the values for which `holds`.
template <HasWords Enum, typename Predicate>
std::string WordsWhere(const Predicate& holds) {
  std::string list;
  for (size_t i = 0; i < kCountOf<Enum>; ++i) {
    const auto value = static_cast<Enum>(i);
    if (!holds(value)) continue;
    absl::StrAppend(&list, list.empty() ? "('" : ", '", ToString(value), "'");
  }
  return list + ")";
}

// Those of the states in which a record has ended.
template <HasWords State>
std::string EndedWords() {
  return WordsWhere<State>([](State state) { return IsEnded(state); });
}

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_SQL_WORDS_H_
