// SPDX-License-Identifier: Apache-2.0
// One call of an RPC, past the gate: its caller is known and may make it.
//
// Every handler is reached through Serve (or Gate::Admit, for streams), so none
// can forget to ask who calls, or through ServeAnyone where that does not
// matter; each finishes its call exactly once.
#ifndef ARCHPOOL_SERVER_RPC_CALL_H_
#define ARCHPOOL_SERVER_RPC_CALL_H_

#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/wire/status_wire.h"
#include "grpcpp/grpcpp.h"
#include "server/core/records/entities.h"
#include "server/engine/engine.h"
#include "server/engine/executor.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/answer_pace.h"
#include "server/tls/verifier_certificates.h"

namespace archpool::rpc {

// What the caller sent under that key; "" where it sent nothing. As long as the
// context.
absl::string_view MetadataOf(const grpc::ServerContextBase& context,
                             absl::string_view key);

// FAILED_PRECONDITION (CLIENT_TOO_OLD): the caller is of a version that this
// server does not understand.
absl::Status CheckVersion(const grpc::ServerContextBase& context);

// The caller may be anybody. CheckVersion's; PERMISSION_DENIED
// (ROLE_NOT_ALLOWED): `method` needs a token.
absl::Status AdmitAnyone(const grpc::CallbackServerContext& context,
                         absl::string_view method);

// Answers to calls by a token that ends within that time say so
// (wire::kTokenSecondsLeftKey), and those over a connection whose certificate
// does (wire::kCertificateSecondsLeftKey).
inline constexpr absl::Duration kTokenEndsSoon = absl::Hours(14 * 24);

// Knows callers by their token, and has its use noted. Thread-safe.
class Gate {
 public:
  // Told of each caller that is known, and of its peer as gRPC spells it; on
  // any thread. An error refuses the call.
  using OnCaller = std::function<absl::Status(absl::string_view peer,
                                              const AccountToken& token)>;
  // All outlive the gate. Without `pace` each answer goes out at once; without
  // `certificates` nobody needs one.
  Gate(const AccountDirectory& accounts, const Clock& clock, Engine& engine,
       OnCaller on_caller = nullptr, AnswerPace* pace = nullptr,
       const VerifierCertificates* certificates = nullptr)
      : accounts_(accounts),
        clock_(clock),
        engine_(engine),
        on_caller_(std::move(on_caller)),
        pace_(pace),
        certificates_(certificates) {}

  // The caller, where its role and its token's scope reach `method`.
  // UNAUTHENTICATED (TOKEN_MISSING, TOKEN_UNKNOWN, TOKEN_EXPIRED,
  // TOKEN_REVOKED; VerifierCertificates::Admit's); FAILED_PRECONDITION
  // (CLIENT_TOO_OLD); PERMISSION_DENIED (ROLE_NOT_ALLOWED, SCOPE_NOT_ALLOWED);
  // UNAVAILABLE (CONNECTION_QUOTA). Tells the caller, in `context`, where its
  // token or its certificate ends soon.
  absl::StatusOr<KnownCaller> Admit(grpc::CallbackServerContext& context,
                                    absl::string_view method) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // The account whose pace a call has that was not admitted because of
  // `refusal`: that of its token, where that is in force, whatever else was
  // wrong but its certificate, which says that it is another's; else unset.
  AccountId PayerOf(const grpc::ServerContextBase& context,
                    const absl::Status& refusal) const;

  // Calls `send`, which sends what a call of that account, unset where nobody
  // knows it, came to, at the account's pace; where it waited, the answer says
  // so in `context`, as long as the call.
  void Answer(grpc::ServerContextBase& context, AccountId account,
              bool came_to_nothing, std::function<void()> send) const;

  // Whether the token by which a call was admitted is still in force: asked
  // again by what lasts. UNAUTHENTICATED (TOKEN_EXPIRED, TOKEN_REVOKED).
  absl::Status CheckInForce(const AccountToken& token) const;
  // The same to be called later; as long as the gate.
  std::function<absl::Status()> StillIn(const AccountToken& token) const {
    return [this, token] { return CheckInForce(token); };
  }

