// SPDX-License-Identifier: Apache-2.0
// IDX files of every element type, and files that are none.
#include "client/import/idx_array.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "client/import/imported.h"
#include "client/import/imported_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/gzip_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Big-endian, as all of the format is.
template <typename Number>
std::string BigEndian(const std::vector<Number>& numbers) {
  std::string bytes;
  for (const Number number : numbers) {
    char raw[sizeof(Number)];
    std::memcpy(raw, &number, sizeof(Number));
    std::reverse(std::begin(raw), std::end(raw));
    bytes.append(raw, sizeof(Number));
  }
  return bytes;
}

std::string IdxFile(int type, const std::vector<uint32_t>& extents,
                    const std::string& items) {
  std::string bytes(2, '\0');
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(extents.size());
  return bytes + BigEndian(extents) + items;
}

class IdxArrayTest : public ::testing::Test {
 protected:
  IdxArrayTest() {
    source_.train_images = Path("x");
    source_.train_labels = Path("y");
    source_.format = ArrayFormat::kIdx;
    Write("x", IdxFile(0x0b, {2, 1, 3},
                       BigEndian<int16_t>({0, 1, 2, 253, 254, 255})));
    Write("y", IdxFile(0x08, {2}, std::string("\0\2", 2)));
  }

  std::string Path(const std::string& name) {
    return directory_.path() + "/" + name;
  }
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  absl::StatusOr<ImportedDataset> Import() {
    return ImportArrays(source_, options_);
  }
  std::string Trouble(const std::string& reason = "IDX_MALFORMED") {
    const auto imported = Import();
    EXPECT_THAT(imported, FailsWith(reason));
    return std::string(imported.status().message());
  }
  std::vector<uint8_t> Images() {
    const auto imported = Import();
    EXPECT_THAT(imported, IsOk());
    return imported.ok() ? LoadSide(*imported).images : std::vector<uint8_t>();
  }

  const TemporaryDirectory directory_;
  ArrayFiles source_;
  ImportOptions options_;
};

TEST_F(IdxArrayTest, ReadsEveryTypePlainAndGzip) {
  const auto check = [this](int type, auto example) {
    using Number = decltype(example);
    std::vector<Number> numbers;
    for (int i = 0; i < 6; ++i) numbers.push_back(static_cast<Number>(25 * i));
    const std::string file = IdxFile(type, {2, 1, 3}, BigEndian(numbers));
    for (const bool is_gzip : {false, true}) {
      Write("x", is_gzip ? Gzip(file) : file);
      EXPECT_THAT(Images(), ElementsAre(0, 25, 50, 75, 100, 125)) << type;
      EXPECT_EQ(IsWideIdx(Path("x")), type != 0x08) << type << is_gzip;
    }
  };
  check(0x08, uint8_t{});
  check(0x09, int8_t{});
  check(0x0b, int16_t{});
  check(0x0c, int32_t{});
  check(0x0d, float{});
  check(0x0e, double{});
}

TEST_F(IdxArrayTest, SaysWhatWasUnderstood) {
  Write("x", IdxFile(0x0d, {1, 1, 3}, BigEndian<float>({0, 0.5f, 1})));
  Write("y", IdxFile(0x0c, {1}, BigEndian<int32_t>({3})));
  const auto imported = Import();
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(imported->classes, 4);
  EXPECT_THAT(imported->notes,
              Contains(HasSubstr("x is float32, 1x1x3, from 0 to 1, and made "
                                 "255 times as much, rounded")));
  EXPECT_THAT(LoadSide(*imported).images, ElementsAre(0, 128, 255));
}

TEST_F(IdxArrayTest, TurnsColoursAsItIsTold) {
  // One image of 1x2 pixels: red 1 and 2, green 3 and 4, blue 5 and 6.
  Write("y", IdxFile(0x08, {1}, std::string(1, '\0')));
  const std::string first = IdxFile(0x08, {1, 3, 1, 2}, "\1\2\3\4\5\6");
  const std::string last = IdxFile(0x08, {1, 1, 2, 3}, "\1\3\5\2\4\6");
  for (const bool is_last : {false, true}) {
    source_.channels = is_last ? ArrayChannels::kLast : ArrayChannels::kFirst;
    Write("x", is_last ? last : first);
    const auto imported = Import();
    ASSERT_THAT(imported, IsOk());
    const Dataset train = LoadSide(*imported);
    EXPECT_EQ(train.shape,
              (TensorShape{.channels = 3, .height = 1, .width = 2}));
    EXPECT_THAT(train.images, ElementsAre(1, 2, 3, 4, 5, 6)) << is_last;
  }
}

