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
    {kNew, AccountState::kActive, Cause::kOperator, "made"},
    {AccountState::kActive, AccountState::kSuspended, Cause::kOperator,
     "suspended"},
    {AccountState::kActive, AccountState::kSuspended, Cause::kPool,
     "too many rejected trials in a row"},
    {AccountState::kSuspended, AccountState::kActive, Cause::kOperator,
     "lifted"},
};

template <>
inline constexpr Transition<TaskState> kTransitionsOf<TaskState>[] = {
    {kNew, TaskState::kActive, Cause::kClient, "submitted"},
    {TaskState::kActive, TaskState::kFinishing, Cause::kClient, "cancelled"},
    {TaskState::kActive, TaskState::kFinishing, Cause::kOperator, "cancelled"},
    {TaskState::kActive, TaskState::kFinishing, Cause::kPool,
     "target met, budget spent, time over, nothing left to try, or nothing "
     "learns"},
    {TaskState::kFinishing, TaskState::kSucceeded, Cause::kPool,
     "settled, with a result above chance"},
    {TaskState::kFinishing, TaskState::kFailed, Cause::kPool,
     "settled, without one"},
    {TaskState::kFinishing, TaskState::kCancelled, Cause::kPool,
     "settled, after it was cancelled"},
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
     "what it promises is not worth its price, or none of its networks can be "
     "built"},
    {SubspaceState::kCompleted, SubspaceState::kOpen, Cause::kPool,
     "a trial in it was rejected, or goes on to the next rung"},
};

template <>
inline constexpr Transition<SessionState> kTransitionsOf<SessionState>[] = {
    {kNew, SessionState::kOpen, Cause::kMiner, "a worker registered"},
    {SessionState::kOpen, SessionState::kClosed, Cause::kMiner,
     "the same worker registered again"},
    {SessionState::kOpen, SessionState::kClosed, Cause::kPool,
     "the arithmetic that its worker trains in was replaced"},
};

template <>
inline constexpr Transition<LeaseState> kTransitionsOf<LeaseState>[] = {
    {kNew, LeaseState::kActive, Cause::kMiner, "taken"},
    {LeaseState::kActive, LeaseState::kCompleted, Cause::kMiner,
     "nothing on its list is left to report"},
    {LeaseState::kActive, LeaseState::kReleased, Cause::kMiner, "given back"},
    {LeaseState::kActive, LeaseState::kExpired, Cause::kPool,
     "no sign of life in time"},
    {LeaseState::kActive, LeaseState::kRevoked, Cause::kPool,
     "its task ends, its account was suspended, a trial of it was found false, "
     "or its worker's arithmetic was replaced"},
};

template <>
inline constexpr Transition<TrialState> kTransitionsOf<TrialState>[] = {
    {kNew, TrialState::kAssigned, Cause::kPool, "put on a lease's list"},
    {kNew, TrialState::kAccepted, Cause::kPool,
     "known from an earlier task of the client"},
    {TrialState::kAssigned, TrialState::kCommitted, Cause::kMiner, "reported"},
    {TrialState::kAssigned, TrialState::kAbandoned, Cause::kMiner,
     "its lease was given back"},
    {TrialState::kAssigned, TrialState::kAbandoned, Cause::kPool,
     "its lease ended otherwise, its task ends, another committed its network "
     "first, or what it goes on from was rejected"},
    {TrialState::kAbandoned, TrialState::kAssigned, Cause::kPool,
     "its account takes up again what it left undone"},
    {TrialState::kAbandoned, TrialState::kCommitted, Cause::kMiner,
     "another was first, and it came in time all the same"},
    {TrialState::kCommitted, TrialState::kUploaded, Cause::kMiner,
     "its weights are here"},
    {TrialState::kCommitted, TrialState::kAccepted, Cause::kPool,
     "not drawn, and its weights are not wanted, or its arithmetic was "
     "replaced"},
    {TrialState::kCommitted, TrialState::kRejected, Cause::kPool,
     "what was asked for never came, its credit was void, or what it goes on "
     "from was rejected"},
    {TrialState::kCommitted, TrialState::kRejected, Cause::kOperator, "voided"},
    {TrialState::kUploaded, TrialState::kAccepted, Cause::kVerifier,
     "found true"},
    {TrialState::kUploaded, TrialState::kAccepted, Cause::kPool,
     "not drawn, or no verifier decided it in time and it is paid so"},
    {TrialState::kUploaded, TrialState::kRejected, Cause::kVerifier,
     "found false, or beyond finding out"},
    {TrialState::kUploaded, TrialState::kRejected, Cause::kPool,
     "the rest of what was asked for never came, no verifier decided it in "
     "time, its credit was void, or what it goes on from was rejected"},
    {TrialState::kUploaded, TrialState::kRejected, Cause::kOperator, "voided"},
    {TrialState::kAccepted, TrialState::kRejected, Cause::kVerifier,
     "a later audit found it false, or beyond finding out"},
    {TrialState::kAccepted, TrialState::kRejected, Cause::kPool,
     "a later audit was not answered, or not decided in time, its credit was "
     "void, or what it goes on from was rejected"},
    {TrialState::kAccepted, TrialState::kRejected, Cause::kOperator, "voided"},
};

