// SPDX-License-Identifier: Apache-2.0
// The words of the records, and those that the comments and the enums of the
// wire name, which are written by hand. schema_checks_test has those that the
// database takes.
#include "common/base/words.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/records/entities.h"

namespace archpool {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAreArray;

using Words = std::vector<std::string>;

// Tests run in the source directory.
std::string ReadFile(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

template <typename Enum>
Words WordsOf() {
  return {std::begin(kWordsOf<Enum>), std::end(kWordsOf<Enum>)};
}

// Without the first one, where the wire has an empty string.
template <typename Enum>
Words WordsAfterNone() {
  Words words = WordsOf<Enum>();
  EXPECT_EQ(words.front(), "none");
  words.erase(words.begin());
  return words;
}

Words AllMatches(const std::string& text, const std::regex& pattern) {
  Words found;
  for (std::sregex_iterator next(text.begin(), text.end(), pattern), end;
       next != end; ++next) {
    const std::string word = (*next)[1];
    if (std::find(found.begin(), found.end(), word) == found.end()) {
      found.push_back(word);
    }
  }
  return found;
}

template <typename Enum>
void ExpectRoundTrip() {
  for (size_t i = 0; i < kCountOf<Enum>; ++i) {
    const auto value = static_cast<Enum>(i);
    EXPECT_EQ(FindWord<Enum>(ToString(value)), value);
  }
  EXPECT_EQ(FindWord<Enum>(""), std::nullopt);
  EXPECT_EQ(FindWord<Enum>("unheard-of"), std::nullopt);
}

// What is printed is found again, so no enum has a word twice; and the tables
// end where the enums do.
TEST(WordsTest, EveryValueHasAWordOfItsOwn) {
  ExpectRoundTrip<Role>();
  ExpectRoundTrip<AccountState>();
  ExpectRoundTrip<TaskState>();
  ExpectRoundTrip<EndReason>();
  ExpectRoundTrip<SubspaceState>();
  ExpectRoundTrip<SessionState>();
  ExpectRoundTrip<LeaseState>();
  ExpectRoundTrip<LeaseRole>();
  ExpectRoundTrip<BackupReason>();
  ExpectRoundTrip<TrialState>();
  ExpectRoundTrip<TrialBasis>();
  ExpectRoundTrip<AuditState>();
  ExpectRoundTrip<AuditKind>();
  ExpectRoundTrip<LookKind>();
  ExpectRoundTrip<PayoutState>();
  ExpectRoundTrip<RewardRule>();
  ExpectRoundTrip<PlaceKind>();
  ExpectRoundTrip<TransferKind>();
  EXPECT_STREQ(ToString(EndReason::kNothingLearns), "nothing_learns");
  EXPECT_STREQ(ToString(TransferKind::kReturn), "return");
  EXPECT_STREQ(ToString(TrialState::kAbandoned), "abandoned");
}

// The lines of that message or enum, which may lie inside another.
Words BlockOf(const std::string& file, const std::string& head) {
  Words lines;
  std::string end;
  for (absl::string_view line : absl::StrSplit(
           ReadFile(absl::StrCat("proto/archpool/v1/", file)), '\n')) {
    if (end.empty()) {
      if (absl::StripLeadingAsciiWhitespace(line) != absl::StrCat(head, " {")) {
        continue;
      }
      end = std::string(line.substr(0, line.find(head[0]))) + "}";
    } else if (line == end) {
      return lines;
    } else {
      lines.emplace_back(line);
    }
  }
  ADD_FAILURE() << "proto/archpool/v1/" << file << " has no " << head;
  return lines;
}

// The comment above that field.
std::string CommentOf(const std::string& file, const std::string& message,
                      const std::string& field) {
  std::string comment;
  for (const std::string& line :
       BlockOf(file, absl::StrCat("message ", message))) {
    const absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
    if (absl::StartsWith(text, "//")) {
      absl::StrAppend(&comment, text, "\n");
    } else if (absl::StrContains(text, absl::StrCat(" ", field, " = "))) {
      return comment;
    } else {
      comment.clear();
    }
  }
  ADD_FAILURE() << file << ": " << message << " has no " << field;
  return "";
}

// The quoted words in it; of "a:b", what stands before the colon.
Words WordsInComment(const std::string& file, const std::string& message,
                     const std::string& field) {
  return AllMatches(CommentOf(file, message, field),
                    std::regex("\"([a-z_]+)[^\"]*\""));
}

// Clients are written from these comments: a word that is missing there is one
// that they do not expect.
TEST(WordsTest, CommentsOfTheWireNameThemAll) {
  const struct {
    const char* file;
    const char* message;
    const char* field;
    Words words;
  } kLists[] = {
      {"lease.proto", "LeaseStatus", "role", WordsOf<LeaseRole>()},
      {"lease.proto", "LeaseStatus", "backup_reason",
       WordsAfterNone<BackupReason>()},
      {"ledger.proto", "Balance", "place", WordsOf<PlaceKind>()},
      {"ledger.proto", "Transfer", "kind", WordsOf<TransferKind>()},
      {"pool.proto", "GetTermsResponse", "reward_rule", WordsOf<RewardRule>()},
      {"task.proto", "Task", "end_reason", WordsAfterNone<EndReason>()},
      {"task.proto", "Trial", "basis", WordsAfterNone<TrialBasis>()},
  };
  for (const auto& list : kLists) {
    EXPECT_THAT(WordsInComment(list.file, list.message, list.field),
                UnorderedElementsAreArray(list.words))
        << "in the comment of " << list.message << "." << list.field << " in "
        << list.file;
  }
}

// States are named once, with what leads from each to which: transitions_test
// holds that document to the tables of the core.
TEST(WordsTest, CommentsOfStatesLeadToTheProtocol) {
  const struct {
    const char* file;
    const char* message;
    const char* heading;
  } kStates[] = {{"lease.proto", "LeaseStatus", "A lease"},
                 {"payout.proto", "Payout", "A payout"}};
  const std::string protocol = ReadFile("docs/protocol.md");
  for (const auto& one : kStates) {
    EXPECT_THAT(CommentOf(one.file, one.message, "state"),
                HasSubstr(absl::StrCat("The table \"", one.heading,
                                       "\" in docs/protocol.md")));
    EXPECT_THAT(protocol, HasSubstr(absl::StrCat("\n### ", one.heading, "\n")));
  }
}

// Behind the prefix, in lower case; without the unspecified one.
Words ValuesOfProtoEnum(const std::string& file, const std::string& name,
                        const std::string& prefix) {
  Words values;
  for (const std::string& line : BlockOf(file, absl::StrCat("enum ", name))) {
    const absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
    if (!absl::StartsWith(text, prefix)) continue;
    values.push_back(absl::AsciiStrToLower(
        absl::StripPrefix(text.substr(0, text.find(' ')), prefix)));
  }
  EXPECT_EQ(values.empty() ? "" : values.front(), "unspecified") << name;
  if (!values.empty()) values.erase(values.begin());
  return values;
}

// Most are translated by their words, those of leases and accounts by hand.
TEST(WordsTest, EnumsOfTheWireHaveTheSameValues) {
  EXPECT_THAT(ValuesOfProtoEnum("pool.proto", "Role", "ROLE_"),
              UnorderedElementsAreArray(WordsOf<Role>()));
  EXPECT_THAT(ValuesOfProtoEnum("pool.proto", "State", "STATE_"),
              ElementsAreArray(WordsOf<AccountState>()));
  EXPECT_THAT(ValuesOfProtoEnum("work.proto", "Role", "ROLE_"),
              ElementsAreArray(WordsOf<LeaseRole>()));
  EXPECT_THAT(ValuesOfProtoEnum("task.proto", "TaskState", "TASK_STATE_"),
              UnorderedElementsAreArray(WordsOf<TaskState>()));
  EXPECT_THAT(ValuesOfProtoEnum("task.proto", "TrialState", "TRIAL_STATE_"),
              UnorderedElementsAreArray(WordsOf<TrialState>()));
}

}  // namespace
}  // namespace archpool
