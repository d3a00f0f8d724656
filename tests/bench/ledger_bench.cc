// SPDX-License-Identifier: Apache-2.0
// How many transfers a second the PostgreSQL store makes durable (fsync on, a
// private cluster on this machine's disk), in batches; beside what pgbench
// reaches with 32 clients and one transfer in each transaction
// (transfer.pgbench.sql), in the same cluster; and how long the ledger's check
// takes over what was posted, and over what came since.
//
//   ledger_bench [SECONDS [TRANSFERS]]    for each rate (default: 10); the
//   check
//                                         is over this many transfers at least
//
// Run it from the root of the sources. Fails under 50,000 transfers a second,
// or under 8 times pgbench's rate.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/model/receipt.h"
#include "server/core/leaves/receipts.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/postgres_programs.h"
#include "server/storage/postgres/postgres_reader.h"
#include "server/storage/postgres/postgres_store.h"
#include "server/storage/postgres/private_cluster.h"
#include "tests/bench/bench_util.h"
#include "tests/bench/json_line.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr double kGoalPerSecond = 50'000;
constexpr double kGoalOverPgbench = 8;
constexpr int64_t kAccounts = 1'001;
constexpr int64_t kStart = 1'000'000'000'000;
constexpr char kScript[] = "tests/bench/transfer.pgbench.sql";
constexpr int kBatches[] = {512, 4'096, 16'384};

class LedgerBench {
 public:
  explicit LedgerBench(const std::string& connection) : store_(connection) {
    const auto loaded = store_.TakeOver();
    AbortUnlessOk(loaded.status());
    generation_ = loaded->generation;
    sequence_ = loaded->sequence;
    std::vector<Event> events;
    for (int64_t i = 1; i <= kAccounts; ++i) {
      const Place account = Place::Of(AccountId{i});
      Post(Place::Outside(), account, kStart, events);
    }
    AddBalances(events);
    Commit(events);
  }

  // With a receipt of each for the account that is credited, where asked for.
  double Rate(int batch, double seconds_min, bool with_receipts = false) {
    int64_t posted = 0;
    double seconds = 0;
    while (seconds < seconds_min) {
      std::vector<Event> events;
      for (int i = 0; i < batch; ++i) {
        const int64_t from = 1 + int64_t{rng_.Below(kAccounts)};
        const int64_t to = 1 + (from + rng_.Below(kAccounts - 1)) % kAccounts;
        Post(Place::Of(AccountId{from}), Place::Of(AccountId{to}), 1, events);
        if (with_receipts) Hand(AccountId{to}, events);
      }
      AddBalances(events);
      const auto begin = std::chrono::steady_clock::now();
      Commit(events);
      seconds += SecondsSince(begin);
      posted += batch;
    }
    return static_cast<double>(posted) / seconds;
  }
  int64_t last_transfer() const { return last_transfer_; }

 private:
  void Hand(AccountId account, std::vector<Event>& events) {
    const ReceiptId id{++last_receipt_};
    const Transfer& transfer = std::get<Transfer>(events.back());
    events.emplace_back(Receipt{
        id, account, Encode(ReceiptContent{id, account, ReceiptOf(transfer)})});
  }
  void Post(Place from, Place to, Amount amount, std::vector<Event>& events) {
    events.emplace_back(Transfer{.id = {++last_transfer_},
                                 .from = from,
                                 .to = to,
                                 .amount = amount,
                                 .create_time = absl::UnixEpoch()});
    for (const auto& [place, change] :
         {std::pair(from, -amount), std::pair(to, amount)}) {
      balances_[place] += change;
      touched_.push_back(place);
    }
  }
  void AddBalances(std::vector<Event>& events) {
    for (const Place place : touched_) {
      events.emplace_back(Balance{place, balances_[place]});
    }
    touched_.clear();
  }
  void Commit(const std::vector<Event>& events) {
    AbortUnlessOk(store_.Commit(generation_, sequence_++, events));
  }

