// SPDX-License-Identifier: Apache-2.0
#include "common/data/gzip.h"

#include <algorithm>

#include "absl/types/span.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/gzip_writer.h"

namespace archpool {
namespace {

constexpr char kReason[] = "GZIP_MALFORMED";

// Everything in `bytes`, read in pieces of `piece_bytes`.
absl::StatusOr<std::string> ReadAll(absl::string_view bytes,
                                    size_t piece_bytes) {
  GzipReader reader(bytes);
  std::string all;
  std::vector<uint8_t> piece(piece_bytes);
  while (true) {
    ARCHPOOL_ASSIGN_OR_RETURN(const size_t count,
                              reader.Read(absl::MakeSpan(piece)));
    all.append(piece.begin(), piece.begin() + static_cast<ptrdiff_t>(count));
    if (count < piece_bytes) return all;
  }
}

TEST(GzipTest, ReadsInPiecesOfAnySize) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i * i);
  const std::string bytes = Gzip(text);
  EXPECT_LT(bytes.size(), text.size());
  for (const size_t piece_bytes : {1u, 7u, 1000u, 100'000u}) {
    EXPECT_EQ(*ReadAll(bytes, piece_bytes), text);
  }
}

TEST(GzipTest, MembersThatFollowEachOtherAreOneStream) {
  EXPECT_EQ(*ReadAll(Gzip("ab") + Gzip("") + Gzip("cd"), 3), "abcd");
}

TEST(GzipTest, RefusesEveryTruncation) {
  const std::string bytes = Gzip("some text to be cut short");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(GetReason(ReadAll(bytes.substr(0, size), 8).status()), kReason)
        << size;
  }
}

TEST(GzipTest, RefusesAWrongChecksum) {
  std::string bytes = Gzip("text");
  bytes[bytes.size() - 8] ^= 1;
  EXPECT_EQ(GetReason(ReadAll(bytes, 100).status()), kReason);
}

TEST(GzipTest, RefusesBytesAfterTheEnd) {
  EXPECT_EQ(GetReason(ReadAll(Gzip("text") + "x", 100).status()), kReason);
}

TEST(GzipTest, AnErrorIsFinal) {
  GzipReader reader("no gzip at all");
  std::vector<uint8_t> out(10);
  EXPECT_EQ(GetReason(reader.Read(absl::MakeSpan(out)).status()), kReason);
  EXPECT_EQ(GetReason(reader.Read(absl::MakeSpan(out)).status()), kReason);
}

}  // namespace
}  // namespace archpool
