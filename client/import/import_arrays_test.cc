// SPDX-License-Identifier: Apache-2.0
// NumPy's arrays in every form, and files that are none.
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "client/import/imported.h"
#include "client/import/imported_test_util.h"
#include "common/base/check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As numpy.save writes it, of any version.
std::string Npy(const std::string& dictionary, const std::string& items,
                int version = 1) {
  std::string text = dictionary;
  const size_t before = version == 1 ? 10 : 12;
  text += std::string((64 - (before + text.size() + 1) % 64) % 64, ' ') + "\n";
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (size_t i = 0; i < before - 8; ++i) {
    bytes += static_cast<char>(text.size() >> 8 * i & 0xff);
  }
  return bytes + text + items;
}

std::string Dictionary(const std::string& type, const std::string& shape,
                       bool is_fortran = false) {
  return absl::StrCat("{'descr': '", type,
                      "', 'fortran_order': ", is_fortran ? "True" : "False",
                      ", 'shape': ", shape, ", }");
}

template <typename Number>
std::string Items(const std::vector<Number>& numbers, bool is_big = false) {
  std::string bytes;
  for (const Number number : numbers) {
    char raw[sizeof(Number)];
    std::memcpy(raw, &number, sizeof(Number));
    if (is_big) std::reverse(std::begin(raw), std::end(raw));
    bytes.append(raw, sizeof(Number));
  }
  return bytes;
}

// 0, 1, 2, ...
template <typename Number>
std::vector<Number> Counting(size_t count, Number step = 1) {
  std::vector<Number> numbers;
  for (size_t i = 0; i < count; ++i) {
    numbers.push_back(static_cast<Number>(static_cast<Number>(i) * step));
  }
  return numbers;
}

class ImportArraysTest : public ::testing::Test {
 protected:
  ImportArraysTest() {
    source_ = {.archive = "",
               .train_images = Path("x.npy"),
               .train_labels = Path("y.npy"),
               .held_out_images = "",
               .held_out_labels = ""};
    Write("x.npy",
          Npy(Dictionary("|u1", "(2, 2, 3)"), Items(Counting<uint8_t>(12))));
    Write("y.npy", Npy(Dictionary("<i8", "(2,)"), Items<int64_t>({0, 2})));
  }

