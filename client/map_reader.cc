// SPDX-License-Identifier: Apache-2.0
#include "client/map_reader.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace archpool {
namespace {

constexpr size_t kDecimals = 6;
constexpr size_t kQuotedMax = 60;

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

const char* KindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "empty";
    case YamlNode::Kind::kScalar:
      return "a value";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "";
}

std::string DescribeNode(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar ? Quoted(node.text)
                                              : KindName(node.kind);
}

// Levenshtein's: insertions, deletions and replacements.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

bool HasLeadingZero(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  return text.size() > 1 && text[0] == '0' &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[1]));
}

// What is meant by a number as other programs write it, or "": programs differ
// in what they make of it, so it is not taken, but it can be told.
std::string PlainNumber(absl::string_view text) {
  const bool is_number =
      !text.empty() &&
      text.find_first_not_of("0123456789+-.eE_,") == absl::string_view::npos &&
      absl::c_any_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || absl::StrContains(text, ",")) return "";
  const std::string plain = absl::StrReplaceAll(text, {{"_", ""}});
  double value = 0;
  constexpr double kLargest = 1e12;
  if (!absl::SimpleAtod(plain, &value) || std::abs(value) > kLargest) return "";
  constexpr double kMillion = 1e6;
  const auto millionths = static_cast<int64_t>(std::llround(value * kMillion));
  const bool is_exact = std::abs(static_cast<double>(millionths) / kMillion -
                                 value) <= std::abs(value) * 1e-12;
  const std::string written = FormatMillionths(millionths);
  return is_exact && written != text ? written : "";
}

// "; write 0.001": what would be read, where what is written is common
// elsewhere.
std::string Advice(absl::string_view text, absl::string_view expected) {
  if (absl::StartsWith(expected, "true or false")) {
    const std::string lower = absl::AsciiStrToLower(text);
    for (const absl::string_view word : {"yes", "on", "y", "true"}) {
      if (lower == word) return "; write true";
    }
    for (const absl::string_view word : {"no", "off", "n", "false"}) {
      if (lower == word) return "; write false";
    }
    return "";
  }
  const std::string plain = PlainNumber(text);
  if (plain.empty()) return "";
  const bool takes_decimals = absl::StartsWith(expected, "a decimal");
  // Out of range, and well written.
  if (takes_decimals && ParseMillionths(text).has_value() &&
      !HasLeadingZero(text)) {
    return "";
  }
  if (!takes_decimals && (!absl::StrContains(expected, "integer") ||
                          absl::StrContains(plain, "."))) {
    return "";
  }
  return absl::StrCat("; write ", plain,
                      HasLeadingZero(text)
                          ? ": a leading zero means another base to some"
                          : "");
}

}  // namespace

void ProblemList::Add(YamlPosition position, absl::string_view message) {
  if (!IsFull()) problems_.emplace(position, std::string(message));
}

std::string ProblemList::Describe(absl::string_view file_name) const {
  std::vector<std::string> lines;
  for (const auto& [position, message] : problems_) {
    if (lines.size() == kShownMax) {
      lines.push_back(absl::StrCat("and ", problems_.size() - kShownMax,
                                   IsFull() ? " or more" : " more",
                                   " problems"));
      break;
    }
    lines.push_back(absl::StrCat(file_name, ":", position.line, ":",
                                 position.column, ": ", message));
  }
  return absl::StrJoin(lines, "\n");
}

std::string DescribeIntegers(const Range<int64_t>& range) {
  return absl::StrCat(range.is_odd ? "an odd" : "an", " integer in ",
                      ToString(range));
}