 private:
  // The account of the call's token. UNAUTHENTICATED (TOKEN_MISSING,
  // TOKEN_UNKNOWN).
  absl::StatusOr<KnownCaller> Recognise(
      const grpc::ServerContextBase& context) const;
  // Where the pool asks for a certificate: VerifierCertificates::Admit's.
  absl::Status CheckCertificate(grpc::CallbackServerContext& context,
                                absl::string_view method,
                                const Account& account, absl::Time now) const;
  void NoteUse(const AccountToken& token, absl::Time now) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  const AccountDirectory& accounts_;
  const Clock& clock_;
  Engine& engine_;
  const OnCaller on_caller_;
  AnswerPace* const pace_;
  const VerifierCertificates* const certificates_;  // nullptr: none are asked
  mutable absl::Mutex mutex_;
  // When the core was last asked to note a use: asked at most once while that
  // is under way, or fails.
  mutable absl::btree_map<TokenKey, absl::Time> noted_ ABSL_GUARDED_BY(mutex_);
};

// Copyable; `request` and `response` live until `finish` is called, on any
// thread, exactly once.
template <typename Request, typename Response>
struct UnaryCall {
  Account caller;
  const Request* request;
  Response* response;
  std::function<void(const absl::Status&)> finish;
  AccountToken token;
};

// Ends a call by `Gate::Answer`.
inline void FinishPaced(const Gate& gate, grpc::CallbackServerContext* context,
                        AccountId account, grpc::ServerUnaryReactor* reactor,
                        const absl::Status& status) {
  gate.Answer(*context, account, CameToNothing(status),
              [reactor, status] { reactor->Finish(wire::ToGrpc(status)); });
}

// Admits the caller, then hands the call to `handler`.
template <typename Request, typename Response, typename Handler>
grpc::ServerUnaryReactor* Serve(const Gate& gate,
                                grpc::CallbackServerContext* context,
                                absl::string_view method,
                                const Request* request, Response* response,
                                const Handler& handler) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<KnownCaller> caller = gate.Admit(*context, method);
  if (!caller.ok()) {
    FinishPaced(gate, context, gate.PayerOf(*context, caller.status()), reactor,
                caller.status());
    return reactor;
  }
  const AccountId account = caller->account.id;
  handler(UnaryCall<Request, Response>{
      std::move(caller->account), request, response,
      [&gate, context, account, reactor](const absl::Status& status) {
        FinishPaced(gate, context, account, reactor, status);
      },
      std::move(caller->token)});
  return reactor;
}

// Hands the call of a method for anyone to `handler`, whose `caller` is unset.
template <typename Request, typename Response, typename Handler>
grpc::ServerUnaryReactor* ServeAnyone(grpc::CallbackServerContext* context,
                                      absl::string_view method,
                                      const Request* request,
                                      Response* response,
                                      const Handler& handler) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status admitted = AdmitAnyone(*context, method);
  if (!admitted.ok()) {
    reactor->Finish(wire::ToGrpc(admitted));
    return reactor;
  }
  handler(UnaryCall<Request, Response>{Account(), request, response,
                                       [reactor](const absl::Status& status) {
                                         reactor->Finish(wire::ToGrpc(status));
                                       },
                                       AccountToken()});
  return reactor;
}

// Hands a validated command to the engine; `fill(reply, response)` writes the
// response on the engine's thread, after the commit.
template <typename Command, typename Call, typename Fill>
void SubmitCommand(Engine& engine, absl::StatusOr<Command> command,
                   const Call& call, Fill fill) {
  if (!command.ok()) return call.finish(command.status());
  engine.Submit<Command>(
      *std::move(command),
      [call, fill](absl::StatusOr<typename Command::Reply> reply) {
        if (reply.ok()) fill(*reply, call.response);
        call.finish(reply.status());
      },
      call.caller.id);
}

// Runs `work(call)`, which may block, on `executor`; its status ends the call.
template <typename Call, typename Work>
void RunOn(Executor& executor, const Call& call, Work work) {
  const absl::Status taken =
      executor.Run([call, work] { call.finish(work(call)); });
  if (!taken.ok()) call.finish(taken);
}

// Streams that end at once: the caller was not admitted, or asked for what
// cannot be.
template <typename Response>
class RefusedWrites : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedWrites(const absl::Status& why) {
    this->Finish(wire::ToGrpc(why));
  }
  void OnDone() override { delete this; }
};
template <typename Request>
class RefusedReads : public grpc::ServerReadReactor<Request> {
 public:
  explicit RefusedReads(const absl::Status& why) {
    this->Finish(wire::ToGrpc(why));
  }
  void OnDone() override { delete this; }
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_CALL_H_