  std::string Path(const std::string& name) {
    return directory_.path() + "/" + name;
  }
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  void WriteZip(const std::string& name,
                const std::vector<std::pair<std::string, std::string>>& entries,
                bool is_deflated) {
    int error = 0;
    zip_t* zip =
        zip_open(Path(name).c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
    ARCHPOOL_CHECK(zip != nullptr);
    for (const auto& [entry, bytes] : entries) {
      zip_source_t* source =
          zip_source_buffer(zip, bytes.data(), bytes.size(), 0);
      const zip_int64_t index = zip_file_add(zip, entry.c_str(), source, 0);
      ARCHPOOL_CHECK(index >= 0);
      zip_set_file_compression(zip, static_cast<zip_uint64_t>(index),
                               is_deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
    }
    ARCHPOOL_CHECK(zip_close(zip) == 0);
  }
  absl::StatusOr<ImportedDataset> Import() {
    return ImportArrays(source_, options_);
  }
  std::string Trouble() { return std::string(Import().status().message()); }
  // Of the array as it now is.
  std::vector<uint8_t> Images() {
    const auto imported = Import();
    EXPECT_THAT(imported, IsOk());
    return imported.ok() ? LoadSide(*imported).images : std::vector<uint8_t>();
  }

  const TemporaryDirectory directory_;
  ArrayFiles source_;
  ImportOptions options_;
};

TEST_F(ImportArraysTest, ReadsBytes) {
  const auto imported = Import();
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(imported->classes, 3);
  EXPECT_THAT(imported->notes, ElementsAre(HasSubstr("x.npy is uint8, 2x2x3")));
  const Dataset train = LoadSide(*imported);
  EXPECT_EQ(train.shape, (TensorShape{.channels = 1, .height = 2, .width = 3}));
  EXPECT_THAT(train.labels, ElementsAre(0, 2));
  EXPECT_EQ(train.images, Counting<uint8_t>(12));
}

TEST_F(ImportArraysTest, ReadsEveryVersion) {
  for (const int version : {1, 2, 3}) {
    Write("x.npy", Npy(Dictionary("|u1", "(2, 2, 3)"),
                       Items(Counting<uint8_t>(12)), version));
    EXPECT_EQ(Images(), Counting<uint8_t>(12)) << version;
  }
  Write("x.npy",
        Npy(Dictionary("|u1", "(2L, 2L, 3L)"), Items(Counting<uint8_t>(12))));
  EXPECT_EQ(Images(), Counting<uint8_t>(12));
  Write("x.npy",
        Npy(Dictionary("|u1", "(2, 2, 3)"), Items(Counting<uint8_t>(12)), 4));
  EXPECT_THAT(Trouble(), HasSubstr("x.npy: is of version 4 of the format"));
}

TEST_F(ImportArraysTest, ReadsEveryTypeOfEitherEnd) {
  const auto check = [this](const std::string& type, auto example) {
    using Number = decltype(example);
    for (const bool is_big : {false, true}) {
      Write("x.npy", Npy(Dictionary((is_big ? ">" : "<") + type, "(2, 2, 3)"),
                         Items(Counting<Number>(12, Number{20}), is_big)));
      EXPECT_THAT(Images(), ElementsAre(0, 20, 40, 60, 80, 100, 120, 140, 160,
                                        180, 200, 220))
          << type << is_big;
    }
  };
  check("u1", uint8_t{});
  check("u2", uint16_t{});
  check("i2", int16_t{});
  check("u4", uint32_t{});
  check("i4", int32_t{});
  check("u8", uint64_t{});
  check("i8", int64_t{});
  check("f4", float{});
  check("f8", double{});
}

TEST_F(ImportArraysTest, SaysWhatFloatsAreTakenFor) {
  std::vector<float> floats(12, 0.5f);
  floats[0] = 0;
  floats[1] = 1;
  Write("x.npy", Npy(Dictionary("<f4", "(2, 2, 3)"), Items(floats)));
  const auto unit = Import();
  ASSERT_THAT(unit, IsOk());
  EXPECT_THAT(unit->notes, Contains(HasSubstr("from 0 to 1, and made 255 times "
                                              "as much, rounded")));
  const std::vector<uint8_t> images = LoadSide(*unit).images;
  EXPECT_EQ(images[0], 0);
  EXPECT_EQ(images[1], 255);
  EXPECT_EQ(images[2], 128);
  floats[1] = 254.4f;
  Write("x.npy", Npy(Dictionary("<f4", "(2, 2, 3)"), Items(floats)));
  const auto bytes = Import();
  ASSERT_THAT(bytes, IsOk());
  EXPECT_THAT(bytes->notes, Contains(HasSubstr("from 0 to 255, rounded")));
  EXPECT_EQ(LoadSide(*bytes).images[1], 254);
  floats[1] = -0.25f;
  Write("x.npy", Npy(Dictionary("<f4", "(2, 2, 3)"), Items(floats)));
  EXPECT_THAT(Import(), FailsWith("NUMPY_VALUES"));
  EXPECT_THAT(Trouble(), HasSubstr("x.npy: has numbers from -0.25 to 0.5"));
  floats[1] = std::numeric_limits<float>::quiet_NaN();
  Write("x.npy", Npy(Dictionary("<f4", "(2, 2, 3)"), Items(floats)));
  EXPECT_THAT(Trouble(), HasSubstr("NaN"));
}

// Trained on 0 to 255 and measured on 0 to 1, every network is blind.
TEST_F(ImportArraysTest, RefusesTwoScales) {
  source_.held_out_images = Path("xt.npy");
  source_.held_out_labels = Path("y.npy");
  Write("x.npy",
        Npy(Dictionary("<f8", "(2, 2, 3)"), Items(Counting<double>(12, 20))));
  Write("xt.npy",
        Npy(Dictionary("<f8", "(2, 2, 3)"), Items(Counting<double>(12, 0.05))));
  EXPECT_THAT(Import(), FailsWith("NUMPY_VALUES"));
  EXPECT_THAT(Trouble(), HasSubstr("xt.npy: goes up to 1 where"));
}

TEST_F(ImportArraysTest, RefusesIntegersThatAreNoPixels) {
  std::vector<int32_t> numbers = Counting<int32_t>(12);
  for (const int32_t bad : {256, -1}) {
    numbers[5] = bad;
    Write("x.npy", Npy(Dictionary("<i4", "(2, 2, 3)"), Items(numbers)));
    EXPECT_THAT(Import(), FailsWith("NUMPY_VALUES"));
    EXPECT_THAT(Trouble(), HasSubstr(absl::StrCat("number 5 is ", bad)));
  }
}

// The same pixels in each order that NumPy has.
TEST_F(ImportArraysTest, PutsChannelsFirst) {
  // Of image n, channel c, row y, column x.
  const auto value = [](int n, int c, int y, int x) {
    return static_cast<uint8_t>(n * 100 + c * 30 + y * 6 + x);
  };
  constexpr int kN = 2, kC = 3, kH = 5, kW = 6;
  std::vector<uint8_t> first, last, first_fortran, last_fortran;
  for (int n = 0; n < kN; ++n)
    for (int c = 0; c < kC; ++c)
      for (int y = 0; y < kH; ++y)
        for (int x = 0; x < kW; ++x) first.push_back(value(n, c, y, x));
  for (int n = 0; n < kN; ++n)
    for (int y = 0; y < kH; ++y)
      for (int x = 0; x < kW; ++x)
        for (int c = 0; c < kC; ++c) last.push_back(value(n, c, y, x));
  for (int x = 0; x < kW; ++x)
    for (int y = 0; y < kH; ++y)
      for (int c = 0; c < kC; ++c)
        for (int n = 0; n < kN; ++n) first_fortran.push_back(value(n, c, y, x));
  for (int c = 0; c < kC; ++c)
    for (int x = 0; x < kW; ++x)
      for (int y = 0; y < kH; ++y)
        for (int n = 0; n < kN; ++n) last_fortran.push_back(value(n, c, y, x));
  for (const auto& [items, shape, is_fortran, words] :
       {std::tuple(&first, "(2, 3, 5, 6)", false, "channels first"),
        std::tuple(&last, "(2, 5, 6, 3)", false, "channels last"),
        std::tuple(&first_fortran, "(2, 3, 5, 6)", true, "Fortran's order"),
        std::tuple(&last_fortran, "(2, 5, 6, 3)", true, "Fortran's order")}) {
    Write("x.npy", Npy(Dictionary("|u1", shape, is_fortran), Items(*items)));
    const auto imported = Import();
    ASSERT_THAT(imported, IsOk());
    EXPECT_THAT(imported->notes, Contains(HasSubstr(words)));
    const Dataset train = LoadSide(*imported);
    EXPECT_EQ(train.shape,
              (TensorShape{.channels = kC, .height = kH, .width = kW}));
    EXPECT_EQ(train.images, first) << words;
  }
}

TEST_F(ImportArraysTest, AsksWhereChannelsMayBeEither) {
  Write("x.npy",
        Npy(Dictionary("|u1", "(2, 3, 2, 1)"), Items(Counting<uint8_t>(12))));
  EXPECT_THAT(Import(), FailsWith("NUMPY_MALFORMED"));
  EXPECT_THAT(Trouble(), HasSubstr("write 'channels: first' or"));
  source_.channels = ArrayChannels::kLast;
  auto imported = Import();
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(LoadSide(*imported).shape,
            (TensorShape{.channels = 1, .height = 3, .width = 2}));
  source_.channels = ArrayChannels::kFirst;
  imported = Import();
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(LoadSide(*imported).shape,
            (TensorShape{.channels = 3, .height = 2, .width = 1}));
}

TEST_F(ImportArraysTest, ReadsLabelsOfAnyWidth) {
  Write("y.npy", Npy(Dictionary("|i1", "(2, 1)"), Items<int8_t>({1, 0})));
  EXPECT_THAT(LoadSide(*Import()).labels, ElementsAre(1, 0));
  Write("y.npy",
        Npy(Dictionary(">u2", "(2,)"), Items<uint16_t>({9, 255}, true)));
  const auto imported = Import();
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(imported->classes, 256);
  EXPECT_THAT(imported->notes, Contains(HasSubstr("begin at 9")));
  for (const auto& [dictionary, items, words] :
       {std::tuple(Dictionary("<i8", "(2,)"), Items<int64_t>({0, 256}),
                   "label 1 is 256"),
        std::tuple(Dictionary("<i8", "(2,)"), Items<int64_t>({-1, 0}),
                   "label 0 is -1"),
        std::tuple(Dictionary("<f4", "(2,)"), Items<float>({0, 1}),
                   "labels are integers: convert it"),
        std::tuple(Dictionary("<i8", "(3,)"), Items<int64_t>({0, 1, 2}),
                   "there are 3 labels for 2 images in "),
        std::tuple(Dictionary("|u1", "(2, 3)"), Items(Counting<uint8_t>(6)),
                   "take its argmax(axis=1)")}) {
    Write("y.npy", Npy(dictionary, items));
    EXPECT_THAT(Trouble(), HasSubstr(words));
  }
}

TEST_F(ImportArraysTest, NamesWhatIsDamaged) {
  const std::string good =
      Npy(Dictionary("|u1", "(2, 2, 3)"), Items(Counting<uint8_t>(12)));
  for (size_t size = 0; size < good.size(); ++size) {
    Write("x.npy", good.substr(0, size));
    ASSERT_THAT(Import(), FailsWith("NUMPY_MALFORMED")) << size;
  }
  EXPECT_THAT(Trouble(), HasSubstr("ends after 11 of 12 numbers"));
  Write("x.npy", good + "x");
  EXPECT_THAT(Trouble(), HasSubstr("has bytes after the 12 numbers"));
  for (const char* type : {"|b1", "<f2", "<c8", "|S5", "<M8[s]", "u1", "<i3"}) {
    Write("x.npy", Npy(Dictionary(type, "(2, 2, 3)"), "x"));
    EXPECT_THAT(Import(), FailsWith("NUMPY_MALFORMED")) << type;
  }
  Write("x.npy", Npy(Dictionary("|O", "(2, 2, 3)"), "x"));
  EXPECT_THAT(Trouble(), HasSubstr("holds Python objects (a pickle), which are "
                                   "never loaded"));
  for (const char* dictionary :
       {"", "{", "{'descr': '|u1'}",
        "{'descr': '|u1', 'shape': (2, 2, 3), "
        "'fortran_order': Maybe}",
        "{'descr': [('a', '|u1')], 'shape': (2, 2, "
        "3), 'fortran_order': False}",
        "{'descr': '|u1', 'descr': '|u1', "
        "'shape': (1,), 'fortran_order': False}",
        "{'descr': '|u1', 'shape': (-1, 2, 3), 'fortran_order': False}",
        "{'descr': '|u1', 'shape': (1,1,1,1,1,1,1,1,1), 'fortran_order': "
        "False}",
        "__import__('os')"}) {
    Write("x.npy", Npy(dictionary, "x"));
    EXPECT_THAT(Import(), FailsWith("NUMPY_MALFORMED")) << dictionary;
  }
  Write("x.npy", "\x80\x04\x95");
  EXPECT_THAT(Trouble(), HasSubstr("is a pickle, which is never loaded"));
  source_.train_images = Path("none.npy");
  EXPECT_THAT(Import(), FailsWith("FILE_NOT_FOUND"));
}

// No memory is taken for what a header announces.
TEST_F(ImportArraysTest, BoundsWhatIsAnnounced) {
  for (const char* shape :
       {"(60000, 4096, 4096)", "(9223372036854775807, 2, 2)",
        "(4294967296, 4294967296, 16)"}) {
    Write("x.npy", Npy(Dictionary("|u1", shape), "x"));
    EXPECT_FALSE(Import().ok()) << shape;
  }
  Write("x.npy", Npy(Dictionary("|u1", "(60000, 64, 64)"), "x"));
  EXPECT_THAT(Import(), FailsWith("NUMPY_MALFORMED"));
  EXPECT_THAT(Trouble(), HasSubstr("ends after 1 of 245760000 numbers"));
  Write("x.npy", Npy(Dictionary("|u1", "(70000, 64, 64)"), "x"));
  EXPECT_THAT(Import(), FailsWith("DATASET_TOO_LARGE"));
  std::string huge = Npy(Dictionary("|u1", "(2, 2, 3)"), "", 2);
  huge.replace(8, 4, "\xff\xff\xff\x7f");
  Write("x.npy", huge);
  EXPECT_THAT(Trouble(), HasSubstr("announces a header of 2147483647 bytes"));
  Write("x.npy", Npy(Dictionary("|u1", "(0, 2, 3)"), ""));
  EXPECT_THAT(Trouble(), HasSubstr("holds no images"));
}

TEST_F(ImportArraysTest, FindsArraysInArchives) {
  const std::string x =
      Npy(Dictionary("|u1", "(2, 2, 3)"), Items(Counting<uint8_t>(12)));
  const std::string xt =
      Npy(Dictionary("|u1", "(1, 2, 3)"), Items(Counting<uint8_t>(6)));
  const std::string y = Npy(Dictionary("<i8", "(2,)"), Items<int64_t>({0, 1}));
  const std::string yt = Npy(Dictionary("<i8", "(1,)"), Items<int64_t>({1}));
  source_ = {.archive = Path("a.npz"),
             .train_images = "",
             .train_labels = "",
             .held_out_images = "",
             .held_out_labels = ""};
  for (const bool is_deflated : {false, true}) {
    WriteZip("a.npz",
             {{"x_train.npy", x},
              {"y_train.npy", y},
              {"x_test.npy", xt},
              {"y_test.npy", yt},
              {"names.npy", y}},
             is_deflated);
    const auto imported = Import();
    ASSERT_THAT(imported, IsOk());
    EXPECT_EQ(LoadSide(*imported).images, Counting<uint8_t>(12));
    EXPECT_EQ(LoadSide(*imported, "held_out").images, Counting<uint8_t>(6));
    EXPECT_THAT(imported->notes, Contains(HasSubstr("also holds names: left")));
  }
  WriteZip("a.npz", {{"images.npy", x}, {"labels.npy", y}}, true);
  EXPECT_THAT(Import(), IsOk());
  WriteZip("a.npz", {{"images.npy", x}, {"X_train.npy", x}}, true);
  EXPECT_THAT(Trouble(), HasSubstr("holds both x_train and images"));
  WriteZip("a.npz", {{"images.npy", x}}, true);
  EXPECT_THAT(Trouble(), HasSubstr("holds images and no labels"));
  WriteZip("a.npz", {{"data.npy", x}, {"target.npy", y}}, true);
  EXPECT_THAT(Trouble(), HasSubstr("a.npz: holds data, target; x_train and"));
}

TEST_F(ImportArraysTest, RefusesBrokenArchives) {
  const std::string x =
      Npy(Dictionary("|u1", "(2, 200, 300)"), std::string(120'000, 'a'));
  const std::string y = Npy(Dictionary("<i8", "(2,)"), Items<int64_t>({0, 1}));
  source_ = {.archive = Path("a.npz"),
             .train_images = "",
             .train_labels = "",
             .held_out_images = "",
             .held_out_labels = ""};
  WriteZip("a.npz", {{"images.npy", x}, {"labels.npy", y}}, false);
  ASSERT_THAT(Import(), IsOk());
  std::ifstream file(Path("a.npz"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)),
                    std::istreambuf_iterator<char>());
  Write("a.npz", bytes.substr(0, bytes.size() - 10));
  EXPECT_THAT(Import(), FailsWith("NUMPY_MALFORMED"));
  bytes[5'000] = 'b';
  Write("a.npz", bytes);
  EXPECT_THAT(Trouble(), HasSubstr("a.npz (images.npy): cannot be unpacked: "
                                   "CRC error"));
  Write("a.npz", "no archive");
  EXPECT_THAT(Trouble(), HasSubstr("is no archive as numpy.savez writes it"));
  source_.archive = Path("none.npz");
  EXPECT_THAT(Import(), FailsWith("FILE_NOT_FOUND"));
}

TEST_F(ImportArraysTest, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  options_.stop = stop.get_token();
  EXPECT_THAT(Import(), FailsWith("STOPPED"));
}

}  // namespace
}  // namespace archpool
