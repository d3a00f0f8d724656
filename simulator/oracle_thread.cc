// SPDX-License-Identifier: Apache-2.0
#include "simulator/oracle_thread.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/crypto/canonical.h"

namespace archpool {
namespace {

// What of an event must repeat for a run to count as the same; of the kinds
// that are not named here, that there was one.
template <typename Record>
void Encode(const Record&, CanonicalWriter&) {}
void Encode(const Account& a, CanonicalWriter& to) {
  to.Int(a.id.value).Int(a.trials_accepted).Int(a.trials_rejected);
}
void Encode(const DatasetRecord& d, CanonicalWriter& to) { to.Fixed(d.id); }
void Encode(const Task& t, CanonicalWriter& to) {
  to.Int(t.id.value).Int(static_cast<int64_t>(t.state)).Int(t.refund);
}
void Encode(const SubspaceRecord& s, CanonicalWriter& to) {
  to.Int(s.id.value).Int(static_cast<int64_t>(s.state)).Int(s.attempt);
  to.Int(s.box.size());
}
void Encode(const Session& s, CanonicalWriter& to) { to.Int(s.id.value); }
void Encode(const Lease& l, CanonicalWriter& to) {
  to.Int(l.id.value).Int(static_cast<int64_t>(l.state)).Int(l.attempt);
  to.Int(absl::ToUnixNanos(l.expire_time)).Int(BackupsWanted(l));
}
void Encode(const Trial& t, CanonicalWriter& to) {
  to.Int(t.id.value).Int(static_cast<int64_t>(t.state));
  to.Int(t.commitment ? t.commitment->claimed_correct : -1);
  to.Fixed(t.architecture_id)
      .Int(SettlementOf(t).pay)
      .Int(SettlementOf(t).finders_bonus);
}
void Encode(const Audit& a, CanonicalWriter& to) {
  to.Int(a.id.value).Int(static_cast<int64_t>(a.state));
}
void Encode(const Transfer& t, CanonicalWriter& to) {
  to.Int(t.id.value).Int(t.amount);
}
void Encode(const Balance& b, CanonicalWriter& to) {
  to.Int(b.place.id).Int(b.amount);
}
void Encode(const Payout& p, CanonicalWriter& to) {
  to.Int(p.id.value).Int(static_cast<int64_t>(p.state)).Int(p.amount);
}
void Encode(const Owed& o, CanonicalWriter& to) {
  to.Int(o.account.value).Int(o.position).Int(o.amount);
}
void Encode(const PoolClock& c, CanonicalWriter& to) {
  to.Int(absl::ToUnixNanos(c.time));
}
void Encode(const VerifierRecord& v, CanonicalWriter& to) {
  to.Int(v.key.account.value).Int(v.agreed).Int(v.outvoted);
  to.Int(v.planted_passed).Int(v.planted_failed);
}
void Encode(const Receipt& r, CanonicalWriter& to) {
  to.Int(r.id.value).Bytes(r.content);
}
void Encode(const Ranking& r, CanonicalWriter& to) {
  to.Int(r.task.value).Int(r.verdicts_seen);
  for (const Architecture& one : r.candidates) {
    to.Bytes(absl::string_view(
        reinterpret_cast<const char*>(one.choices.data()), one.choices.size()));
  }
}

constexpr size_t kCommitsAtOnce = 256;
constexpr size_t kWaitingMax = 16;

}  // namespace

OracleThread::OracleThread(int64_t commits_to_full_check)
    : commits_to_full_check_(commits_to_full_check),
      next_full_check_(commits_to_full_check),
      thread_([this] { Run(); }) {}

OracleThread::~OracleThread() {
  {
    const absl::MutexLock lock(&mutex_);
    is_closing_ = true;
  }
  thread_.join();
}

void OracleThread::Take(std::vector<Event> events) {
  gathered_.push_back(std::move(events));
  if (gathered_.size() >= kCommitsAtOnce) HandOver();
}

void OracleThread::HandOver() {
  const absl::MutexLock lock(&mutex_);
  const auto has_room = [this] {
    mutex_.AssertReaderHeld();
    return waiting_.size() < kWaitingMax;
  };
  mutex_.Await(absl::Condition(&has_room));
  waiting_.push_back(std::exchange(gathered_, {}));
}

void OracleThread::WaitUntilIdle() {
  HandOver();
  const absl::MutexLock lock(&mutex_);
  const auto is_idle = [this] {
    mutex_.AssertReaderHeld();
    return waiting_.empty();
  };
  mutex_.Await(absl::Condition(&is_idle));
}

void OracleThread::Run() {
  for (;;) {
    const Commits* commits = nullptr;
    {
      const absl::MutexLock lock(&mutex_);
      const auto has_work = [this] {
        mutex_.AssertReaderHeld();
        return is_closing_ || !waiting_.empty();
      };
      mutex_.Await(absl::Condition(&has_work));
      if (waiting_.empty()) return;
      commits = &waiting_.front();
    }
    for (const std::vector<Event>& events : *commits) Look(events);
    const absl::MutexLock lock(&mutex_);
    waiting_.pop_front();
  }
}

void OracleThread::Look(const std::vector<Event>& events) {
  CanonicalWriter encoding("archpool/simulated-events/v1");
  encoding.Fixed(digest_);
  for (const Event& event : events) {
    encoding.Int(static_cast<int64_t>(event.index()));
    std::visit([&](const auto& record) { Encode(record, encoding); }, event);
  }
  digest_ = Sha256(encoding.encoding());
  Complain(oracle_.Take(events));
  if (++commits_ < next_full_check_) return;
  Complain(oracle_.CheckAll());
  next_full_check_ = commits_ + std::max(commits_to_full_check_, commits_ / 4);
}

void OracleThread::Complain(std::vector<std::string> violations) {
  for (std::string& violation : violations) {
    violations_.push_back(std::move(violation));
  }
}

void OracleThread::CheckAll() {
  WaitUntilIdle();
  Complain(oracle_.CheckAll());
}

PoolSnapshot OracleThread::Snapshot() {
  WaitUntilIdle();
  return oracle_.Snapshot();
}

std::vector<std::string> OracleThread::Violations() {
  WaitUntilIdle();
  return violations_;
}

Digest OracleThread::EventsDigest() {
  WaitUntilIdle();
  return digest_;
}

}  // namespace archpool
