// SPDX-License-Identifier: Apache-2.0
// What editors, web pages and other programs' habits put into YAML: each is
// read as it is meant, or refused at its line and column with what would be
// right.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/task_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kPlain[] = R"(name: traps
dataset:
  format: idx
  train_images: images
  train_labels: labels
  held_out_count: 100
  classes: 10
  validation_count: 50
space:
  dimensions:
    - {name: k, choices: [3, 5]}
  template:
    kind: chain
    stages:
      - blocks:
          - {operation: conv, kernel: $k}
recipe:
  epochs: 3
  learning_rate: 0.25
  horizontal_flip: false
  further_epochs: [2]
budget:
  core_seconds: 600
  time_limit: 1h30m
reward:
  amount: 12.5
)";

std::string Fine(const std::string& /*path*/) { return ""; }

absl::StatusOr<TaskFile> ParsePlain(absl::string_view text) {
  return ParseTaskFile(text, "t.yaml", Fine, Fine);
}

struct Trap {
  const char* old_text;
  const char* new_text;
  const char* place;  // "line:column"
  const char* said;
};

// Goal: no trap passes, or is answered, by accident. Method: the same file with
// one piece of it replaced.
TEST(YamlTrapsTest, EachIsRefusedAtItsPlaceWithWhatIsRight) {
  constexpr char kOtherBase[] = "a leading zero means another base";
  const Trap traps[] = {
      // Tabs.
      {"  epochs: 3", "\tepochs: 3", "18:1", "here is a tab"},
      {"  epochs: 3", "  \tepochs: 3", "18:3", "here is a tab"},
      {"  core_seconds", "\tcore_seconds", "23:1", "here is a tab"},
      {"    - {name: k", "\t- {name: k", "11:1", "here is a tab"},
      // Blanks that are none.
      {"epochs: 3", "epochs:\xc2\xa0\x33", "18:10", "a no-break space"},
      {"amount: 12.5", "amount: 12.5\xc2\xa0", "26:15", "a no-break space"},
      {"  classes", "\xc2\xa0\xc2\xa0\x63lasses", "7:1", "a no-break space"},
      {"classes: 10", "classes: 1\xe2\x80\x8b\x30", "7:13", "zero-width space"},
      {"epochs: 3", "epochs:3", "18:9", "a blank is missing behind"},
      {"amount: 12.5", "amount:12.5", "26:3", "a blank belongs behind"},
      // Numbers as other programs write them.
      {"epochs: 3", "epochs: 1e1", "18:11", "; write 10"},
      {"epochs: 3", "epochs: 3.0", "18:11", "; write 3"},
      {"epochs: 3", "epochs: +3", "18:11", "; write 3"},
      {"0.25", "1e-3", "19:18", "; write 0.001"},
      {"0.25", "2.5E-1", "19:18", "; write 0.25"},
      {"0.25", ".25", "19:18", "; write 0.25"},
      {"0.25", "1.", "19:18", "; write 1"},
      {"0.25", "0.2500000", "19:18", "; write 0.25"},
      {"0.25", "0.00000025", "19:18", "at most six decimals"},
      {"0.25", "25 %", "19:18", "it must be a decimal number"},
      {"0.25", "0,25", "19:18", "it must be a decimal number"},
      {"600", "1e2", "23:17", "; write 100"},
      {"600", "1_000", "23:17", "; write 1000"},
      {"600", "1,000", "23:17", "it must be a decimal number"},
      {"600", "0x10", "23:17", "it must be a decimal number"},
      {"600", "'600'", "23:17", "without quotes"},
      {"600", ".inf", "23:17", "it must be a decimal number"},
      {"600", ".nan", "23:17", "it must be a decimal number"},
      {"12.5", "1e3", "26:11", "; write 1000"},
      // To YAML 1.1 these are octal.
      {"epochs: 3", "epochs: 010", "18:11", kOtherBase},
      {"classes: 10", "classes: 010", "7:12", kOtherBase},
      {"0.25", "010", "19:18", kOtherBase},
      {"0.25", "00.25", "19:18", kOtherBase},
      {"600", "0600", "23:17", kOtherBase},
      {"12.5", "012.5", "26:11", kOtherBase},
      {"[2]", "[02]", "21:20", kOtherBase},
      {"[3, 5]", "[03, 5]", "11:27", "choice '03' of dimension 'k'"},
      {"[2]", "2", "21:19", "a list of at most"},
      // To YAML 1.1 these are truth values, and 1:30 is 90.
      {"false", "no", "20:20", "; write false"},
      {"false", "yes", "20:20", "; write true"},
      {"false", "On", "20:20", "; write true"},
      {"false", "FALSE", "20:20", "; write false"},
      {"false", "1", "20:20", "it must be true or false"},
      {"1h30m", "1:30", "24:15", "a duration such as 90s"},
      {"1h30m", "90", "24:15", "a duration such as 90s"},
      // Nothing.
      {"epochs: 3", "epochs:", "18:3", "is empty"},
      {"epochs: 3", "epochs: ~", "18:3", "is empty"},
      {"epochs: 3", "epochs: null", "18:3", "is empty"},
      // Grammar.
      {"name: traps", "name: a: b", "1:8", "put a text that holds ': '"},
      {"[2]", "[2", "22:7", "lacks its ]"},
  };
  for (const Trap& trap : traps) {
    const std::string text =
        absl::StrReplaceAll(kPlain, {{trap.old_text, trap.new_text}});
    ASSERT_NE(text, kPlain) << trap.old_text;
    const absl::StatusOr<TaskFile> task = ParsePlain(text);
    ASSERT_FALSE(task.ok()) << trap.new_text << " passes";
    EXPECT_THAT(
        std::string(task.status().message()),
        ::testing::AllOf(StartsWith(absl::StrCat("t.yaml:", trap.place, ": ")),
                         HasSubstr(trap.said)))
        << trap.new_text;
  }
}

