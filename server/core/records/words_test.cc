// SPDX-License-Identifier: Apache-2.0
// The words of the records, and the enums of the wire, which are written by
// hand. schema_checks_test has those that the
// database takes.
#include "common/base/words.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/model/worker_activity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/records/entities.h"
#include "server/core/records/transitions.h"

namespace archpool {
namespace {

using ::testing::EndsWith;
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
  ExpectRoundTrip<TokenScope>();
  ExpectRoundTrip<TaskState>();
  ExpectRoundTrip<EndReason>();
  ExpectRoundTrip<DueKind>();
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

// The values of that enum, behind their prefix and in lower case, each with the
// comment above it as one line; without the unspecified one.
struct ProtoValue {
  std::string word;
  std::string comment;
};
std::vector<ProtoValue> ValuesOf(const std::string& file,
                                 const std::string& name,
                                 const std::string& prefix) {
  std::vector<ProtoValue> values;
  std::string comment;
  for (const std::string& line : BlockOf(file, absl::StrCat("enum ", name))) {
    absl::string_view text = absl::StripLeadingAsciiWhitespace(line);
    if (absl::ConsumePrefix(&text, "//")) {
      absl::StrAppend(&comment, text);
    } else if (absl::StartsWith(text, prefix)) {
      values.push_back({absl::AsciiStrToLower(absl::StripPrefix(
                            text.substr(0, text.find(' ')), prefix)),
                        std::exchange(comment, "")});
    }
  }
  EXPECT_EQ(values.empty() ? "" : values.front().word, "unspecified") << name;
  if (!values.empty()) values.erase(values.begin());
  return values;
}

struct ProtoEnum {
  const char* file;
  const char* name;
  const char* prefix;
};

void ExpectValues(const ProtoEnum& proto, const Words& words) {
  Words values;
  for (const ProtoValue& value :
       ValuesOf(proto.file, proto.name, proto.prefix)) {
    values.push_back(value.word);
  }
  EXPECT_THAT(values, UnorderedElementsAreArray(words)) << proto.name;
}

constexpr ProtoEnum kAccountState = {"account.proto", "State", "STATE_"};
constexpr ProtoEnum kLeaseState = {"lease.proto", "LeaseState", "LEASE_STATE_"};
constexpr ProtoEnum kPayoutState = {"payout.proto", "PayoutState",
                                    "PAYOUT_STATE_"};
constexpr ProtoEnum kTaskState = {"task.proto", "TaskState", "TASK_STATE_"};
constexpr ProtoEnum kTrialState = {"trial.proto", "TrialState", "TRIAL_STATE_"};

// They are translated by their words (common/wire/words.h).
TEST(WordsTest, EnumsOfTheWireHaveTheSameValues) {
  ExpectValues({"roles.proto", "Role", "ROLE_"}, WordsOf<Role>());
  ExpectValues({"roles.proto", "TokenScope", "TOKEN_SCOPE_"},
               WordsOf<TokenScope>());
  ExpectValues(kAccountState, WordsOf<AccountState>());
  ExpectValues({"lease.proto", "LeaseRole", "LEASE_ROLE_"},
               WordsOf<LeaseRole>());
  ExpectValues(kLeaseState, WordsOf<LeaseState>());
  ExpectValues({"lease.proto", "BackupReason", "BACKUP_REASON_"},
               WordsOf<BackupReason>());
  ExpectValues(kPayoutState, WordsOf<PayoutState>());
  ExpectValues({"ledger.proto", "PlaceKind", "PLACE_KIND_"},
               WordsOf<PlaceKind>());
  ExpectValues({"ledger.proto", "TransferKind", "TRANSFER_KIND_"},
               WordsOf<TransferKind>());
  ExpectValues({"pool.proto", "RewardRule", "REWARD_RULE_"},
               WordsOf<RewardRule>());
  ExpectValues(kTaskState, WordsOf<TaskState>());
  ExpectValues({"task.proto", "EndReason", "END_REASON_"},
               WordsOf<EndReason>());
  ExpectValues(kTrialState, WordsOf<TrialState>());
  ExpectValues({"trial.proto", "TrialBasis", "TRIAL_BASIS_"},
               WordsOf<TrialBasis>());
  // What a server says of a worker, and no worker of itself.
  Words activities = WordsOf<WorkerActivity>();
  activities.emplace_back("silent");
  ExpectValues({"pool.proto", "WorkerActivity", "WORKER_ACTIVITY_"},
               activities);
}

// Clients are written from these comments: "(new, by the miner: acquired)", of
// the steps that lead to the value, in the order of the table.
template <typename State>
void ExpectSteps(const ProtoEnum& proto) {
  for (const ProtoValue& value :
       ValuesOf(proto.file, proto.name, proto.prefix)) {
    std::vector<std::string> steps;
    for (const Transition<State>& step : kTransitionsOf<State>) {
      if (value.word != ToString(step.to)) continue;
      steps.push_back(absl::StrCat(step.from ? ToString(*step.from) : "new",
                                   ", by the ", ToString(step.by), ": ",
                                   step.why));
    }
    EXPECT_THAT(value.comment,
                EndsWith(absl::StrCat(" (", absl::StrJoin(steps, "; "), ")")))
        << "the comment of " << proto.prefix << value.word << " in "
        << proto.file;
  }
}

TEST(WordsTest, CommentsOfStatesNameEveryStepWhoMakesItAndWhy) {
  ExpectSteps<AccountState>(kAccountState);
  ExpectSteps<LeaseState>(kLeaseState);
  ExpectSteps<PayoutState>(kPayoutState);
  ExpectSteps<TaskState>(kTaskState);
  ExpectSteps<TrialState>(kTrialState);
}

}  // namespace
}  // namespace archpool
