// SPDX-License-Identifier: Apache-2.0
// The command line of archpool-server.
#ifndef ARCHPOOL_SERVER_SERVER_FLAGS_H_
#define ARCHPOOL_SERVER_SERVER_FLAGS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/log/log.h"
#include "common/nas/search/search_policy.h"
#include "server/core/rules/policy.h"

namespace CLI {
class App;
}

namespace archpool {

struct ServerFlags {
  LogOptions log;
  std::string data_dir = "archpool-data";
  std::string listen = "127.0.0.1:7070";
  bool is_plaintext = false;
  // An operator's own certificate and its key; "" for the pool's own.
  std::string tls_certificate;
  std::string tls_key;
  bool shows_certificate = false;  // of `pin`
  std::string verifier_certificates = "off";
  bool allow_public = false;  // of earlier versions; nothing needs it any more
  int64_t connections_per_account = 0;  // 0: half of those that fit
  std::string metrics_listen;           // "" for nowhere
  std::string port_file;     // where the bound port is written; "" for nowhere
  std::string database_url;  // "" for a private cluster
  std::string lease_term = "10m";
  std::string silence_term = "60s";
  std::string lease_span = "3m";
  std::string search_policy = "model";
  std::string upload_term = "2m";
  std::string audit_term = "2m";
  std::string audit_wait_term = "1h";
  std::string audit_backlog = "30m";
  std::string verifier_term = "5m";
  std::string unverified = "pay-proven";
  std::string registration = "closed";
  double fee = 0.05;
  double price_min_coins = 0;
  int64_t memory_max_mib = 4096;
  int64_t stored_max_mib = 65'536;
  int64_t disk_reserve_mib = 1024;
  // How long files are kept: policy.retention, and what no record names.
  std::string keep_cut_files = "24h";
  std::string keep_uncut_files = "30d";
  std::string keep_unused_datasets = "30d";
  std::string keep_results = "365d";
  std::string keep_other_weights = "7d";
  std::string keep_unclaimed = "24h";
  std::string collect_term = "10m";
  absl::Duration unclaimed_kept;
  absl::Duration collect_interval;
  double claim_tolerance = 0.002;
  double audit_floor = 0.25;
  double audit_budget = 0.05;
  double own_miners = 0;
  double planted = 0.03;
  double second_looks = 0.03;
  int64_t audit_budget_ppm = 0;
  std::string rail = "files";  // or "none", or a URL
  std::string rail_secret_file;
  double payout_min_coins = 1;
  std::string payout_address_wait = "24h";
  std::string reward_rule = "proportional";
  std::string receipt_term = "10m";
  absl::Duration receipt_interval;
  PoolPolicy policy;
  SearchPolicySpec search;
};

// Flags that `serve` and `migrate` share, and those of `serve` alone.
void AddDatabaseFlags(CLI::App& app, ServerFlags& flags);
void AddServeFlags(CLI::App& app, ServerFlags& flags);
// Those of `pin`.
void AddPinFlags(CLI::App& app, ServerFlags& flags);

// Fills flags.policy from the texts and checks all ranges. INVALID_ARGUMENT
// (FLAG_RANGE, ADDRESS_MALFORMED, TLS_FLAGS); FAILED_PRECONDITION
// (PLAINTEXT_PUBLIC): beyond loopback, tokens would travel unencrypted.
absl::Status CheckFlags(ServerFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_SERVER_FLAGS_H_
