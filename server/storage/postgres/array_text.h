// SPDX-License-Identifier: Apache-2.0
// A PostgreSQL array in its text form, '{1,"a\"b",NULL}', built element by
// element: how a column of many rows travels as one parameter. Every text and
// every byte string is quoted and escaped, so no value can end its element.
// Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_ARRAY_TEXT_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_ARRAY_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace archpool::postgres {

class ArrayText {
 public:
  void AddNull() { Begin("NULL"); }
  void AddInt(int64_t value);
  // PostgreSQL texts cannot hold the NUL character: such a text makes the
  // array invalid (see has_nul).
  void AddText(absl::string_view text);
  // For bytea[]: any bytes.
  void AddBytes(absl::Span<const uint8_t> bytes);
  void AddBytes(absl::string_view bytes);

  bool has_nul() const { return has_nul_; }
  // "{}" where nothing was added.
  std::string Take() &&;

 private:
  void Begin(absl::string_view element);
  std::string text_ = "{";
  bool has_nul_ = false;
};

// '{1,2,3}', for a bigint[] column.
std::string IntListText(absl::Span<const int64_t> values);
// INTERNAL (STORE_CORRUPT): not such a text.
absl::StatusOr<std::vector<int64_t>> ParseIntList(absl::string_view text);

// The elements of a text[] as PostgreSQL prints it, '{a,"b \"c\""}', none of
// them NULL. INTERNAL (STORE_CORRUPT): not such a text.
absl::StatusOr<std::vector<std::string>> ParseTextList(absl::string_view text);

// The bytes of a bytea in its hex form, '\x616263'. INTERNAL (STORE_CORRUPT).
absl::StatusOr<std::string> ParseBytes(absl::string_view text);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_ARRAY_TEXT_H_
