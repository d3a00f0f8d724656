// SPDX-License-Identifier: Apache-2.0
#include "server/observability/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/observability/encrypted_page.h"

namespace archpool {
namespace {

constexpr size_t kThreads = 2;

prometheus::Gauge& MakeGauge(prometheus::Registry& registry, const char* name,
                             const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(
      {});
}

prometheus::Counter& MakeCounter(prometheus::Registry& registry,
                                 const char* name, const char* help) {
  return prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(registry)
      .Add({});
}

}  // namespace

struct Metrics::Impl {
  std::shared_ptr<prometheus::Registry> registry =
      std::make_shared<prometheus::Registry>();
  prometheus::Gauge& violations =
      MakeGauge(*registry, "archpool_ledger_violations",
                "Violations that the latest check of the ledger found");
  prometheus::Counter& violations_total =
      MakeCounter(*registry, "archpool_ledger_violations_total",
                  "Violations found by all checks since the start");
  prometheus::Counter& checks_total =
      MakeCounter(*registry, "archpool_ledger_checks_total",
                  "Checks of the ledger since the start");
  prometheus::Counter& failures_total =
      MakeCounter(*registry, "archpool_ledger_check_failures_total",
                  "Checks of the ledger that could not be made");
  prometheus::Gauge& seconds =
      MakeGauge(*registry, "archpool_ledger_check_seconds",
                "Seconds that the latest check of the ledger took");
  prometheus::Gauge& transfers =
      MakeGauge(*registry, "archpool_ledger_transfers",
                "Transfers that the latest check of the ledger read");
  prometheus::Gauge& receipt_mismatches =
      MakeGauge(*registry, "archpool_receipt_mismatches",
                "Accounts whose balance differs from what their receipts make");
  prometheus::Gauge& verifiers =
      MakeGauge(*registry, "archpool_verifiers",
                "Verifiers that were heard recently and work");
  prometheus::Gauge& audits_waiting = MakeGauge(
      *registry, "archpool_audits_waiting", "Audits that wait for a verifier");
  prometheus::Gauge& oldest_wait =
      MakeGauge(*registry, "archpool_oldest_audit_wait_seconds",
                "Seconds that the oldest waiting audit has waited");
  prometheus::Gauge& verifiers_failing =
      MakeGauge(*registry, "archpool_verifiers_failing",
                "Verifiers that reach no finding in any audit");
  prometheus::Gauge& evaluation_alarms = MakeGauge(
      *registry, "archpool_evaluation_alarms",
      "How often verifiers said that the pool's own two evaluations differ");
  prometheus::Gauge& verifiers_set_aside =
      MakeGauge(*registry, "archpool_verifiers_set_aside",
                "Verifiers that others outvoted, or that failed a trial "
                "of theirs");
  prometheus::Counter& storage_errors =
      MakeCounter(*registry, "archpool_storage_errors_total",
                  "Files that the pool's disk did not take or give");
  prometheus::Gauge& storage_failing =
      MakeGauge(*registry, "archpool_storage_failing",
                "1 while the pool refuses files for reasons of its own");
  prometheus::Counter& blobs_removed =
      MakeCounter(*registry, "archpool_blobs_removed_total",
                  "Files that nothing needed any more");
  prometheus::Counter& bytes_freed =
      MakeCounter(*registry, "archpool_blob_bytes_freed_total",
                  "Bytes of the files that nothing needed any more");
  prometheus::Gauge& blobs = MakeGauge(
      *registry, "archpool_blobs", "Files that the pool keeps by their digest");
  prometheus::Gauge& longest_command =
      MakeGauge(*registry, "archpool_longest_command_seconds",
                "The longest that one command held up all others");
  prometheus::Counter& clock_steps =
      MakeCounter(*registry, "archpool_clock_steps_total",
                  "How often the system's clock was set");
  prometheus::Gauge& maintenance =
      MakeGauge(*registry, "archpool_maintenance",
                "1 while an operator keeps the pool from leasing");
  prometheus::Counter& time_away =
      MakeCounter(*registry, "archpool_time_away_seconds_total",
                  "Time without a pool that was added to every deadline");
  prometheus::Gauge& database_failing =
      MakeGauge(*registry, "archpool_database_failing",
                "1 while the database takes no commands");
  prometheus::Counter& database_failures =
      MakeCounter(*registry, "archpool_database_failures_total",
                  "Commits that the database did not take");
  prometheus::Gauge& database_wait =
      MakeGauge(*registry, "archpool_database_wait_seconds",
                "Seconds for which the database has not answered");
  prometheus::Gauge& connections =
      MakeGauge(*registry, "archpool_connections", "Connections that are open");
  prometheus::Gauge& connections_without_token =
      MakeGauge(*registry, "archpool_connections_without_token",
                "Open connections that have shown no token yet");
  prometheus::Counter& connections_ended =
      MakeCounter(*registry, "archpool_connections_ended_total",
                  "Connections that the server ended or did not let in");
  prometheus::Counter& late_answers =
      MakeCounter(*registry, "archpool_late_answers_total",
                  "Answers that waited because their account calls too often");
  prometheus::Family<prometheus::Gauge>& held =
      prometheus::BuildGauge()
          .Name("archpool_records_held")
          .Help("Records of a kind that the server holds in memory")
          .Register(*registry);
  prometheus::Family<prometheus::Gauge>& disk_free =
      prometheus::BuildGauge()
          .Name("archpool_disk_free_bytes")
          .Help("Bytes that are left of a disk of the pool")
          .Register(*registry);
  // One of the two, once it is open.
  std::unique_ptr<prometheus::Exposer> exposer;
  std::unique_ptr<EncryptedPage> encrypted;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

absl::Status Metrics::Open(const std::string& listen,
                           const ServedCertificate* certificate) {
  if (certificate != nullptr) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        impl_->encrypted,
        EncryptedPage::Open(listen, "/metrics", *certificate,
                            [registry = impl_->registry] {
                              return prometheus::TextSerializer().Serialize(
                                  registry->Collect());
                            }));
    return absl::OkStatus();
  }
  try {
    impl_->exposer = std::make_unique<prometheus::Exposer>(listen, kThreads);
  } catch (const std::exception& e) {
    return Unavailable(
        "LISTEN_FAILED",
        absl::StrCat("cannot show metrics on ", listen, " (", e.what(),
                     "); is another server running there?"));
  }
  impl_->exposer->RegisterCollectable(impl_->registry);
  return absl::OkStatus();
}

