// SPDX-License-Identifier: Apache-2.0
#include "client/space_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "common/nas/chain_template.h"
#include "common/nas/template_limits.h"

namespace archpool {
namespace {

// SearchSpace::Create has the last word on what the fields of a template may
// hold (common/nas/template_limits.h); here each complaint gets its line.

std::vector<std::string> Words(absl::Span<const char* const> words) {
  return {words.begin(), words.end()};
}

class SpaceReader {
 public:
  explicit SpaceReader(ProblemList& problems) : problems_(problems) {}

  std::optional<SearchSpace> Read(const YamlNode& space) {
    const size_t problems_before = problems_.count();
    MapReader map(problems_, &space, "space", {"dimensions", "template"});
    dimensions_position_ = space.position;
    ReadDimensions(map.RequireList("dimensions"));
    const YamlNode* chain_template = map.Require("template");
    if (chain_template != nullptr) ReadTemplate(*chain_template);
    if (problems_.count() > problems_before || problems_.IsFull()) {
      return std::nullopt;
    }
    for (const NamedDimension& named : dimensions_) {
      if (named.is_referred_to) continue;
      problems_.Add(
          named.position,
          absl::StrCat("dimension ", Quoted(named.dimension.name),
                       " is never used; write $", named.dimension.name,
                       " in a field of the template, or remove it"));
    }
    if (problems_.count() > problems_before) return std::nullopt;
    std::vector<Dimension> dimensions;
    for (NamedDimension& named : dimensions_) {
      dimensions.push_back(std::move(named.dimension));
    }
    absl::StatusOr<SearchSpace> created =
        SearchSpace::Create(std::move(dimensions), std::move(chain_));
    if (!created.ok()) {
      Complain(space, *chain_template, std::string(created.status().message()));
      return std::nullopt;
    }
    return *std::move(created);
  }

 private:
  struct NamedDimension {
    Dimension dimension;
    YamlPosition position;
    std::vector<YamlPosition> choice_positions;
    bool is_referred_to = false;
  };

  // What is wrong with the space as a whole, at the line that it is about where
  // it names one.
  void Complain(const YamlNode& space, const YamlNode& chain_template,
                absl::string_view message) {
    if (!absl::ConsumePrefix(&message, "field ")) {
      problems_.Add(space.position, absl::StrCat("space: ", message));
      return;
    }
    const absl::string_view path = message.substr(0, message.find(' '));
    problems_.Add(FollowPath(chain_template, path).position,
                  absl::StrCat("space.template.", message));
  }

  void ReadDimensions(const YamlNode* list) {
    if (list == nullptr) {
      problems_.Add(dimensions_position_,
                    "a space of a single architecture has a dimension of one "
                    "choice too, such as {name: width, choices: [16]}");
      return;
    }
    if (list->items.size() > SearchSpace::kMaxDimensions) {
      problems_.Add(list->position,
                    absl::StrCat("space.dimensions has ", list->items.size(),
                                 " entries; at most ",
                                 SearchSpace::kMaxDimensions, " are accepted"));
      return;
    }
    for (size_t i = 0; i < list->items.size(); ++i) {
      ReadDimension(list->items[i], absl::StrCat("space.dimensions[", i, "]"));
    }
  }

  void ReadDimension(const YamlNode& node, const std::string& path) {
    MapReader map(problems_, &node, path, {"name", "choices"});
    NamedDimension named;
    named.position = node.position;
    if (map.Require("name") != nullptr) {
      map.ReadText("name", named.dimension.name);
    }
    if (absl::StartsWith(named.dimension.name, "$")) {
      problems_.Add(
          map.Find("name")->position,
          absl::StrCat(map.NameOf("name"), " is ", Quoted(named.dimension.name),
                       "; leave out the $, which only a reference "
                       "has"));
    }
    const YamlNode* choices = map.RequireList("choices");
    if (choices != nullptr) ReadChoices(*choices, map.NameOf("choices"), named);
    if (named.dimension.name.empty()) return;
    if (FindDimension(named.dimension.name) != nullptr) {
      problems_.Add(node.position,
                    absl::StrCat("dimension ", Quoted(named.dimension.name),
                                 " is there twice; rename one of the two"));
      return;
    }
    dimensions_.push_back(std::move(named));
  }

