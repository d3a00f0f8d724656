// SPDX-License-Identifier: Apache-2.0
// The programs of a pool that a search runs on this machine, the folder that it
// does so in, and how each is started. Pure.
#ifndef ARCHPOOL_CLIENT_SEARCH_PARTS_H_
#define ARCHPOOL_CLIENT_SEARCH_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace archpool::search {

// In the order in which they are started; they are stopped in the other.
enum class Part { kServer, kVerifier, kWorker };
inline constexpr Part kParts[] = {Part::kServer, Part::kVerifier,
                                  Part::kWorker};
inline constexpr size_t kPartCount = 3;

// "server".
std::string NameOf(Part part);
// "archpool-server": the program, and the package that has it.
std::string ProgramOf(Part part);

// Where everything of a search lies.
//
//   state.json  which task this is, and how far (search_state.h)
//   pool/       the server's data directory
//   tokens/     the accounts' token files
//   verifier/, worker/, port, running
//   logs/       one for each program, and search.log
//   result/     what the task came to; result-2/ of the second task
//
// Value type.
struct Folder {
  std::string root;

  std::string StatePath() const { return root + "/state.json"; }
  std::string PoolPath() const { return root + "/pool"; }
  std::string OperatorTokenPath() const {
    return PoolPath() + "/operator-token";
  }
  std::string TokensPath() const { return root + "/tokens"; }
  std::string TokenPath(const std::string& account) const {
    return TokensPath() + "/" + account + ".token";
  }
  std::string LogsPath() const { return root + "/logs"; }
  std::string LogPath(const std::string& name) const {
    return LogsPath() + "/" + name + ".log";
  }
  // Where the server says on which port it answers.
  std::string PortPath() const { return root + "/port"; }
  // Locked as long as a program of the search runs.
  std::string RunningPath() const { return root + "/running"; }
  std::string WorkPath(Part part) const { return root + "/" + NameOf(part); }
  // For the folder's `number`th task, from 1.
  std::string ResultPath(int64_t number) const;
  // All that a search makes but results: what may go where nothing came of it.
  std::vector<std::string> AllPaths() const;
};

// The accounts of such a pool; the operator's is the server's own.
inline constexpr char kClientName[] = "client";
inline constexpr char kVerifierName[] = "verifier";
inline constexpr char kMinerName[] = "miner";

// What there is to work with.
struct Machine {
  int64_t threads = 1;  // for trainings
};

// The arguments with which `part` is started, without the program's name.
// `port`: the server's; 0 lets the kernel choose one, for the server alone.
std::vector<std::string> ArgumentsOf(Part part, const Folder& folder, int port,
                                     const Machine& machine);

}  // namespace archpool::search

#endif  // ARCHPOOL_CLIENT_SEARCH_PARTS_H_
