// SPDX-License-Identifier: Apache-2.0
// Records with every field drawn at random, valid under the constraints of the
// schema, and what a store that was given them has to load: a model of its own.
#ifndef ARCHPOOL_TESTS_SUPPORT_RANDOM_RECORDS_H_
#define ARCHPOOL_TESTS_SUPPORT_RANDOM_RECORDS_H_

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/base/words.h"
#include "server/core/records/entities.h"
#include "server/core/records/keys.h"
#include "server/core/records/snapshot.h"

namespace archpool {

// Not thread-safe. Equal seeds give equal records.
class RandomRecords {
 public:
  explicit RandomRecords(uint64_t seed) : rng_(seed, 0) {}

  // About `count` further events: new records and changes of earlier ones.
  std::vector<Event> Next(int count);

  // What a store holds now, by key.
  template <typename Record>
  const RecordMap<Record>& All() const {
    return held_.All<Record>();
  }

  // What TakeOver has to load.
  PoolSnapshot Snapshot() const;

 private:
  void PutAccount();
  void PutDataset();
  void PutTask();
  static SummaryRecord SummaryOf(const Task& task);
  void PutSubspace();
  void PutSession();
  void PutLease();
  void PutTrial();
  Opening RandomOpening();
  void PutAudit();
  void PutTransfer();
  void PutBalance();
  void PutRanking();
  void PutPayout();
  void PutOwed();
  void PutClock();
  void PutReceipt();
  Moments RandomMoments();
  Performance RandomPerformance();
  template <typename Record>
  void Emit(const Record& record) {
    held_.Put(record);
    events_.emplace_back(record);
  }
  bool IsOpen(TaskId task) const;

  int64_t Below(int64_t bound);  // [0, bound)
  bool Coin() { return Below(2) == 0; }
  int64_t Large() { return Below(int64_t{1} << 62); }
  // Any of an enum's, and any but its first.
  template <HasWords Enum>
  Enum Value() {
    return static_cast<Enum>(Below(kCountOf<Enum>));
  }
  template <HasWords Enum>
  Enum ValueAfterFirst() {
    return static_cast<Enum>(1 + Below(kCountOf<Enum> - 1));
  }
  Digest RandomDigest();
  absl::Time RandomTime();
  std::string RandomText();  // quotes, backslashes, braces, Unicode, newlines
  Place RandomPlace();
  template <typename Record>
  const Record& Any();
  template <typename Record>
  int64_t Count() const {
    return std::ssize(All<Record>());
  }
  // A new id of that kind, or an earlier one.
  template <typename Record>
  int64_t NewOrEarlier();

  CounterRng rng_;
  std::vector<Event> events_;
  RecordMaps<Event> held_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_RANDOM_RECORDS_H_
