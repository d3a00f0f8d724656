#include "simulator/pool_host.h"

#include <algorithm>
#include <utility>

#include "common/crypto/canonical.h"
#include "common/crypto/sha256.h"

namespace archpool {
namespace {

// What of an event must repeat for a run to count as the same.
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
  to.Int(absl::ToUnixNanos(l.expire_time)).Int(l.backups_wanted);
}
void Encode(const Trial& t, CanonicalWriter& to) {
  to.Int(t.id.value).Int(static_cast<int64_t>(t.state)).Int(t.claimed_correct);
  to.Fixed(t.architecture_id).Int(t.pay).Int(t.finders_bonus);
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
void Encode(const Ranking& r, CanonicalWriter& to) {
  to.Int(r.task.value).Int(r.basis);
  for (const Architecture& one : r.candidates) {
    to.Bytes(absl::string_view(
        reinterpret_cast<const char*>(one.choices.data()), one.choices.size()));
  }
}

}  // namespace

PoolHost::PoolHost(const Options& options,
                   std::function<void(const Event&)> listener)
    : options_(options),
      listener_(std::move(listener)),
      rng_(options.seed, 1),
      pool_(options.policy, PoolSnapshot()),
      desk_(options.search),
      next_full_audit_(options.commits_to_full_audit) {}

PoolHost::Fault PoolHost::NextFault() {
  ++commands_;
  if (options_.faults_ppm == 0 ||
      static_cast<int64_t>(rng_.Below(1'000'000)) >= options_.faults_ppm) {
    return Fault::kNone;
  }
  return static_cast<Fault>(1 + rng_.Below(4));
}

void PoolHost::Commit() {
  const std::vector<Event> events = pool_.TakeEvents();
  if (events.empty()) return;
  CanonicalWriter encoding("archpool/simulated-events/v1");
  encoding.Fixed(digest_);
  for (const Event& event : events) {
    encoding.Int(static_cast<int64_t>(event.index()));
    std::visit([&](const auto& record) { Encode(record, encoding); }, event);
    listener_(event);
  }
  digest_ = Sha256(encoding.encoding());
  Complain(auditor_.Take(events));
  desk_.Watch(events);
  if (++commits_ < next_full_audit_) return;
  AuditAll();
  next_full_audit_ =
      commits_ + std::max(options_.commits_to_full_audit, commits_ / 4);
}

void PoolHost::Rank() {
  for (const RankCandidates& command : desk_.Rank()) {
    ++commands_;
    (void)pool_.Execute(command, now);
    Commit();
  }
}

void PoolHost::Restart() {
  const PoolSnapshot snapshot = auditor_.Snapshot();
  pool_ = Pool(options_.policy, snapshot, pool_.expiry_hold());
  desk_.Load(snapshot);
}

void PoolHost::Complain(std::vector<std::string> violations) {
  for (std::string& violation : violations) {
    violations_.push_back(std::move(violation));
  }
}

}  // namespace archpool
