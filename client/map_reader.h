// SPDX-License-Identifier: Apache-2.0
// Reads typed values out of a YAML map and collects every problem instead of
// stopping at the first, so that a person fixes a file in one go.
// Thread-compatible.
#ifndef ARCHPOOL_CLIENT_MAP_READER_H_
#define ARCHPOOL_CLIENT_MAP_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/yaml_tree.h"
#include "common/base/millionths.h"
#include "common/base/range.h"

namespace archpool {

class ProblemList {
 public:
  static constexpr size_t kShownMax = 20;

  // A file made to annoy has no end of them.
  static constexpr size_t kKeptMax = 1000;

  // `message` says what is wrong and what would be right. The same message at
  // the same place is kept once; none is kept after kKeptMax.
  void Add(YamlPosition position, absl::string_view message);
  size_t count() const { return problems_.size(); }
  bool IsFull() const { return problems_.size() >= kKeptMax; }

  // One line for each, in the file's order: "file:line:column: message". After
  // kShownMax of them, how many more there are.
  std::string Describe(absl::string_view file_name) const;

 private:
  std::set<std::pair<YamlPosition, std::string>> problems_;
};

// "an odd integer in [1, 11]"
std::string DescribeIntegers(const Range<int64_t>& range);

// "12.5" as 12'500'000. Nothing: no decimal number, over six decimals, or more
// than 63 bits.
std::optional<int64_t> ParseMillionths(absl::string_view text);
// "128", "-3". Nothing: no integer, or more than 63 bits.
std::optional<int64_t> ParseInteger(absl::string_view text);
// "1h30m", "90s". Nothing: not so, or negative.
std::optional<absl::Duration> ParseTimeSpan(absl::string_view text);

// A text of the file, quoted and shortened for a message.
std::string Quoted(absl::string_view text);
// "; did you mean 'epochs'? " where a word of `known` is near, else "; ".
std::string Suggestion(absl::string_view word,
                       absl::Span<const std::string> known);

class MapReader {
 public:
  // Complains about what is no map, keys twice and keys not in `known_keys`.
  // `name` says where the map is ("space.template.head"; "" for the whole
  // file). A null `node` is an empty map. Both references must outlive the
  // reader.
  MapReader(ProblemList& problems, const YamlNode* node, std::string name,
            std::vector<std::string> known_keys);

  // Null where the key is not there (or the map was none).
  const YamlNode* Find(absl::string_view key) const;
  // The same, and complains then.
  const YamlNode* Require(absl::string_view key);
  // A list that is not empty. Null, after a complaint, where there is none.
  const YamlNode* RequireList(absl::string_view key);

  // Each leaves `value` as it is, after a complaint, where the key is there but
  // does not fit, and without one where it is absent.
  void ReadInteger(absl::string_view key, const Range<int64_t>& range,
                   int64_t& value);
  // A list of at most `count_max`; it may be empty.
  void ReadIntegers(absl::string_view key, const Range<int64_t>& range,
                    int64_t count_max, std::vector<int64_t>& values);
  // A decimal number, as millionths; the range too.
  void ReadMillionths(absl::string_view key, const Range<int64_t>& range,
                      int64_t& value);
  void ReadTimeSpan(absl::string_view key, const Range<absl::Duration>& range,
                    absl::Duration& value);
  void ReadBool(absl::string_view key, bool& value);
  // Not empty.
  void ReadText(absl::string_view key, std::string& value);
  // Complains unless the text is `word`, the only one there is so far.
  void ExpectWord(absl::string_view key, absl::string_view word);

  // "recipe.epochs"
  std::string NameOf(absl::string_view key) const;
  YamlPosition position() const { return position_; }

 private:
  // The scalar at `key`; `expected` says what it should be.
  const YamlNode* FindScalar(absl::string_view key, absl::string_view expected);
  // The same, and not in quotes, which make it a text.
  const YamlNode* FindPlain(absl::string_view key, absl::string_view expected);
  void Complain(const YamlNode& node, absl::string_view key,
                absl::string_view expected);

  ProblemList& problems_;
  const YamlNode* const node_;  // null, or a map
  const std::string name_;
  YamlPosition position_;
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_MAP_READER_H_
