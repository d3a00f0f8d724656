// SPDX-License-Identifier: Apache-2.0
// For tests of the program's commands: the whole command line, in this process,
// against one service that a test plays. Header only.
#ifndef ARCHPOOL_TESTS_SUPPORT_SERVICE_CLI_FIXTURE_H_
#define ARCHPOOL_TESTS_SUPPORT_SERVICE_CLI_FIXTURE_H_

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace archpool {

// "" of a file that is not there.
inline std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

template <typename Service>
class ServiceCliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(PathOf("token")) << "the-token\n";
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  std::string PathOf(const std::string& name) const {
    return directory_.path() + "/" + name;
  }
  // The exit code of `archpool WORDS`; what it wrote is in out_ and err_.
  int Run(const std::vector<std::string>& words, bool has_token = true) {
    std::ostringstream out;
    std::ostringstream err;
    std::vector<std::string> all = {"--server", address_, "--plaintext",
                                    "--patience", "5"};
    if (has_token) {
      all.insert(all.end(), {"--token-file", PathOf("token")});
    }
    all.insert(all.end(), words.begin(), words.end());
    const int code = RunCli(all, {out, err, Terminal()}, {});
    out_ = out.str();
    err_ = err.str();
    return code;
  }
  // The same of the words below a command.
  int RunBelow(std::vector<std::string> command,
               const std::vector<std::string>& words) {
    command.insert(command.end(), words.begin(), words.end());
    return Run(command);
  }

  const TemporaryDirectory directory_;
  const std::string address_ = "unix:" + directory_.path() + "/socket";
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_;
  std::string err_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_SERVICE_CLI_FIXTURE_H_