template <>
inline constexpr Transition<AuditState> kTransitionsOf<AuditState>[] = {
    {kNew, AuditState::kAsked, Cause::kPool,
     "its miner is to lay a segment open"},
    {kNew, AuditState::kWaiting, Cause::kPool,
     "a finalist is to be trained again from its key, or weights of a replaced "
     "arithmetic are to be evaluated"},
    {AuditState::kAsked, AuditState::kWaiting, Cause::kMiner,
     "all that was asked for is here"},
    {AuditState::kAsked, AuditState::kDone, Cause::kPool,
     "never answered, its trial was rejected meanwhile, or its arithmetic was "
     "replaced"},
    {AuditState::kWaiting, AuditState::kLeased, Cause::kVerifier, "taken"},
    {AuditState::kWaiting, AuditState::kDone, Cause::kPool,
     "no verifier decided it in time, its trial was rejected meanwhile, or its "
     "arithmetic was replaced"},
    {AuditState::kLeased, AuditState::kWaiting, Cause::kVerifier,
     "no finding, one that others must confirm, or the pool tried the "
     "verifier"},
    {AuditState::kLeased, AuditState::kWaiting, Cause::kPool,
     "its verifier fell silent"},
    {AuditState::kLeased, AuditState::kDone, Cause::kVerifier,
     "found true or false, or given up"},
    {AuditState::kLeased, AuditState::kDone, Cause::kPool,
     "its trial was rejected meanwhile, or its arithmetic was replaced"},
};

template <>
inline constexpr Transition<PayoutState> kTransitionsOf<PayoutState>[] = {
    {kNew, PayoutState::kWaiting, Cause::kHolder, "asked for"},
    {kNew, PayoutState::kWaiting, Cause::kPool,
     "the balance came to the account's threshold"},
    {PayoutState::kWaiting, PayoutState::kSending, Cause::kPayer,
     "noted before the rail hears of it"},
    {PayoutState::kSending, PayoutState::kUnknown, Cause::kPayer,
     "the rail may have it or not"},
    {PayoutState::kSending, PayoutState::kWaiting, Cause::kPayer,
     "the rail never saw it"},
    {PayoutState::kSending, PayoutState::kSent, Cause::kPayer,
     "the rail has it"},
    {PayoutState::kSending, PayoutState::kSettled, Cause::kPayer,
     "the rail paid it"},
    {PayoutState::kSending, PayoutState::kRefused, Cause::kPayer,
     "the rail refused it: the money is back"},
    {PayoutState::kUnknown, PayoutState::kWaiting, Cause::kPayer,
     "the rail never saw it"},
    {PayoutState::kUnknown, PayoutState::kSent, Cause::kPayer,
     "the rail has it"},
    {PayoutState::kUnknown, PayoutState::kSettled, Cause::kPayer,
     "the rail paid it"},
    {PayoutState::kUnknown, PayoutState::kRefused, Cause::kPayer,
     "the rail refused it: the money is back"},
    {PayoutState::kSent, PayoutState::kSettled, Cause::kPayer,
     "the rail paid it"},
    {PayoutState::kSent, PayoutState::kRefused, Cause::kPayer,
     "the rail refused it: the money is back"},
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_TRANSITIONS_H_
