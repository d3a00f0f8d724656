// SPDX-License-Identifier: Apache-2.0
#include "server/server_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/channel/address.h"
#include "common/nas/search/search_policy.h"

namespace archpool {
namespace {

constexpr int64_t kDaysKeptMax = 36'500;

absl::Status ParseTerm(absl::string_view flag, const std::string& text,
                       absl::Duration& term) {
  if (absl::ParseDuration(text, &term) && term >= absl::Seconds(1) &&
      term <= absl::Hours(24)) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "FLAG_RANGE", absl::StrCat(flag, " is '", text,
                                 "'; it takes 1s to 24h, for instance 90s"));
}

// "36h", "30d" or "forever".
absl::Status ParseKept(absl::string_view flag, const std::string& text,
                       absl::Duration& kept) {
  if (text == "forever") {
    kept = absl::InfiniteDuration();
    return absl::OkStatus();
  }
  absl::string_view days = text;
  int64_t count = 0;
  const bool is_read = absl::ConsumeSuffix(&days, "d") &&
                               absl::SimpleAtoi(days, &count) && count >= 0 &&
                               count <= kDaysKeptMax
                           ? (kept = absl::Hours(24) * count, true)
                           : absl::ParseDuration(text, &kept);
  if (is_read && kept >= absl::Seconds(1) &&
      kept <= absl::Hours(24) * kDaysKeptMax) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "FLAG_RANGE",
      absl::StrCat(flag, " is '", text, "'; it takes 1s to ", kDaysKeptMax,
                   "d, for instance 36h or 30d, or 'forever'"));
}

absl::Status CheckKeepFlags(ServerFlags& flags) {
  RetentionPolicy& kept = flags.policy.retention;
  ARCHPOOL_RETURN_IF_ERROR(
      ParseKept("--keep-cut-files", flags.keep_cut_files, kept.cut_files));
  ARCHPOOL_RETURN_IF_ERROR(ParseKept("--keep-uncut-files",
                                     flags.keep_uncut_files, kept.uncut_files));
  ARCHPOOL_RETURN_IF_ERROR(ParseKept("--keep-unused-datasets",
                                     flags.keep_unused_datasets,
                                     kept.unused_datasets));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseKept("--keep-results", flags.keep_results, kept.results));
  ARCHPOOL_RETURN_IF_ERROR(ParseKept(
      "--keep-other-weights", flags.keep_other_weights, kept.other_weights));
  ARCHPOOL_RETURN_IF_ERROR(ParseKept("--keep-unclaimed", flags.keep_unclaimed,
                                     flags.unclaimed_kept));
  return ParseTerm("--collect-interval", flags.collect_term,
                   flags.collect_interval);
}

absl::Status ParseAddressWait(const std::string& text, absl::Duration& wait) {
  if (absl::ParseDuration(text, &wait) && wait >= absl::ZeroDuration() &&
      wait <= absl::Hours(720)) {
    return absl::OkStatus();
  }
  return InvalidArgument("FLAG_RANGE",
                         absl::StrCat("--payout-address-wait is '", text,
                                      "'; it takes 0s to 720h, for instance "
                                      "24h"));
}

absl::Status ParseShare(absl::string_view flag, double share, double max,
                        int64_t& ppm) {
  if (share >= 0 && share <= max) {
    ppm = std::llround(share * 1e6);
    return absl::OkStatus();
  }
  return InvalidArgument(
      "FLAG_RANGE", absl::StrCat(flag, " is ", share, "; it takes 0 to ", max));
}

// An address to listen on, as gRPC and the web server read it.
absl::Status ReadListen(absl::string_view flag, bool is_plaintext,
                        std::string& listen) {
  ARCHPOOL_ASSIGN_OR_RETURN(const HostPort address,
                            ParseHostPort(flag, listen, /*port_min=*/0));
  listen = address.ToString();
  if (!is_plaintext || address.IsLoopback()) return absl::OkStatus();
  return FailedPrecondition(
      "PLAINTEXT_PUBLIC",
      absl::StrCat(flag, " ", listen,
                   " is reachable from outside, and --plaintext would send "
                   "tokens and models for all to read; leave --plaintext out, "
                   "or listen on 127.0.0.1"));
}

