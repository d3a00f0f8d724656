// SPDX-License-Identifier: Apache-2.0
// Pictures of every kind, and files that are none.
#include "client/import/picture.h"

#include "client/import/codecs.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/picture_writer.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Picture> Read(absl::string_view bytes) {
  const absl::StatusOr<PictureHead> head = LookAtPicture("cats/a.png", bytes);
  if (!head.ok()) return head.status();
  return DecodePicture("cats/a.png", bytes, *head);
}

std::string Trouble(absl::string_view bytes) {
  return std::string(Read(bytes).status().message());
}

// What a lossy picture may be away from what was written.
void ExpectNear(const Picture& picture, const Picture& wanted, int off_max) {
  ASSERT_EQ(picture.width, wanted.width);
  ASSERT_EQ(picture.height, wanted.height);
  ASSERT_EQ(picture.channels, wanted.channels);
  for (size_t i = 0; i < wanted.pixels.size(); ++i) {
    ASSERT_NEAR(picture.pixels[i], wanted.pixels[i], off_max) << i;
  }
}

Picture Smooth(int64_t width, int64_t height, int64_t channels) {
  Picture picture{.width = width, .height = height, .channels = channels};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < channels; ++c) {
        picture.pixels.push_back(
            static_cast<uint8_t>(40 + x * 3 + y * 2 + c * 10));
      }
    }
  }
  return picture;
}

TEST(PngTest, ReadsBytesAsTheyAre) {
  for (int64_t channels = 1; channels <= 4; ++channels) {
    const Picture picture = SamplePicture(5, 4, channels);
    const auto read = Read(WritePng(picture));
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(*read, picture) << channels;
  }
}

TEST(PngTest, ReadsWhatIsInterlaced) {
  const Picture picture = SamplePicture(19, 17, 3);
  const auto read = Read(WritePng(
      19, 17, {.is_interlaced = true, .palette = {}, .palette_alpha = {}},
      picture.pixels));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(*read, picture);
}

// 257 stands for 1, 65,535 for 255; the nearest counts.
TEST(PngTest, RoundsSixteenBits) {
  const std::string bytes =
      WritePng(4, 1,
               {.bit_depth = 16,
                .color_type = PNG_COLOR_TYPE_GRAY,
                .palette = {},
                .palette_alpha = {}},
               {0, 0, 0x01, 0x01, 0x01, 0x82, 0xff, 0xff});
  const auto head = LookAtPicture("a", bytes);
  ASSERT_THAT(head, IsOk());
  EXPECT_TRUE(head->is_deep);
  const auto read = Read(bytes);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->channels, 1);
  EXPECT_THAT(read->pixels, ElementsAre(0, 1, 2, 255));
}

TEST(PngTest, ExpandsFewBitsAndPalettes) {
  const auto bits = Read(WritePng(4, 1,
                                  {.bit_depth = 2,
                                   .color_type = PNG_COLOR_TYPE_GRAY,
                                   .palette = {},
                                   .palette_alpha = {}},
                                  {0b00011011}));
  ASSERT_THAT(bits, IsOk());
  EXPECT_THAT(bits->pixels, ElementsAre(0, 85, 170, 255));
  const PngForm form{.color_type = PNG_COLOR_TYPE_PALETTE,
                     .palette = {{1, 2, 3}, {4, 5, 6}},
                     .palette_alpha = {}};
  const auto palette = Read(WritePng(2, 1, form, {1, 0}));
  ASSERT_THAT(palette, IsOk());
  EXPECT_EQ(palette->channels, 3);
  EXPECT_THAT(palette->pixels, ElementsAre(4, 5, 6, 1, 2, 3));
  PngForm transparent = form;
  transparent.palette_alpha = {9};
  const auto with_alpha = Read(WritePng(2, 1, transparent, {1, 0}));
  ASSERT_THAT(with_alpha, IsOk());
  EXPECT_THAT(with_alpha->pixels, ElementsAre(4, 5, 6, 255, 1, 2, 3, 9));
}

TEST(PngTest, NamesWhatIsDamaged) {
  const std::string good = WritePng(SamplePicture(40, 40, 3));
  for (size_t size = 0; size < good.size(); size += 7) {
    EXPECT_THAT(Read(good.substr(0, size)), FailsWith("PICTURE_MALFORMED"))
        << size;
  }
  EXPECT_THAT(Trouble(good.substr(0, 60)),
              HasSubstr("cats/a.png: is a PNG picture that cannot be read: it "
                        "is cut off"));
  std::string flipped = good;
  flipped[60] = static_cast<char>(flipped[60] ^ 0x55);
  EXPECT_THAT(Read(flipped), FailsWith("PICTURE_MALFORMED"));
}