TEST_F(IdxArrayTest, RefusesValuesThatAreNone) {
  for (const int value : {-1, 256, 32767}) {
    Write("x", IdxFile(0x0b, {2, 1, 1},
                       BigEndian<int16_t>({5, static_cast<int16_t>(value)})));
    EXPECT_THAT(Trouble("IDX_VALUES"),
                HasSubstr(absl::StrCat("x: number 1 is ", value,
                                       "; pixels are from 0 to 255")));
  }
  Write(
      "x",
      IdxFile(0x0e, {2, 1, 1},
              BigEndian<double>({0, std::numeric_limits<double>::infinity()})));
  EXPECT_THAT(Trouble("IDX_VALUES"), HasSubstr("NaN or infinite"));
  Write("x", IdxFile(0x08, {2, 1, 1}, "ab"));
  Write("y", IdxFile(0x09, {2}, "\1\xff"));
  EXPECT_THAT(Trouble("IDX_VALUES"), HasSubstr("y: label 1 is -1"));
  Write("y", IdxFile(0x0d, {2}, BigEndian<float>({0, 1})));
  EXPECT_THAT(Trouble("IDX_VALUES"), HasSubstr("labels are integers"));
}

// Every third and every fourth byte: the types that there are, and the axes of
// images.
TEST_F(IdxArrayTest, ReadsNoOtherHeader) {
  source_.channels = ArrayChannels::kFirst;
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_type =
        byte == 0x08 || byte == 0x09 || (byte >= 0x0b && byte <= 0x0e);
    // One byte more than the longest.
    Write("x", IdxFile(byte, {2, 1, 3}, std::string(49, '\0')));
    EXPECT_EQ(Trouble().find("has bytes after") != std::string::npos, is_type)
        << byte;
    std::string file = IdxFile(0x08, {2, 1, 1, 1}, std::string(1024, '\0'));
    file[3] = static_cast<char>(byte);
    Write("x", file);
    const std::string trouble = Trouble();
    EXPECT_THAT(trouble,
                HasSubstr(byte == 0 || byte > 8    ? "axes (its fourth byte)"
                          : byte == 3 || byte == 4 ? "has bytes after"
                          : byte < 3               ? "reshape it"
                                                   : "x: "))
        << byte;
  }
}

TEST_F(IdxArrayTest, NamesWhatIsDamaged) {
  const std::string good = IdxFile(0x0c, {2, 1, 3}, std::string(24, '\0'));
  for (size_t size = 0; size < good.size(); ++size) {
    Write("x", good.substr(0, size));
    const std::string trouble = Trouble();
    EXPECT_THAT(trouble, HasSubstr("x: ")) << size;
    EXPECT_THAT(trouble, HasSubstr(size == 0   ? "is empty"
                                   : size < 4  ? "is no IDX file"
                                   : size < 16 ? "bytes of its header"
                                               : "numbers: it is cut off"));
  }
  Write("x", good + "a");
  EXPECT_THAT(Trouble(), HasSubstr("has bytes after the 6 numbers"));
  Write("x", "\x93NUMPY");
  EXPECT_THAT(Trouble(), HasSubstr("is a NumPy array"));
  Write("x", "<!doctype html>");
  EXPECT_THAT(Trouble(), HasSubstr("is a web page"));
  Write("x", Gzip(good).substr(0, 20));
  EXPECT_THAT(Import(), FailsWith("GZIP_MALFORMED"));
  EXPECT_FALSE(IsWideIdx(Path("nothing")));
  EXPECT_FALSE(IsWideIdx(directory_.path()));
  Write("x", "ab");
  EXPECT_FALSE(IsWideIdx(Path("x")));
}

// Nothing is allocated for what is announced, nor inflated beyond it.
TEST_F(IdxArrayTest, BoundsWhatIsAnnounced) {
  const uint32_t most = 0xffffffff;
  Write("x", IdxFile(0x0e, {most, most, most}, ""));
  EXPECT_THAT(Trouble(), HasSubstr("more numbers than any file can hold"));
  options_.file_bytes_max = 1 << 16;
  Write("x", IdxFile(0x0b, {30'000, 8, 8}, ""));
  EXPECT_THAT(Import(), FailsWith("DATASET_TOO_LARGE"));
  Write("x", Gzip(IdxFile(0x0b, {2, 1, 3}, std::string(1 << 24, '\0'))));
  EXPECT_THAT(Trouble(), HasSubstr("has bytes after the 6 numbers"));
}

}  // namespace
}  // namespace archpool
