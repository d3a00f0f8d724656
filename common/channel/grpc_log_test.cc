// SPDX-License-Identifier: Apache-2.0
#include "common/channel/grpc_log.h"

#include <grpc/support/log.h>

#include <string>

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(GrpcLogTest, StrangersLinesAreToldFromOurs) {
  EXPECT_EQ(Sort("No match found for server name: 10.0.0.1."),
            GrpcLine::kUnremarkable);
  EXPECT_EQ(Sort("Handshake failed with fatal error SSL_ERROR_SSL: "
                 "error:0A00010B:SSL routines::wrong version number."),
            GrpcLine::kHandshake);
  EXPECT_EQ(Sort("Invalid private key."), GrpcLine::kPlain);
  EXPECT_EQ(Sort(""), GrpcLine::kPlain);
}

// Anybody can fail as many handshakes as they like.
TEST(GrpcLogTest, FailedHandshakesAreToldOnceAMinute) {
  gpr_log_func_args said{__FILE__, __LINE__, GPR_LOG_SEVERITY_ERROR,
                         "Handshake failed with fatal error SSL_ERROR_SSL."};
  testing::internal::CaptureStderr();
  for (int i = 0; i < 100; ++i) LogGrpc(&said);
  const std::string lines = testing::internal::GetCapturedStderr();
  const size_t first = lines.find("event=handshake_failed");
  ASSERT_NE(first, std::string::npos) << lines;
  EXPECT_EQ(lines.find("event=handshake_failed", first + 1), std::string::npos);
}

}  // namespace
}  // namespace archpool
