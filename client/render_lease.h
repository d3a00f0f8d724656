// SPDX-License-Identifier: Apache-2.0
// Leases and backups as pages for people. Pure functions.
#ifndef ARCHPOOL_CLIENT_RENDER_LEASE_H_
#define ARCHPOOL_CLIENT_RENDER_LEASE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "archpool/v1/task.pb.h"
#include "client/text.h"

namespace archpool {

std::string RenderLeases(const std::vector<v1::Lease>& leases, absl::Time now,
                         const Terminal& terminal);

// Why a backup exists or is wanted: "lease-7 is silent", "lease-7 is slow: 12 %
// to miss its deadline"; "" where none is.
std::string DescribeBackup(const v1::Lease& lease);

// "lease-9 of bob: lease-7 is silent, completed"
std::string RenderBackupLine(const v1::Lease& backup);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_LEASE_H_
