// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/lease_book.h"

#include <algorithm>
#include <utility>

namespace archpool {

void LeaseBook::Add(wire::WorkLease lease) {
  const absl::MutexLock lock(&mutex_);
  std::vector<wire::WorkAssignment> assignments = std::move(lease.assignments);
  Page* page = PageOf(lease.lease);
  if (page == nullptr) {
    page = &pages_.emplace_back();
    page->may_grow =
        static_cast<int64_t>(assignments.size()) < lease.trials_target;
    lease.assignments.clear();
    page->lease = std::make_shared<const wire::WorkLease>(std::move(lease));
  }
  AddTo(*page, std::move(assignments));
}

void LeaseBook::Append(LeaseId lease,
                       std::vector<wire::WorkAssignment> assignments) {
  const absl::MutexLock lock(&mutex_);
  Page* page = PageOf(lease);
  if (page == nullptr) return;
  page->may_grow = !assignments.empty();
  AddTo(*page, std::move(assignments));
}

void LeaseBook::End(const std::vector<LeaseId>& leases) {
  const absl::MutexLock lock(&mutex_);
  std::erase_if(pages_, [&](const Page& page) {
    return std::find(leases.begin(), leases.end(), page.lease->lease) !=
           leases.end();
  });
}

void LeaseBook::Withdraw(const std::vector<TrialId>& trials) {
  const absl::MutexLock lock(&mutex_);
  for (const TrialId trial : trials) Strike(trial);
}

std::optional<LeaseBook::Order> LeaseBook::Next() const {
  const absl::MutexLock lock(&mutex_);
  for (const Page& page : pages_) {
    if (!page.left.empty()) return Order{page.lease, page.left.front()};
  }
  return std::nullopt;
}

void LeaseBook::Finish(TrialId trial) {
  const absl::MutexLock lock(&mutex_);
  Strike(trial);
}

bool LeaseBook::IsWanted(TrialId trial) const {
  const absl::MutexLock lock(&mutex_);
  return std::any_of(pages_.begin(), pages_.end(), [&](const Page& page) {
    return std::any_of(page.left.begin(), page.left.end(),
                       [&](const auto& left) { return left.trial == trial; });
  });
}

bool LeaseBook::IsRunningOut() const {
  const absl::MutexLock lock(&mutex_);
  size_t left = 0;
  for (const Page& page : pages_) {
    left += page.left.size();
    if (page.may_grow && !page.left.empty()) return false;
  }
  return left <= 1;
}

std::vector<std::shared_ptr<const wire::WorkLease>> LeaseBook::Close() {
  const absl::MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<const wire::WorkLease>> held;
  for (const Page& page : pages_) held.push_back(page.lease);
  pages_.clear();
  return held;
}

std::shared_ptr<const wire::WorkLease> LeaseBook::Find(LeaseId lease) const {
  const absl::MutexLock lock(&mutex_);
  for (const Page& page : pages_) {
    if (page.lease->lease == lease) return page.lease;
  }
  return nullptr;
}

std::vector<LeaseId> LeaseBook::leases() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<LeaseId> leases;
  for (const Page& page : pages_) leases.push_back(page.lease->lease);
  return leases;
}

void LeaseBook::AddTo(Page& page,
                      std::vector<wire::WorkAssignment> assignments) {
  for (wire::WorkAssignment& assignment : assignments) {
    if (page.known.insert(assignment.trial).second) {
      page.left.push_back(std::move(assignment));
    }
  }
}

void LeaseBook::Strike(TrialId trial) {
  for (Page& page : pages_) {
    std::erase_if(page.left,
                  [&](const auto& left) { return left.trial == trial; });
  }
}

LeaseBook::Page* LeaseBook::PageOf(LeaseId lease) {
  for (Page& page : pages_) {
    if (page.lease->lease == lease) return &page;
  }
  return nullptr;
}

}  // namespace archpool
