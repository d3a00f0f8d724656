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

// Moving a byte from one field to the next must change the hash.
TEST(CanonicalTest, FieldBoundariesMatter) {
  EXPECT_NE(CanonicalWriter("d").Bytes("ab").Bytes("c").Hash(),
            CanonicalWriter("d").Bytes("a").Bytes("bc").Hash());
  EXPECT_NE(CanonicalWriter("d1").Int(1).Hash(),
            CanonicalWriter("d2").Int(1).Hash());
}

}  // namespace
}  // namespace archpool
