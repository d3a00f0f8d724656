// SPDX-License-Identifier: Apache-2.0
// The pool's messages as JSON, for programs that read what the command prints.
// Amounts and work units are decimal strings (amounts in coins), since they may
// pass what a JSON number holds; accuracies are fractions, null where nothing
// was measured; times are RFC 3339, null where unset; enum words are
// lower-case. Pure functions.
#ifndef ARCHPOOL_CLIENT_JSON_H_
#define ARCHPOOL_CLIENT_JSON_H_

#include <nlohmann/json.hpp>

#include "archpool/v1/account.pb.h"
#include "archpool/v1/invitation.pb.h"
#include "archpool/v1/ledger.pb.h"
#include "archpool/v1/payout.pb.h"
#include "archpool/v1/pool.pb.h"
#include "archpool/v1/task.pb.h"
#include "archpool/v1/token.pb.h"
#include "archpool/v1/verification.pb.h"

namespace archpool {

// Keeps the order in which fields are written.
using Json = nlohmann::ordered_json;

Json ToJson(const v1::Account& account);
Json ToJson(const v1::Invitation& invitation);
Json ToJson(const v1::Token& token);
Json ToJson(const v1::ReplaceOwnerTokensResponse& replaced);
Json ToJson(const v1::WorkerStatus& worker);
Json ToJson(const v1::Trial& trial);
Json ToJson(const v1::Lease& lease);
Json ToJson(const v1::TaskSpec& spec);
Json ToJson(const v1::SearchSpace& space);
Json ToJson(const v1::Task& task);
Json ToJson(const v1::TaskSummary& task);
// What a task came to, on one screen; amounts add up to the reward once it has
// ended.
Json SummaryJson(const v1::Task& task);
Json ToJson(const v1::Balance& balance);
Json ToJson(const v1::Payout& payout);
Json ToJson(const v1::RevenuePart& part);
Json ToJson(const v1::Maintenance& maintenance);
Json ToJson(const v1::Explanation& one);
Json ToJson(const v1::Transfer& transfer);
Json ToJson(const v1::CheckLedgerResponse& response);
Json ToJson(const v1::ListVerifiersResponse& response);

template <typename List>
Json ListToJson(const List& list) {
  Json json = Json::array();
  for (const auto& item : list) json.push_back(ToJson(item));
  return json;
}

// "account:alice", "escrow:task-1", "fees", "payouts", "outside".
std::string TextOf(const v1::Place& place);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_JSON_H_
