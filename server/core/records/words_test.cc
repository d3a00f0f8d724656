// The words of the records against those that the database takes and those that
// the comments and the enums of the wire name: each is written by hand.
#include "server/core/records/words.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
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

namespace archpool {
namespace {

using ::testing::ElementsAreArray;
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

// The words in the newest CHECK of each constraint whose name ends in _known.
std::map<std::string, Words> WordsInDatabase() {
  std::vector<std::filesystem::path> migrations;
  for (const auto& entry : std::filesystem::directory_iterator("migrations")) {
    if (entry.path().extension() == ".sql") migrations.push_back(entry.path());
  }
  std::sort(migrations.begin(), migrations.end());
  const std::regex comment("--[^\n]*");
  const std::regex begin(R"((ADD|DROP)?\s*CONSTRAINT\s+(\w+_known)\b)");
  const std::regex quoted("'([^']*)'");
  std::map<std::string, Words> words;
  for (const std::filesystem::path& path : migrations) {
    const std::string sql = std::regex_replace(ReadFile(path), comment, "");
    for (std::sregex_iterator next(sql.begin(), sql.end(), begin), end;
         next != end; ++next) {
      const std::string name = (*next)[2];
      words.erase(name);
      if ((*next)[1] == "DROP") continue;
      const auto from = static_cast<size_t>(next->position() + next->length());
      size_t to = sql.find('(', from);
      int depth = 0;
      do {
        depth += sql[to] == '(' ? 1 : sql[to] == ')' ? -1 : 0;
      } while (++to < sql.size() && depth > 0);
      words[name] = AllMatches(sql.substr(from, to - from), quoted);
    }
  }
  return words;
}

// A word that the database refuses is found out when its first row is written,
// by a server that then cannot go on.
TEST(WordsTest, TheDatabaseKnowsTheSameWords) {
  const std::map<std::string, Words> expected = {
      {"account_role_known", WordsOf<Role>()},
      {"account_state_known", WordsOf<AccountState>()},
      {"task_state_known", WordsOf<TaskState>()},
      {"task_end_reason_known", WordsOf<EndReason>()},
      {"task_reward_rule_known", WordsOf<RewardRule>()},
      {"subspace_state_known", WordsOf<SubspaceState>()},
      {"session_state_known", WordsOf<SessionState>()},
      {"lease_state_known", WordsOf<LeaseState>()},
      {"lease_role_known", WordsOf<LeaseRole>()},
      {"lease_backup_reason_known", WordsOf<BackupReason>()},
      {"trial_state_known", WordsOf<TrialState>()},
      {"trial_basis_known", WordsOf<TrialBasis>()},
      {"audit_state_known", WordsOf<AuditState>()},
      {"audit_kind_known", WordsOf<AuditKind>()},
      {"payout_state_known", WordsOf<PayoutState>()},
      {"transfer_kind_known", WordsOf<TransferKind>()},
      {"transfer_places_known", WordsOf<PlaceKind>()},
      {"balance_place_known", WordsOf<PlaceKind>()},
  };
  const std::map<std::string, Words> found = WordsInDatabase();
  for (const auto& [constraint, words] : found) {
    EXPECT_TRUE(expected.contains(constraint))
        << constraint << ": say here whose words these are";
  }
  for (const auto& [constraint, words] : expected) {
    ASSERT_TRUE(found.contains(constraint)) << constraint;
    EXPECT_THAT(found.at(constraint), UnorderedElementsAreArray(words))
        << constraint;
  }
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

// The quoted words in the comment above that field; of "a:b", what stands
// before the colon.
Words WordsInComment(const std::string& file, const std::string& message,
                     const std::string& field) {
  const std::regex quoted("\"([a-z_]+)[^\"]*\"");
  std::string comment;
  for (const std::string& line :
       BlockOf(file, absl::StrCat("message ", message))) {
    const absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
    if (absl::StartsWith(text, "//")) {
      absl::StrAppend(&comment, text, "\n");
    } else if (absl::StrContains(text, absl::StrCat(" ", field, " = "))) {
      return AllMatches(comment, quoted);
    } else {
      comment.clear();
    }
  }
  ADD_FAILURE() << file << ": " << message << " has no " << field;
  return {};
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
      {"lease.proto", "LeaseStatus", "state", WordsOf<LeaseState>()},
      {"lease.proto", "LeaseStatus", "backup_reason",
       WordsAfterNone<BackupReason>()},
      {"ledger.proto", "Balance", "place", WordsOf<PlaceKind>()},
      {"ledger.proto", "Transfer", "kind", WordsOf<TransferKind>()},
      {"payout.proto", "Payout", "state", WordsOf<PayoutState>()},
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

// They are translated by hand, each way.
TEST(WordsTest, EnumsOfTheWireHaveTheSameValues) {
  EXPECT_THAT(ValuesOfProtoEnum("pool.proto", "Role", "ROLE_"),
              ElementsAreArray(WordsOf<Role>()));
  EXPECT_THAT(ValuesOfProtoEnum("pool.proto", "State", "STATE_"),
              ElementsAreArray(WordsOf<AccountState>()));
  EXPECT_THAT(ValuesOfProtoEnum("work.proto", "Role", "ROLE_"),
              ElementsAreArray(WordsOf<LeaseRole>()));
  EXPECT_THAT(ValuesOfProtoEnum("task.proto", "TaskState", "TASK_STATE_"),
              ElementsAreArray(WordsOf<TaskState>()));
  EXPECT_THAT(ValuesOfProtoEnum("task.proto", "TrialState", "TRIAL_STATE_"),
              ElementsAreArray(WordsOf<TrialState>()));
}

}  // namespace
}  // namespace archpool
