#include "server/http/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <exception>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

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
                "What the latest check of the ledger took");
  prometheus::Gauge& transfers =
      MakeGauge(*registry, "archpool_ledger_transfers",
                "Transfers that the latest check of the ledger looked at");
  prometheus::Gauge& receipt_mismatches =
      MakeGauge(*registry, "archpool_receipt_mismatches",
                "Accounts whose balance differs from what their receipts make");
  std::unique_ptr<prometheus::Exposer> exposer;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

absl::Status Metrics::Open(const std::string& listen) {
  try {
    impl_->exposer = std::make_unique<prometheus::Exposer>(listen, kThreads);
  } catch (const std::exception& e) {
    return Unavailable(
        "LISTEN_FAILED",
        absl::StrCat("Cannot show metrics on ", listen, " (", e.what(),
                     "); is another server running there?"));
  }
  impl_->exposer->RegisterCollectable(impl_->registry);
  return absl::OkStatus();
}

int Metrics::port() const {
  return impl_->exposer->GetListeningPorts().front();
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

void Metrics::NoteLedgerCheckFailed() { impl_->failures_total.Increment(); }

}  // namespace archpool
