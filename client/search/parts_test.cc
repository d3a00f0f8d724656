// SPDX-License-Identifier: Apache-2.0
#include "client/search/parts.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool::search {
namespace {

using ::testing::Contains;
using ::testing::Not;

using Words = std::vector<std::string>;

// What follows `flag`; "" where it is not given.
std::string ValueOf(const Words& words, const std::string& flag) {
  const auto found = std::find(words.begin(), words.end(), flag);
  return found == words.end() || found + 1 == words.end() ? "" : found[1];
}

const Folder kFolder{"/f"};

TEST(PartsTest, AreCalledAsTheirProgramsAndPackages) {
  EXPECT_EQ(ProgramOf(Part::kServer), "archpool-server");
  EXPECT_EQ(ProgramOf(Part::kVerifier), "archpool-verifier");
  EXPECT_EQ(ProgramOf(Part::kWorker), "archpool-worker");
}

// Nobody else may come in, on any line.
TEST(PartsTest, TheServerIsForThisMachineAlone) {
  const Words words = ArgumentsOf(Part::kServer, kFolder, 0, {.threads = 8});
  EXPECT_EQ(ValueOf(words, "--listen"), "127.0.0.1:0");
  EXPECT_EQ(ValueOf(words, "--registration"), "closed");
  EXPECT_EQ(ValueOf(words, "--rail"), "none");
  EXPECT_EQ(ValueOf(words, "--own-miners"), "0.05");
  EXPECT_EQ(ValueOf(words, "--data-dir"), kFolder.PoolPath());
  EXPECT_EQ(ValueOf(words, "--port-file"), kFolder.PortPath());
  EXPECT_THAT(words, Not(Contains("--plaintext")));
}

// The others go on calling the port that they know.
TEST(PartsTest, AServerThatIsStartedAgainKeepsItsPort) {
  const Words words = ArgumentsOf(Part::kServer, kFolder, 4242, {});
  EXPECT_EQ(ValueOf(words, "--listen"), "127.0.0.1:4242");
}

TEST(PartsTest, CallersHaveAccountsAndDirectoriesOfTheirOwn) {
  for (const auto& [part, account, work] :
       {std::tuple(Part::kVerifier, "verifier", "/f/verifier"),
        std::tuple(Part::kWorker, "miner", "/f/worker")}) {
    const Words words = ArgumentsOf(part, kFolder, 4242, {.threads = 3});
    EXPECT_EQ(ValueOf(words, "--server"), "127.0.0.1:4242");
    EXPECT_EQ(ValueOf(words, "--token-file"), kFolder.TokenPath(account));
    EXPECT_EQ(ValueOf(words, "--work-dir"), work);
  }
}

TEST(PartsTest, TheWorkerFillsTheMachineAndTheVerifierHelpsItself) {
  for (const auto& [threads, verifier] :
       {std::pair(1, "1"), std::pair(4, "1"), std::pair(5, "2"),
        std::pair(64, "16")}) {
    const Machine machine{.threads = threads};
    EXPECT_EQ(
        ValueOf(ArgumentsOf(Part::kWorker, kFolder, 1, machine), "--threads"),
        std::to_string(threads));
    EXPECT_EQ(
        ValueOf(ArgumentsOf(Part::kVerifier, kFolder, 1, machine), "--threads"),
        verifier);
  }
}

TEST(FolderTest, ResultsOfEachTaskAreKept) {
  EXPECT_EQ(kFolder.ResultPath(1), "/f/result");
  EXPECT_EQ(kFolder.ResultPath(2), "/f/result-2");
  EXPECT_THAT(kFolder.AllPaths(), Not(Contains(kFolder.ResultPath(1))));
}

}  // namespace
}  // namespace archpool::search