std::optional<int64_t> ParseMillionths(absl::string_view text) {
  const bool is_negative = !text.empty() && text.front() == '-';
  if (is_negative) text.remove_prefix(1);
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('.', 1));
  auto [whole, decimals] = parts;
  const bool has_point = whole.size() != text.size();
  if (!IsDigits(whole) || (has_point && !IsDigits(decimals)) ||
      decimals.size() > kDecimals) {
    return std::nullopt;
  }
  std::string digits = absl::StrCat(is_negative ? "-" : "", whole, decimals);
  digits.append(kDecimals - decimals.size(), '0');
  int64_t value = 0;
  if (!absl::SimpleAtoi(digits, &value)) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseInteger(absl::string_view text) {
  // SimpleAtoi also takes spaces and a plus; and 010 is 8 to some, 10 to
  // others.
  const bool is_negative = !text.empty() && text.front() == '-';
  const absl::string_view digits = text.substr(is_negative ? 1 : 0);
  int64_t value = 0;
  if (!IsDigits(digits) || (digits.size() > 1 && digits.front() == '0') ||
      !absl::SimpleAtoi(text, &value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<absl::Duration> ParseTimeSpan(absl::string_view text) {
  // ParseDuration also takes "inf", signs, a bare 0 and fractions.
  if (text.empty() ||
      text.find_first_not_of("0123456789hms") != absl::string_view::npos) {
    return std::nullopt;
  }
  // Nor is a unit named twice, or out of its order, but by mistake.
  std::string units(text);
  std::erase_if(units, [](char c) { return absl::ascii_isdigit(c); });
  if (std::adjacent_find(units.begin(), units.end(), std::greater_equal<>()) !=
      units.end()) {
    return std::nullopt;
  }
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) ||
      duration == absl::InfiniteDuration()) {
    return std::nullopt;
  }
  return duration;
}

std::string Quoted(absl::string_view text) {
  const bool is_long = text.size() > kQuotedMax;
  return absl::StrCat("'", absl::Utf8SafeCHexEscape(text.substr(0, kQuotedMax)),
                      is_long ? "…'" : "'");
}

std::string Suggestion(absl::string_view word,
                       absl::Span<const std::string> known) {
  const std::string* nearest = nullptr;
  size_t nearest_distance = std::max<size_t>(2, word.size() / 3) + 1;
  if (word.size() > kQuotedMax) return "; ";
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    if (distance >= nearest_distance) continue;
    nearest = &candidate;
    nearest_distance = distance;
  }
  if (nearest == nullptr) return "; ";
  return absl::StrCat("; did you mean ", Quoted(*nearest), "? ");
}

MapReader::MapReader(ProblemList& problems, const YamlNode* node,
                     std::string name, std::vector<std::string> known_keys)
    : problems_(problems),
      node_(node != nullptr && node->kind == YamlNode::Kind::kMap ? node
                                                                  : nullptr),
      name_(std::move(name)) {
  if (node == nullptr) return;
  position_ = node->position;
  const std::string path = name_.empty() ? "the file" : name_;
  if (node_ == nullptr) {
    problems_.Add(position_, absl::StrCat(path, " is ", DescribeNode(*node),
                                          "; it must be a map with the keys ",
                                          absl::StrJoin(known_keys, ", "),
                                          absl::StrContains(node->text, ":")
                                              ? "; a blank belongs behind the "
                                                "colon"
                                              : ""));
    return;
  }
  std::set<absl::string_view> seen;
  for (const YamlNode& key : node_->keys) {
    if (problems_.IsFull()) return;
    if (key.kind != YamlNode::Kind::kScalar) {
      problems_.Add(key.position,
                    absl::StrCat("a key of ", path, " is ", DescribeNode(key),
                                 "; keys are words"));
      continue;
    }
    if (std::find(known_keys.begin(), known_keys.end(), key.text) ==
        known_keys.end()) {
      problems_.Add(
          key.position,
          absl::StrCat("unknown key ", Quoted(key.text), " in ", path,
                       Suggestion(key.text, known_keys),
                       "known keys: ", absl::StrJoin(known_keys, ", ")));
    } else if (!seen.insert(key.text).second) {
      problems_.Add(key.position,
                    absl::StrCat("the key ", Quoted(key.text), " is in ", path,
                                 " twice; keep one of the two"));
    }
  }
}

const YamlNode* MapReader::Find(absl::string_view key) const {
  if (node_ == nullptr) return nullptr;
  for (size_t i = 0; i < node_->keys.size(); ++i) {
    if (node_->keys[i].text == key) return &node_->items[i];
  }
  return nullptr;
}

const YamlNode* MapReader::Require(absl::string_view key) {
  const YamlNode* node = Find(key);
  if (node == nullptr && node_ != nullptr) {
    problems_.Add(position_, absl::StrCat(name_.empty() ? "the file" : name_,
                                          " lacks the key '", key,
                                          "', which is required"));
  }
  return node;
}

const YamlNode* MapReader::RequireList(absl::string_view key) {
  const YamlNode* node = Require(key);
  if (node == nullptr) return nullptr;
  if (node->kind == YamlNode::Kind::kList && !node->items.empty()) return node;
  problems_.Add(
      node->position,
      absl::StrCat(
          NameOf(key), " is ",
          node->kind == YamlNode::Kind::kList ? "empty" : DescribeNode(*node),
          "; it must be a list of at least one"));
  return nullptr;
}

