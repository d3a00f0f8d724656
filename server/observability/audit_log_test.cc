// SPDX-License-Identifier: Apache-2.0
#include "server/observability/audit_log.h"

#include <gtest/gtest.h>

namespace archpool {
namespace {

TEST(AuditLogTest, SaysWhatAuditsCostAndBought) {
  TaskSummary summary;
  EXPECT_EQ(ReportAudits(summary, 50'000).text, "");
  summary.training_time = absl::Seconds(1000);
  summary.audit_time = absl::Seconds(40);
  summary.shares = {{.detection_ppm = 990'000}, {.detection_ppm = 712'300}};
  const AuditReport report = ReportAudits(summary, 50'000);
  EXPECT_EQ(
      report.text,
      "audits took 4.0 % of the time of what they audited (budget 5.0 %); "
      "a miner that faked every tenth trial was found out with 71.2 % at "
      "least");
  EXPECT_FALSE(report.is_over_budget);
  EXPECT_TRUE(ReportAudits(summary, 30'000).is_over_budget);
}

}  // namespace
}  // namespace archpool