absl::Status CheckTlsFlags(const ServerFlags& flags) {
  if (flags.tls_certificate.empty() != flags.tls_key.empty()) {
    return InvalidArgument(
        "TLS_FLAGS",
        "--tls-certificate and --tls-key belong together: give both, or "
        "neither for certificates of the pool's own making");
  }
  if (flags.is_plaintext && !flags.tls_certificate.empty()) {
    return InvalidArgument("TLS_FLAGS",
                           "--plaintext shows no certificate: leave out "
                           "either it or --tls-certificate and --tls-key");
  }
  if (flags.is_plaintext && flags.verifier_certificates != "off") {
    return InvalidArgument("TLS_FLAGS",
                           "--plaintext sees no certificates of others: leave "
                           "out either it or --verifier-certificates");
  }
  return absl::OkStatus();
}

// Miners that are believed must have nothing to gain, and be let in by nobody
// but the operator.
absl::Status CheckOwnMiners(const ServerFlags& flags) {
  if (flags.policy.own_miners_ppm == 0) return absl::OkStatus();
  ARCHPOOL_ASSIGN_OR_RETURN(
      const HostPort address,
      ParseHostPort("--listen", flags.listen, /*port_min=*/0));
  const std::string other = flags.registration != "closed"
                                ? "--registration closed"
                            : flags.policy.price_min > 0 ? "--price-minimum 0"
                            : flags.rail != "none"       ? "--rail none"
                            : !address.IsLoopback() ? "--listen 127.0.0.1:0"
                                                    : "";
  if (other.empty()) return absl::OkStatus();
  return FailedPrecondition(
      "OWN_MINERS_STRANGERS",
      absl::StrCat("--own-miners believes miners almost all that they say, so "
                   "strangers must not be among them, nor anything be paid: "
                   "it needs ",
                   other, ". Leave out --own-miners to audit all miners"));
}

}  // namespace

void AddDatabaseFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--data-dir", flags.data_dir,
                 "Directory for blobs, secrets and the private database")
      ->capture_default_str();
  app.add_option("--database-url", flags.database_url,
                 "PostgreSQL to use (a libpq URI); by default the server runs "
                 "one of its own in the data directory");
}

namespace {

void AddTlsFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--tls-certificate", flags.tls_certificate,
                 "Certificate to show, in PEM: the server's own, then its "
                 "issuers. Read again whenever it\nis renewed. By default the "
                 "pool makes its own, and is known by its pin")
      ->type_name("FILE");
  app.add_option("--tls-key", flags.tls_key,
                 "The private key of --tls-certificate, in PEM without a "
                 "passphrase")
      ->type_name("FILE");
  app.add_option("--verifier-certificates", flags.verifier_certificates,
                 "Whether verifiers show a certificate of their account's "
                 "besides its token: 'required' refuses\nthose that do not, "
                 "'accepted' serves them and names them in the log "
                 "(docs/verifiers.md)")
      ->check(CLI::IsMember({"off", "accepted", "required"}))
      ->capture_default_str();
  app.add_flag("--plaintext", flags.is_plaintext,
               "Do not encrypt; on loopback alone, and clients have to say it "
               "too");
  // Earlier versions did not encrypt, and asked for it.
  app.add_flag("--allow-public", flags.allow_public)->group("");
}

void AddMoneyFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--fee", flags.fee, "The pool's share of what is paid out")
      ->capture_default_str();
  app.add_option("--price-minimum", flags.price_min_coins,
                 "Lowest price of a task, in coins for an hour of the "
                 "reference core, without fee and finder's bonus")
      ->capture_default_str();
  app.add_option("--rail", flags.rail,
                 "How payouts leave the pool: 'files' (batches in the data "
                 "directory, paid and confirmed\nby hand), an https URL (docs/"
                 "payouts.md), or 'none'")
      ->capture_default_str();
  app.add_option(
      "--rail-secret-file", flags.rail_secret_file,
      "File with the 64 hex digits that authenticate the pool to the "
      "rail at the URL");
  app.add_option("--payout-minimum", flags.payout_min_coins,
                 "Smallest payout, in coins")
      ->capture_default_str();
  app.add_option("--payout-address-wait", flags.payout_address_wait,
                 "How long a new payout address waits before anything is paid "
                 "to it, so that its owner can\ntake back what somebody else "
                 "set: 0s to 720h")
      ->capture_default_str();
  app.add_option("--reward-rule", flags.reward_rule,
                 "How rewards are divided: 'proportional' (each task among its "
                 "own accepted work), or 'pplns'\n(among the last work units "
                 "of the whole pool)")
      ->check(CLI::IsMember({"proportional", "pplns"}))
      ->capture_default_str();
  app.add_option("--pplns-window", flags.policy.pplns_window_units,
                 "Size of the 'pplns' window, in work units")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 60))
      ->capture_default_str();
  app.add_option("--receipt-interval", flags.receipt_term,
                 "How often receipts are sealed")
      ->capture_default_str();
}

void AddVerifierFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--audit-term", flags.audit_term,
                 "How long a silent verifier keeps its audit")
      ->capture_default_str();
  app.add_option("--verifier-term", flags.verifier_term,
                 "Lease work only while a verifier was heard within this time")
      ->capture_default_str();
  app.add_option("--audit-backlog", flags.audit_backlog,
                 "Lease no more work while the verifiers are busy for longer "
                 "than this")
      ->capture_default_str();
  app.add_option("--audit-wait-term", flags.audit_wait_term,
                 "How long a trial may wait for a verifier, not counting its "
                 "examination,\nwhere none works; where some do, and have not "
                 "come to it, a day")
      ->capture_default_str();
  app.add_option(
         "--unverified", flags.unverified,
         "What to do with a trial that waited longer: 'pay-proven' (pay it to "
         "proven miners,\nup to a cap; it cannot win), or 'reject' (pay "
         "nothing, and hold it against nobody)")
      ->check(CLI::IsMember({"pay-proven", "reject"}))
      ->capture_default_str();
  app.add_option("--planted", flags.planted,
                 "Fraction of audits that test their verifier with a falsified "
                 "training")
      ->capture_default_str();
  app.add_option("--second-looks", flags.second_looks,
                 "Fraction of passed audits that another account's verifier "
                 "repeats")
      ->capture_default_str();
}

void AddDiskFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--stored-mib-per-client", flags.stored_max_mib,
                 "Most MiB of the pool's disk for the files and datasets of "
                 "one client; 'archpool account quota' makes exceptions")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  app.add_option("--disk-reserve-mib", flags.disk_reserve_mib,
                 "MiB of the disk that are kept for work that is running: "
                 "below them no new files and\ntasks are taken; no more than "
                 "a tenth of the disk")
      ->check(CLI::Range(0, 1 << 30))
      ->capture_default_str();
}

void AddKeepFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--keep-results", flags.keep_results,
                 "How long weights of accepted trials are kept after the end "
                 "of their task: the client's\nresults. Like those that follow "
                 "1s to 36500d, or 'forever'")
      ->capture_default_str();
  app.add_option("--keep-other-weights", flags.keep_other_weights,
                 "How long all other weights are kept after the end of their "
                 "task")
      ->capture_default_str();
  app.add_option("--keep-unused-datasets", flags.keep_unused_datasets,
                 "How long the splits of a dataset are kept after its last "
                 "task ended, or it was registered")
      ->capture_default_str();
  app.add_option("--keep-cut-files", flags.keep_cut_files,
                 "How long a client's file is kept after splits were cut from "
                 "it")
      ->capture_default_str();
  app.add_option("--keep-uncut-files", flags.keep_uncut_files,
                 "How long a client's file is kept of which no dataset is "
                 "made")
      ->capture_default_str();
  app.add_option("--keep-unclaimed", flags.keep_unclaimed,
                 "How long a part of an upload is kept that nobody continues, "
                 "and a file that nothing names")
      ->capture_default_str();
  app.add_option("--collect-interval", flags.collect_term,
                 "How often to look for files that are no longer kept")
      ->capture_default_str();
}

void AddAccountFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--open-tasks-per-client",
                 flags.policy.open_tasks_per_client_max,
                 "Most open tasks of one client; 'archpool account quota' "
                 "makes exceptions")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--connections-per-account", flags.connections_per_account,
                 "Most connections of one account at a time; 0 for half of "
                 "those that fit")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
}

}  // namespace

void AddServeFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--listen", flags.listen, "Address and port; port 0 picks one")
      ->capture_default_str();
  AddTlsFlags(app, flags);
  app.add_option(
         "--registration", flags.registration,
         "Who makes accounts: 'closed' (operators alone), or 'invited' "
         "(also who has an\ninvitation of an account: 'archpool invite')")
      ->check(CLI::IsMember({"closed", "invited"}))
      ->capture_default_str();
  app.add_option("--port-file", flags.port_file,
                 "Write the port to this file once the server answers");
  app.add_option("--metrics-listen", flags.metrics_listen,
                 "Address of GET /metrics for Prometheus, such as "
                 "127.0.0.1:7071; none by default");
  app.add_option("--lease-term", flags.lease_term,
                 "Deadline for finishing all trials of a lease")
      ->capture_default_str();
  app.add_option("--silence-term", flags.silence_term,
                 "How long a silent worker keeps its lease")
      ->capture_default_str();
  app.add_option("--lease-span", flags.lease_span,
                 "How much work to put into a lease: the time a worker should "
                 "need for its trials")
      ->capture_default_str();
  app.add_option(
         "--search-policy", flags.search_policy,
         absl::StrCat("How to choose the next networks, for tasks that do not "
                      "say: one of ",
                      SearchPolicyNames()))
      ->capture_default_str();
  app.add_flag("!--no-backups", flags.policy.backups,
               "Never assign backup miners");
  app.add_option("--upload-term", flags.upload_term,
                 "How long a committed trial may wait for its weights")
      ->capture_default_str();
  AddVerifierFlags(app, flags);
  app.add_option("--claim-tolerance", flags.claim_tolerance,
                 "How far a claimed accuracy may exceed the measured one")
      ->capture_default_str();
  AddMoneyFlags(app, flags);
  app.add_option("--memory-max-mib", flags.memory_max_mib,
                 "Memory of the pool's verifiers for one training, in MiB; "
                 "networks that may need more are not trained")
      ->check(CLI::Range(256, 1 << 20))
      ->capture_default_str();
  AddAccountFlags(app, flags);
  AddDiskFlags(app, flags);
  AddKeepFlags(app, flags);
  app.add_option("--audit-floor", flags.audit_floor,
                 "Fraction of a proven miner's trials to audit")
      ->capture_default_str();
  app.add_option("--own-miners", flags.own_miners,
                 "All miners are your own, and audits take at most this "
                 "fraction of their work: they find\na machine that computes "
                 "wrongly, and nobody who lies. Only on loopback, with closed\n"
                 "registration, no lowest price and no rail; never for "
                 "strangers. 0: miners are strangers")
      ->capture_default_str();
  app.add_option("--audit-budget", flags.audit_budget,
                 "Warn when audits take more than this fraction of the audited "
                 "training time")
      ->capture_default_str();
  app.add_option("--rejections-to-suspend", flags.policy.rejections_to_suspend,
                 "Suspend a miner after this many rejected trials in a row")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
}

void AddPinFlags(CLI::App& app, ServerFlags& flags) {
  app.add_option("--data-dir", flags.data_dir,
                 "The server's directory: the pin of the pool's own authority")
      ->capture_default_str();
  app.add_option("--tls-certificate", flags.tls_certificate,
                 "The pin of this certificate's chain instead")
      ->type_name("FILE");
  app.add_flag("--certificate", flags.shows_certificate,
               "The certificate itself, in PEM: for programs that take no pin, "
               "such as Prometheus");
}

