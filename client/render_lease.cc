// SPDX-License-Identifier: Apache-2.0
#include "client/render_lease.h"

#include "absl/strings/str_cat.h"
#include "client/times.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

using Align = Table::Align;

std::string NameOf(int64_t lease_id) {
  return absl::StrCat("lease-", lease_id);
}

bool IsBackup(const v1::Lease& lease) {
  return lease.role() == v1::LEASE_ROLE_BACKUP;
}

Color ColorOf(const v1::Lease& lease) {
  switch (lease.state()) {
    case v1::LEASE_STATE_ACTIVE:
      return Color::kCyan;
    case v1::LEASE_STATE_COMPLETED:
      return Color::kGreen;
    case v1::LEASE_STATE_EXPIRED:
      return Color::kRed;
    default:
      return Color::kNone;
  }
}

std::string DescribeTime(const v1::Lease& lease, absl::Time now) {
  if (lease.state() != v1::LEASE_STATE_ACTIVE) return "";
  const absl::Duration left = ToTime(lease.deadline_time()) - now;
  return left < absl::ZeroDuration() ? absl::StrCat(FormatSpan(-left), " over")
                                     : FormatSpan(left);
}

// "for lease-7: silent" of a backup; "wanted: slow" of a primary.
std::string SummarizeBackup(const v1::Lease& lease) {
  if (lease.backup_reason() == v1::BACKUP_REASON_UNSPECIFIED) return "";
  const std::string whose =
      IsBackup(lease) ? absl::StrCat("for ", NameOf(lease.primary_lease_id()))
                      : "wanted";
  return absl::StrCat(whose, ": ", wire::WordOf(lease.backup_reason()));
}

}  // namespace

std::string RenderLeases(const std::vector<v1::Lease>& leases, absl::Time now,
                         const Terminal& terminal) {
  if (leases.empty()) return "No leases.\n";
  Table table({{"lease", Align::kRight},
               {"task", Align::kRight},
               {"miner"},
               {"role"},
               {"state"},
               {"trials", Align::kRight},
               {"due in", Align::kRight},
               {"backup"}});
  for (const v1::Lease& lease : leases) {
    table.AddRow({absl::StrCat(lease.lease_id()),
                  absl::StrCat(lease.task_id()),
                  lease.account_name(),
                  {wire::WordOf(lease.role()),
                   IsBackup(lease) ? Color::kYellow : Color::kNone},
                  {wire::WordOf(lease.state()), ColorOf(lease)},
                  absl::StrCat(lease.trials(), "/", lease.trials_target()),
                  DescribeTime(lease, now),
                  SummarizeBackup(lease)});
  }
  return table.Render(terminal, 0);
}

std::string DescribeBackup(const v1::Lease& lease) {
  if (lease.backup_reason() == v1::BACKUP_REASON_UNSPECIFIED) return "";
  const int64_t primary_id =
      IsBackup(lease) ? lease.primary_lease_id() : lease.lease_id();
  std::string words = absl::StrCat(NameOf(primary_id), " is ",
                                   wire::WordOf(lease.backup_reason()));
  // For a silent primary nothing is estimated.
  if (lease.backup_reason() != v1::BACKUP_REASON_SILENT) {
    absl::StrAppend(&words, ": ", FormatPercent(lease.miss_ppm()),
                    " to miss its deadline");
  }
  return words;
}

std::string RenderBackupLine(const v1::Lease& backup) {
  return absl::StrCat(
      NameOf(backup.lease_id()), " of ", Clean(backup.account_name()), ", ",
      wire::WordOf(backup.state()), ": ", DescribeBackup(backup));
}

}  // namespace archpool
