// SPDX-License-Identifier: Apache-2.0
// archpool receipt ...
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/context.h"
#include "client/receipt_folder.h"
#include "client/render_receipts.h"
#include "common/base/status.h"

namespace archpool {
namespace {

struct ReceiptFlags {
  std::string directory;
  std::string pool_key;
};

std::string HexOf(const PublicKey& key) { return Digest{key.bytes}.ToString(); }

absl::Status FetchIntoFolder(Context& context, const ReceiptFlags& flags) {
  ReceiptFolder before;
  // Written last.
  if (std::filesystem::exists(flags.directory + "/statement.bin")) {
    ARCHPOOL_ASSIGN_OR_RETURN(before, ReadReceiptFolder(flags.directory));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const FetchedReceipts fetched,
                            FetchReceipts(*client, before));
  // What was fetched before stays as it was, unless this is its continuation.
  ARCHPOOL_RETURN_IF_ERROR(
      CheckReceipts(fetched.folder, fetched.pool_key).status());
  ARCHPOOL_RETURN_IF_ERROR(WriteReceiptFolder(flags.directory, fetched.folder));
  context.Show(
      {{"directory", flags.directory},
       {"receipts", fetched.receipts},
       {"added", fetched.added},
       {"pool_key", HexOf(fetched.pool_key)}},
      absl::StrCat(fetched.added, " new receipts, ", fetched.receipts,
                   " in all, in ", Clean(flags.directory),
                   "\nCheck them, on any machine, with the key that you know "
                   "the pool by; it says\n  archpool receipt verify ",
                   Clean(flags.directory), " --pool-key ",
                   HexOf(fetched.pool_key), "\n"));
  return absl::OkStatus();
}

absl::Status VerifyFolder(Context& context, const ReceiptFlags& flags) {
  const absl::StatusOr<Digest> key = Digest::Parse(flags.pool_key);
  if (!key.ok()) {
    return InvalidArgument(
        "KEY_MALFORMED", absl::StrCat("--pool-key ", Clean(flags.pool_key),
                                      " does not have 64 hexadecimal digits"));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptFolder folder,
                            ReadReceiptFolder(flags.directory));
  ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptReport report,
                            CheckReceipts(folder, PublicKey{key->bytes}));
  context.Show(ToJson(report), RenderReceiptReport(report, context.terminal()));
  if (report.problems.empty()) return absl::OkStatus();
  return FailedPrecondition("RECEIPTS_WRONG",
                            absl::StrCat("the receipts do not add up: ",
                                         Clean(report.problems.front())));
}

absl::Status ListReceipts(Context& context, const ReceiptFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptFolder folder,
                            ReadReceiptFolder(flags.directory));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<std::string> receipts,
                            DecodeReceipts(folder.receipts));
  Json json = Json::array();
  std::string page;
  for (const std::string& encoding : receipts) {
    ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptContent receipt,
                              DecodeReceipt(encoding));
    if (context.is_json()) {
      json.push_back(ToJson(receipt));
    } else {
      absl::StrAppend(&page, DescribeReceipt(receipt), "\n");
    }
  }
  context.Show(json, page.empty() ? "No receipts.\n" : page);
  return absl::OkStatus();
}

// A subcommand on a folder.
CLI::App* AddOnFolder(CLI::App& group, Action& action, const char* name,
                      const char* description,
                      absl::Status (*run)(Context&, const ReceiptFlags&),
                      const std::shared_ptr<ReceiptFlags>& flags) {
  CLI::App* command = group.add_subcommand(name, description);
  command->add_option("DIR", flags->directory, "The folder of receipts")
      ->required();
  command->callback([&action, flags, run] {
    action = [flags, run](Context& c) { return run(c, *flags); };
  });
  return command;
}

}  // namespace

void AddReceiptCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand(
      "receipt", "What the pool signed about your work and your money");
  group->require_subcommand(1);
  const auto flags = std::make_shared<ReceiptFlags>();
  AddOnFolder(
      *group, action, "fetch",
      "Fetch new receipts into a folder (clients, miners; operators: the "
      "pool's own)",
      FetchIntoFolder, flags);
  CLI::App* verify = AddOnFolder(
      *group, action, "verify",
      "Check a folder without the pool: nothing changed, nothing left out, and "
      "it adds up",
      VerifyFolder, flags);
  verify
      ->add_option("--pool-key", flags->pool_key,
                   "The pool's receipt key that you trust, 64 hex digits")
      ->required();
  AddOnFolder(*group, action, "list",
              "List the receipts in a folder, oldest first", ListReceipts,
              flags);
}

}  // namespace archpool
