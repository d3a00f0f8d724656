// SPDX-License-Identifier: Apache-2.0
#include "simulator/state_oracle.h"

#include <algorithm>
#include <initializer_list>

namespace archpool {
namespace {

template <typename State>
bool IsOneOf(State state, std::initializer_list<State> list) {
  return std::find(list.begin(), list.end(), state) != list.end();
}

}  // namespace

bool MayBegin(AccountState state) { return state == AccountState::kActive; }
bool MayBegin(TaskState state) { return state == TaskState::kActive; }
bool MayBegin(SubspaceState state) { return state == SubspaceState::kOpen; }
bool MayBegin(SessionState state) { return state == SessionState::kOpen; }
bool MayBegin(LeaseState state) { return state == LeaseState::kActive; }
bool MayBegin(TrialState state) {
  return IsOneOf(state, {TrialState::kAssigned, TrialState::kAccepted});
}
bool MayBegin(AuditState state) {
  return IsOneOf(state, {AuditState::kAsked, AuditState::kWaiting});
}
bool MayBegin(PayoutState state) { return state == PayoutState::kWaiting; }

bool MayFollow(AccountState, AccountState) { return true; }

bool MayFollow(TaskState from, TaskState to) {
  using S = TaskState;
  switch (from) {
    case S::kActive:
      return IsOneOf(to, {S::kActive, S::kFinishing});
    case S::kFinishing:
      return to != S::kActive;
    case S::kSucceeded:
    case S::kFailed:
    case S::kCancelled:
      return false;
  }
  return false;
}

bool MayFollow(SubspaceState from, SubspaceState to) {
  using S = SubspaceState;
  switch (from) {
    case S::kOpen:
      return true;
    case S::kLeased:  // nobody works in what is done
      return IsOneOf(to, {S::kLeased, S::kOpen});
    case S::kCompleted:  // a trial of it may turn out to be none
      return IsOneOf(to, {S::kCompleted, S::kOpen});
    case S::kPruned:
      return to == S::kPruned;
  }
  return false;
}

bool MayFollow(SessionState from, SessionState) {
  return from == SessionState::kOpen;
}

bool MayFollow(LeaseState from, LeaseState) {
  return from == LeaseState::kActive;
}

bool MayFollow(TrialState from, TrialState to) {
  using S = TrialState;
  switch (from) {
    case S::kAssigned:
      return IsOneOf(to, {S::kAssigned, S::kCommitted, S::kAbandoned});
    case S::kCommitted:  // accepted: it was not drawn
      return IsOneOf(to,
                     {S::kCommitted, S::kUploaded, S::kAccepted, S::kRejected});
    case S::kUploaded:
      return IsOneOf(to, {S::kUploaded, S::kAccepted, S::kRejected});
    case S::kAccepted:  // rejected: its credit was void, or it was examined
      return IsOneOf(to, {S::kAccepted, S::kRejected});
    case S::kRejected:  // its box may be split
      return to == S::kRejected;
    case S::kAbandoned:  // taken up again, or committed anyway
      return IsOneOf(to, {S::kAbandoned, S::kAssigned, S::kCommitted});
  }
  return false;
}

bool MayFollow(AuditState from, AuditState to) {
  using S = AuditState;
  switch (from) {
    case S::kAsked:
      return to != S::kLeased;
    case S::kWaiting:
    case S::kLeased:
      return to != S::kAsked;
    case S::kDone:
      return false;
  }
  return false;
}

bool MayFollow(PayoutState from, PayoutState to) {
  using S = PayoutState;
  switch (from) {
    case S::kWaiting:
      return IsOneOf(to, {S::kWaiting, S::kSending});
    case S::kSending:
      return true;
    case S::kUnknown:  // the rail is asked, and nothing is sent
      return to != S::kSending;
    case S::kSent:  // what the rail has, it has
      return IsOneOf(to, {S::kSent, S::kSettled, S::kRefused});
    case S::kSettled:
    case S::kRefused:
      return false;
  }
  return false;
}

bool IsLegal(const Trial& trial) {
  // Nothing is accepted before it was trained, but what was trained already.
  return trial.known_from.IsSet() == (trial.state == TrialState::kAccepted);
}

bool IsLegal(const Trial& before, const Trial& trial) {
  // Its box was split, it was examined again (and may have come out as it
  // was), or its credit matured.
  if (before.state == trial.state) {
    const bool has_changed = before != trial;
    return (has_changed || trial.state == TrialState::kAccepted) &&
           BasisOf(before) <= BasisOf(trial) &&
           IsMatured(before) <= IsMatured(trial);
  }
  if (before.state != TrialState::kAbandoned) return true;
  // Its account takes up again what it left undone.
  if (trial.state == TrialState::kAssigned) {
    return before.reason != kSuperseded && before.account == trial.account &&
           before.architecture_id == trial.architecture_id &&
           before.rung == trial.rung && before.lease != trial.lease;
  }
  // Somebody was quicker, and it was committed anyway.
  return before.reason == kSuperseded;
}

}  // namespace archpool
