// The tables of steps: that they are whole, and that docs/protocol.md says the
// same.
#include "server/core/records/transitions.h"

#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/core/records/words.h"

namespace archpool {
namespace {

constexpr char kDocument[] = "docs/protocol.md";
constexpr char kBegin[] = "## States\n";
constexpr char kEnd[] = "| A rejected trial's reason |";

constexpr char kForeword[] = R"(
A record goes from state to state by the steps below and by no other; it may change
without leaving its state. From "new": there was none before. Steps are caused by a
client, a miner (through a worker), a verifier, an operator, an account (whoever holds
it), the payer (the part of the pool that sends money, by what the rail says), or the
pool, by its rules and its clock.
)";

template <typename State>
std::string WordIn(std::optional<State> state) {
  return state ? absl::StrCat("`", ToString(*state), "`") : "new";
}

template <typename State>
std::string SectionOf(const char* record) {
  std::string text = absl::StrCat("\n### ", record,
                                  "\n\n| From | To | By | Why |\n"
                                  "|---|---|---|---|\n");
  for (const Transition<State>& step : kTransitionsOf<State>) {
    absl::StrAppend(&text, "| ", WordIn(step.from), " | ",
                    WordIn(std::optional(step.to)), " | ", ToString(step.by),
                    " | ", step.why, " |\n");
  }
  return text;
}

std::string Sections() {
  return absl::StrCat(
      kBegin, kForeword, SectionOf<TaskState>("A task"),
      SectionOf<SubspaceState>("A subspace"),
      SectionOf<SessionState>("A session"), SectionOf<LeaseState>("A lease"),
      SectionOf<TrialState>("A trial"), SectionOf<AuditState>("An audit"),
      SectionOf<PayoutState>("A payout"), SectionOf<AccountState>("An account"),
      "\n");
}

// Workers and clients are written from that document. On a difference the text
// that should stand there is printed.
TEST(TransitionsTest, TheProtocolSaysTheSame) {
  std::ostringstream read;
  read
      << std::ifstream(kDocument).rdbuf();  // tests run in the source directory
  const std::string document = read.str();
  const size_t begin = document.find(kBegin);
  const size_t end = document.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const bool is_same = document.substr(begin, end - begin) == Sections();
  EXPECT_TRUE(is_same) << kDocument << " should say:\n" << Sections();
}

// `ended`: the states that nothing leads from.
template <typename State>
void ExpectWhole(const std::set<State>& ended) {
  std::set<std::tuple<std::optional<State>, State, Cause>> steps;
  std::set<State> reached;
  std::set<State> left;
  for (const Transition<State>& step : kTransitionsOf<State>) {
    EXPECT_NE(step.from, step.to);
    EXPECT_TRUE(steps.insert({step.from, step.to, step.by}).second)
        << WordIn(step.from) << " to " << ToString(step.to) << " twice";
    reached.insert(step.to);
    if (step.from) left.insert(*step.from);
  }
  for (size_t i = 0; i < kCountOf<State>; ++i) {
    const auto state = static_cast<State>(i);
    EXPECT_TRUE(reached.contains(state)) << ToString(state);
    EXPECT_NE(left.contains(state), ended.contains(state)) << ToString(state);
    EXPECT_TRUE(MayStep(std::optional(state), state));
  }
}

// A state that nothing leads to, or out of, was forgotten, or is not needed.
TEST(TransitionsTest, EveryStateIsReachedAndLeftUnlessItIsAnEnd) {
  ExpectWhole<AccountState>({});
  ExpectWhole<TaskState>(
      {TaskState::kSucceeded, TaskState::kFailed, TaskState::kCancelled});
  ExpectWhole<SubspaceState>({SubspaceState::kPruned});
  ExpectWhole<SessionState>({SessionState::kClosed});
  ExpectWhole<LeaseState>({LeaseState::kCompleted, LeaseState::kReleased,
                           LeaseState::kExpired, LeaseState::kRevoked});
  ExpectWhole<TrialState>({TrialState::kRejected});
  ExpectWhole<AuditState>({AuditState::kDone});
  ExpectWhole<PayoutState>({PayoutState::kSettled, PayoutState::kRefused});
}

TEST(TransitionsTest, StepsThatAreNoneAreTold) {
  Trial trial{.id = {7}, .state = TrialState::kRejected};
  const Trial rejected = trial;
  CheckStep(&rejected, trial);
  trial.state = TrialState::kAssigned;
  CheckStep<Trial>(nullptr, trial);
  EXPECT_FALSE(
      MayStep<TrialState>(TrialState::kRejected, TrialState::kAccepted));
  EXPECT_FALSE(MayStep<LeaseState>(kNew, LeaseState::kExpired));
}

// The core stops rather than write down what cannot be.
TEST(TransitionsDeathTest, AWrongStepStopsThePool) {
  const Trial before{.id = {7}, .state = TrialState::kRejected};
  const Trial after{.id = {7}, .state = TrialState::kAccepted};
  EXPECT_DEATH(CheckStep(&before, after),
               "trial-7 may not go from rejected to accepted");
  const Lease lease{.id = {3}, .state = LeaseState::kExpired};
  EXPECT_DEATH(CheckStep<Lease>(nullptr, lease),
               "lease-3 may not go from nowhere to expired");
}

}  // namespace
}  // namespace archpool
