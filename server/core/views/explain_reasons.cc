// SPDX-License-Identifier: Apache-2.0
#include "server/core/views/explain_reasons.h"

namespace archpool {
namespace {

constexpr char kHonestAdvice[] =
    "If you trained honestly, look for a machine that computes wrongly "
    "(overclocking, bad memory), and write to the operator with the trial's "
    "number.";
constexpr char kBytesAdvice[] =
    "An honest worker sends no such files: update it, and look for a disk or "
    "memory that changes bytes.";
constexpr Rejection kRejections[] = {
    {"CLAIM_FALSE", "the claimed accuracy lies above what the weights have",
     kHonestAdvice},
    {"SEGMENT_FALSE",
     "replaying a segment from your checkpoint gave another result",
     kHonestAdvice},
    {"START_FALSE", "the training did not start from the trial's key",
     kHonestAdvice},
    {"END_FALSE", "the training did not diverge where it was said to",
     kHonestAdvice},
    {"TRAINING_FALSE", "replaying the whole training gave another result",
     kHonestAdvice},
    {"WEIGHTS_MISMATCH", "the weights are not those of the network",
     kBytesAdvice},
    {"WEIGHTS_NOT_FINITE", "the weights hold values that are not finite",
     kBytesAdvice},
    {"WEIGHTS_TOO_LARGE", "the weights are larger than the network's can be",
     kBytesAdvice},
    {"CHECKPOINT_MALFORMED", "a checkpoint does not fit this network",
     kBytesAdvice},
    {"SAFETENSORS_MALFORMED", "a file that was sent cannot be read",
     kBytesAdvice},
    {"SAFETENSORS_TOO_LARGE", "a file that was sent holds more than it may",
     kBytesAdvice},
    {"UNVERIFIABLE", "no verifier could finish an audit",
     "Try another machine, and tell the operator."},
    {"UNVERIFIED", "no verifier could take the audit on in time",
     "Nothing is held against you: tell the operator. Proven miners are paid "
     "for some such trials."},
    {"VOIDED_BY_OPERATOR", "the pool's operator took the trial out",
     "Ask the operator why; nothing is held against you."},
    {"AUDIT_UNANSWERED", "an audit was not answered by its deadline",
     "Keep workers running, with their work directories, until their tasks "
     "have ended; start a stopped one again."},
    {"MINER_AWAY",
     "an audit was due while no worker of this account was heard, and could "
     "not be waited for any longer, as its task ended or others needed what it "
     "held",
     "Nothing is held against you, and other credit stays. Start workers again "
     "soon after a power cut: until their tasks end, the pool waits for "
     "them."},
    {"FILES_REFUSED", "the pool's own disk took no files for a day",
     "Nothing: it is not held against you."},
    {"CREDIT_VOID",
     "credit that had not matured was void because another trial was found "
     "false",
     "See the rejection that caused it."},
    {"WEIGHTS_MISSING", "the weights that were asked for never came",
     "Check the worker's connection; keep it running until it has delivered."},
    {"CLAIM_TOO_LOW", "claims again and again lay below what the weights have",
     "Report what was counted: an honest worker does. Update it, or write to "
     "the operator with the trial's number."},
    {"RESUMED_FROM_REJECTED",
     "the trial whose weights it continued from was rejected",
     "See the rejection of that trial."},
    {"NOT_LEARNT",
     "an earlier version of the pool did not pay for networks that hardly did "
     "better than guessing",
     "Nothing: such work is paid now, once it is proven."},
};

struct Refusal {
  const char* reason;
  const char* advice;
};
constexpr char kWait[] = "Leave the worker running: it asks again by itself.";
constexpr Refusal kRefusals[] = {
    {"ALL_SUBSPACES_LEASED", kWait},
    {"ANSWER_OWED",
     "Leave the worker running, with its old --work-dir and --name: it answers "
     "by itself, and then gets work."},
    {"ARITHMETIC_DIFFERS",
     "Run archpool-worker check on that machine: it says which layer is "
     "computed otherwise. Check for overclocking, and check how the worker "
     "was built."},
    {"ARITHMETIC_REPLACED", "Update the worker."},
    {"BLAME_OPEN", kWait},
    {"BUDGET_RESERVED", kWait},
    {"LEASES_GIVEN_UP",
     "Complete leases instead of giving them up: stop workers by Ctrl-C once, "
     "and keep machines awake."},
    {"LEASES_HELD", "Nothing: it has work."},
    {"LEASES_ON_TRUST",
     "Run fewer workers until more trials are accepted: each allows one lease "
     "more. archpool account quota shows how many."},
    {"MAINTENANCE", kWait},
    {"NO_VERIFIER",
     "Leave the worker running, and ask the operator for a verifier."},
    {"PRICE_TOO_LOW",
     "Wait for a task that pays more, or lower the worker's --price-minimum."},
    {"RESULTS_AWAITED", kWait},
    {"SEARCHING", kWait},
    {"SESSIONS_TOO_OFTEN",
     "See that machine's log: its worker ends and starts again and again."},
    {"TIME_TOO_SHORT", kWait},
    {"TOO_LARGE_HERE",
     "Give the worker more memory (--memory-mib), more disk "
     "(--checkpoints-mib) or a faster line, or leave it running: a task may "
     "come whose networks it can take."},
    {"TOO_LARGE_TO_VERIFY",
     "Leave the worker running: a verifier with more memory may come, which is "
     "the operator's to start, or a task with smaller networks."},
    {"TOO_MANY_SESSIONS",
     "Give workers that are started again the same --name, train fewer "
     "networks side by side (--side-by-side), or ask the operator for more "
     "(archpool account quota)."},
    {"UNPROVEN_SHARE",
     "Wait for verdicts: after twenty accepted trials this bound is gone."},
    {"VERIFIERS_BUSY", kWait},
    {"WORKER_NAME_IN_USE",
     "Give each machine a --name of its own. Where it is the same machine with "
     "a new work directory, wait until the pool has not heard of the earlier "
     "worker for a while."},
};

}  // namespace

absl::Span<const Rejection> Rejections() { return kRejections; }

std::string AdviceOnRefusal(absl::string_view reason) {
  for (const Refusal& known : kRefusals) {
    if (known.reason == reason) return known.advice;
  }
  return kWait;
}

}  // namespace archpool
