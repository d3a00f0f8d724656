// SPDX-License-Identifier: Apache-2.0
// A unary call that waits until the engine has something for it: it asks, and
// if there is nothing, parks in a WaitQueue until something comes, its time is
// over or the client hangs up. Thread-safe: replies come on the engine's
// thread, wakes on the notifier's or the timer's, cancellations on gRPC's.
#ifndef ARCHPOOL_SERVER_RPC_LONG_POLL_H_
#define ARCHPOOL_SERVER_RPC_LONG_POLL_H_

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/wire/status_wire.h"
#include "grpcpp/grpcpp.h"
#include "server/engine/engine.h"
#include "server/rpc/call.h"
#include "server/rpc/wait_queue.h"

namespace archpool::rpc {

template <typename Command>
class LongPoll : public grpc::ServerUnaryReactor {
 public:
  // Writes the reply into the response. True: there is something in it.
  using Fill = std::function<bool(const typename Command::Reply&)>;

  // Whether the caller may still ask; its error ends the call.
  using StillIn = std::function<absl::Status()>;

  // Starts the call; the reactor owns itself. `gate`, `engine` and `queue`
  // outlive it.
  static grpc::ServerUnaryReactor* Start(const Gate& gate,
                                         grpc::CallbackServerContext& context,
                                         Engine& engine, WaitQueue& queue,
                                         Command command, absl::Duration wait,
                                         StillIn still_in, Fill fill) {
    const auto poll = std::shared_ptr<LongPoll>(
        new LongPoll(gate, context, engine, queue, std::move(command), wait,
                     std::move(still_in), std::move(fill)));
    poll->self_ = poll;
    Ask(poll);
    return poll.get();
  }

  void OnCancel() override {
    WaitQueue::WaiterId waiter = 0;
    {
      absl::MutexLock lock(&mutex_);
      is_cancelled_ = true;
      waiter = waiter_;
    }
    if (waiter != 0 && queue_.Cancel(waiter)) FinishCancelled();
  }

  // Others may still hold it for the moment they take to return.
  void OnDone() override {
    const std::shared_ptr<LongPoll> self(std::move(self_));
  }

 private:
  using Self = std::shared_ptr<LongPoll>;
  using Reply = absl::StatusOr<typename Command::Reply>;
  using Clock = std::chrono::steady_clock;

  LongPoll(const Gate& gate, grpc::CallbackServerContext& context,
           Engine& engine, WaitQueue& queue, Command command,
           absl::Duration wait, StillIn still_in, Fill fill)
      : gate_(gate),
        context_(context),
        engine_(engine),
        queue_(queue),
        command_(std::move(command)),
        deadline_(Clock::now() + absl::ToChronoNanoseconds(wait)),
        still_in_(std::move(still_in)),
        fill_(std::move(fill)) {}

  static void Ask(const Self& self) {
    const int64_t version = self->queue_.version();
    const absl::Status admitted = self->still_in_();
    if (!admitted.ok()) return OnReply(self, version, admitted);
    self->engine_.template Submit<Command>(
        self->command_,
        [self, version](Reply reply) { OnReply(self, version, reply); },
        self->command_.caller);
  }

  static void OnReply(const Self& self, int64_t version, const Reply& reply) {
    const bool has_something = reply.ok() && self->fill_(*reply);
    // What woke this call is still there for another one.
    if (!reply.ok() && self->was_woken_) self->queue_.Notify(1);
    const absl::Duration left =
        absl::FromChrono(self->deadline_ - Clock::now());
    if (!reply.ok() || has_something || left <= absl::ZeroDuration()) {
      // Who waits for nothing and gets nothing asks again at once.
      const bool came_to_nothing = reply.ok()
                                       ? !has_something && !self->has_waited_
                                       : CameToNothing(reply.status());
      self->gate_.Answer(self->context_, self->command_.caller, came_to_nothing,
                         [self, status = reply.status()] {
                           self->Finish(wire::ToGrpc(status));
                         });
      return;
    }
    Park(self, version, left);
  }

  static void Park(const Self& self, int64_t version, absl::Duration left) {
    self->has_waited_ = true;
    const WaitQueue::WaiterId waiter = self->queue_.Park(
        self->command_.caller, left, version, [self](Wake wake) {
          if (wake == Wake::kEvent) {
            self->was_woken_ = true;
            Ask(self);
          } else {
            self->Finish(grpc::Status::OK);
          }
        });
    bool is_cancelled = false;
    {
      absl::MutexLock lock(&self->mutex_);
      self->waiter_ = waiter;
      is_cancelled = self->is_cancelled_;
    }
    // The client hung up before there was a waiter to cancel.
    if (is_cancelled && self->queue_.Cancel(waiter)) self->FinishCancelled();
  }

  void FinishCancelled() { Finish(grpc::Status::CANCELLED); }

  const Gate& gate_;
  grpc::CallbackServerContext& context_;
  Engine& engine_;
  WaitQueue& queue_;
  const Command command_;
  const Clock::time_point deadline_;
  const StillIn still_in_;
  const Fill fill_;
  // Touched by one step at a time: ask, reply, park, wake.
  bool was_woken_ = false;
  bool has_waited_ = false;

  absl::Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  WaitQueue::WaiterId waiter_ ABSL_GUARDED_BY(mutex_) = 0;

  Self self_;
};

// A command to ask with, and for how long.
template <typename Command>
struct Poll {
  Command command;
  absl::Duration wait;
};

// Admits the caller, then polls with what `read(caller)` makes of the request.
template <typename Command, typename Read>
grpc::ServerUnaryReactor* ServePoll(const Gate& gate,
                                    grpc::CallbackServerContext* context,
                                    absl::string_view method, Engine& engine,
                                    WaitQueue& queue, const Read& read,
                                    typename LongPoll<Command>::Fill fill) {
  const absl::StatusOr<KnownCaller> caller = gate.Admit(*context, method);
  absl::StatusOr<Poll<Command>> poll =
      caller.ok() ? read(caller->account.id)
                  : absl::StatusOr<Poll<Command>>(caller.status());
  if (poll.ok()) {
    return LongPoll<Command>::Start(
        gate, *context, engine, queue, std::move(poll->command), poll->wait,
        gate.StillIn(caller->token), std::move(fill));
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  FinishPaced(gate, context, caller.ok() ? caller->account.id : AccountId(),
              reactor, poll.status());
  return reactor;
}

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_LONG_POLL_H_
