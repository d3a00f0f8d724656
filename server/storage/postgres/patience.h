// SPDX-License-Identifier: Apache-2.0
// For how long the pool's programs wait for their database. Value type.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_PATIENCE_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_PATIENCE_H_

#include <stop_token>

#include "absl/time/time.h"

namespace archpool {

struct Patience {
  // What has had no answer for so long, a statement or a short transaction,
  // fails as where the connection breaks. Less than callers wait, so that they
  // are told why.
  absl::Duration statement_max = absl::Seconds(15);
  // Where it is requested, what is under way has only `stop_grace` more, and
  // what begins afterwards has as much: a program that is to end does not wait
  // for a database that does not answer.
  std::stop_token stop = {};
  absl::Duration stop_grace = absl::Seconds(3);
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_PATIENCE_H_