  PostgresStore store_;
  CounterRng rng_{1, 0};
  int64_t generation_ = 0;
  int64_t sequence_ = 0;
  int64_t last_transfer_ = 0;
  int64_t last_receipt_ = 0;
  absl::btree_map<Place, Amount> balances_;
  std::vector<Place> touched_;
};

std::string OutputOf(const std::string& command) {
  std::string output;
  std::FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return output;
  char buffer[4'096];
  while (const size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) {
    output.append(buffer, size);
  }
  pclose(pipe);
  return output;
}

// Transactions a second; 0 where pgbench did not run.
double PgbenchRate(const std::string& connection, int64_t next_transfer,
                   int seconds) {
  const auto programs = postgres::FindPrograms(std::nullopt);
  AbortUnlessOk(programs.status());
  const std::string database = absl::StrCat("\"", connection, "\"");
  OutputOf(absl::StrCat(*programs, "/psql -q ", database,
                        " -c 'CREATE SEQUENCE bench_transfer START ",
                        next_transfer, "'"));
  const std::string output =
      OutputOf(absl::StrCat(*programs, "/pgbench -n -c 32 -j 2 -T ", seconds,
                            " -f ", kScript, " ", database, " 2>&1"));
  const size_t at = output.find("tps = ");
  double rate = 0;
  if (at == std::string::npos ||
      !absl::SimpleAtod(
          output.substr(at + 6, output.find(' ', at + 6) - (at + 6)), &rate)) {
    std::fprintf(stderr, "pgbench: %s\n", output.c_str());
  }
  return rate;
}

// Over everything, and over what one more batch has brought.
bool CheckTwice(const std::string& connection, LedgerBench& bench) {
  PostgresReader reader(connection, 1);
  LedgerMark mark;
  bool is_sound = true;
  for (const bool is_whole : {true, false}) {
    if (!is_whole) (void)bench.Rate(kBatches[2], 0.5);
    const auto begin = std::chrono::steady_clock::now();
    const auto check = reader.CheckLedgerFrom(mark);
    const double seconds = SecondsSince(begin);
    AbortUnlessOk(check.status());
    is_sound &= check->violations.empty();
    PrintJsonLine(is_whole ? "ledger/check" : "ledger/check_further", seconds,
                  absl::StrCat("s for ", check->transfers), is_whole ? 60 : 1);
    if (!is_whole) continue;
    PrintJsonLine("ledger/check_10M",
                  1e7 * seconds / static_cast<double>(check->transfers),
                  "s, in proportion", 60);
  }
  return is_sound;
}

int Run(int seconds, int64_t transfers_min) {
  const TemporaryDirectory directory;
  auto cluster = PrivateCluster::Start({.directory = directory.path() + "/p"});
  AbortUnlessOk(cluster.status());
  const std::string connection = (*cluster)->ConnectionString();
  AbortUnlessOk(Migrate(connection));
  double best = 0;
  LedgerBench bench(connection);
  for (const int batch : kBatches) {
    const double rate = bench.Rate(batch, seconds);
    PrintJsonLine(absl::StrCat("ledger/posted_by_", batch), rate, "transfers/s",
                  kGoalPerSecond);
    best = std::max(best, rate);
  }
  PrintJsonLine("ledger/posted_with_receipts",
                bench.Rate(kBatches[2], seconds, /*with_receipts=*/true),
                "transfers/s", kGoalPerSecond);
  while (bench.last_transfer() < transfers_min)
    (void)bench.Rate(kBatches[2], 1);
  const bool is_sound = CheckTwice(connection, bench);
  const double single =
      PgbenchRate(connection, bench.last_transfer() + 1, seconds);
  PrintJsonLine("ledger/pgbench_32_clients", single, "transfers/s", single);
  PrintJsonLine("ledger/over_pgbench", best / std::max(single, 1.0), "times",
                kGoalOverPgbench);
  return is_sound && best >= kGoalPerSecond && single > 0 &&
                 best >= kGoalOverPgbench * single
             ? 0
             : 1;
}

}  // namespace
}  // namespace archpool

int main(int argc, char** argv) {
  return archpool::Run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 10,
                       argc > 2 ? std::atoll(argv[2]) : 0);
}
