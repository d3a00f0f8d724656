// SPDX-License-Identifier: Apache-2.0
// What a task's file says of a dataset that is no file of the pool's formats:
// a folder of pictures, arrays, or CIFAR-100. Value types; thread-compatible.
#ifndef ARCHPOOL_CLIENT_IMPORT_SOURCES_H_
#define ARCHPOOL_CLIENT_IMPORT_SOURCES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace archpool {

// Without alpha.
struct Rgb {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

// How pictures of another shape get the one that is wanted.
enum class PictureFit : uint8_t { kCrop, kStretch };

// A folder of PNG and JPEG files: one folder for each class, either below
// train/ (and validation/, val/ or test/) or in the folder itself.
struct PictureFolder {
  std::string path;
  int64_t width = 0;  // 0, as height: all pictures have one size, and keep it
  int64_t height = 0;
  PictureFit fit = PictureFit::kCrop;
  bool is_gray = false;
  std::optional<Rgb> background;  // nullopt: pictures have no alpha
  std::string held_out;           // the folder beside train/; "": the one
  // The part of each class that is drawn here by `seed` and held out; 0: none.
  int64_t held_out_fraction_ppm = 0;
  int64_t seed = 0;

  friend bool operator==(const PictureFolder&, const PictureFolder&) = default;
};

// How the axes of images lie.
enum class ArrayChannels : uint8_t { kByShape, kFirst, kLast };

// What files of arrays are: NumPy's, or MNIST's with numbers of any type.
enum class ArrayFormat : uint8_t { kNumpy, kIdx };

// Either one .npz, which names its arrays itself, or .npy files.
struct ArrayFiles {
  std::string archive;  // "": the files below
  std::string train_images;
  std::string train_labels;
  std::string held_out_images;  // "", as held_out_labels: none
  std::string held_out_labels;
  ArrayChannels channels = ArrayChannels::kByShape;
  ArrayFormat format = ArrayFormat::kNumpy;  // kIdx: of files alone

  friend bool operator==(const ArrayFiles&, const ArrayFiles&) = default;
};

// Files of the binary version of CIFAR-100, gzip or not.
struct Cifar100Files {
  std::vector<std::string> train;
  std::vector<std::string> held_out;  // empty: none
  bool is_coarse = false;             // 20 classes instead of 100

  friend bool operator==(const Cifar100Files&, const Cifar100Files&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_SOURCES_H_
