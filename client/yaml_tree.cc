// SPDX-License-Identifier: Apache-2.0
#include "client/yaml_tree.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/parser.h"

namespace archpool {
namespace {

constexpr absl::string_view kNoAliases =
    "aliases (*name) are not accepted; write the value out, or put a text that "
    "begins with a star in quotes";

// Ends the parse from inside an event.
class Refusal : public std::exception {
 public:
  explicit Refusal(YamlProblem problem) : problem_(std::move(problem)) {}
  const YamlProblem& problem() const { return problem_; }

 private:
  YamlProblem problem_;
};

YamlPosition ToPosition(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {.line = mark.line + 1, .column = mark.column + 1};
}

class TreeBuilder : public YAML::EventHandler {
 public:
  YamlNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      Refuse(mark, "a second document begins here; write one in a file");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    Emit(MakeNode(YamlNode::Kind::kNull, mark, ""));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    Refuse(mark, kNoAliases);
  }

  void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
    Refuse(mark, "anchors (&name) are not accepted; write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t /*anchor*/, const std::string& value) override {
    YamlNode node = MakeNode(YamlNode::Kind::kScalar, mark, tag);
    node.text = value;
    node.is_quoted = tag == kQuotedTag;
    Emit(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(MakeNode(YamlNode::Kind::kList, mark, tag), mark);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(MakeNode(YamlNode::Kind::kMap, mark, tag), mark);
  }
  void OnMapEnd() override { Close(); }

 private:
  // What yaml-cpp reports for a node without a tag of its own.
  static constexpr char kPlainTag[] = "?";
  static constexpr char kQuotedTag[] = "!";

  struct Frame {
    YamlNode node;
    std::optional<YamlNode> key;  // of a map, while its value is awaited
  };

  [[noreturn]] static void Refuse(const YAML::Mark& mark,
                                  absl::string_view message) {
    throw Refusal({ToPosition(mark), std::string(message)});
  }

  YamlNode MakeNode(YamlNode::Kind kind, const YAML::Mark& mark,
                    const std::string& tag) {
    if (!tag.empty() && tag != kPlainTag && tag != kQuotedTag) {
      Refuse(mark, "tags (!type) are not accepted; leave it out");
    }
    if (++nodes_ > kYamlNodesMax) {
      Refuse(mark, absl::StrCat("the file has over ", kYamlNodesMax,
                                " values, the most accepted"));
    }
    YamlNode node;
    node.kind = kind;
    node.position = ToPosition(mark);
    return node;
  }

  void Open(YamlNode node, const YAML::Mark& mark) {
    if (frames_.size() >= kYamlDepthMax) {
      Refuse(mark, absl::StrCat("lists and maps are nested over ",
                                kYamlDepthMax, " deep, the most accepted"));
    }
    frames_.push_back({.node = std::move(node), .key = std::nullopt});
  }

  void Close() {
    YamlNode node = std::move(frames_.back().node);
    frames_.pop_back();
    Emit(std::move(node));
  }

  void Emit(YamlNode node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == YamlNode::Kind::kMap) {
      if (!frame.key.has_value()) {
        frame.key = std::move(node);
        return;
      }
      // yaml-cpp notices an empty value only at the next token.
      if (node.kind == YamlNode::Kind::kNull) {
        node.position = frame.key->position;
      }
      frame.node.keys.push_back(*std::move(frame.key));
      frame.key.reset();
    }
    frame.node.items.push_back(std::move(node));
  }

