// SPDX-License-Identifier: Apache-2.0
#include "server/observability/audit_log.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace archpool {
namespace {

TEST(AuditLogTest, SaysWhatAuditsCostAndBought) {
  TaskSummary summary;
  EXPECT_FALSE(ReportAudits(summary, 50'000).has_value());
  summary.training_time = absl::Seconds(1000);
  summary.audit_time = absl::Seconds(40);
  summary.shares = {{.detection_ppm = 990'000}, {.detection_ppm = 712'300}};
  const auto report = ReportAudits(summary, 50'000);
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(absl::EndsWith(
      RenderText(LineOf(TaskId{3}, *report)),
      "event=task_audited task_id=3 audits_percent=4 budget_percent=5 "
      "detection_percent=71.2"));
  EXPECT_FALSE(report->is_over_budget);
  const auto dear = ReportAudits(summary, 30'000);
  ASSERT_TRUE(dear.has_value());
  EXPECT_TRUE(dear->is_over_budget);
  EXPECT_EQ(LineOf(TaskId{3}, *dear).level, LogLevel::kWarn);
}

}  // namespace
}  // namespace archpool
