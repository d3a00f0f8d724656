// SPDX-License-Identifier: Apache-2.0
// YAML as a tree in which every node knows its line, read by yaml-cpp: the only
// file that includes it, and the one where its exceptions end. What could make
// a small file large or slow (anchors, aliases, deep nesting) is refused. Value
// types; thread-compatible.
#ifndef ARCHPOOL_CLIENT_YAML_TREE_H_
#define ARCHPOOL_CLIENT_YAML_TREE_H_

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

namespace archpool {

// From 1, as editors count.
struct YamlPosition {
  int line = 1;
  int column = 1;
  friend auto operator<=>(const YamlPosition&, const YamlPosition&) = default;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  YamlPosition position;
  std::string text;             // of a scalar
  bool is_quoted = false;       // a scalar in quotes is never a number
  std::vector<YamlNode> keys;   // of a map, in the file's order
  std::vector<YamlNode> items;  // of a list; of a map, beside its keys
};

struct YamlProblem {
  YamlPosition position;
  std::string message;
};

inline constexpr size_t kYamlBytesMax = size_t{1} << 20;
inline constexpr size_t kYamlDepthMax = 16;
inline constexpr size_t kYamlNodesMax = 100'000;

// The node at a path such as "stages[0].blocks[2].repeat", or the last one on
// the way to it that is there.
const YamlNode& FollowPath(const YamlNode& root, absl::string_view path);

// The one document in `text`; an empty one is a kNull node.
std::variant<YamlNode, YamlProblem> ParseYaml(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_YAML_TREE_H_
