// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/array_text.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool::postgres {
namespace {

absl::Status CorruptText(absl::string_view what, absl::string_view text) {
  return Internal(
      "STORE_CORRUPT",
      absl::StrCat("the database holds '", absl::CHexEscape(text.substr(0, 64)),
                   "' where ", what, " belongs"));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

void ArrayText::Begin(absl::string_view element) {
  if (text_.size() > 1) text_ += ',';
  text_.append(element.data(), element.size());
}

void ArrayText::AddInt(int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  Begin({digits, static_cast<size_t>(end - digits)});
}

void ArrayText::AddText(absl::string_view text) {
  Begin("\"");
  for (const char c : text) {
    if (c == '"' || c == '\\') text_ += '\\';
    if (c == '\0') has_nul_ = true;
    text_ += c;
  }
  text_ += '"';
}

void ArrayText::AddBytes(absl::Span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  Begin("\"\\\\x");
  for (const uint8_t byte : bytes) {
    text_ += kDigits[byte >> 4];
    text_ += kDigits[byte & 15];
  }
  text_ += '"';
}

void ArrayText::AddBytes(absl::string_view bytes) {
  AddBytes(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()),
                               bytes.size()));
}

std::string ArrayText::Take() && {
  text_ += '}';
  return std::move(text_);
}

std::string IntListText(absl::Span<const int64_t> values) {
  return absl::StrCat("{", absl::StrJoin(values, ","), "}");
}

absl::StatusOr<std::vector<int64_t>> ParseIntList(absl::string_view text) {
  absl::string_view inner = text;
  if (!absl::ConsumePrefix(&inner, "{") || !absl::ConsumeSuffix(&inner, "}")) {
    return CorruptText("a list of integers", text);
  }
  std::vector<int64_t> values;
  if (inner.empty()) return values;
  for (const absl::string_view part : absl::StrSplit(inner, ',')) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(part, &value)) {
      return CorruptText("a list of integers", text);
    }
    values.push_back(value);
  }
  return values;
}

namespace {

// Takes an element from the front: in quotes, where a backslash stands before
// what is meant as it is, or plain, up to the next comma. False: cut off.
bool TakeElement(absl::string_view& rest, std::string& element) {
  if (!absl::ConsumePrefix(&rest, "\"")) {
    const size_t end = std::min(rest.find(','), rest.size());
    element = std::string(rest.substr(0, end));
    rest.remove_prefix(end);
    return true;
  }
  element.clear();
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\') rest.remove_prefix(1);
    if (rest.empty()) return false;
    element += rest.front();
    rest.remove_prefix(1);
  }
  return absl::ConsumePrefix(&rest, "\"");
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseTextList(absl::string_view text) {
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, "{") || !absl::ConsumeSuffix(&rest, "}")) {
    return CorruptText("a list of texts", text);
  }
  std::vector<std::string> elements;
  while (!rest.empty()) {
    if (!TakeElement(rest, elements.emplace_back()) ||
        (!rest.empty() && (!absl::ConsumePrefix(&rest, ",") || rest.empty()))) {
      return CorruptText("a list of texts", text);
    }
  }
  return elements;
}

absl::StatusOr<std::string> ParseBytes(absl::string_view text) {
  absl::string_view digits = text;
  if (!absl::ConsumePrefix(&digits, "\\x") || digits.size() % 2 != 0) {
    return CorruptText("bytes", text);
  }
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = HexDigit(digits[i]);
    const int low = HexDigit(digits[i + 1]);
    if (high < 0 || low < 0) return CorruptText("bytes", text);
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace archpool::postgres