  void ReadChoices(const YamlNode& list, const std::string& path,
                   NamedDimension& named) {
    if (list.items.size() > SearchSpace::kMaxChoices) {
      problems_.Add(
          list.position,
          absl::StrCat(path, " has ", list.items.size(), " entries; at most ",
                       SearchSpace::kMaxChoices, " are accepted"));
      return;
    }
    std::vector<ChoiceValue>& choices = named.dimension.choices;
    for (const YamlNode& item : list.items) {
      if (item.kind != YamlNode::Kind::kScalar || item.text.empty()) {
        problems_.Add(
            item.position,
            absl::StrCat("each of ", path, " must be a number or a word"));
        continue;
      }
      const std::optional<int64_t> number = ParseInteger(item.text);
      ChoiceValue choice = item.text;
      if (number.has_value() && !item.is_quoted) choice = *number;
      if (std::find(choices.begin(), choices.end(), choice) != choices.end()) {
        problems_.Add(item.position,
                      absl::StrCat(path, " has ", Quoted(item.text),
                                   " twice; keep one of the two"));
        continue;
      }
      choices.push_back(std::move(choice));
      named.choice_positions.push_back(item.position);
    }
  }

  void ReadTemplate(const YamlNode& node) {
    MapReader map(problems_, &node, "space.template",
                  {"kind", "variants", "cells", "stem", "stages", "head"});
    map.ExpectWord("kind", "chain");
    AdviseOnDense(map, "kind");
    ReadWords(map);
    MapReader stem(problems_, map.Find("stem"), map.NameOf("stem"),
                   {"width", "kernel", "stride", "activation"});
    ReadInt(stem, "width", limits::kWidth, chain_.stem_width);
    ReadConstant(stem, "kernel", limits::kKernel, chain_.stem_kernel);
    ReadConstant(stem, "stride", limits::kStride, chain_.stem_stride);
    ReadWord(stem, "activation", Words(kWordsOf<Activation>),
             chain_.stem_activation);
    const YamlNode* stages = map.RequireList("stages");
    for (size_t i = 0; stages != nullptr && i < stages->items.size(); ++i) {
      chain_.stages.push_back(ReadStage(
          stages->items[i], absl::StrCat("space.template.stages[", i, "]")));
    }
    MapReader head(problems_, map.Find("head"), map.NameOf("head"),
                   {"width", "activation"});
    ReadInt(head, "width", limits::kHeadWidth, chain_.head_width);
    ReadWord(head, "activation", Words(kWordsOf<Activation>),
             chain_.head_activation);
  }

  // Names first: a variant may be of a cell, an edge's operation a variant.
  void ReadWords(MapReader& map) {
    operations_ = Words(kOperationWords);
    edge_operations_ = operations_;
    edge_operations_.emplace_back(ToString(Operation::kNone));
    const YamlNode* cells =
        map.Find("cells") == nullptr ? nullptr : map.RequireList("cells");
    for (size_t i = 0; cells != nullptr && i < cells->items.size(); ++i) {
      CellTemplate& cell = chain_.cells.emplace_back();
      MapReader one(problems_, &cells->items[i],
                    absl::StrCat(map.NameOf("cells"), "[", i, "]"),
                    {"name", "nodes", "edges"});
      if (one.Require("name") != nullptr) one.ReadText("name", cell.name);
      operations_.push_back(cell.name);
    }
    const YamlNode* variants =
        map.Find("variants") == nullptr ? nullptr : map.RequireList("variants");
    for (size_t i = 0; variants != nullptr && i < variants->items.size(); ++i) {
      ReadVariant(variants->items[i],
                  absl::StrCat(map.NameOf("variants"), "[", i, "]"));
    }
    for (size_t i = 0; cells != nullptr && i < cells->items.size(); ++i) {
      ReadCell(cells->items[i], absl::StrCat(map.NameOf("cells"), "[", i, "]"),
               chain_.cells[i]);
    }
  }

  void ReadVariant(const YamlNode& node, const std::string& path) {
    VariantTemplate variant;
    MapReader map(
        problems_, &node, path,
        {"name", "operation", "kernel", "width", "expansion", "activation"});
    if (map.Require("name") != nullptr) map.ReadText("name", variant.name);
    if (map.Require("operation") != nullptr) {
      variant.operation = ReadOwnWord(map, "operation", operations_);
    }
    const auto read = [&](absl::string_view key, const Range<int64_t>& range,
                          std::optional<int64_t>& field) {
      if (map.Find(key) == nullptr) return;
      field.emplace();
      ReadConstant(map, key, range, *field);
    };
    read("kernel", limits::kKernel, variant.kernel);
    read("width", limits::kWidth, variant.width);
    read("expansion", limits::kExpansion, variant.expansion);
    if (map.Find("activation") != nullptr) {
      variant.activation =
          ReadOwnWord(map, "activation", Words(kWordsOf<Activation>));
    }
    const std::vector<std::string> taken = Words(kOperationWords);
    if (std::find(taken.begin(), taken.end(), variant.name) != taken.end()) {
      problems_.Add(
          map.Find("name")->position,
          absl::StrCat(map.NameOf("name"), " is ", Quoted(variant.name),
                       ", which is an operation already; choose "
                       "another name"));
    }
    variant_words_.push_back(variant.name);
    const bool is_cell = std::any_of(chain_.cells.begin(), chain_.cells.end(),
                                     [&variant](const CellTemplate& cell) {
                                       return cell.name == variant.operation;
                                     });
    if (!is_cell) edge_operations_.push_back(variant.name);
    chain_.variants.push_back(std::move(variant));
  }