  int documents_ = 0;
  size_t nodes_ = 0;
  std::vector<Frame> frames_;
  YamlNode root_;
};

// What web pages and editors put in place of plain characters: it is hard to
// see, and no error of YAML's names it.
struct LookAlike {
  absl::string_view bytes;
  absl::string_view what;
};
constexpr LookAlike kLookAlikes[] = {
    {"\xc2\xa0", "a no-break space (U+00A0); type a space"},
    {"\xc2\xad", "a soft hyphen (U+00AD); remove it"},
    {"\xe2\x80\x8b", "a zero-width space (U+200B); remove it"},
    {"\xe2\x80\x8c", "a zero-width non-joiner (U+200C); remove it"},
    {"\xe2\x80\x8d", "a zero-width joiner (U+200D); remove it"},
    {"\xe2\x80\xaf", "a narrow no-break space (U+202F); type a space"},
    {"\xe2\x81\xa0", "a word joiner (U+2060); remove it"},
    {"\xe3\x80\x80", "an ideographic space (U+3000); type a space"},
    {"\xef\xbb\xbf", "a byte order mark (U+FEFF) within the file; remove it"},
    {"\xe2\x80\x98", "a typographic quote (U+2018); type '"},
    {"\xe2\x80\x99", "a typographic quote (U+2019); type '"},
    {"\xe2\x80\x9c", "a typographic quote (U+201C); type \""},
    {"\xe2\x80\x9d", "a typographic quote (U+201D); type \""},
    {"\xe2\x80\x93", "a dash (U+2013); type -"},
    {"\xe2\x80\x94", "a dash (U+2014); type -"},
    {"\xe2\x88\x92", "a minus sign (U+2212); type -"},
};

// Characters that must not be in a file, outside of its comments. yaml-cpp
// takes some control characters for the end of its input, so that the rest of a
// file would be dropped without a word, and the others for parts of words.
class CharacterCheck {
 public:
  std::optional<YamlProblem> Check(absl::string_view text) {
    // Editors may begin a file with it.
    absl::ConsumePrefix(&text, "\xef\xbb\xbf");
    while (!text.empty()) {
      if (auto problem = Look(text)) return problem;
      Advance(text.front());
      text.remove_prefix(1);
    }
    return std::nullopt;
  }

 private:
  std::optional<YamlProblem> Look(absl::string_view text) const {
    const auto byte = static_cast<unsigned char>(text.front());
    if (text.front() == '\r' && !absl::StartsWith(text, "\r\n") &&
        text.size() > 1) {
      return YamlProblem{position_,
                         "a line ends in a carriage return alone; save the "
                         "file with line feeds"};
    }
    if (byte == 0x7f || (byte < ' ' && text.front() != '\n' &&
                         text.front() != '\t' && text.front() != '\r')) {
      return YamlProblem{position_,
                         absl::StrCat("the control character '",
                                      absl::CHexEscape(text.substr(0, 1)),
                                      "' is not accepted; save the file as "
                                      "UTF-8 text")};
    }
    if (is_comment_) return std::nullopt;
    for (const LookAlike& look_alike : kLookAlikes) {
      if (absl::StartsWith(text, look_alike.bytes)) {
        return YamlProblem{position_,
                           absl::StrCat("here is ", look_alike.what)};
      }
    }
    return std::nullopt;
  }

  void Advance(char c) {
    // A comment begins after a blank or with the line; within quotes the mark
    // is taken for one anyway, and what follows it is not looked at.
    if (c == '#' && is_after_blank_) is_comment_ = true;
    is_after_blank_ = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    const bool is_continuation = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    if (!is_continuation) ++position_.column;
    if (c == '\n') {
      position_ = {.line = position_.line + 1, .column = 1};
      is_comment_ = false;
    }
  }