absl::Status CheckFlags(ServerFlags& flags) {
  PoolPolicy& policy = flags.policy;
  policy.memory_max_bytes = flags.memory_max_mib << 20;
  policy.stored_bytes_max = flags.stored_max_mib << 20;
  ARCHPOOL_RETURN_IF_ERROR(
      ParseTerm("--lease-term", flags.lease_term, policy.lease_term));
  ARCHPOOL_ASSIGN_OR_RETURN(flags.search,
                            ParseSearchPolicy(flags.search_policy));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseTerm("--silence-term", flags.silence_term, policy.silence_term));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseTerm("--lease-span", flags.lease_span, policy.lease_span));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseTerm("--upload-term", flags.upload_term, policy.upload_term));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseTerm("--audit-term", flags.audit_term, policy.audit_term));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseTerm("--verifier-term", flags.verifier_term, policy.verifier_term));
  ARCHPOOL_RETURN_IF_ERROR(ParseTerm("--audit-backlog", flags.audit_backlog,
                                     policy.audit_backlog_max));
  ARCHPOOL_RETURN_IF_ERROR(ParseTerm("--audit-wait-term", flags.audit_wait_term,
                                     policy.audit_wait_term));
  policy.takes_invited = flags.registration == "invited";
  policy.leases_need_verifiers = true;
  policy.pays_unverified = flags.unverified == "pay-proven";
  ARCHPOOL_RETURN_IF_ERROR(ParseShare("--fee", flags.fee, 0.4, policy.fee_ppm));
  ARCHPOOL_RETURN_IF_ERROR(ParseShare("--claim-tolerance",
                                      flags.claim_tolerance, 0.1,
                                      policy.claim_tolerance_ppm));
  ARCHPOOL_RETURN_IF_ERROR(ParseShare(
      "--payout-minimum", flags.payout_min_coins, 1e6, policy.payout_min));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseAddressWait(flags.payout_address_wait, policy.payout_address_wait));
  ARCHPOOL_RETURN_IF_ERROR(ParseShare("--price-minimum", flags.price_min_coins,
                                      1e6, policy.price_min));
  policy.payout_min = std::max<int64_t>(policy.payout_min, 1);
  policy.reward_rule = flags.reward_rule == "pplns" ? RewardRule::kPplns
                                                    : RewardRule::kProportional;
  ARCHPOOL_RETURN_IF_ERROR(ParseTerm("--receipt-interval", flags.receipt_term,
                                     flags.receipt_interval));
  ARCHPOOL_RETURN_IF_ERROR(ParseShare("--audit-floor", flags.audit_floor, 1,
                                      policy.audit_floor_ppm));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseShare("--planted", flags.planted, 0.5, policy.planted_ppm));
  ARCHPOOL_RETURN_IF_ERROR(ParseShare("--second-looks", flags.second_looks, 1,
                                      policy.second_look_ppm));
  ARCHPOOL_RETURN_IF_ERROR(ParseShare("--audit-budget", flags.audit_budget, 10,
                                      flags.audit_budget_ppm));
  ARCHPOOL_RETURN_IF_ERROR(CheckKeepFlags(flags));
  ARCHPOOL_RETURN_IF_ERROR(CheckTlsFlags(flags));
  ARCHPOOL_RETURN_IF_ERROR(
      ReadListen("--listen", flags.is_plaintext, flags.listen));
  ARCHPOOL_RETURN_IF_ERROR(
      ParseShare("--own-miners", flags.own_miners, 1, policy.own_miners_ppm));
  ARCHPOOL_RETURN_IF_ERROR(CheckOwnMiners(flags));
  if (flags.metrics_listen.empty()) return absl::OkStatus();
  return ReadListen("--metrics-listen", flags.is_plaintext,
                    flags.metrics_listen);
}

}  // namespace archpool
