// SPDX-License-Identifier: Apache-2.0
// What every subcommand is given.
#ifndef ARCHPOOL_CLIENT_CONTEXT_H_
#define ARCHPOOL_CLIENT_CONTEXT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <stop_token>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/json.h"
#include "client/pool_client.h"
#include "client/text.h"
#include "common/channel/access.h"

namespace CLI {
class App;
}

namespace archpool {

// The options that stand before or after any subcommand.
struct GlobalFlags {
  std::string server = "127.0.0.1:7070";
  std::string token_file;
  TrustFlags trust;
  bool is_json = false;
  double patience_s = 15;
};

// Where output goes. Both outlive the context.
struct Output {
  std::ostream& out;
  std::ostream& err;
  Terminal terminal;         // of `out`
  bool is_live = false;      // `out` is a terminal that can be drawn over
  bool is_err_live = false;  // the same of `err`
};

// Thread-compatible.
class Context {
 public:
  Context(const GlobalFlags& flags, const Output& output, std::stop_token stop)
      : flags_(flags), output_(output), stop_(std::move(stop)) {}

  // The connection, made when first asked for: what needs no server works
  // without a token. ReadAccess's errors; INVALID_ARGUMENT (TOKEN_FILE_UNSET).
  absl::StatusOr<PoolClient*> Client();

  // The same without a token, for what anybody may ask; `found`: a pin that
  // came with an invitation. ReadServerSite's errors.
  absl::StatusOr<PoolClient*> Stranger(const std::optional<FoundPin>& found);

  // The pin that the connection goes by; nullopt where it goes by none, or is
  // not made.
  std::optional<Pin> ServerPin() const;

  // Shows JSON where --json asks for it, else the page.
  void Show(const Json& json, const std::string& page) const;

  // While a view is drawn over the terminal, and says itself where the server
  // is away, nothing is written beside it.
  void SetDrawnOver(bool is_drawn_over) { is_drawn_over_ = is_drawn_over; }

  bool is_json() const { return flags_.is_json; }
  const Terminal& terminal() const { return output_.terminal; }
  const Output& output() const { return output_; }
  const std::stop_token& stop() const { return stop_; }

 private:
  // Makes the connection; "": under no account.
  PoolClient* Connect(const ServerSite& site, const std::string& token);
  // Says on stderr what keeps a call waiting, once.
  void SayWait(const absl::Status& why, absl::Duration waited)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const GlobalFlags& flags_;
  const Output output_;
  const std::stop_token stop_;
  ServerTrust trust_;  // the client's
  std::unique_ptr<PoolClient> client_;
  std::atomic<bool> is_drawn_over_ = false;
  // A view's thread calls beside the command's own.
  absl::Mutex mutex_;
  std::string wait_said_ ABSL_GUARDED_BY(mutex_);
};

// What the chosen subcommand does.
using Action = std::function<absl::Status(Context&)>;

// Each adds a group of subcommands; the one that is chosen sets `action`.
void AddAccountCommands(CLI::App& app, Action& action);
void AddInviteCommands(CLI::App& app, Action& action);
// Under `archpool account`.
void AddTokenCommands(CLI::App& account, Action& action);
void AddPoolCommands(CLI::App& app, Action& action);
void AddPredictCommand(CLI::App& app, Action& action);
void AddReproduceCommand(CLI::App& app, Action& action);
void AddSearchCommand(CLI::App& app, Action& action);
void AddTaskCommands(CLI::App& app, Action& action);
void AddLeaseCommands(CLI::App& app, Action& action);
void AddMinerCommands(CLI::App& app, Action& action);
void AddLedgerCommands(CLI::App& app, Action& action);
void AddPayoutCommands(CLI::App& app, Action& action);
void AddReceiptCommands(CLI::App& app, Action& action);
void AddExplainCommand(CLI::App& app, Action& action);
void AddVerifierCommands(CLI::App& app, Action& action);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_CONTEXT_H_