int Metrics::port() const {
  if (impl_->encrypted != nullptr) return impl_->encrypted->port();
  return impl_->exposer->GetListeningPorts().front();
}

void Metrics::NoteBuild(const std::string& version, const std::string& commit,
                        const std::string& build_type) {
  prometheus::BuildGauge()
      .Name("archpool_build_info")
      .Help("Which build of the server this is, in its labels; always 1")
      .Register(*impl_->registry)
      .Add({{"version", version},
            {"commit", commit},
            {"build_type", build_type}})
      .Set(1);
}

void Metrics::NoteLedgerCheck(int64_t violations, int64_t transfers,
                              absl::Duration took) {
  impl_->checks_total.Increment();
  impl_->violations.Set(static_cast<double>(violations));
  impl_->violations_total.Increment(static_cast<double>(violations));
  impl_->transfers.Set(static_cast<double>(transfers));
  impl_->seconds.Set(absl::ToDoubleSeconds(took));
}

void Metrics::NoteReceiptMismatches(int64_t accounts) {
  impl_->receipt_mismatches.Set(static_cast<double>(accounts));
}

void Metrics::NoteVerifiers(const Verifiers& seen) {
  impl_->verifiers.Set(static_cast<double>(seen.working));
  impl_->verifiers_failing.Set(static_cast<double>(seen.failing));
  impl_->verifiers_set_aside.Set(static_cast<double>(seen.set_aside));
  impl_->evaluation_alarms.Set(static_cast<double>(seen.evaluation_alarms));
  impl_->audits_waiting.Set(static_cast<double>(seen.audits_waiting));
  impl_->oldest_wait.Set(absl::ToDoubleSeconds(seen.oldest_wait));
}

void Metrics::NoteLedgerCheckFailed() { impl_->failures_total.Increment(); }

void Metrics::NoteStorageError() { impl_->storage_errors.Increment(); }

void Metrics::NoteStorageFailing(bool is_failing) {
  impl_->storage_failing.Set(is_failing ? 1 : 0);
}

void Metrics::NoteCollection(int64_t removed, int64_t freed_bytes,
                             int64_t blobs) {
  impl_->blobs_removed.Increment(static_cast<double>(removed));
  impl_->bytes_freed.Increment(static_cast<double>(freed_bytes));
  if (blobs >= 0) impl_->blobs.Set(static_cast<double>(blobs));
}

void Metrics::NoteDiskFree(const std::string& disk, int64_t free_bytes) {
  impl_->disk_free.Add({{"disk", disk}}).Set(static_cast<double>(free_bytes));
}

void Metrics::NoteLongestCommand(absl::Duration took) {
  impl_->longest_command.Set(absl::ToDoubleSeconds(took));
}

void Metrics::NoteHeld(const std::string& kind, int64_t count) {
  impl_->held.Add({{"kind", kind}}).Set(static_cast<double>(count));
}

void Metrics::NoteClockStep() { impl_->clock_steps.Increment(); }

void Metrics::NoteMaintenance(bool is_on) {
  impl_->maintenance.Set(is_on ? 1 : 0);
}

void Metrics::NoteTimeAway(absl::Duration away) {
  impl_->time_away.Increment(absl::ToDoubleSeconds(away));
}

void Metrics::NoteDatabaseFailing(bool is_failing) {
  impl_->database_failing.Set(is_failing ? 1 : 0);
}

void Metrics::NoteDatabaseFailures(int64_t count) {
  impl_->database_failures.Increment(static_cast<double>(count));
}

void Metrics::NoteDatabaseWait(absl::Duration wait) {
  impl_->database_wait.Set(absl::ToDoubleSeconds(wait));
}

void Metrics::NoteConnections(int64_t open, int64_t without_token) {
  impl_->connections.Set(static_cast<double>(open));
  impl_->connections_without_token.Set(static_cast<double>(without_token));
}

void Metrics::NoteConnectionsEnded(int64_t count) {
  impl_->connections_ended.Increment(static_cast<double>(count));
}

void Metrics::NoteLateAnswer() { impl_->late_answers.Increment(); }

}  // namespace archpool