// A few bytes that announce gigabytes get none.
TEST(PngTest, BoundsWhatIsAnnounced) {
  std::string bomb = WritePng(SamplePicture(2, 2, 3));
  bomb.replace(16, 8, std::string("\0\0\xff\xff\0\0\xff\xff", 8));
  EXPECT_THAT(Read(bomb), FailsWith("PICTURE_TOO_LARGE"));
  EXPECT_THAT(Trouble(bomb), HasSubstr("65535x65535 pixels"));
  bomb.replace(16, 4, std::string(4, '\0'));
  EXPECT_THAT(Read(bomb), FailsWith("PICTURE_MALFORMED"));
  EXPECT_THAT(Trouble(bomb), HasSubstr("there is no picture"));
}

TEST(JpegTest, ReadsGrayAndColour) {
  for (const int64_t channels : {1, 3}) {
    for (const bool is_progressive : {false, true}) {
      const Picture picture = Smooth(33, 21, channels);
      const auto read =
          Read(WriteJpeg(picture, {.is_progressive = is_progressive}));
      ASSERT_THAT(read, IsOk());
      ExpectNear(*read, picture, 12);
    }
  }
}

TEST(JpegTest, MultipliesInksOut) {
  Picture inks{.width = 16, .height = 16, .channels = 4};
  for (int i = 0; i < 256; ++i) {
    inks.pixels.insert(inks.pixels.end(), {200, 100, 50, 128});
  }
  const auto adobe = Read(WriteJpeg(inks));
  ASSERT_THAT(adobe, IsOk());
  ASSERT_EQ(adobe->channels, 3);
  EXPECT_NEAR(adobe->pixels[0], 200 * 128 / 255, 4);
  EXPECT_NEAR(adobe->pixels[2], 50 * 128 / 255, 4);
  const auto plain = Read(WriteJpeg(inks, {.is_adobe = false}));
  ASSERT_THAT(plain, IsOk());
  EXPECT_NEAR(plain->pixels[0], 55 * 127 / 255, 4);
  EXPECT_NEAR(plain->pixels[2], 205 * 127 / 255, 4);
}

TEST(JpegTest, NamesWhatIsDamaged) {
  const std::string good = WriteJpeg(SamplePicture(64, 64, 3));
  for (size_t size = 3; size + 2 < good.size(); size += 29) {
    EXPECT_THAT(Read(good.substr(0, size)), FailsWith("PICTURE_MALFORMED"))
        << size;
  }
  EXPECT_THAT(Trouble(good.substr(0, good.size() - 200)),
              HasSubstr("cats/a.png: is a JPEG picture that cannot be read"));
}

TEST(JpegTest, BoundsWhatIsAnnounced) {
  std::string bomb = WriteJpeg(SamplePicture(8, 8, 3));
  const size_t frame = bomb.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  bomb.replace(frame + 5, 4, "\xff\xdc\xff\xdc");
  EXPECT_THAT(Read(bomb), FailsWith("PICTURE_TOO_LARGE"));
}

TEST(JpegTest, TurnsAsExifSays) {
  // Where the upper left corner's colour is to be found.
  Picture picture{.width = 32, .height = 16, .channels = 1};
  for (int64_t y = 0; y < 16; ++y) {
    for (int64_t x = 0; x < 32; ++x) {
      picture.pixels.push_back(x < 8 && y < 8 ? 250 : 5);
    }
  }
  const struct {
    int orientation;
    bool is_right;
    bool is_bottom;
  } kCases[] = {{1, false, false}, {2, true, false},  {3, true, true},
                {4, false, true},  {5, false, false}, {6, true, false},
                {7, true, true},   {8, false, true}};
  for (const auto& [orientation, is_right, is_bottom] : kCases) {
    const std::string bytes = WriteJpeg(picture, {.orientation = orientation});
    const auto head = LookAtPicture("a", bytes);
    ASSERT_THAT(head, IsOk());
    EXPECT_EQ(head->ShownWidth(), orientation >= 5 ? 16 : 32);
    const auto read = Read(bytes);
    ASSERT_THAT(read, IsOk());
    ASSERT_EQ(read->width, head->ShownWidth());
    const int64_t x = is_right ? read->width - 3 : 2;
    const int64_t y = is_bottom ? read->height - 3 : 2;
    for (const int64_t at_y : {int64_t{2}, read->height - 3}) {
      for (const int64_t at_x : {int64_t{2}, read->width - 3}) {
        const int value =
            read->pixels[static_cast<size_t>(at_y * read->width + at_x)];
        EXPECT_EQ(value > 128, at_x == x && at_y == y)
            << orientation << " at " << at_x << ", " << at_y;
      }
    }
  }
}

