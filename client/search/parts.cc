// SPDX-License-Identifier: Apache-2.0
#include "client/search/parts.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace archpool::search {
namespace {

std::string AddressOf(int port) { return absl::StrCat("127.0.0.1:", port); }

// A pool without strangers: nobody but its operator makes accounts, nothing is
// paid to anybody, and what would try verifiers or ask a second one is left
// out. Audits look for a machine that computes wrongly, in a twentieth of its
// work; only where they found something are they as among strangers. A backup
// would be this machine's own, and take what the first one needs.
std::vector<std::string> ServerArguments(const Folder& folder, int port) {
  return {"--data-dir",      folder.PoolPath(),
          "--listen",        AddressOf(port),
          "--port-file",     folder.PortPath(),
          "--registration",  "closed",
          "--fee",           "0",
          "--price-minimum", "0",
          "--rail",          "none",
          "--own-miners",    "0.05",
          "--audit-floor",   "0.02",
          "--planted",       "0",
          "--second-looks",  "0",
          "--silence-term",  "30s",
          "--no-backups"};
}

// What is said to a program that calls the server.
std::vector<std::string> CallerArguments(Part part, const Folder& folder,
                                         int port, const std::string& account,
                                         int64_t threads) {
  return {"--server",     AddressOf(port),
          "--token-file", folder.TokenPath(account),
          "--name",       NameOf(part),
          "--work-dir",   folder.WorkPath(part),
          "--threads",    absl::StrCat(threads)};
}

// It goes first, since workers yield to it, and has little to do while they
// work: threads that it does not use cost nothing.
int64_t VerifierThreads(const Machine& machine) {
  constexpr int64_t kWorkersForOne = 4;
  return (machine.threads + kWorkersForOne - 1) / kWorkersForOne;
}

}  // namespace

std::string NameOf(Part part) {
  switch (part) {
    case Part::kServer:
      return "server";
    case Part::kVerifier:
      return "verifier";
    case Part::kWorker:
      return "worker";
  }
  ARCHPOOL_CHECK(false);
  return "";
}

std::string ProgramOf(Part part) {
  return absl::StrCat("archpool-", NameOf(part));
}

std::string Folder::ResultPath(int64_t number) const {
  return number == 1 ? root + "/result"
                     : absl::StrCat(root, "/result-", number);
}

std::vector<std::string> Folder::AllPaths() const {
  return {StatePath(),
          PoolPath(),
          TokensPath(),
          LogsPath(),
          PortPath(),
          RunningPath(),
          WorkPath(Part::kVerifier),
          WorkPath(Part::kWorker)};
}

std::vector<std::string> ArgumentsOf(Part part, const Folder& folder, int port,
                                     const Machine& machine) {
  switch (part) {
    case Part::kServer:
      return ServerArguments(folder, port);
    case Part::kVerifier:
      return CallerArguments(part, folder, port, kVerifierName,
                             VerifierThreads(machine));
    case Part::kWorker:
      return CallerArguments(part, folder, port, kMinerName, machine.threads);
  }
  ARCHPOOL_CHECK(false);
  return {};
}

}  // namespace archpool::search
