// SPDX-License-Identifier: Apache-2.0
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

namespace archpool {
namespace {

constexpr char kDocument[] = "docs/protocol.md";
constexpr char kBegin[] = "## States\n";
constexpr char kEnd[] = "| A rejected trial's reason |";

constexpr char kForeword[] = R"(
A record changes its state by the steps below and by no others. It may also change without
leaving its state. Where "From" says "new", there was no such record before. A step is caused
by a client, a miner (through a worker), a verifier, an operator, an account (the people who
hold it), the payer (the part of the pool that sends money, by what the rail says), or the
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

template <typename State>
void ExpectWhole() {
  std::set<std::tuple<std::optional<State>, State, Cause>> steps;
  std::set<State> reached;
  for (const Transition<State>& step : kTransitionsOf<State>) {
    EXPECT_NE(step.from, step.to);
    EXPECT_TRUE(steps.insert({step.from, step.to, step.by}).second)
        << WordIn(step.from) << " to " << ToString(step.to) << " twice";
    reached.insert(step.to);
    EXPECT_FALSE(step.from == kNew && IsEnd(step.to))
        << "is over when it begins: " << ToString(step.to);
  }
  for (size_t i = 0; i < kCountOf<State>; ++i) {
    const auto state = static_cast<State>(i);
    EXPECT_TRUE(reached.contains(state)) << ToString(state);
    EXPECT_TRUE(MayStep(std::optional(state), state));
  }
}

// A state that nothing leads to was forgotten, or is not needed. Which of them
// are ends, state_oracle_test says from tables of its own.
TEST(TransitionsTest, EveryStateIsReached) {
  ExpectWhole<AccountState>();
  ExpectWhole<TaskState>();
  ExpectWhole<SubspaceState>();
  ExpectWhole<SessionState>();
  ExpectWhole<LeaseState>();
  ExpectWhole<TrialState>();
  ExpectWhole<AuditState>();
  ExpectWhole<PayoutState>();
}

// What the core asks of a state follows from the steps.
TEST(TransitionsTest, WhatHasEndedIsLeftByNoStep) {
  EXPECT_FALSE(IsEnded(TaskState::kFinishing));
  EXPECT_TRUE(IsEnded(TaskState::kCancelled));
  EXPECT_FALSE(IsEnded(PayoutState::kUnknown));
  EXPECT_TRUE(IsEnded(PayoutState::kRefused));
  EXPECT_FALSE(IsEnd(SubspaceState::kCompleted));
  EXPECT_TRUE(IsEnd(LeaseState::kRevoked));
}

TEST(TransitionsTest, AVerdictIsAwaitedOfWhatMayBeAccepted) {
  EXPECT_FALSE(IsPending(TrialState::kAssigned));
  EXPECT_TRUE(IsPending(TrialState::kCommitted));
  EXPECT_TRUE(IsPending(TrialState::kUploaded));
  EXPECT_FALSE(IsPending(TrialState::kAccepted));
  EXPECT_FALSE(IsPending(TrialState::kRejected));
  EXPECT_FALSE(IsPending(TrialState::kAbandoned));
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
