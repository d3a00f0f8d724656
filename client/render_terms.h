// SPDX-License-Identifier: Apache-2.0
// What a task pays for, and what came of that, in a sentence each.
#ifndef ARCHPOOL_CLIENT_RENDER_TERMS_H_
#define ARCHPOOL_CLIENT_RENDER_TERMS_H_

#include <string>

#include "archpool/v1/task.pb.h"

namespace archpool {

// "to the most accurate network, from 10.91 % on": what earns the finder's
// bonus; "" where the task has none, or the server does not say.
std::string DescribeBonus(const v1::Task& task);

// Why it ended as it did, and what to do, where that is not plain; else "".
std::string DescribeEnd(const v1::Task& task);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_TERMS_H_
