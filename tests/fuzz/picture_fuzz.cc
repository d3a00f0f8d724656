// SPDX-License-Identifier: Apache-2.0
// PNG and JPEG files from anywhere. Goal: no file crashes what stands around
// the decoders, errors have their reasons, and a picture has the size that its
// header announced. The input is the file.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "client/import/picture.h"
#include "client/import/resize.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// Larger ones are announced by a few bytes and cost the fuzzer its time.
constexpr int64_t kFuzzedPixelsMax = 1 << 16;

void CheckReason(const absl::Status& status) {
  const std::set<std::string> reasons = {
      "PICTURE_MALFORMED", "PICTURE_TOO_LARGE", "PICTURE_TRANSPARENT"};
  ARCHPOOL_CHECK(reasons.contains(GetReason(status)));
}

void Fuzz(absl::string_view input) {
  const absl::StatusOr<PictureHead> head = LookAtPicture("a", input);
  if (!head.ok()) return CheckReason(head.status());
  if (head->width * head->height > kFuzzedPixelsMax) return;
  const absl::StatusOr<Picture> picture = DecodePicture("a", input, *head);
  if (!picture.ok()) return CheckReason(picture.status());
  ARCHPOOL_CHECK(picture->width == head->ShownWidth());
  ARCHPOOL_CHECK(picture->height == head->ShownHeight());
  ARCHPOOL_CHECK(std::ssize(picture->pixels) ==
                 picture->width * picture->height * picture->channels);
  const absl::StatusOr<Picture> flat =
      Flatten("a", *picture, std::nullopt, input.size() % 2 == 0);
  if (!flat.ok()) return CheckReason(flat.status());
  const Picture resized =
      Resize(*flat, BoxOf(*flat, PictureFit::kCrop, 5, 3), 5, 3);
  ARCHPOOL_CHECK(std::ssize(resized.pixels) == 15 * flat->channels);
}

}  // namespace
}  // namespace archpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  archpool::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
