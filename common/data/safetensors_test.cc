// SPDX-License-Identifier: Apache-2.0
#include "common/data/safetensors.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

// A file with any header and data, right or wrong.
std::string File(absl::string_view header, absl::string_view data) {
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  absl::StrAppend(&bytes, header, data);
  return bytes;
}

std::string Entry(absl::string_view name, absl::string_view shape,
                  absl::string_view offsets) {
  return absl::StrCat("\"", name, "\":{\"dtype\":\"F32\",\"shape\":", shape,
                      ",\"data_offsets\":", offsets, "}");
}

const TensorMap kTensors = {
    {"bias", {.shape = {3}, .values = {1.5f, -0.0f, 3e38f}}},
    {"empty", {.shape = {0, 7}, .values = {}}},
    {"scalar", {.shape = {}, .values = {42.0f}}},
    {"weight", {.shape = {2, 1, 2}, .values = {1, 2, 3, 4}}},
};

TEST(SafetensorsTest, RoundTripKeepsEveryTensor) {
  const std::string bytes = SerializeSafetensors(kTensors);
  const absl::StatusOr<TensorMap> parsed = ParseSafetensors(bytes, {});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, kTensors);
  EXPECT_TRUE(std::signbit(parsed->at("bias").values[1]));
}

// The layout is fixed down to the byte: uploads are named by their hash.
TEST(SafetensorsTest, SerializesTheCanonicalBytes) {
  const std::string header =
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  ASSERT_EQ(header.size(), 54u);
  EXPECT_EQ(
      SerializeSafetensors({{"a", {.shape = {1}, .values = {1.0f}}}}),
      File(absl::StrCat(header, "  "), absl::string_view("\0\0\x80\x3f", 4)));
}

TEST(SafetensorsTest, NoTensorsIsAFile) {
  EXPECT_EQ(SerializeSafetensors({}), File("{}      ", ""));
  EXPECT_TRUE(ParseSafetensors(File("{}", ""), {})->empty());
}

TEST(SafetensorsTest, NamesAreEscaped) {
  const TensorMap tensors = {
      {"a\"b\\\n\xc3\xa9", {.shape = {0}, .values = {}}}};
  EXPECT_EQ(*ParseSafetensors(SerializeSafetensors(tensors), {}), tensors);
}

// Other writers do not pad to four bytes; the data may lie at any address.
TEST(SafetensorsTest, ReadsUnalignedData) {
  for (size_t spaces = 0; spaces < 8; ++spaces) {
    const std::string header = absl::StrCat("{", Entry("x", "[2]", "[0,8]"),
                                            std::string(spaces, ' '), "}");
    const float values[] = {1.25f, -7.0f};
    const std::string bytes = File(
        header, absl::string_view(reinterpret_cast<const char*>(values), 8));
    const absl::StatusOr<TensorMap> parsed = ParseSafetensors(bytes, {});
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->at("x").values, std::vector<float>({1.25f, -7.0f}));
  }
}

TEST(SafetensorsTest, KeepsNotFiniteValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const TensorMap tensors = {
      {"x", {.shape = {2}, .values = {std::nanf(""), infinity}}}};
  const std::string bytes = SerializeSafetensors(tensors);
  const absl::StatusOr<TensorMap> parsed = ParseSafetensors(bytes, {});
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(std::isnan(parsed->at("x").values[0]));
  EXPECT_EQ(parsed->at("x").values[1], infinity);
}

TEST(SafetensorsTest, MetadataIsTolerated) {
  const std::string header =
      absl::StrCat(R"({"__metadata__":{"format":"pt","by":"x"},)",
                   Entry("x", "[1]", "[0,4]"), "}");
  EXPECT_EQ(ParseSafetensors(File(header, "abcd"), {})->size(), 1u);
}

TEST(SafetensorsTest, AddsTheMetadataThatOtherProgramsAskFor) {
  for (const TensorMap& tensors :
       {TensorMap{}, TensorMap{{"x", {{1}, {1.5f}}}, {"y", {{2}, {2, 3}}}}}) {
    const std::string plain = SerializeSafetensors(tensors);
    const std::string marked = WithFormatMetadata(plain);
    EXPECT_NE(marked.find(R"({"__metadata__":{"format":"pt"})"),
              std::string::npos);
    const auto parsed = ParseSafetensors(marked, {});
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, tensors);
    EXPECT_EQ(marked.size() % 4, plain.size() % 4) << "data stays aligned";
    EXPECT_EQ(WithFormatMetadata(marked), marked);
  }
  for (const std::string& other :
       {std::string(), std::string("1234567"), std::string("the weights"),
        std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10)}) {
    EXPECT_EQ(WithFormatMetadata(other), other);
  }
}

