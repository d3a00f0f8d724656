#include "server/storage/postgres/columns.h"

#include <bit>

#include "absl/strings/numbers.h"

namespace archpool::postgres {

absl::Status Read(absl::string_view text, int64_t& value) {
  if (!absl::SimpleAtoi(text, &value)) {
    return Internal("STORE_CORRUPT",
                    absl::StrCat("'", text, "' where a number belongs"));
  }
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, bool& value) {
  int64_t number = 0;
  ARCHPOOL_RETURN_IF_ERROR(Read(text, number));
  value = number != 0;
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, std::string& value) {
  value = std::string(text);
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, Digest& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes, ParseBytes(text));
  ARCHPOOL_ASSIGN_OR_RETURN(value, Digest::FromBytes(bytes));
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, absl::Time& value) {
  int64_t micros = 0;
  ARCHPOOL_RETURN_IF_ERROR(Read(text, micros));
  value = absl::FromUnixMicros(micros);
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, absl::Duration& value) {
  int64_t nanoseconds = 0;
  ARCHPOOL_RETURN_IF_ERROR(Read(text, nanoseconds));
  value = absl::Nanoseconds(nanoseconds);
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, Architecture& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes, ParseBytes(text));
  value.choices.assign(bytes.begin(), bytes.end());
  return absl::OkStatus();
}

void Write(const std::vector<TrialId>& value, ArrayText& array) {
  std::vector<int64_t> values;
  values.reserve(value.size());
  for (const TrialId id : value) values.push_back(id.value);
  array.AddText(IntListText(values));
}

absl::Status Read(absl::string_view text, std::vector<TrialId>& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                            ParseIntList(text));
  value.clear();
  for (const int64_t id : values) value.push_back(TrialId{id});
  return absl::OkStatus();
}

void Write(const std::vector<uint64_t>& value, ArrayText& array) {
  std::vector<int64_t> values;
  values.reserve(value.size());
  for (const uint64_t bits : value) {
    values.push_back(std::bit_cast<int64_t>(bits));
  }
  array.AddText(IntListText(values));
}

absl::Status Read(absl::string_view text, std::vector<uint64_t>& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                            ParseIntList(text));
  value.clear();
  for (const int64_t bits : values) {
    value.push_back(std::bit_cast<uint64_t>(bits));
  }
  return absl::OkStatus();
}

}  // namespace archpool::postgres
