// SPDX-License-Identifier: Apache-2.0
#include "server/intake/report_signatures.h"

#include "common/model/commitment.h"
#include "gtest/gtest.h"
#include "tests/support/fake_commitment.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

TrialReport Signed(const SigningKey& key, TrialId trial, LeaseId lease) {
  TrialReport report = FakeReport(trial, 2, 500);
  report.signature = key.Sign(
      CommitmentMessage({.trial = trial,
                         .lease = lease,
                         .attempt = 3,
                         .checkpoint_root = report.checkpoint_root,
                         .weights = report.weights_digest,
                         .weights_size_bytes = report.weights_size_bytes,
                         .validation_correct = report.validation_correct,
                         .diverged_at_step = report.diverged_at_step}));
  return report;
}

ReportTrials SignedBy(const SigningKey& key) {
  ReportTrials command{.caller = AccountId{1}};
  command.lease = LeaseId{7};
  command.attempt = 3;
  for (const int trial : {1, 2}) {
    command.reports.push_back(Signed(key, TrialId{trial}, command.lease));
  }
  return command;
}

TEST(ReportSignaturesTest, TheSessionsKeySignsEachReport) {
  const SigningKey key = SigningKey::Generate();
  const ReportTrials command = SignedBy(key);
  EXPECT_THAT(CheckSignatures(command, key.public_key()), IsOk());
  EXPECT_THAT(CheckSignatures(command, SigningKey::Generate().public_key()),
              FailsWith("SIGNATURE_FALSE"));
}

TEST(ReportSignaturesTest, WhatIsSignedIsTheWholeCommitment) {
  const SigningKey key = SigningKey::Generate();
  ReportTrials other_attempt = SignedBy(key);
  other_attempt.attempt = 4;
  EXPECT_THAT(CheckSignatures(other_attempt, key.public_key()),
              FailsWith("SIGNATURE_FALSE"));
  ReportTrials other_claim = SignedBy(key);
  ++other_claim.reports[1].validation_correct;
  EXPECT_THAT(CheckSignatures(other_claim, key.public_key()),
              FailsWith("SIGNATURE_FALSE"));
}

}  // namespace
}  // namespace archpool