void MapReader::ReadIntegers(absl::string_view key, const Range<int64_t>& range,
                             int64_t count_max, std::vector<int64_t>& values) {
  const YamlNode* node = Find(key);
  if (node == nullptr) return;
  if (node->kind != YamlNode::Kind::kList ||
      std::ssize(node->items) > count_max) {
    return Complain(*node, key,
                    absl::StrCat("a list of at most ", count_max, " integers"));
  }
  std::vector<int64_t> read;
  for (const YamlNode& item : node->items) {
    const std::optional<int64_t> parsed = ParseInteger(item.text);
    if (item.kind != YamlNode::Kind::kScalar || item.is_quoted ||
        !parsed.has_value() || !range.Contains(*parsed)) {
      problems_.Add(item.position,
                    absl::StrCat("each of ", NameOf(key), " must be ",
                                 DescribeIntegers(range),
                                 Advice(item.text, DescribeIntegers(range))));
      return;
    }
    read.push_back(*parsed);
  }
  values = std::move(read);
}

void MapReader::ReadInteger(absl::string_view key, const Range<int64_t>& range,
                            int64_t& value) {
  const std::string expected = DescribeIntegers(range);
  const YamlNode* node = FindPlain(key, expected);
  if (node == nullptr) return;
  const std::optional<int64_t> parsed = ParseInteger(node->text);
  if (!parsed.has_value() || !range.Contains(*parsed)) {
    return Complain(*node, key, expected);
  }
  value = *parsed;
}

void MapReader::ReadMillionths(absl::string_view key,
                               const Range<int64_t>& range, int64_t& value) {
  const std::string expected =
      absl::StrCat("a decimal number in [", FormatMillionths(range.min), ", ",
                   FormatMillionths(range.max), "] with at most six decimals");
  const YamlNode* node = FindPlain(key, expected);
  if (node == nullptr) return;
  const std::optional<int64_t> parsed = ParseMillionths(node->text);
  if (!parsed.has_value() || HasLeadingZero(node->text) ||
      !range.Contains(*parsed)) {
    return Complain(*node, key, expected);
  }
  value = *parsed;
}

void MapReader::ReadTimeSpan(absl::string_view key,
                             const Range<absl::Duration>& range,
                             absl::Duration& value) {
  const std::string expected = absl::StrCat(
      "a duration such as 90s, 5m or 1h30m, from ",
      absl::FormatDuration(range.min), " to ", absl::FormatDuration(range.max));
  const YamlNode* node = FindScalar(key, expected);
  if (node == nullptr) return;
  const std::optional<absl::Duration> parsed = ParseTimeSpan(node->text);
  if (!parsed.has_value() || !range.Contains(*parsed)) {
    return Complain(*node, key, expected);
  }
  value = *parsed;
}

void MapReader::ReadBool(absl::string_view key, bool& value) {
  const std::string expected = "true or false";
  const YamlNode* node = FindPlain(key, expected);
  if (node == nullptr) return;
  if (node->text != "true" && node->text != "false") {
    return Complain(*node, key, expected);
  }
  value = node->text == "true";
}

void MapReader::ReadText(absl::string_view key, std::string& value) {
  const std::string expected = "a text that is not empty";
  const YamlNode* node = FindScalar(key, expected);
  if (node == nullptr) return;
  if (node->text.empty()) return Complain(*node, key, expected);
  value = node->text;
}

void MapReader::ExpectWord(absl::string_view key, absl::string_view word) {
  const std::string expected =
      absl::StrCat("'", word, "', the only one so far");
  const YamlNode* node = FindScalar(key, expected);
  if (node != nullptr && node->text != word) Complain(*node, key, expected);
}

std::string MapReader::NameOf(absl::string_view key) const {
  return name_.empty() ? std::string(key) : absl::StrCat(name_, ".", key);
}

const YamlNode* MapReader::FindScalar(absl::string_view key,
                                      absl::string_view expected) {
  const YamlNode* node = Find(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kScalar) return node;
  Complain(*node, key, expected);
  return nullptr;
}

const YamlNode* MapReader::FindPlain(absl::string_view key,
                                     absl::string_view expected) {
  const YamlNode* node = FindScalar(key, expected);
  if (node == nullptr || !node->is_quoted) return node;
  problems_.Add(node->position,
                absl::StrCat(NameOf(key), " is the text ", DescribeNode(*node),
                             "; it must be ", expected, ", without quotes"));
  return nullptr;
}

void MapReader::Complain(const YamlNode& node, absl::string_view key,
                         absl::string_view expected) {
  problems_.Add(
      node.position,
      absl::StrCat(NameOf(key), " is ", DescribeNode(node), "; it must be ",
                   expected, Advice(node.text, expected)));
}

}  // namespace archpool
