// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/canonical.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

// The vector of docs/protocol.md.
TEST(CanonicalTest, EncodesAsSpecified) {
  const CanonicalWriter writer = CanonicalWriter("t").Int(-2).Bytes("ab");
  EXPECT_EQ(writer.encoding(), std::string("\x01\0\0\0\0\0\0\0t"
                                           "\xfe\xff\xff\xff\xff\xff\xff\xff"
                                           "\x02\0\0\0\0\0\0\0ab",
                                           27));
}

TEST(CanonicalTest, ReadsBackWhatWasWrittenAndNothingElse) {
  const std::string bytes =
      CanonicalWriter("t").Int(-2).Bytes("ab").Fixed(Sha256("x")).encoding();
  CanonicalReader reader("t", bytes);
  EXPECT_EQ(reader.Int(), -2);
  EXPECT_EQ(reader.Bytes(), "ab");
  EXPECT_FALSE(reader.IsDone()) << "a field is left";
  EXPECT_EQ(reader.Fixed(), Sha256("x"));
  EXPECT_TRUE(reader.IsDone());
  EXPECT_EQ(reader.Int(), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_FALSE(CanonicalReader("u", bytes).ok());
  // A length that is negative, or past the end.
  for (const int64_t length : {int64_t{-1}, int64_t{1}, INT64_MAX}) {
    const std::string forged = CanonicalWriter("t").Int(length).encoding();
    CanonicalReader forged_reader("t", forged);
    EXPECT_EQ(forged_reader.Bytes(), "");
    EXPECT_FALSE(forged_reader.ok());
  }
}

// Moving a byte from one field to the next must change the hash.
TEST(CanonicalTest, FieldBoundariesMatter) {
  EXPECT_NE(CanonicalWriter("d").Bytes("ab").Bytes("c").Hash(),
            CanonicalWriter("d").Bytes("a").Bytes("bc").Hash());
  EXPECT_NE(CanonicalWriter("d1").Int(1).Hash(),
            CanonicalWriter("d2").Int(1).Hash());
}

}  // namespace
}  // namespace archpool
