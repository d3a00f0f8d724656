// SPDX-License-Identifier: Apache-2.0
// What an operator sets. Value type; constant while a server runs.
#ifndef ARCHPOOL_SERVER_CORE_RULES_POLICY_H_
#define ARCHPOOL_SERVER_CORE_RULES_POLICY_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "common/model/ids.h"
#include "server/core/records/reward_records.h"
#include "server/core/rules/retention.h"

namespace archpool {

// Boxes of a task's first partition.
inline constexpr int64_t kBoxesAtStartMax = 65'536;

// Accepted trials from which on an account counts as proven.
inline constexpr int64_t kProvenTrials = 20;

// How many times as long as its worker's pace says a training may take.
inline constexpr int64_t kPaceRoom = 4;

// How long an audit may wait for verifiers in all, beyond what it takes to
// examine, while some that work have not come to it.
inline constexpr absl::Duration kAuditWaitMax = absl::Hours(24);

struct PoolPolicy {
  // By when a lease's list should be done; slow workers' have twice the time
  // that they are expected to need, if that is more.
  absl::Duration lease_term = absl::Minutes(10);
  // How long a lease lives without a heartbeat.
  absl::Duration silence_term = absl::Seconds(60);
  // A lease's list is as long as its worker needs this long for, whatever its
  // hardware (and as the task allows).
  absl::Duration lease_span = absl::Minutes(3);
  // Trials that a running list is kept ahead of its worker: the more, the less
  // it waits; the fewer, the more is known when the next is chosen.
  int64_t list_ahead = 2;
  // Leases a worker may hold: the one it works on, and the next.
  int64_t leases_per_session_max = 2;
  // Backup miners. The high-reward set is the top share of a task's boxes.
  bool backups = true;
  int64_t high_reward_share_ppm = 200'000;
  // The chance to miss a deadline that the manager accepts for such a box.
  int64_t miss_max_ppm = 1'000;
  int64_t backups_per_lease_max = 3;
  // Accepted results in a box before it is split or pruned by them.
  int64_t results_to_split = 8;
  int64_t boxes_per_task_max = 65'536;
  // The subspaces of all tasks that a client opens within an hour, whether or
  // not it ends them at once: each is rows to write and a space to cut.
  int64_t boxes_per_hour_max = 131'072;
  // However often it is extended, a lease ends after one term and this many
  // times the reference core's time for its list: nobody blocks a subspace for
  // ever. While nothing is committed in its session, and its account is not
  // proven, kPaceRoom times what its account's pace says.
  int64_t slowness_max = 20;
  // Leases an account may hold at once beyond one for each trial accepted of
  // it: an account that never delivers holds few.
  int64_t leases_on_trust = 4;
  // From commitment to durable weights, and to the answer of an audit; to that
  // comes the time to train the trial again, in case its checkpoints are lost.
  absl::Duration upload_term = absl::Minutes(2);
  // What an answer takes beside its bytes, where others are asked of the same
  // worker before it: round trips over a long line.
  absl::Duration answer_handling = absl::Seconds(6);
  // The slowest line that answers are waited for, in bytes a second.
  int64_t upload_rate_min = 64 << 10;
  // And as long as something comes, this one.
  int64_t upload_rate_least = 8 << 10;
  // What refusals for the pool's own reasons (a full disk) may add to the time
  // for an answer. One that does not come even then is unpaid, and no fault.
  absl::Duration refused_time_max = absl::Hours(24);
  // How long after its deadline an answer is waited for where nothing was heard
  // of its miner's account, while that holds up nobody.
  absl::Duration away_term = absl::Hours(24);
  // A miner's audit rate starts at one, is multiplied by this after each audit
  // that passed, never falls under the floor, and is one again after a failure.
  int64_t audit_rate_factor_ppm = 930'000;
  int64_t audit_floor_ppm = 250'000;
  // Where nothing is paid and all miners are the operator's own: the part of
  // their work that audits may take, in millionths (server/core/state/
  // own_miners.h). 0: miners are strangers.
  int64_t own_miners_ppm = 0;
  // Credit matures by this many trials at least.
  int64_t credit_block = 20;
  // For how long a verifier that found a training false leaves it alone where
  // there is no other; and leaves it to another that was heard.
  absl::Duration second_look_term = absl::Seconds(20);
  absl::Duration second_look_max = absl::Minutes(10);
  // How long an audit's lease lives unless its verifier renews it.
  absl::Duration audit_term = absl::Minutes(2);
  // A verifier that was not heard for so long is not counted on.
  absl::Duration verifier_term = absl::Minutes(5);
  // Whether work is leased only where a verifier can take it on, in time.
  bool leases_need_verifiers = false;
  // How long the open audits may keep the verifiers of a class busy before no
  // more of it is leased.
  absl::Duration audit_backlog_max = absl::Minutes(30);
  // How long an audit may wait for verifiers, beyond what it takes to examine,
  // where none works (kAuditWaitMax: where one does); and whether it is paid
  // then where its miner is proven and nothing speaks against it: this many of
  // each block of credit at most.
  absl::Duration audit_wait_term = absl::Hours(1);
  bool pays_unverified = true;
  int64_t unverified_per_block_max = 2;
  // How long a verifier pauses after an audit that it could not finish, and
  // leaves that audit alone: twice as long each time. And the miners on whose
  // trials it may fail in a row until it is not counted on.
  absl::Duration failure_pause = absl::Seconds(10);
  absl::Duration failure_pause_max = absl::Minutes(10);
  int64_t verifier_failures_max = 3;
  // How often more than it was right a verifier may have been outvoted by
  // others until its work is left to them.
  int64_t outvoted_max = 2;
  // The parts of the audits, in millionths, that test their verifier with a
  // training that leads nowhere, and those that another looks at too where the
  // first finds them true. And how many trials a verifier must pass after one
  // that it failed, until when its work is left to others.
  int64_t planted_ppm = 0;
  int64_t second_look_ppm = 0;
  int64_t planted_passes_min = 8;
  // The pool's share of the reward, in millionths; fixed per task when it
  // comes.
  int64_t fee_ppm = 50'000;
  // How tasks' work pots are split, fixed per task when it comes; and the
  // window of kPplns: that many of the pool's last work units, about a day of a
  // hundred reference cores.
  RewardRule reward_rule = RewardRule::kProportional;
  WorkUnits pplns_window_units = 10'000'000'000'000;
  // Less is not paid out: what a rail takes for it would be too much of it.
  int64_t payout_min = 1'000'000;
  // How long a new payout address waits before anything is paid to it; its
  // owner can take it back meanwhile. Zero: not at all.
  absl::Duration payout_address_wait;
  // Rejections in a row that suspend a miner.
  int64_t rejections_to_suspend = 3;
  // How far a claim may lie above what the verifier measures on the validation
  // split, in millionths of its size: rounding differs between instruction
  // sets.
  int64_t claim_tolerance_ppm = 2'000;
  // Claims in a row that lie as far below it, until they are the miner's fault.
  int64_t claims_too_low_max = 3;
  // Results measured at chance, and none that shows learning, until a task ends
  // because nothing learns.
  int64_t nothing_learns_trials = 30;
  // How far the accuracy on the held-out split may lie under that on the
  // validation split, beyond chance, in millionths, until the training is
  // replayed whole; or as far as in a training that was.
  int64_t held_out_gap_ppm = 50'000;
  // How often the only verifier must have failed on an audit until it is held
  // to be the trial, where two different ones need to fail once each; and for
  // how long.
  int64_t inconclusive_max = 3;
  absl::Duration unverifiable_term = absl::Minutes(10);
  // What an hour of the reference core must be paid, without the finder's
  // bonus; in micro-coins. Tasks that pay less are refused.
  Amount price_min = 0;
  // The part of the assigned work that is shared equally among clients; the
  // rest goes by price.
  int64_t equal_share_ppm = 200'000;
  // Accounts that are not proven may together reserve no more than this part of
  // a task's budget, while others are there.
  int64_t unproven_share_ppm = 250'000;
  // What a verifier has for one examination, and what the checkpoints of one
  // training may come to: what needs more is not trained.
  int64_t memory_max_bytes = int64_t{4} << 30;
  int64_t checkpoints_max_bytes = int64_t{32} << 30;
  // Whether accounts may invite others, which then make an account themselves;
  // otherwise operators alone make them.
  bool takes_invited = false;
  // For how many of its trials a task's settlement writes something in one
  // step, between which other commands have their turn; and for how many trials
  // of an account that is convicted or doubted, or answers that are extended.
  int64_t settle_trials_max = 1'000;
  // What an account may store by its own choice (files of datasets and their
  // splits). And an account that has more than this part of what all have so
  // stored, and this many bytes at least, is why the disk is full.
  int64_t stored_bytes_max = int64_t{64} << 30;
  int64_t disk_filled_share_ppm = 250'000;
  int64_t disk_filled_bytes_min = int64_t{1} << 30;
  // How long what lies on the disk is kept.
  RetentionPolicy retention;
  // Limits.
  int64_t open_tasks_max = 1'000;
  int64_t open_tasks_per_client_max = 32;
  int64_t open_sessions_per_account_max = 1'024;
  int64_t closings_per_tick_max = 1'000;
  // Deadlines that one step adds the time to in which the pool was away.
  int64_t deadlines_per_step_max = 1'000;
};

// How long to wait after the `failures`th failure in a row.
absl::Duration PauseAfter(const PoolPolicy& policy, int64_t failures);

// The pool's payment terms, in a few sentences for people who think of working
// for it.
std::string DescribeTerms(const PoolPolicy& policy);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_POLICY_H_