  YamlPosition position_;
  bool is_comment_ = false;
  bool is_after_blank_ = true;
};

// The line with that number, from 1; "" where there is none.
absl::string_view LineOf(absl::string_view text, int line) {
  for (const absl::string_view one : absl::StrSplit(text, '\n')) {
    if (--line == 0) return absl::StripSuffix(one, "\r");
  }
  return "";
}

// The place of the colon in "key:value", from 0, or npos: without a blank
// behind it, it is a part of a word.
size_t ColonWithoutBlank(absl::string_view line) {
  const size_t begin = line.find_first_not_of(" \t-");
  if (begin == absl::string_view::npos) return begin;
  const size_t end =
      line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789", begin);
  const bool is_one = end != absl::string_view::npos && end > begin &&
                      line[end] == ':' && end + 1 < line.size() &&
                      line[end + 1] != ' ' && line[end + 1] != '\t';
  return is_one ? end : absl::string_view::npos;
}

// What yaml-cpp's message means, to somebody who does not know its grammar.
std::string MeaningOf(absl::string_view message) {
  struct Meaning {
    absl::string_view message;
    absl::string_view meaning;
  };
  constexpr Meaning kMeanings[] = {
      {"illegal map value",
       "indent a key as the keys beside it, and put a text that holds ': ' in "
       "quotes"},
      {"end of map not found",
       "indent this line as those beside it, and close what was opened: quotes "
       "and {"},
      {"end of sequence flow not found",
       "a list that began with [ lacks its ]"},
      {"end of map flow not found", "a map that began with { lacks its }"},
      {"EOF in scalar", "a text that began with a quote lacks its end"},
  };
  for (const Meaning& one : kMeanings) {
    if (absl::StrContains(message, one.message)) {
      return absl::StrCat("; ", one.meaning);
    }
  }
  return "";
}

// yaml-cpp notices some mistakes a line or more behind them, and words none of
// them for a person: the two that editors and haste make are looked for at the
// place and on the line before it.
YamlProblem Explain(absl::string_view text, const YAML::Exception& error) {
  const YamlPosition position = ToPosition(error.mark);
  for (int line = position.line; line > 0 && line >= position.line - 1;
       --line) {
    const absl::string_view written = LineOf(text, line);
    const size_t tab = written.find('\t');
    if (tab != absl::string_view::npos &&
        written.find_first_not_of(" \t") > tab) {
      return {{.line = line, .column = static_cast<int>(tab) + 1},
              "here is a tab; indent with spaces, which YAML asks for"};
    }
    const size_t colon = ColonWithoutBlank(written);
    if (colon != absl::string_view::npos) {
      return {{.line = line, .column = static_cast<int>(colon) + 1},
              "a blank is missing behind this colon; write 'key: value'"};
    }
  }
  return {position,
          absl::StrCat("this is no YAML: ", error.msg, MeaningOf(error.msg))};
}

const YamlNode* ChildOf(const YamlNode& node, absl::string_view key) {
  if (node.kind != YamlNode::Kind::kMap) return nullptr;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    if (node.keys[i].text == key) return &node.items[i];
  }
  return nullptr;
}

}  // namespace

const YamlNode& FollowPath(const YamlNode& root, absl::string_view path) {
  const YamlNode* node = &root;
  for (const absl::string_view step : absl::StrSplit(path, '.')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(step, absl::MaxSplits('[', 1));
    const YamlNode* child = ChildOf(*node, parts.first);
    if (child == nullptr) return *node;
    node = child;
    size_t index = 0;
    if (!absl::SimpleAtoi(absl::StripSuffix(parts.second, "]"), &index)) {
      continue;
    }
    if (node->kind != YamlNode::Kind::kList || index >= node->items.size()) {
      return *node;
    }
    node = &node->items[index];
  }
  return *node;
}

std::variant<YamlNode, YamlProblem> ParseYaml(absl::string_view text) {
  if (text.size() > kYamlBytesMax) {
    return YamlProblem{
        {},
        absl::StrCat("the file has ", text.size(), " bytes; at most ",
                     kYamlBytesMax, " are accepted")};
  }
  if (auto problem = CharacterCheck().Check(text)) return *std::move(problem);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.TakeRoot();
  } catch (const Refusal& refusal) {
    return refusal.problem();
  } catch (const YAML::Exception& error) {
    if (absl::StartsWith(error.msg, YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
      return YamlProblem{ToPosition(error.mark), std::string(kNoAliases)};
    }
    return Explain(text, error);
  } catch (const std::exception& error) {
    return YamlProblem{{}, absl::StrCat("this is no YAML: ", error.what())};
  }
}

}  // namespace archpool
