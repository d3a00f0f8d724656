// SPDX-License-Identifier: Apache-2.0
#include "client/context.h"

#include <fstream>
#include <sstream>

#include "client/cli.h"
#include "common/channel/program.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

TEST(ContextTest, SaysOnceWhatACommandWaitsFor) {
  const TemporaryDirectory directory;
  const std::string token = directory.path() + "/token";
  std::ofstream(token) << "ap_0123456789abcdef\n";
  std::ostringstream out;
  std::ostringstream err;
  // Nobody listens at the first port.
  EXPECT_EQ(RunCli({"account", "whoami", "--server", "127.0.0.1:1",
                    "--plaintext", "--token-file", token, "--patience", "6"},
                   {out, err}, {}),
            kExitUnreachable);
  const std::string said = err.str();
  const size_t first = said.find("trying again until it works");
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("trying again until it works", first + 1),
            std::string::npos)
      << said;
}

}  // namespace
}  // namespace archpool
