// SPDX-License-Identifier: Apache-2.0
#include "common/channel/handshake_notes.h"

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

constexpr char kWords[] =
    "failed to connect: Custom verification check failed with error: "
    "UNAUTHENTICATED: SERVER_PIN_MISMATCH";

const absl::Status kRefusal =
    FailedPrecondition("SERVER_PIN_MISMATCH", "the pins differ");

TEST(HandshakeNotesTest, ARefusalIsFoundWhereGrpcSpeaksOfIt) {
  HandshakeNotes notes;
  EXPECT_THAT(notes.RefusalIn(kWords), IsOk()) << "nothing was noted";
  notes.NoteHandshake(kRefusal);
  const absl::Status status = notes.RefusalIn(kWords);
  EXPECT_THAT(status, FailsWith("SERVER_PIN_MISMATCH"));
  EXPECT_EQ(status.message(), "the pins differ");
  EXPECT_FALSE(notes.WasRight());
  // Its name has another address, where nobody listens.
  EXPECT_THAT(notes.RefusalIn("Connection refused"),
              FailsWith("SERVER_PIN_MISMATCH"));
}

// No pool has decided anything: what a worker has to deliver is kept.
TEST(HandshakeNotesTest, ARefusalIsNoDecisionOfThePools) {
  HandshakeNotes notes;
  notes.NoteHandshake(kRefusal);
  EXPECT_TRUE(absl::IsUnavailable(notes.RefusalIn(kWords)));
  notes.NoteHandshake(absl::OkStatus());
  EXPECT_TRUE(notes.WasRight());
  EXPECT_THAT(notes.RefusalIn(kWords), IsOk());
  notes.NoteHandshake(kRefusal);
  EXPECT_TRUE(absl::IsUnavailable(notes.RefusalIn(kWords)));
  EXPECT_THAT(notes.RefusalIn("Connection refused"), IsOk())
      << "it is away now";
}

}  // namespace
}  // namespace archpool