  void ReadCell(const YamlNode& node, const std::string& path,
                CellTemplate& cell) {
    MapReader map(problems_, &node, path, {"name", "nodes", "edges"});
    if (map.Require("nodes") != nullptr) {
      ReadConstant(map, "nodes", limits::kCellNodes, cell.nodes);
    }
    const YamlNode* edges = map.RequireList("edges");
    for (size_t i = 0; edges != nullptr && i < edges->items.size(); ++i) {
      MapReader edge_map(problems_, &edges->items[i],
                         absl::StrCat(path, ".edges[", i, "]"),
                         {"from", "to", "operation"});
      CellTemplate::Edge edge;
      constexpr Range<int64_t> kNodes{0, limits::kCellNodes.max - 1};
      for (auto [key, end] :
           {std::pair("from", &edge.from), std::pair("to", &edge.to)}) {
        if (edge_map.Require(key) == nullptr) continue;
        ReadConstant(edge_map, key, kNodes, *end);
      }
      if (edge_map.Require("operation") != nullptr) {
        ReadWord(edge_map, "operation", edge_operations_, edge.operation);
      }
      cell.edges.push_back(std::move(edge));
    }
  }

  // A word that no dimension can fill.
  std::string ReadOwnWord(MapReader& map, absl::string_view key,
                          const std::vector<std::string>& words) {
    std::string word;
    map.ReadText(key, word);
    CheckWord(map, key, words, word);
    return word;
  }

  StageTemplate ReadStage(const YamlNode& node, const std::string& path) {
    StageTemplate stage;
    MapReader map(problems_, &node, path, {"stride", "blocks"});
    ReadConstant(map, "stride", limits::kStride, stage.stride);
    const YamlNode* blocks = map.RequireList("blocks");
    for (size_t i = 0; blocks != nullptr && i < blocks->items.size(); ++i) {
      stage.blocks.push_back(
          ReadBlock(blocks->items[i], absl::StrCat(path, ".blocks[", i, "]")));
    }
    return stage;
  }

  BlockTemplate ReadBlock(const YamlNode& node, const std::string& path) {
    BlockTemplate block;
    MapReader map(
        problems_, &node, path,
        {"operation", "kernel", "width", "expansion", "repeat", "activation"});
    std::vector<std::string> operations = operations_;
    operations.insert(operations.end(), variant_words_.begin(),
                      variant_words_.end());
    ReadWord(map, "operation", operations, block.operation);
    ReadInt(map, "kernel", limits::kKernel, block.kernel);
    ReadInt(map, "width", limits::kWidth, block.width);
    ReadInt(map, "expansion", limits::kExpansion, block.expansion);
    ReadInt(map, "repeat", limits::kRepeat, block.repeat);
    ReadWord(map, "activation", Words(kWordsOf<Activation>), block.activation);
    return block;
  }

  // A field that no dimension can fill.
  void ReadConstant(MapReader& map, absl::string_view key,
                    const Range<int64_t>& range, int64_t& value) {
    const YamlNode* node = map.Find(key);
    if (node != nullptr && absl::StartsWith(node->text, "$")) {
      problems_.Add(node->position,
                    absl::StrCat(map.NameOf(key), " is ", Quoted(node->text),
                                 ", but no dimension can fill it; it must be ",
                                 DescribeIntegers(range)));
      return;
    }
    map.ReadInteger(key, range, value);
  }

  void ReadInt(MapReader& map, absl::string_view key,
               const Range<int64_t>& range, IntField& field) {
    const auto fits = [&](const ChoiceValue& value) {
      const auto* number = std::get_if<int64_t>(&value);
      return number != nullptr && range.Contains(*number);
    };
    if (ReadReference(map, key, DescribeIntegers(range), fits, field)) return;
    if (const std::string hint = DollarHint(map, key); !hint.empty()) {
      problems_.Add(map.Find(key)->position, hint);
      return;
    }
    int64_t value = std::get<int64_t>(field);
    map.ReadInteger(key, range, value);
    field = value;
  }