struct BadFile {
  const char* name;
  std::string bytes;
  const char* reason;
  const char* message;
};

const char kMalformed[] = "SAFETENSORS_MALFORMED";
const char kTooLarge[] = "SAFETENSORS_TOO_LARGE";

std::vector<BadFile> BadFiles() {
  const auto with = [](absl::string_view members) {
    return File(absl::StrCat("{", members, "}"), "abcd");
  };
  const std::string good = Entry("x", "[1]", "[0,4]");
  return {
      {"Empty", "", kMalformed, "cannot hold"},
      {"SevenBytes", "1234567", kMalformed, "cannot hold"},
      {"HeaderBeyondFile", std::string("\x03\0\0\0\0\0\0\0{}", 10), kMalformed,
       "only 2 bytes follow"},
      {"HeaderLengthHuge",
       std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), kMalformed,
       "18446744073709551615"},
      {"HeaderEmpty", File("", ""), kMalformed, "begin with '{'"},
      {"HeaderWithSpaceFirst", File(" {}", ""), kMalformed, "begin with '{'"},
      {"HeaderIsArray", File("[]", ""), kMalformed, "begin with '{'"},
      {"HeaderNotJson", File("{nonsense", ""), kMalformed, "no JSON"},
      {"HeaderTwoValues", File("{}{}", ""), kMalformed, "no JSON"},
      {"HeaderWithNul", File(absl::string_view("{}\0}", 4), ""), kMalformed,
       "NUL at its byte 2"},
      {"NameNotUtf8", with("\"\xff\":1"), kMalformed, "no JSON"},
      {"DeepNesting",
       File(absl::StrCat("{\"x\":", std::string(90'000, '[')), ""), kMalformed,
       "an array"},
      {"TensorIsNumber", with("\"x\":1"), kMalformed, "a number"},
      {"TensorIsNull", with("\"x\":null"), kMalformed, "null"},
      {"TensorIsArray", with("\"x\":[1]"), kMalformed, "an array"},
      {"NameTwice", with(absl::StrCat(good, ",", good)), kMalformed,
       "names 'x' twice"},
      {"DtypeF64",
       with(R"("x":{"dtype":"F64","shape":[1],"data_offsets":[0,4]})"),
       kMalformed, "'F64'"},
      {"DtypeNumber", with(R"("x":{"dtype":7})"), kMalformed, "a number"},
      {"DtypeTwice", with(R"("x":{"dtype":"F32","dtype":"F32"})"), kMalformed,
       "'dtype' twice"},
      {"NoDtype", with(R"("x":{"shape":[1],"data_offsets":[0,4]})"), kMalformed,
       "must have dtype"},
      {"UnknownField", with(R"("x":{"device":"cpu"})"), kMalformed,
       "unknown field 'device'"},
      {"ShapeNotArray", with(R"("x":{"shape":{}})"), kMalformed, "an object"},
      {"ShapeNegative", with(Entry("x", "[-1]", "[0,4]")), kMalformed,
       "a negative number"},
      {"ShapeFraction", with(Entry("x", "[1.0]", "[0,4]")), kMalformed,
       "no 64-bit integer"},
      {"ShapeText", with(Entry("x", "[\"1\"]", "[0,4]")), kMalformed, "a text"},
      {"ShapeNested", with(Entry("x", "[[1]]", "[0,4]")), kMalformed,
       "an array"},
      {"ShapeBeyond64Bits", with(Entry("x", "[18446744073709551616]", "[0,4]")),
       kMalformed, "no 64-bit integer"},
      {"ShapeBeyond63Bits", with(Entry("x", "[18446744073709551615]", "[0,4]")),
       kMalformed, "63 bits"},
      {"ShapeProductOverflows",
       with(Entry("x", "[4294967296,4294967296]", "[0,4]")), kMalformed,
       "exceeds 63 bits of bytes"},
      {"ShapeTimesFourOverflows",
       with(Entry("x", "[9223372036854775807]", "[0,4]")), kMalformed,
       "exceeds 63 bits of bytes"},
      {"ShapeSmallerThanData", with(Entry("x", "[1]", "[0,8]")), kMalformed,
       "needs 4 bytes"},
      {"ShapeLargerThanData", with(Entry("x", "[2]", "[0,4]")), kMalformed,
       "needs 8 bytes"},
      {"OffsetsOne", with(Entry("x", "[1]", "[4]")), kMalformed,
       "[begin, end]"},
      {"OffsetsThree", with(Entry("x", "[1]", "[0,4,8]")), kMalformed,
       "[begin, end]"},
      {"OffsetsReversed", with(Entry("x", "[1]", "[0,0]")), kMalformed,
       "needs 4 bytes"},
      {"OffsetsEndBeforeBegin",
       with(absl::StrCat(Entry("x", "[1]", "[0,4]"), ",",
                         Entry("y", "[1]", "[4,0]"))),
       kMalformed, "spans [4, 0)"},
      {"OffsetsGapAtStart", with(Entry("x", "[0]", "[4,4]")), kMalformed,
       "without gaps"},
      {"OffsetsOverlap",
       with(absl::StrCat(Entry("x", "[1]", "[0,4]"), ",",
                         Entry("y", "[1]", "[0,4]"))),
       kMalformed, "without gaps"},
      {"OffsetsOutOfOrder",
       File(absl::StrCat("{", Entry("x", "[1]", "[4,8]"), ",",
                         Entry("y", "[1]", "[0,4]"), "}"),
            "abcdefgh"),
       kMalformed, "without gaps"},
      {"DataTooShort", File(absl::StrCat("{", good, "}"), "abc"), kMalformed,
       "but 3 follow"},
      {"DataTrailing", File(absl::StrCat("{", good, "}"), "abcde"), kMalformed,
       "but 5 follow"},
      {"DataWithoutTensors", File("{}", "a"), kMalformed, "but 1 follow"},
      {"MetadataNotObject", with(R"("__metadata__":"x")"), kMalformed,
       "a text"},
      {"MetadataValueNotText", with(R"("__metadata__":{"a":1})"), kMalformed,
       "a number"},
      {"MetadataNested", with(R"("__metadata__":{"a":{}})"), kMalformed,
       "an object"},
      {"MetadataTwice", with(R"("__metadata__":{},"__metadata__":{})"),
       kMalformed, "twice"},
      {"MetadataKeyTwice", with(R"("__metadata__":{"a":"","a":""})"),
       kMalformed, "twice"},
      {"RankNine", with(Entry("x", "[1,1,1,1,1,1,1,1,1]", "[0,4]")), kTooLarge,
       "over 8 axes"},
  };
}

TEST(SafetensorsTest, RefusesBadFiles) {
  for (const BadFile& bad : BadFiles()) {
    SCOPED_TRACE(bad.name);
    const absl::StatusOr<TensorMap> parsed = ParseSafetensors(bad.bytes, {});
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(GetReason(parsed.status()), bad.reason) << parsed.status();
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(bad.message));
  }
}

TEST(SafetensorsTest, HoldsTheCallersLimits) {
  const std::string bytes = SerializeSafetensors(kTensors);
  const auto size = static_cast<int64_t>(bytes.size());
  EXPECT_TRUE(
      ParseSafetensors(bytes, {.bytes_max = size, .tensors_max = 4}).ok());
  const SafetensorsLimits too_small[] = {{.bytes_max = size - 1},
                                         {.header_bytes_max = 8},
                                         {.tensors_max = 3},
                                         {.rank_max = 2}};
  for (const SafetensorsLimits& limits : too_small) {
    EXPECT_EQ(GetReason(ParseSafetensors(bytes, limits).status()), kTooLarge);
  }
}

// No prefix of a good file is one: nothing is read beyond the end.
TEST(SafetensorsTest, RefusesEveryTruncation) {
  const std::string bytes = SerializeSafetensors(kTensors);
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read past the end.
    const std::string prefix = bytes.substr(0, size);
    EXPECT_EQ(GetReason(ParseSafetensors(prefix, {}).status()), kMalformed)
        << size;
  }
}

}  // namespace
}  // namespace archpool