// Goal: what is harmless changes nothing of what is read.
TEST(YamlTrapsTest, WhatIsHarmlessIsReadAsItIsMeant) {
  const absl::StatusOr<TaskFile> plain = ParsePlain(kPlain);
  ASSERT_TRUE(plain.ok()) << plain.status();
  const std::string text = kPlain;
  for (const std::string& other : {
           absl::StrCat("\xef\xbb\xbf", text),
           absl::StrReplaceAll(text, {{"\n", "\r\n"}}),
           absl::StrCat("\xef\xbb\xbf",
                        absl::StrReplaceAll(text, {{"\n", "\r\n"}})),
           absl::StrReplaceAll(text, {{": 3\n", ":\t3\t# a tab\n"}}),
           absl::StrReplaceAll(text, {{"[3, 5]", "[3,\t5]"}}),
           absl::StrReplaceAll(text, {{": 3\n", ": 3 # \xc2\xa0\n"}}),
           absl::StrReplaceAll(text, {{"12.5", "12.50"}}),
           absl::StrReplaceAll(text, {{"name: traps", "name: 'traps'"}}),
           absl::StrCat("# yaml-language-server: $schema=x.json\n", text),
           text.substr(0, text.size() - 1),
       }) {
    ASSERT_NE(other, text);
    const absl::StatusOr<TaskFile> task = ParsePlain(other);
    ASSERT_TRUE(task.ok()) << task.status() << "\n" << other;
    EXPECT_EQ(task->spec, plain->spec) << other;
    EXPECT_EQ(task->dataset, plain->dataset) << other;
  }
  // A word is a word where words are asked for.
  const absl::StatusOr<TaskFile> named =
      ParsePlain(absl::StrReplaceAll(text, {{"name: traps", "name: yes"}}));
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->spec.name, "yes");
}

}  // namespace
}  // namespace archpool
