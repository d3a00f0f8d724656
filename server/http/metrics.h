// What the server counts, in the text format of Prometheus, at GET /metrics of
// an address of its own. Thread-safe.
#ifndef ARCHPOOL_SERVER_HTTP_METRICS_H_
#define ARCHPOOL_SERVER_HTTP_METRICS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace archpool {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // HOST:PORT; port 0: any. UNAVAILABLE (LISTEN_FAILED).
  absl::Status Open(const std::string& listen);
  int port() const;

  // archpool_ledger_violations: what the latest check found;
  // archpool_ledger_violations_total grows with the first one and never falls.
  // archpool_ledger_checks_total, archpool_ledger_check_seconds and
  // archpool_ledger_transfers say that checks run.
  void NoteLedgerCheck(int64_t violations, int64_t transfers,
                       absl::Duration took);
  // archpool_receipt_mismatches: accounts whose balance differs from what their
  // receipts make.
  void NoteReceiptMismatches(int64_t accounts);
  // archpool_ledger_check_failures_total: the database could not be asked.
  void NoteLedgerCheckFailed();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_HTTP_METRICS_H_
