// SPDX-License-Identifier: Apache-2.0
#include "client/task_file.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kGood[] = R"(name: small
dataset:
  format: idx
  train_images: data/images
  train_labels: /abs/labels
  held_out_count: 100
  classes: 10
  validation_count: 50
space:
  dimensions:
    - name: op
      choices: [conv, skip]
    - name: k
      choices:
        - 3
        - 5
  template:
    kind: chain
    stem: {width: 8, kernel: 3, stride: 1, activation: relu}
    stages:
      - stride: 2
        blocks:
          - operation: $op
            kernel: $k
            width: 16
    head: {width: 0}
recipe:
  epochs: 3
budget:
  core_seconds: 600.25
  time_limit: 1h30m
reward:
  amount: 12.5
)";

std::string Exists(const std::string& /*path*/) { return ""; }

absl::StatusOr<TaskFile> Parse(absl::string_view text) {
  return ParseTaskFile(text, "dir/task.yaml", Exists, Exists);
}

// kGood with one piece of it replaced.
std::string With(absl::string_view old_text, absl::string_view new_text) {
  const std::string text = absl::StrReplaceAll(kGood, {{old_text, new_text}});
  EXPECT_NE(text, kGood) << "nothing to replace: " << old_text;
  return text;
}

TEST(TaskFileTest, ReadsEveryField) {
  const absl::StatusOr<TaskFile> task = Parse(absl::StrCat(
      With("  epochs: 3\n",
           "  {batch_size: 64, epochs: 3, learning_rate: 0.05, momentum: 0.8,\n"
           "   weight_decay: 0.001, label_smoothing: 0.1, warmup: 0.3,\n"
           "   shift_pixels_max: 2, horizontal_flip: true, segments: 8,\n"
           "   further_epochs: [6, 12], promoted_one_in: 4}\n"),
      "  finders_bonus: 0.2\n"
      "limits: {parameters: 1000, macs: 2000}\n"
      "search: {policy: evolution:20:5, halved_macs: 0.002,\n"
      "         halved_parameters: 0.001}\n"
      "partition: {subspaces: 4, trials_per_lease: 3}\n"
      "results_visible_to_miners: after the end\n"));
  ASSERT_TRUE(task.ok()) << task.status();
  const TaskSpec& spec = task->spec;
  EXPECT_EQ(spec.name, "small");
  EXPECT_TRUE(spec.dataset.IsZero());
  const Recipe recipe = {.batch_size = 64,
                         .epochs = 3,
                         .learning_rate_ppm = 50'000,
                         .momentum_ppm = 800'000,
                         .weight_decay_ppm = 1'000,
                         .label_smoothing_ppm = 100'000,
                         .warmup_ppm = 300'000,
                         .shift_pixels_max = 2,
                         .horizontal_flip = true,
                         .segments = 8,
                         .further_epochs = {6, 12},
                         .promoted_one_in = 4};
  EXPECT_EQ(spec.recipe, recipe);
  const Budget budget = {.work_units = 600'250'000,
                         .time_limit = absl::Minutes(90)};
  EXPECT_EQ(spec.budget, budget);
  const RewardTerms terms = {.reward = 12'500'000,
                             .finders_bonus_ppm = 200'000};
  EXPECT_EQ(spec.terms, terms);
  const PlanLimits limits = {.parameters_max = 1000, .macs_max = 2000};
  EXPECT_EQ(spec.limits, limits);
  const SearchTerms search = {.policy = "evolution:20:5",
                              .halved_macs_ppm = 2'000,
                              .halved_parameters_ppm = 1'000};
  EXPECT_EQ(spec.search, search);
  EXPECT_EQ(spec.subspaces, 4);
  EXPECT_EQ(spec.trials_per_lease, 3);
  EXPECT_EQ(spec.results_visible_to_miners, ResultSight::kAfterEnd);
  const DatasetSource dataset = {
      .format = "idx",
      .files = {{"train_images", {"dir/data/images"}},
                {"train_labels", {"/abs/labels"}}},
      .classes = 10,
      .validation_count = 50,
      .held_out_count = 100};
  EXPECT_EQ(task->dataset, dataset);
}

// Whoever mistypes the word hears nothing of another format's keys.
TEST(TaskFileTest, AnUnknownFormatIsTheOnlyProblem) {
  for (const char* keys : {"train_images: data/images\n  train_labels: l",
                           "train_batches: [a, b]"}) {
    const absl::StatusOr<TaskFile> task = Parse(absl::StrReplaceAll(
        kGood,
        {{"format: idx", "format: cifar-10"},
         {"train_images: data/images\n  train_labels: /abs/labels", keys}}));
    ASSERT_FALSE(task.ok());
    EXPECT_THAT(std::string(task.status().message()),
                HasSubstr("task.yaml:3:11: dataset.format is 'cifar-10'; it "
                          "must be 'idx' or '"));
    EXPECT_THAT(std::string(task.status().message()),
                ::testing::Not(HasSubstr("\n")));
  }
}

TEST(TaskFileTest, AKeyMayNameSeveralFiles) {
  const auto with = [](const std::string& batches) {
    return Parse(absl::StrReplaceAll(
        kGood, {{"format: idx", "format: cifar10"},
                {"train_images: data/images\n  train_labels: /abs/labels",
                 absl::StrCat("train_batches: ", batches)}}));
  };
  const absl::StatusOr<TaskFile> task = with("[b, a, /abs/labels]");
  ASSERT_TRUE(task.ok()) << task.status();
  const DatasetPaths files = {
      {"train_batches", {"dir/b", "dir/a", "/abs/labels"}}};
  EXPECT_EQ(task->dataset.files, files);
  EXPECT_THAT(std::string(with("a").status().message()),
              HasSubstr("4:18: dataset.train_batches is 'a'; it must be a list "
                        "of at least one"));
  std::string many = "[a";
  for (int i = 0; i < 16; ++i) many += ", a";
  EXPECT_THAT(std::string(with(many + "]").status().message()),
              HasSubstr("has 17 files; it may have 16"));
}

TEST(TaskFileTest, MakesTheSpace) {
  const absl::StatusOr<TaskFile> task = Parse(kGood);
  ASSERT_TRUE(task.ok()) << task.status();
  const std::vector<Dimension> dimensions = {
      {.name = "op", .choices = {"conv", "skip"}},
      {.name = "k", .choices = {int64_t{3}, int64_t{5}}}};
  EXPECT_EQ(task->spec.space.dimensions(), dimensions);
  ChainTemplate chain;
  chain.stem_width = int64_t{8};
  BlockTemplate block;
  block.operation = DimensionRef{"op"};
  block.kernel = DimensionRef{"k"};
  chain.stages = {{.stride = 2, .blocks = {block}}};
  EXPECT_EQ(task->spec.space.chain_template(), chain);
}

struct BadText {
  std::string text;
  // Of the whole line, after "dir/task.yaml:".
  std::string message;
};

std::vector<BadText> BadScalars() {
  return {
      {With("epochs: 3", "epoch: 3"),
       "28:3: unknown key 'epoch' in recipe; did you mean 'epochs'? known "
       "keys: batch_size, epochs, learning_rate, momentum, weight_decay, "
       "label_smoothing, warmup, shift_pixels_max, horizontal_flip, segments, "
       "further_epochs, promoted_one_in"},
      {With("epochs: 3", "colour: 3"),
       "28:3: unknown key 'colour' in recipe; known keys: "},
      {With("epochs: 3", "epochs: 3\n  epochs: 4"),
       "29:3: the key 'epochs' is in recipe twice; keep one of the two"},
      {With("epochs: 3", "epochs: 0"),
       "28:11: recipe.epochs is '0'; it must be an integer in [1, 1000]"},
      {With("epochs: 3", "further_epochs: 3"),
       "28:19: recipe.further_epochs is '3'; it must be a list of at most 8 "
       "integers"},
      {With("epochs: 3", "further_epochs: [3, 0]"),
       "28:23: each of recipe.further_epochs must be an integer in [1, 1000]"},
      {With("epochs: 3", "promoted_one_in: 1"),
       "28:20: recipe.promoted_one_in is '1'; it must be an integer in [2, "
       "64]"},
      {With("epochs: 3", "epochs: '3'"),
       "28:11: recipe.epochs is the text '3'; it must be an integer in [1, "
       "1000], without quotes"},
      {With("epochs: 3", "further_epochs: [3, \"4\"]"),
       "28:23: each of recipe.further_epochs must be an integer"},
      {With("epochs: 3", "epochs: many"), "28:11: recipe.epochs is 'many'"},
      {With("epochs: 3", "epochs: 1.5"), "28:11: recipe.epochs is '1.5'"},
      {With("epochs: 3", "epochs: [3]"), "28:11: recipe.epochs is a list"},
      {With("epochs: 3", "epochs: {a: 3}"), "28:11: recipe.epochs is a map"},
      {With("epochs: 3", "epochs:"),
       "28:3: recipe.epochs is empty; it must be an integer in [1, 1000]"},
      {With("epochs: 3", "epochs: 9223372036854775808"),
       "28:11: recipe.epochs is '9223372036854775808'; it must be an integer "
       "in [1, 1000]"},
      {With("epochs: 3", "momentum: 1"),
       "28:13: recipe.momentum is '1'; it must be a decimal number in [0, "
       "0.999999] with at most six decimals"},
      {With("epochs: 3", "learning_rate: 0.0000001"), "28:18: "},
      {With("epochs: 3", "horizontal_flip: maybe"),
       "28:20: recipe.horizontal_flip is 'maybe'; it must be true or false"},
      {With("amount: 12.5", "amount: -5"),
       "33:11: reward.amount is '-5'; it must be a decimal number in "
       "[0.000001, 1000000000] with at most six decimals"},
      {With("amount: 12.5", "amount: 1.2345678"), "33:11: reward.amount is"},
      {With("amount: 12.5", "amount: 1000000001"), "33:11: reward.amount is"},
      {With("1h30m", "soon"),
       "31:15: budget.time_limit is 'soon'; it must be a duration such as 90s, "
       "5m or 1h30m, from 1s to "},
      {With("1h30m", "0s"), "31:15: budget.time_limit is '0s'"},
      {With("core_seconds: 600.25", "trials: 5"),
       "30:3: budget lacks the key 'core_seconds', which is required"},
      {With("name: small", "name: ''"), "1:7: name is ''; it must be"},
      {With("name: small", "name: \"a\\nb\""),
       "1:7: name is 'a\\nb' (3 bytes); it must be 1 to 100 printable"},
      {With("name: small", absl::StrCat("name: ", std::string(101, 'x'))),
       "1:7: name is 'xxx"},
      {With("name: small\n", ""),
       "1:1: the file lacks the key 'name', which is required"},
      {With("format: idx", "format: png"),
       "3:11: dataset.format is 'png'; it must be 'idx'"},
      {With("  held_out_count: 100\n", ""), "3:3: dataset has no held-out"},
      {With("held_out_count: 100",
            "held_out_count: 100\n  held_out_images: a\n  held_out_labels: b"),
       "6:19: dataset.held_out_count is given beside held_out_images"},
      {With("held_out_count: 100", "held_out_images: a"),
       "3:3: dataset lacks the key 'held_out_labels', which is required"},
      {With("classes: 10", "classes: 257"),
       "7:12: dataset.classes is '257'; it must be an integer in [2, 256]"},
      {With("reward:", "search: {policy: psychic}\nreward:"),
       "32:18: \"psychic\" is no search policy: say one of model"},
      {With("recipe:\n  epochs: 3", "recipe: fast"),
       "27:9: recipe is 'fast'; it must be a map with the keys batch_size, "},
  };
}

std::vector<BadText> BadSpaces() {
  return {
      {With("[conv, skip]", "[]"),
       "12:16: space.dimensions[0].choices is empty; it must be a list of at "
       "least one"},
      {With("[conv, skip]", "conv"),
       "12:16: space.dimensions[0].choices is 'conv'; it must be a list"},
      {With("[conv, skip]", "[conv, conv]"),
       "12:23: space.dimensions[0].choices has 'conv' twice"},
      {With("[conv, skip]", "[conv, [skip]]"),
       "12:23: each of space.dimensions[0].choices must be a number or a word"},
      {With("[conv, skip]", "[conv, skop]"),
       "12:23: choice 'skop' of dimension 'op' fills "
       "space.template.stages[0].blocks[0].operation (line 23), which must be "
       "one of conv, preact_conv, separable, bottleneck, residual, "
       "max_pool, avg_pool, identity, skip"},
      {With("- 5", "- 4"),
       "16:11: choice '4' of dimension 'k' fills "
       "space.template.stages[0].blocks[0].kernel (line 24), which must be an "
       "odd integer in [1, 11]"},
      {With("- 5", "- '5'"), "16:11: choice '5' of dimension 'k' fills"},
      {With("- 5", "- 99999999999999999999"), "16:11: choice '999"},
      {With("name: k", "name: op"),
       "13:7: dimension 'op' is there twice; rename one of the two"},
      {With("name: k", "name: $k"),
       "13:13: space.dimensions[1].name is '$k'; leave out the $"},
      {With("      choices: [conv, skip]\n", ""),
       "11:7: space.dimensions[0] lacks the key 'choices'"},
      {With("$k", "$kk"),
       "24:21: space.template.stages[0].blocks[0].kernel refers to 'kk', which "
       "is no dimension; did you mean 'k'? space.dimensions must list it"},
      {With("kernel: $k", "kernel: 3"),
       "13:7: dimension 'k' is never used; write $k in a field of the "
       "template, or remove it"},
      {With("kernel: $k", "kernel: 4"),
       "24:21: space.template.stages[0].blocks[0].kernel is '4'; it must be an "
       "odd integer in [1, 11]"},
      {With("operation: $op", "operation: cnov"),
       "23:24: space.template.stages[0].blocks[0].operation is 'cnov'; did you "
       "mean 'conv'? it must be one of conv, "},
      {With("- stride: 2", "- stride: $k"),
       "21:17: space.template.stages[0].stride is '$k', but no dimension can "
       "fill it; it must be an integer in [1, 2]"},
      {With("kind: chain", "kind: cell"),
       "18:11: space.template.kind is 'cell'; it must be 'chain'"},
      {With("width: 16", "width: 16\n            repeat: 0"),
       "26:21: space.template.stages[0].blocks[0].repeat is 0; it must be in"},
      {With("width: 16", "width: k"),
       "25:20: space.template.stages[0].blocks[0].width is the name of a "
       "dimension; did you mean $k?"},
      {With("operation: $op", "operation: linear"),
       "23:24: there are no fully connected layers but the head's"},
      {With("    - name: op\n      choices: [conv, skip]\n    - name: k\n"
            "      choices:\n        - 3\n        - 5\n",
            "    []\n"),
       "10:3: a space of a single architecture has a dimension of one choice"},
      {With("kernel: 3, stride", "kernl: 3, stride"),
       "19:22: unknown key 'kernl' in space.template.stem; did you mean "
       "'kernel'?"},
      // The operation 'skip' alone reads no kernel.
      {With("[conv, skip]", "[skip]"), "10:3: space: no network depends on"},
  };
}

std::vector<BadText> BadYaml() {
  const std::string nested =
      absl::StrCat("a: ", std::string(17, '['), std::string(17, ']'));
  const std::string unclosed = absl::StrCat("a: ", std::string(10'000, '['));
  return {
      {"", "1:1: the file is empty; it must be a map with the keys name, "},
      {"- a", "1:1: the file is a list; it must be a map"},
      {"a: [", ""},
      {"name: small\n\tbad: tab", "2:"},
      {"name: &a small", "1:7: anchors (&name) are not accepted"},
      {"name: *a", "1:7: aliases (*name) are not accepted"},
      {"name: !!str small", "1:7: tags (!type) are not accepted"},
      {"name: a\n---\nname: b", "2:1: a second document begins here"},
      {"name: small\nrecipe: \x04", "2:9: the control character '\\x04'"},
      {"[a]: b", "1:1: a key of the file is a list; keys are words"},
      {nested, "1:19: lists and maps are nested over 16 deep"},
      {unclosed, "1:"},
      {std::string((1 << 20) + 1, ' '), "1:1: the file has 1048577 bytes"},
  };
}

void ExpectRefused(const std::vector<BadText>& bad_texts) {
  for (const BadText& bad : bad_texts) {
    const absl::StatusOr<TaskFile> task = Parse(bad.text);
    SCOPED_TRACE(bad.message);
    ASSERT_FALSE(task.ok());
    EXPECT_EQ(GetReason(task.status()), "TASK_FILE_INVALID");
    const std::string message(task.status().message());
    EXPECT_THAT(message,
                ::testing::ContainsRegex(absl::StrCat("(^|\n)dir/task.yaml:")));
    EXPECT_THAT(message,
                HasSubstr(absl::StrCat("dir/task.yaml:", bad.message)));
  }
}

TEST(TaskFileTest, RefusesBadScalars) { ExpectRefused(BadScalars()); }
TEST(TaskFileTest, RefusesBadSpaces) { ExpectRefused(BadSpaces()); }
TEST(TaskFileTest, RefusesBadYaml) { ExpectRefused(BadYaml()); }

TEST(TaskFileTest, ReportsEveryProblemInOrder) {
  const absl::StatusOr<TaskFile> task =
      Parse(absl::StrReplaceAll(kGood, {{"amount: 12.5", "amount: x"},
                                        {"epochs: 3", "epoch: 3"},
                                        {"classes: 10", "classes: ten"},
                                        {"- 5", "- 4"}}));
  ASSERT_FALSE(task.ok());
  const std::vector<std::string> lines =
      absl::StrSplit(std::string(task.status().message()), '\n');
  ASSERT_EQ(lines.size(), 4u) << task.status();
  EXPECT_THAT(lines[0], StartsWith("dir/task.yaml:7:12: dataset.classes"));
  EXPECT_THAT(lines[1], StartsWith("dir/task.yaml:16:11: choice '4'"));
  EXPECT_THAT(lines[2], StartsWith("dir/task.yaml:28:3: unknown key"));
  EXPECT_THAT(lines[3], StartsWith("dir/task.yaml:33:11: reward.amount"));
}

// Aliases that double seven times over, and a hundred thousand wrong keys: both
// must be refused in no time.
TEST(TaskFileTest, RefusesBombs) {
  std::string laughs = "a: &a [x, x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    absl::StrAppend(&laughs, std::string(1, c), ": &", std::string(1, c), " [*",
                    std::string(1, static_cast<char>(c - 1)), ", *",
                    std::string(1, static_cast<char>(c - 1)), "]\n");
  }
  EXPECT_THAT(std::string(Parse(laughs).status().message()),
              HasSubstr("anchors (&name) are not accepted"));
  std::string keys;
  for (int i = 0; i < 45'000; ++i) absl::StrAppend(&keys, "key", i, ": 1\n");
  EXPECT_THAT(std::string(Parse(keys).status().message()),
              HasSubstr("and 980 or more problems"));
}

// What a web page puts between the lines is named, where it stands.
TEST(TaskFileTest, NamesCharactersThatAreHardToSee) {
  const auto trouble = [](const std::string& with) {
    std::string text = kGood;
    text.insert(text.find("\ndataset:") + 1, with);
    return std::string(Parse(text).status().message());
  };
  const auto at = [](absl::string_view text, size_t column) {
    const std::string good = kGood;
    const auto line = std::count(
        good.begin(),
        good.begin() + static_cast<std::ptrdiff_t>(good.find("\ndataset:")),
        '\n');
    return absl::StrCat("dir/task.yaml:", line + 2, ":", column, ": ", text);
  };
  EXPECT_EQ(trouble("\xc2\xa0"),
            at("here is a no-break space (U+00A0); type a space", 1));
  EXPECT_EQ(trouble("x\xc3\xa4\xe2\x80\x8b"),
            at("here is a zero-width space (U+200B); remove it", 3));
  EXPECT_THAT(trouble("x: \xe2\x80\x9cy\xe2\x80\x9d\n"),
              HasSubstr("a typographic quote (U+201C)"));
  EXPECT_THAT(trouble("\xef\xbb\xbf"), HasSubstr("a byte order mark"));
  EXPECT_THAT(trouble("a: 1\rb: 2\n"), HasSubstr("carriage return alone"));
  EXPECT_EQ(trouble("# \xe2\x80\x9cin a comment\xe2\x80\x9d\xc2\xa0\n"), "");
  EXPECT_TRUE(Parse(absl::StrCat("\xef\xbb\xbf", kGood)).ok());
}

TEST(TaskFileTest, NamesTheMissingFile) {
  const absl::StatusOr<TaskFile> task = ParseTaskFile(
      kGood, "dir/task.yaml",
      [](const std::string& path) {
        return path == "dir/data/images" ? TroubleWith(path) : "";
      },
      Exists);
  EXPECT_EQ(std::string(task.status().message()),
            "dir/task.yaml:4:17: dataset.train_images: there is no file "
            "'dir/data/images'; a path is relative to the task's file");
}

TEST(TaskFileTest, TellsADirectoryFromAMissingFile) {
  EXPECT_THAT(TroubleWith("/"), HasSubstr("is a directory"));
  EXPECT_THAT(TroubleWith("/dev/null"), HasSubstr("is no regular file"));
  EXPECT_EQ(TroubleWith("/proc/self/stat"), "");
  std::string text = kGood;
  const size_t at = text.find("data/images");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 11, "~/images.gz");
  EXPECT_THAT(std::string(Parse(text).status().message()),
              HasSubstr("only a shell understands"));
}

TEST(TaskFileTest, LoadNamesAMissingTaskFile) {
  EXPECT_EQ(GetReason(LoadTaskFile("no/such.yaml").status()), "FILE_NOT_FOUND");
}

// The example that the documentation begins with. Its images need not be
// installed here.
TEST(TaskFileTest, TheExampleIsGoodAndLarge) {
  const std::string path = "deploy/examples/fashion-mnist.yaml";
  const absl::StatusOr<std::string> text = ReadFile(path, 1 << 20);
  ASSERT_TRUE(text.ok()) << text.status();
  const absl::StatusOr<TaskFile> task =
      ParseTaskFile(*text, path, Exists, Exists);
  ASSERT_TRUE(task.ok()) << task.status();
  EXPECT_GE(task->spec.space.size(), 1'000'000);
  EXPECT_EQ(task->dataset.files.at("held_out_images").front(),
            "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz");
}

}  // namespace
}  // namespace archpool
