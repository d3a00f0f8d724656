// SPDX-License-Identifier: Apache-2.0
// Cells and variants in a task's file; the rest of a space is in
// task_file_test.cc.
#include "client/space_reader.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/task_file.h"
#include "common/data/read_file.h"
#include "common/nas/layer_plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

constexpr char kGood[] = R"(name: small
dataset:
  format: idx
  train_images: images
  train_labels: labels
  held_out_count: 100
  classes: 10
  validation_count: 50
space:
  dimensions:
    - {name: e, choices: [none, skip, pool, avg_pool]}
    - {name: b, choices: [identity, wide, cell]}
  template:
    kind: chain
    variants:
      - {name: wide, operation: conv, kernel: 5, width: 32, activation: silu}
      - {name: pool, operation: max_pool, kernel: 3}
    cells:
      - name: cell
        nodes: 3
        edges:
          - {from: 0, to: 1, operation: conv}
          - {from: 1, to: 2, operation: $e}
          - {from: 0, to: 2, operation: residual}
    stages:
      - blocks:
          - {operation: $b, width: 16}
budget:
  core_seconds: 600
reward:
  amount: 12.5
)";

std::string Exists(const std::string& /*path*/) { return ""; }

absl::StatusOr<TaskFile> Parse(absl::string_view text) {
  return ParseTaskFile(text, "task.yaml", Exists, Exists);
}

TEST(SpaceReaderTest, ReadsCellsAndVariants) {
  const absl::StatusOr<TaskFile> task = Parse(kGood);
  ASSERT_TRUE(task.ok()) << task.status();
  const ChainTemplate& chain = task->spec.space.chain_template();
  EXPECT_EQ(chain.variants,
            (std::vector<VariantTemplate>{
                {.name = "wide",
                 .operation = "conv",
                 .kernel = 5,
                 .width = 32,
                 .activation = "silu"},
                {.name = "pool", .operation = "max_pool", .kernel = 3}}));
  CellTemplate cell{.name = "cell", .nodes = 3};
  cell.edges = {{.from = 0, .to = 1, .operation = "conv"},
                {.from = 1, .to = 2, .operation = DimensionRef{"e"}},
                {.from = 0, .to = 2, .operation = "residual"}};
  EXPECT_EQ(chain.cells, std::vector<CellTemplate>{cell});
}

TEST(SpaceReaderTest, SaysWhereAVariantOrACellIsWrong) {
  const std::vector<std::pair<std::pair<std::string, std::string>, std::string>>
      cases = {
          {{"kernel: 5, width", "kernel: 4, width"},
           "16:47: space.template.variants[0].kernel is '4'; it must be an odd "
           "integer in [1, 11]"},
          {{"operation: max_pool", "operation: maxpool"},
           "17:33: space.template.variants[1].operation is 'maxpool'; did you "
           "mean 'max_pool'?"},
          {{"width: 32", "width: $b"},
           "16:57: space.template.variants[0].width is '$b', but no dimension "
           "can fill it"},
          {{"name: pool", "nom: pool"}, "unknown key 'nom'"},
          {{"name: pool", "name: conv"},
           "space.template.variants[1].name is 'conv', which is an operation"},
          {{"nodes: 3", "nodes: 1"},
           "20:16: space.template.cells[0].nodes is '1'"},
          {{"to: 1,", "to: 9,"},
           "22:27: space.template.cells[0].edges[0].to is '9'"},
          {{"to: 1,", ""},
           "22:13: space.template.cells[0].edges[0] lacks the key 'to'"},
          {{"operation: residual", "operation: cell"},
           "24:41: space.template.cells[0].edges[2].operation is 'cell'"},
          {{"[none, skip", "[nothing, skip"},
           "11:27: choice 'nothing' of dimension 'e' fills "
           "space.template.cells[0].edges[1].operation (line 23), which must "
           "be "
           "one of"},
          {{"wide, cell", "wide, none"}, "choice 'none' of dimension 'b'"},
          // Found when the space is made: the message says which.
          {{"wide, cell", "wide, skip"}, "can be \"cell\""},
      };
  for (const auto& [change, message] : cases) {
    const absl::StatusOr<TaskFile> task =
        Parse(absl::StrReplaceAll(kGood, {{change.first, change.second}}));
    EXPECT_THAT(std::string(task.status().message()), HasSubstr(message));
  }
}

// The two benchmark spaces that can be trained: as many networks as their
// papers' spellings leave. Their images need not be installed here.
TEST(SpaceReaderTest, TheExamplesAreTheBenchmarksSpaces) {
  const std::vector<std::tuple<std::string, int64_t, size_t>> examples = {
      {"nas-bench-201", 15'625, 5'424}, {"nas-bench-macro", 6'561, 3'969}};
  for (const auto& [name, size, networks] : examples) {
    const std::string path = absl::StrCat("deploy/examples/", name, ".yaml");
    const absl::StatusOr<std::string> text = ReadFile(path, 1 << 20);
    ASSERT_TRUE(text.ok()) << text.status();
    const absl::StatusOr<TaskFile> task =
        ParseTaskFile(*text, path, Exists, Exists);
    ASSERT_TRUE(task.ok()) << task.status();
    const SearchSpace& space = task->spec.space;
    EXPECT_EQ(space.size(), size);
    std::set<Digest> ids;
    for (int64_t rank = 0; rank < space.size(); ++rank) {
      const auto plan = MakeLayerPlan(space, space.ArchitectureAt(rank),
                                      {1, 28, 28}, 10, task->spec.limits);
      if (plan.ok()) ids.insert(ArchitectureIdOf(*plan));
    }
    EXPECT_EQ(ids.size(), networks) << name;
  }
}

}  // namespace
}  // namespace archpool
