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
  EXPECT_EQ(notes.RefusalIn(kWords), kRefusal);
  EXPECT_THAT(notes.RefusalIn("Connection refused"), IsOk());
  EXPECT_FALSE(notes.WasRight());
}

// What a server becomes that was right before may pass: it is tried again.
TEST(HandshakeNotesTest, AServerThatWasRightIsAwayAndNotRefused) {
  HandshakeNotes notes;
  notes.NoteHandshake(absl::OkStatus());
  EXPECT_TRUE(notes.WasRight());
  notes.NoteHandshake(kRefusal);
  const absl::Status status = notes.RefusalIn(kWords);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status, FailsWith("SERVER_PIN_MISMATCH"));
  notes.NoteHandshake(absl::OkStatus());
  EXPECT_THAT(notes.RefusalIn(kWords), IsOk());
}

}  // namespace
}  // namespace archpool