TEST(ExifTest, IgnoresWhatMakesNoSense) {
  const std::string good(
      "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0", 28);
  EXPECT_EQ(ExifOrientation(good), 6);
  for (size_t size = 0; size < 26; ++size) {
    EXPECT_EQ(ExifOrientation(good.substr(0, size)), 1) << size;
  }
  for (const auto& [at, byte] :
       {std::pair(6, 'X'), std::pair(9, '+'), std::pair(10, '\x7f'),
        std::pair(19, '\4'), std::pair(25, '\x09'), std::pair(25, '\0')}) {
    std::string bad = good;
    bad[static_cast<size_t>(at)] = byte;
    EXPECT_EQ(ExifOrientation(bad), 1) << at;
  }
}

TEST(PictureTest, SaysWhatElseAFileIs) {
  EXPECT_THAT(Trouble(""), HasSubstr("is empty"));
  for (const char* cut : {"\x89", "\xff\xd8", "RIFF", "II", "abcdef"}) {
    EXPECT_THAT(Read(cut), FailsWith("PICTURE_MALFORMED")) << cut;
  }
  EXPECT_THAT(Trouble("GIF89a"), HasSubstr("a GIF picture, and PNG and JPEG"));
  EXPECT_THAT(Trouble("RIFF....WEBPVP8 "), HasSubstr("a WebP picture"));
  EXPECT_THAT(Trouble("<!doctype html>"), HasSubstr("is a web page"));
  EXPECT_THAT(Trouble("some words"), HasSubstr("neither PNG nor JPEG"));
}

TEST(PictureTest, PutsABackgroundBehindAlpha) {
  const Picture picture{
      .width = 3,
      .height = 1,
      .channels = 4,
      .pixels = {10, 20, 30, 255, 10, 20, 30, 0, 10, 20, 30, 128}};
  const auto refused = Flatten("cats/a.png", picture, std::nullopt, false);
  EXPECT_THAT(refused, FailsWith("PICTURE_TRANSPARENT"));
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("cats/a.png: has transparent pixels"));
  const auto flat = Flatten("a", picture, Rgb{255, 255, 255}, false);
  ASSERT_THAT(flat, IsOk());
  EXPECT_THAT(flat->pixels,
              ElementsAre(10, 20, 30, 255, 255, 255, 132, 137, 142));
  Picture opaque = picture;
  for (const size_t at : {size_t{7}, size_t{11}}) opaque.pixels[at] = 255;
  EXPECT_THAT(Flatten("a", opaque, std::nullopt, false), IsOk());
}

TEST(PictureTest, MakesGrayAndColourOfEachOther) {
  const Picture rgb{
      .width = 2, .height = 1, .channels = 3, .pixels = {255, 0, 0, 9, 9, 9}};
  EXPECT_FALSE(IsGray(rgb));
  const auto gray = Flatten("a", rgb, std::nullopt, true);
  ASSERT_THAT(gray, IsOk());
  EXPECT_THAT(gray->pixels, ElementsAre(76, 9));
  const auto back = Flatten("a", *gray, std::nullopt, false);
  ASSERT_THAT(back, IsOk());
  EXPECT_THAT(back->pixels, ElementsAre(76, 76, 76, 9, 9, 9));
  EXPECT_TRUE(IsGray(*back));
}

TEST(PictureTest, ShowsPathsOfAnyBytes) {
  EXPECT_TRUE(IsUtf8("caf\xc3\xa9"));
  for (const char* bad : {"\xe9", "\xc3", "\xc0\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\x80"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
  EXPECT_EQ(Printable("a/caf\xe9"), "a/caf\\xe9");
  EXPECT_EQ(Printable("a\x1b[2J"), "a\\x1b[2J");
}

TEST(PictureTest, WritesWhatItReads) {
  for (const int64_t channels : {1, 3}) {
    const Picture picture = SamplePicture(9, 5, channels);
    const auto read = Read(EncodePng(picture));
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(*read, picture);
  }
}

}  // namespace
}  // namespace archpool
