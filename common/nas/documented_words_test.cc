// SPDX-License-Identifier: Apache-2.0
// Where people look up operations, activations and kinds of layers, all of them
// are named.
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/nas/chain_template.h"
#include "common/nas/layer_plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

// On one line, without the marks of comments. Tests run in the root of the
// repository.
std::string FlatText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  static const std::regex kBreak(R"(\s*\n\s*(//|#)?\s*)");
  return std::regex_replace(text.str(), kBreak, " ");
}

TEST(DocumentedWordsTest, TheSearchSpacePageHasARowForEachOperation) {
  const std::string text = FlatText("docs/search-space.md");
  for (const char* word : kOperationWords) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("| `", word, "` |")));
  }
  EXPECT_THAT(text, HasSubstr(absl::StrCat(
                        "| activation | `",
                        absl::StrJoin(kWordsOf<Activation>, "`, `"), "` |")));
}

TEST(DocumentedWordsTest, TheProtocolAndTheExampleNameEachOperation) {
  const std::string operations = absl::StrJoin(kOperationWords, ", ");
  const std::string activations = absl::StrJoin(kWordsOf<Activation>, ", ");
  for (const std::string path : {"proto/archpool/v1/search_space.proto",
                                 "deploy/examples/fashion-mnist.yaml"}) {
    const std::string text = FlatText(path);
    EXPECT_THAT(text, HasSubstr(operations)) << path;
    EXPECT_THAT(text, HasSubstr(absl::StrCat(activations, "."))) << path;
  }
}

// An id is taken over these words: whoever computes one needs them all.
TEST(DocumentedWordsTest, TheIdsAreExplainedWithEachKindOfLayer) {
  EXPECT_THAT(FlatText("docs/search-space.md"),
              HasSubstr(absl::StrCat(
                  "(`", absl::StrJoin(kWordsOf<LayerKind>, "`, `"), "`)")));
}

}  // namespace
}  // namespace archpool
