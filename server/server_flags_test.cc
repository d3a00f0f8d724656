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

// Miners that are believed are the operator's alone, and are paid nothing.
TEST(ServerFlagsTest, OwnMinersAreBelievedWhereNoStrangerCanBe) {
  ServerFlags own;
  own.own_miners = 0.05;
  own.rail = "none";
  ASSERT_THAT(CheckFlags(own), IsOk());
  EXPECT_EQ(own.policy.own_miners_ppm, 50'000);
  EXPECT_EQ(PoolPolicy().own_miners_ppm, 0);

  ServerFlags refused = own;
  refused.registration = "invited";
  EXPECT_THAT(CheckFlags(refused), FailsWith("OWN_MINERS_STRANGERS"));
  refused = own;
  refused.price_min_coins = 0.5;
  EXPECT_THAT(CheckFlags(refused), FailsWith("OWN_MINERS_STRANGERS"));
  refused = own;
  refused.rail = "files";
  EXPECT_THAT(CheckFlags(refused), FailsWith("OWN_MINERS_STRANGERS"));
  refused = own;
  refused.listen = "0.0.0.0:7070";
  EXPECT_THAT(CheckFlags(refused), FailsWith("OWN_MINERS_STRANGERS"));
  refused.own_miners = 0;
  EXPECT_THAT(CheckFlags(refused), IsOk()) << "they are strangers";
  refused = own;
  refused.own_miners = 1.5;
  EXPECT_THAT(CheckFlags(refused), FailsWith("FLAG_RANGE"));
}

TEST(ServerFlagsTest, PlainTextSeesNoCertificatesOfVerifiers) {
  for (const char* demand : {"accepted", "required"}) {
    ServerFlags flags;
    flags.verifier_certificates = demand;
    EXPECT_THAT(CheckFlags(flags), IsOk()) << demand;
    flags.is_plaintext = true;
    EXPECT_THAT(CheckFlags(flags), FailsWith("TLS_FLAGS")) << demand;
  }
}

TEST(ServerFlagsTest, AnAddressIsReadBeforeItIsUsed) {
  for (const char* listen :
       {"127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:7070", ""}) {
    ServerFlags flags;
    flags.listen = listen;
    EXPECT_THAT(CheckFlags(flags), FailsWith("ADDRESS_MALFORMED")) << listen;
  }
}

TEST(ServerFlagsTest, ATimeToKeepFilesIsReadInDaysAndForever) {
  ServerFlags flags;
  ASSERT_THAT(CheckFlags(flags), IsOk());
  const RetentionPolicy usual;
  EXPECT_EQ(flags.policy.retention.results, usual.results);
  EXPECT_EQ(flags.policy.retention.other_weights, usual.other_weights);
  EXPECT_EQ(flags.policy.retention.unused_datasets, usual.unused_datasets);
  EXPECT_EQ(flags.policy.retention.cut_files, usual.cut_files);
  EXPECT_EQ(flags.policy.retention.uncut_files, usual.uncut_files);
  EXPECT_EQ(flags.unclaimed_kept, absl::Hours(24));
  EXPECT_EQ(flags.collect_interval, absl::Minutes(10));

  flags.keep_results = "forever";
  flags.keep_other_weights = "36h";
  flags.keep_unused_datasets = "2d";
  flags.collect_term = "5s";
  ASSERT_THAT(CheckFlags(flags), IsOk());
  EXPECT_EQ(flags.policy.retention.results, absl::InfiniteDuration());
  EXPECT_EQ(flags.policy.retention.other_weights, absl::Hours(36));
  EXPECT_EQ(flags.policy.retention.unused_datasets, absl::Hours(48));
  EXPECT_EQ(flags.collect_interval, absl::Seconds(5));

  // A slip must not empty the disk.
  for (const char* text : {"", "0", "0s", "0d", "-1d", "30", "inf", "1.5d",
                           "99999999999999999999d", "36501d", "ever"}) {
    flags = ServerFlags();
    flags.keep_results = text;
    EXPECT_THAT(CheckFlags(flags), FailsWith("FLAG_RANGE")) << text;
  }
}

}  // namespace
}  // namespace archpool