  void ReadWord(MapReader& map, absl::string_view key,
                const std::vector<std::string>& words, WordField& field) {
    const auto fits = [&](const ChoiceValue& value) {
      const auto* word = std::get_if<std::string>(&value);
      return word != nullptr &&
             std::find(words.begin(), words.end(), *word) != words.end();
    };
    const std::string expected =
        absl::StrCat("one of ", absl::StrJoin(words, ", "));
    if (ReadReference(map, key, expected, fits, field)) return;
    if (const std::string hint = DollarHint(map, key);
        !hint.empty() && std::find(words.begin(), words.end(),
                                   map.Find(key)->text) == words.end()) {
      problems_.Add(map.Find(key)->position, hint);
      return;
    }
    std::string word = std::get<std::string>(field);
    map.ReadText(key, word);
    CheckWord(map, key, words, word);
    field = std::move(word);
  }

  void CheckWord(const MapReader& map, absl::string_view key,
                 const std::vector<std::string>& words,
                 const std::string& word) {
    const YamlNode* node = map.Find(key);
    if (node == nullptr ||
        std::find(words.begin(), words.end(), word) != words.end()) {
      return;
    }
    problems_.Add(node->position,
                  absl::StrCat(map.NameOf(key), " is ", Quoted(word),
                               Suggestion(word, words), "it must be one of ",
                               absl::StrJoin(words, ", ")));
    AdviseOnDense(map, key);
  }

  // A client who looks for fully connected layers is told what comes nearest.
  void AdviseOnDense(const MapReader& map, absl::string_view key) {
    const YamlNode* node = map.Find(key);
    if (node == nullptr) return;
    for (const absl::string_view word :
         {"mlp", "linear", "dense", "fc", "fully_connected"}) {
      if (node->text != word) continue;
      problems_.Add(node->position,
                    "there are no fully connected layers but the head's; a "
                    "conv of kernel 1 behind strides comes nearest, or a "
                    "head.width");
    }
  }

  // What a forgotten $ is answered with, where a dimension has that name.
  std::string DollarHint(const MapReader& map, absl::string_view key) {
    const YamlNode* node = map.Find(key);
    return node != nullptr && FindDimension(node->text) != nullptr
               ? absl::StrCat(map.NameOf(key), " is the name of a dimension; ",
                              "did you mean $", node->text, "?")
               : "";
  }

  // True where the field refers to a dimension, rightly or not.
  template <typename Fits, typename Field>
  bool ReadReference(MapReader& map, absl::string_view key,
                     const std::string& expected, const Fits& fits,
                     Field& field) {
    const YamlNode* node = map.Find(key);
    if (node == nullptr || !absl::StartsWith(node->text, "$")) return false;
    const std::string name = node->text.substr(1);
    NamedDimension* named = FindDimension(name);
    if (named == nullptr) {
      std::vector<std::string> names;
      for (const NamedDimension& known : dimensions_) {
        names.push_back(known.dimension.name);
      }
      problems_.Add(
          node->position,
          absl::StrCat(map.NameOf(key), " refers to ", Quoted(name),
                       ", which is no dimension", Suggestion(name, names),
                       "space.dimensions must list it"));
      return true;
    }
    named->is_referred_to = true;
    for (size_t i = 0; i < named->dimension.choices.size(); ++i) {
      const ChoiceValue& choice = named->dimension.choices[i];
      if (fits(choice)) continue;
      problems_.Add(
          named->choice_positions[i],
          absl::StrCat("choice ", Quoted(ToString(choice)), " of dimension ",
                       Quoted(name), " fills ", map.NameOf(key), " (line ",
                       node->position.line, "), which must be ", expected));
    }
    field = DimensionRef{name};
    return true;
  }

  NamedDimension* FindDimension(absl::string_view name) {
    for (NamedDimension& named : dimensions_) {
      if (named.dimension.name == name) return &named;
    }
    return nullptr;
  }

  ProblemList& problems_;
  YamlPosition dimensions_position_;
  std::vector<NamedDimension> dimensions_;
  ChainTemplate chain_;
  std::vector<std::string> operations_;       // and the cells
  std::vector<std::string> variant_words_;    // of blocks
  std::vector<std::string> edge_operations_;  // and their variants
};

}  // namespace

std::optional<SearchSpace> ReadSpace(ProblemList& problems,
                                     const YamlNode& space) {
  return SpaceReader(problems).Read(space);
}

}  // namespace archpool
