// SPDX-License-Identifier: Apache-2.0
#include "server/server_flags.h"

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

TEST(ServerFlagsTest, PlainTextStaysOnThisMachine) {
  for (const char* listen : {"127.0.0.1:0", "localhost:7070", "[::1]:7070"}) {
    ServerFlags flags;
    flags.listen = listen;
    flags.metrics_listen = listen;
    EXPECT_THAT(CheckFlags(flags), IsOk()) << listen;
    flags.is_plaintext = true;
    EXPECT_THAT(CheckFlags(flags), IsOk()) << listen;
  }
  for (const char* listen :
       {"0.0.0.0:7070", "127.example.org:7070", "[::]:0"}) {
    ServerFlags flags;
    flags.listen = listen;
    EXPECT_THAT(CheckFlags(flags), IsOk()) << listen;
    flags.is_plaintext = true;
    EXPECT_THAT(CheckFlags(flags), FailsWith("PLAINTEXT_PUBLIC")) << listen;
    flags.allow_public = true;
    EXPECT_THAT(CheckFlags(flags), FailsWith("PLAINTEXT_PUBLIC")) << listen;
    flags = ServerFlags();
    flags.metrics_listen = listen;
    EXPECT_THAT(CheckFlags(flags), IsOk()) << listen;
    flags.is_plaintext = true;
    EXPECT_THAT(CheckFlags(flags), FailsWith("PLAINTEXT_PUBLIC")) << listen;
  }
}

TEST(ServerFlagsTest, ACertificateComesWithItsKeyAndWithoutPlainText) {
  ServerFlags flags;
  flags.tls_certificate = "server.pem";
  EXPECT_THAT(CheckFlags(flags), FailsWith("TLS_FLAGS"));
  flags.tls_key = "server.key";
  EXPECT_THAT(CheckFlags(flags), IsOk());
  flags.is_plaintext = true;
  EXPECT_THAT(CheckFlags(flags), FailsWith("TLS_FLAGS"));
  flags = ServerFlags();
  flags.tls_key = "server.key";
  EXPECT_THAT(CheckFlags(flags), FailsWith("TLS_FLAGS"));
}

TEST(ServerFlagsTest, AnAddressIsReadBeforeItIsUsed) {
  for (const char* listen :
       {"127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:7070", ""}) {
    ServerFlags flags;
    flags.listen = listen;
    EXPECT_THAT(CheckFlags(flags), FailsWith("ADDRESS_MALFORMED")) << listen;
  }
}

}  // namespace
}  // namespace archpool
