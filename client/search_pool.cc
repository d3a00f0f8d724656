// SPDX-License-Identifier: Apache-2.0
#include "client/search_pool.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/channel/token_file.h"
#include "common/crypto/token.h"

namespace archpool {
namespace {

// A server that is started again recovers its database first; whether it comes
// back at all is for those who start it to say.
constexpr double kServerPatienceS = 600;
// One is open at a time, and it is among the newest.
constexpr int64_t kTasksOpenMax = 100;

GlobalFlags FlagsFor(const Context& context, const std::string& token_file,
                     int port) {
  GlobalFlags flags;
  flags.server = absl::StrCat("127.0.0.1:", port);
  flags.token_file = token_file;
  flags.is_json = context.is_json();
  flags.patience_s = kServerPatienceS;
  return flags;
}

// Whether the pool knows whose token is in the file.
absl::StatusOr<bool> IsKnown(const Context& op, const std::string& token_file,
                             int port) {
  PoolCaller caller(op, token_file, port, op.stop());
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client,
                            caller.context().Client());
  const absl::Status asked =
      client
          ->Call(client->accounts(), &AccountStub::WhoAmI, v1::WhoAmIRequest())
          .status();
  if (absl::IsUnauthenticated(asked)) return false;
  ARCHPOOL_RETURN_IF_ERROR(asked);
  return true;
}

absl::Status PrepareAccount(Context& op, const std::string& token_file,
                            int port, const std::string& name, v1::Role role) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, op.Client());
  std::error_code error;
  if (std::filesystem::exists(token_file, error)) {
    ARCHPOOL_ASSIGN_OR_RETURN(const bool is_known,
                              IsKnown(op, token_file, port));
    if (is_known) return absl::OkStatus();
  } else {
    ARCHPOOL_ASSIGN_OR_RETURN(
        NewFile file,
        NewFile::Create(token_file,
                        TokenFileText(MakeToken(), op.ServerPin())));
    file.Keep();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string token, ReadTokenFile(token_file));
  v1::CreateAccountRequest request;
  request.set_name(name);
  request.set_role(role);
  request.set_token_hash(HashToken(token).AsBytes());
  return client->Call(client->accounts(), &AccountStub::CreateAccount, request)
      .status();
}

}  // namespace

PoolCaller::PoolCaller(const Context& context, const std::string& token_file,
                       int port, const std::stop_token& stop)
    : flags_(FlagsFor(context, token_file, port)),
      context_(flags_, context.output(), stop) {}

absl::Status PrepareAccounts(Context& op, const search::Folder& folder,
                             int port) {
  for (const auto& [name, role] :
       {std::pair(search::kClientName, v1::ROLE_CLIENT),
        std::pair(search::kVerifierName, v1::ROLE_VERIFIER),
        std::pair(search::kMinerName, v1::ROLE_MINER)}) {
    ARCHPOOL_RETURN_IF_ERROR(
        PrepareAccount(op, folder.TokenPath(name), port, name, role));
  }
  PoolCaller miner(op, folder.TokenPath(search::kMinerName), port, op.stop());
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, miner.context().Client());
  v1::SetVisibilityRequest request;
  request.set_is_public(true);
  return client->Call(client->accounts(), &AccountStub::SetVisibility, request)
      .status();
}

absl::Status DepositReward(Context& op, int64_t reward_micros,
                           const std::string& request_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, op.Client());
  v1::DepositRequest request;
  request.set_account_name(search::kClientName);
  request.set_amount_micros(reward_micros);
  request.set_request_id(request_id);
  return client->Call(client->ledger(), &LedgerStub::Deposit, request).status();
}

absl::Status GiveUpTasks(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<v1::TaskSummary> tasks,
                            client->ListTasks(kTasksOpenMax));
  for (const v1::TaskSummary& task : tasks) {
    if (task.state() != v1::TASK_STATE_ACTIVE) continue;
    v1::CancelTaskRequest request;
    request.set_task_id(task.task_id());
    ARCHPOOL_RETURN_IF_ERROR(
        client->Call(client->tasks(), &TaskStub::CancelTask, request).status());
  }
  return absl::OkStatus();
}

}  // namespace archpool
