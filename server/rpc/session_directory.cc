// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/session_directory.h"

#include <utility>

namespace archpool::rpc {
namespace {
constexpr absl::Duration kSweepInterval = absl::Minutes(1);
constexpr size_t kRefusedPerAccountMax = 16;
}  // namespace

void SessionDirectory::Update(const Session& session, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  ForgetSilent(now);
  if (session.state == SessionState::kClosed) {
    const auto found = sessions_.find(session.id);
    if (found != sessions_.end()) Forget(found);
    return;
  }
  if (names_.insert({session.account, session.worker_name, session.id})
          .second) {
    ++counts_[session.account];
  }
  sessions_.try_emplace(session.id,
                        WorkerRecord{.session = session.id,
                                     .account = session.account,
                                     .worker_name = session.worker_name,
                                     .key = session.key,
                                     .progress = {},
                                     .last_seen = session.create_time,
                                     .idle_reason = "",
                                     .idle_message = ""});
}

void SessionDirectory::Update(const Lease& lease) {
  absl::MutexLock lock(&mutex_);
  if (lease.state == LeaseState::kActive) {
    ActiveLease& active = leases_[lease.id];
    // Only a renewal moves the expiry, and its reply tells the news.
    if (active.expire_time != lease.expire_time) active.has_news = false;
    active.session = lease.session;
    active.task = lease.task;
    active.expire_time = lease.expire_time;
  } else {
    leases_.erase(lease.id);
  }
}

void SessionDirectory::Update(const Task& task) {
  absl::MutexLock lock(&mutex_);
  if (IsEnded(task.state)) {
    clients_.erase(task.id);
  } else {
    clients_[task.id] = task.client;
  }
}

void SessionDirectory::SetNews(LeaseId lease) {
  absl::MutexLock lock(&mutex_);
  const auto found = leases_.find(lease);
  if (found != leases_.end()) found->second.has_news = true;
}

std::optional<OpenWorker> SessionDirectory::Find(SessionId session) const {
  absl::MutexLock lock(&mutex_);
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return std::nullopt;
  return OpenWorker{found->second.account, found->second.key};
}

void SessionDirectory::Note(SessionId session, const WorkerProgress& progress,
                            absl::Time now) {
  absl::MutexLock lock(&mutex_);
  ForgetSilent(now);
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  found->second.progress = progress;
  found->second.last_seen = now;
}

void SessionDirectory::NoteAnswer(SessionId session,
                                  const std::string& idle_reason,
                                  const std::string& idle_message) {
  absl::MutexLock lock(&mutex_);
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  found->second.idle_reason = idle_reason;
  found->second.idle_message = idle_message;
}

void SessionDirectory::NoteRefused(AccountId account, RefusedWorker refused) {
  absl::MutexLock lock(&mutex_);
  std::vector<RefusedWorker>& all = refused_[account];
  std::erase_if(all, [&](const RefusedWorker& one) {
    return one.worker_name == refused.worker_name;
  });
  if (all.size() >= kRefusedPerAccountMax) all.erase(all.begin());
  all.push_back(std::move(refused));
}

std::vector<RefusedWorker> SessionDirectory::RefusedOf(AccountId account,
                                                       absl::Time since) const {
  absl::MutexLock lock(&mutex_);
  std::vector<RefusedWorker> recent;
  const auto found = refused_.find(account);
  if (found == refused_.end()) return recent;
  for (const RefusedWorker& one : found->second) {
    if (one.time >= since) recent.push_back(one);
  }
  return recent;
}

bool SessionDirectory::IsNameInUse(AccountId account,
                                   const std::string& worker_name,
                                   const PublicKey& key,
                                   absl::Time since) const {
  absl::MutexLock lock(&mutex_);
  for (auto name = names_.lower_bound({account, worker_name, SessionId()});
       name != names_.end() && std::get<0>(*name) == account &&
       std::get<1>(*name) == worker_name;
       ++name) {
    const WorkerRecord& record = sessions_.at(std::get<SessionId>(*name));
    if (record.key != key && record.last_seen > since) return true;
  }
  return false;
}

int64_t SessionDirectory::CountOf(AccountId account) const {
  absl::MutexLock lock(&mutex_);
  const auto count = counts_.find(account);
  return count == counts_.end() ? 0 : count->second;
}

absl::Time SessionDirectory::RenewTimeOf(SessionId session, LeaseId lease,
                                         absl::Duration margin) const {
  absl::MutexLock lock(&mutex_);
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.session != session ||
      found->second.has_news) {
    return absl::InfinitePast();
  }
  return found->second.expire_time - margin;
}

std::vector<WorkerRecord> SessionDirectory::All() const {
  absl::MutexLock lock(&mutex_);
  std::vector<WorkerRecord> all;
  all.reserve(sessions_.size());
  for (const auto& [id, record] : sessions_) all.push_back(record);
  return all;
}

std::vector<WorkerRecord> SessionDirectory::Of(AccountId account) const {
  absl::MutexLock lock(&mutex_);
  absl::btree_map<SessionId, WorkerRecord> own;
  for (auto name = names_.lower_bound({account, "", SessionId()});
       name != names_.end() && std::get<AccountId>(*name) == account; ++name) {
    own.insert(*sessions_.find(std::get<SessionId>(*name)));
  }
  std::vector<WorkerRecord> all;
  for (const auto& [id, record] : own) all.push_back(record);
  return all;
}

std::vector<WorkerRecord> SessionDirectory::WorkingFor(AccountId client) const {
  absl::MutexLock lock(&mutex_);
  absl::btree_map<SessionId, WorkerRecord> working;
  absl::btree_set<SessionId> elsewhere;
  for (const auto& [id, lease] : leases_) {
    const auto owner = clients_.find(lease.task);
    if (owner == clients_.end() || owner->second != client) {
      elsewhere.insert(lease.session);
      continue;
    }
    const auto session = sessions_.find(lease.session);
    if (session != sessions_.end()) working.insert(*session);
  }
  for (auto& [id, record] : working) {
    if (!elsewhere.contains(id)) continue;
    // It may be another client's trial.
    record.progress.trial = {};
    record.progress.step = 0;
    record.progress.steps = 0;
  }
  std::vector<WorkerRecord> all;
  for (const auto& [id, record] : working) all.push_back(record);
  return all;
}

SessionDirectory::Sessions::iterator SessionDirectory::Forget(
    Sessions::iterator session) {
  const WorkerRecord& record = session->second;
  names_.erase({record.account, record.worker_name, record.session});
  const auto count = counts_.find(record.account);
  if (--count->second == 0) counts_.erase(count);
  return sessions_.erase(session);
}

void SessionDirectory::ForgetSilent(absl::Time now) {
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweepInterval;
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    if (it->second.last_seen + forget_after_ < now) {
      it = Forget(it);
    } else {
      ++it;
    }
  }
}

}  // namespace archpool::rpc
