// SPDX-License-Identifier: Apache-2.0
#include "client/render_lease.h"

#include "absl/strings/str_cat.h"
#include "client/times.h"

namespace archpool {
namespace {

using Align = Table::Align;

std::string NameOf(int64_t lease_id) {
  return absl::StrCat("lease-", lease_id);
}

Color ColorOf(const v1::LeaseStatus& lease) {
  if (lease.state() == "active") return Color::kCyan;
  if (lease.state() == "completed") return Color::kGreen;
  if (lease.state() == "expired") return Color::kRed;
  return Color::kNone;
}

std::string DescribeTime(const v1::LeaseStatus& lease, absl::Time now) {
  if (lease.state() != "active") return "";
  const absl::Duration left = ToTime(lease.deadline_time()) - now;
  return left < absl::ZeroDuration() ? absl::StrCat(FormatSpan(-left), " over")
                                     : FormatSpan(left);
}

// "for lease-7: silent" of a backup; "wanted: slow" of a primary.
std::string SummarizeBackup(const v1::LeaseStatus& lease) {
  if (lease.backup_reason().empty()) return "";
  const std::string whose =
      lease.role() == "backup"
          ? absl::StrCat("for ", NameOf(lease.primary_lease_id()))
          : "wanted";
  return absl::StrCat(whose, ": ", lease.backup_reason());
}

}  // namespace

std::string RenderLeases(const std::vector<v1::LeaseStatus>& leases,
                         absl::Time now, const Terminal& terminal) {
  if (leases.empty()) return "No leases.\n";
  Table table({{"lease", Align::kRight},
               {"task", Align::kRight},
               {"miner"},
               {"role"},
               {"state"},
               {"trials", Align::kRight},
               {"due in", Align::kRight},
               {"backup"}});
  for (const v1::LeaseStatus& lease : leases) {
    table.AddRow({absl::StrCat(lease.lease_id()),
                  absl::StrCat(lease.task_id()),
                  lease.account_name(),
                  {lease.role(),
                   lease.role() == "backup" ? Color::kYellow : Color::kNone},
                  {lease.state(), ColorOf(lease)},
                  absl::StrCat(lease.trials(), "/", lease.trials_target()),
                  DescribeTime(lease, now),
                  SummarizeBackup(lease)});
  }
  return table.Render(terminal, 0);
}

std::string DescribeBackup(const v1::LeaseStatus& lease) {
  if (lease.backup_reason().empty()) return "";
  const int64_t primary_id =
      lease.role() == "backup" ? lease.primary_lease_id() : lease.lease_id();
  std::string words =
      absl::StrCat(NameOf(primary_id), " is ", lease.backup_reason());
  // For a silent primary nothing is estimated.
  if (lease.backup_reason() != "silent") {
    absl::StrAppend(&words, ": ", FormatPercent(lease.miss_ppm()),
                    " to miss its deadline");
  }
  return words;
}

std::string RenderBackupLine(const v1::LeaseStatus& backup) {
  return absl::StrCat(NameOf(backup.lease_id()), " of ",
                      Clean(backup.account_name()), ", ", Clean(backup.state()),
                      ": ", DescribeBackup(backup));
}

}  // namespace archpool
