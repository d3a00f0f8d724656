#include "client/yaml_tree.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/parser.h"

namespace archpool {
namespace {

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
    Refuse(mark, "aliases (*name) are not accepted; write the value out");
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

// yaml-cpp takes some control characters for the end of its input, so that the
// rest of a file would be dropped without a word.
std::optional<YamlProblem> FindControlCharacter(absl::string_view text) {
  YamlPosition position;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0x7f || (byte < ' ' && c != '\n' && c != '\t' && c != '\r')) {
      return YamlProblem{
          position, absl::StrCat("the control character '",
                                 absl::CHexEscape(absl::string_view(&c, 1)),
                                 "' is not accepted; save the file as "
                                 "UTF-8 text")};
    }
    ++position.column;
    if (c == '\n') position = {.line = position.line + 1, .column = 1};
  }
  return std::nullopt;
}

}  // namespace

std::variant<YamlNode, YamlProblem> ParseYaml(absl::string_view text) {
  if (text.size() > kYamlBytesMax) {
    return YamlProblem{
        {},
        absl::StrCat("the file has ", text.size(), " bytes; at most ",
                     kYamlBytesMax, " are accepted")};
  }
  if (auto problem = FindControlCharacter(text)) return *std::move(problem);
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
    return YamlProblem{ToPosition(error.mark),
                       absl::StrCat("this is no YAML: ", error.msg)};
  } catch (const std::exception& error) {
    return YamlProblem{{}, absl::StrCat("this is no YAML: ", error.what())};
  }
}

}  // namespace archpool
