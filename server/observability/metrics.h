// SPDX-License-Identifier: Apache-2.0
// What the server counts, in the text format of Prometheus, at GET /metrics of
// an address of its own. Thread-safe.
#ifndef ARCHPOOL_SERVER_OBSERVABILITY_METRICS_H_
#define ARCHPOOL_SERVER_OBSERVABILITY_METRICS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/tls/served_certificate.h"

namespace archpool {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // HOST:PORT; port 0: any. Over HTTPS with `certificate`, which outlives this,
  // where there is one. UNAVAILABLE (LISTEN_FAILED). Once.
  absl::Status Open(const std::string& listen,
                    const ServedCertificate* certificate = nullptr);
  int port() const;

  // archpool_build_info: always 1; its labels version, commit and build_type
  // say which server answers.
  void NoteBuild(const std::string& version, const std::string& commit,
                 const std::string& build_type);
  // archpool_ledger_violations: what the latest check found;
  // archpool_ledger_violations_total grows with the first one and never falls.
  // archpool_ledger_checks_total, archpool_ledger_check_seconds and
  // archpool_ledger_transfers say that checks run.
  void NoteLedgerCheck(int64_t violations, int64_t transfers,
                       absl::Duration took);
  // archpool_receipt_mismatches: accounts whose balance differs from what their
  // receipts make.
  void NoteReceiptMismatches(int64_t accounts);
  // archpool_verifiers (heard of late, and working),
  // archpool_verifiers_failing, archpool_verifiers_set_aside,
  // archpool_audits_waiting and archpool_oldest_audit_wait_seconds;
  // archpool_evaluation_alarms: how often verifiers said, since the server
  // started, that the pool's own two evaluations differ.
  struct Verifiers {
    int64_t working = 0;
    int64_t failing = 0;
    int64_t set_aside = 0;
    int64_t audits_waiting = 0;
    int64_t evaluation_alarms = 0;
    absl::Duration oldest_wait;
  };
  void NoteVerifiers(const Verifiers& seen);
  // archpool_ledger_check_failures_total: the database could not be asked.
  void NoteLedgerCheckFailed();
  // archpool_storage_errors_total, and archpool_storage_failing: 1 while the
  // pool refuses files for reasons of its own.
  void NoteStorageError();
  void NoteStorageFailing(bool is_failing);
  // archpool_blobs_removed_total and archpool_blob_bytes_freed_total: files
  // that nothing needed any more; archpool_blobs: how many there are, as the
  // latest whole look at them says (negative: it was not whole).
  void NoteCollection(int64_t removed, int64_t freed_bytes, int64_t blobs);
  // archpool_disk_free_bytes: what is left of a disk (its label).
  void NoteDiskFree(const std::string& disk, int64_t free_bytes);
  // archpool_longest_command_seconds: for how long one command, or the work
  // that fell due at once, held up all others at most since the start.
  void NoteLongestCommand(absl::Duration took);
  // archpool_records_held: how many records of a kind (its label) the server
  // holds in memory: of what it grows, where it does.
  void NoteHeld(const std::string& kind, int64_t count);
  // archpool_clock_steps_total: how often the system's clock was set.
  void NoteClockStep();
  // archpool_maintenance: 1 while an operator keeps the pool from leasing.
  void NoteMaintenance(bool is_on);
  // archpool_time_away_seconds_total: what was added to every deadline.
  void NoteTimeAway(absl::Duration away);

  // archpool_database_failing: 1 while the database takes no commands;
  // archpool_database_failures_total: commits that it did not take;
  // archpool_database_wait_seconds: for how long it has not answered.
  void NoteDatabaseFailing(bool is_failing);
  void NoteDatabaseFailures(int64_t count);
  void NoteDatabaseWait(absl::Duration wait);
  // archpool_connections: open connections, of which
  // archpool_connections_without_token have shown none yet;
  // archpool_connections_ended_total: those that the server ended to keep room
  // for others, and those that it did not let in.
  void NoteConnections(int64_t open, int64_t without_token);
  void NoteConnectionsEnded(int64_t count);
  // archpool_late_answers_total: answers that waited for their account's pace.
  void NoteLateAnswer();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OBSERVABILITY_METRICS_H_
