// SPDX-License-Identifier: Apache-2.0
// The steps of each kind of record's states: one table an enum of states.
// PoolState::Put refuses every other step, and the states in docs/protocol.md
// are these tables, as transitions_test holds. Constants; thread-safe.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_TRANSITIONS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_TRANSITIONS_H_

#include "server/core/records/entities.h"
#include "server/core/records/transition.h"

namespace archpool {

template <>
inline constexpr Transition<AccountState> kTransitionsOf<AccountState>[] = {
    {kNew, AccountState::kActive, Cause::kOperator, "created"},
    {kNew, AccountState::kActive, Cause::kHolder, "joined by an invitation"},
    {AccountState::kActive, AccountState::kSuspended, Cause::kOperator,
     "suspended"},
    {AccountState::kActive, AccountState::kSuspended, Cause::kPool,
     "too many rejected trials in a row"},
    {AccountState::kSuspended, AccountState::kActive, Cause::kOperator,
     "reinstated"},
};

template <>
inline constexpr Transition<TaskState> kTransitionsOf<TaskState>[] = {
    {kNew, TaskState::kActive, Cause::kClient, "submitted"},
    {TaskState::kActive, TaskState::kFinishing, Cause::kClient, "cancelled"},
    {TaskState::kActive, TaskState::kFinishing, Cause::kOperator, "cancelled"},
    {TaskState::kActive, TaskState::kFinishing, Cause::kPool,
     "its target is met, its budget is spent, its time is over, all of its "
     "networks were tried, what is left was too large for every worker that "
     "asked within an hour, or nothing learns"},
    {TaskState::kFinishing, TaskState::kSucceeded, Cause::kPool,
     "settled with a result above chance"},
    {TaskState::kFinishing, TaskState::kFailed, Cause::kPool,
     "settled without a result above chance"},
    {TaskState::kFinishing, TaskState::kCancelled, Cause::kPool,
     "settled after it was cancelled"},
};

template <>
inline constexpr Transition<SubspaceState> kTransitionsOf<SubspaceState>[] = {
    {kNew, SubspaceState::kOpen, Cause::kPool,
     "part of a new task's space, or split off another subspace"},
    {SubspaceState::kOpen, SubspaceState::kLeased, Cause::kMiner, "leased"},
    {SubspaceState::kLeased, SubspaceState::kOpen, Cause::kPool,
     "its last lease has ended"},
    {SubspaceState::kOpen, SubspaceState::kCompleted, Cause::kPool,
     "all of its networks were tried, or no more can be found in it"},
    {SubspaceState::kOpen, SubspaceState::kPruned, Cause::kPool,
     "the results that are expected of it are not worth their price, or none "
     "of its networks can be built"},
    {SubspaceState::kCompleted, SubspaceState::kOpen, Cause::kPool,
     "a trial in it was rejected, or is continued on the next rung"},
};

template <>
inline constexpr Transition<SessionState> kTransitionsOf<SessionState>[] = {
    {kNew, SessionState::kOpen, Cause::kMiner, "a worker opened it"},
    {SessionState::kOpen, SessionState::kClosed, Cause::kMiner,
     "the same worker opened another one"},
    {SessionState::kOpen, SessionState::kClosed, Cause::kPool,
     "the arithmetic of its worker was replaced"},
};

template <>
inline constexpr Transition<LeaseState> kTransitionsOf<LeaseState>[] = {
    {kNew, LeaseState::kActive, Cause::kMiner, "acquired"},
    {LeaseState::kActive, LeaseState::kCompleted, Cause::kMiner,
     "nothing on its list is left to report"},
    {LeaseState::kActive, LeaseState::kReleased, Cause::kMiner,
     "released by its worker"},
    {LeaseState::kActive, LeaseState::kExpired, Cause::kPool,
     "no heartbeat in time, or it has lasted as long as it may"},
    {LeaseState::kActive, LeaseState::kRevoked, Cause::kPool,
     "its task ends, its account was suspended, a trial under it was found "
     "false or its audit not answered, or its worker's arithmetic was "
     "replaced"},
};

template <>
inline constexpr Transition<TrialState> kTransitionsOf<TrialState>[] = {
    {kNew, TrialState::kAssigned, Cause::kPool, "put on a lease's list"},
    {kNew, TrialState::kAccepted, Cause::kPool,
     "known from an earlier task of the client"},
    {TrialState::kAssigned, TrialState::kCommitted, Cause::kMiner, "reported"},
    {TrialState::kAssigned, TrialState::kAbandoned, Cause::kMiner,
     "its lease was released by its worker"},
    {TrialState::kAssigned, TrialState::kAbandoned, Cause::kPool,
     "its lease ended in another way, its task ends, its network was committed "
     "under another lease first, or the trial that it continues was rejected"},
    {TrialState::kAbandoned, TrialState::kAssigned, Cause::kPool,
     "assigned to the same account again"},
    {TrialState::kAbandoned, TrialState::kCommitted, Cause::kMiner,
     "reported in time, although its network was committed under another lease "
     "first"},
    {TrialState::kCommitted, TrialState::kUploaded, Cause::kMiner,
     "its weights were uploaded"},
    {TrialState::kCommitted, TrialState::kAccepted, Cause::kPool,
     "not drawn for an audit and its weights are not wanted, or its arithmetic "
     "was replaced"},
    {TrialState::kCommitted, TrialState::kRejected, Cause::kPool,
     "what the pool asked for did not come in time, its credit was voided, or "
     "the trial that it continues was rejected"},
    {TrialState::kCommitted, TrialState::kRejected, Cause::kOperator, "voided"},
    {TrialState::kUploaded, TrialState::kAccepted, Cause::kVerifier,
     "an audit found it true"},
    {TrialState::kUploaded, TrialState::kAccepted, Cause::kPool,
     "not drawn for an audit, or no verifier decided its audit in time and it "
     "is paid as undecided"},
    {TrialState::kUploaded, TrialState::kRejected, Cause::kVerifier,
     "an audit found it false, or could not verify it"},
    {TrialState::kUploaded, TrialState::kRejected, Cause::kPool,
     "the rest of what the pool asked for did not come in time, no verifier "
     "decided its audit in time, its credit was voided, or the trial that it "
     "continues was rejected"},
    {TrialState::kUploaded, TrialState::kRejected, Cause::kOperator, "voided"},
    {TrialState::kAccepted, TrialState::kRejected, Cause::kVerifier,
     "a later audit found it false, or could not verify it"},
    {TrialState::kAccepted, TrialState::kRejected, Cause::kPool,
     "a later audit was not answered or not decided in time, its credit was "
     "voided, or the trial that it continues was rejected"},
    {TrialState::kAccepted, TrialState::kRejected, Cause::kOperator, "voided"},
};

template <>
inline constexpr Transition<AuditState> kTransitionsOf<AuditState>[] = {
    {kNew, AuditState::kAsked, Cause::kPool,
     "its miner is to reveal a segment"},
    {kNew, AuditState::kWaiting, Cause::kPool,
     "a finalist is to be trained again from its key, or weights of a replaced "
     "arithmetic are to be evaluated"},
    {AuditState::kAsked, AuditState::kWaiting, Cause::kMiner,
     "its segment was revealed and all of its files were uploaded"},
    {AuditState::kAsked, AuditState::kWaiting, Cause::kPool,
     "its miner is away and cannot be waited for: verifiers train it again"},
    {AuditState::kAsked, AuditState::kDone, Cause::kPool,
     "not answered in time, its trial was rejected meanwhile, or its "
     "arithmetic was replaced"},
    {AuditState::kWaiting, AuditState::kLeased, Cause::kVerifier, "acquired"},
    {AuditState::kWaiting, AuditState::kDone, Cause::kPool,
     "no verifier decided it in time, its trial was rejected meanwhile, or its "
     "arithmetic was replaced"},
    {AuditState::kLeased, AuditState::kWaiting, Cause::kVerifier,
     "no finding, a finding that others must confirm, or an audit by which the "
     "pool tried the verifier"},
    {AuditState::kLeased, AuditState::kWaiting, Cause::kPool,
     "its verifier stopped renewing it"},
    {AuditState::kLeased, AuditState::kDone, Cause::kVerifier,
     "its trial was found true or false, or cannot be verified"},
    {AuditState::kLeased, AuditState::kDone, Cause::kPool,
     "its trial was rejected meanwhile, or its arithmetic was replaced"},
};

template <>
inline constexpr Transition<PayoutState> kTransitionsOf<PayoutState>[] = {
    {kNew, PayoutState::kWaiting, Cause::kHolder, "requested"},
    {kNew, PayoutState::kWaiting, Cause::kPool,
     "the balance reached the account's threshold"},
    {PayoutState::kWaiting, PayoutState::kSending, Cause::kPayer,
     "recorded before it is sent to the rail"},
    {PayoutState::kSending, PayoutState::kUnknown, Cause::kPayer,
     "it is unknown whether the rail received it"},
    {PayoutState::kSending, PayoutState::kWaiting, Cause::kPayer,
     "the rail never received it"},
    {PayoutState::kSending, PayoutState::kSent, Cause::kPayer,
     "the rail received it"},
    {PayoutState::kSending, PayoutState::kSettled, Cause::kPayer,
     "the rail paid it"},
    {PayoutState::kSending, PayoutState::kRefused, Cause::kPayer,
     "the rail refused it, and the money is back in the account"},
    {PayoutState::kUnknown, PayoutState::kWaiting, Cause::kPayer,
     "the rail never received it"},
    {PayoutState::kUnknown, PayoutState::kSent, Cause::kPayer,
     "the rail received it"},
    {PayoutState::kUnknown, PayoutState::kSettled, Cause::kPayer,
     "the rail paid it"},
    {PayoutState::kUnknown, PayoutState::kRefused, Cause::kPayer,
     "the rail refused it, and the money is back in the account"},
    {PayoutState::kSent, PayoutState::kSettled, Cause::kPayer,
     "the rail paid it"},
    {PayoutState::kSent, PayoutState::kRefused, Cause::kPayer,
     "the rail refused it, and the money is back in the account"},
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_TRANSITIONS_H_
