// SPDX-License-Identifier: Apache-2.0
#include "client/import/picture_converter.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "client/import/picture.h"
#include "client/import/resize.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

// For pictures that are being decoded. One that needs more waits until it is
// alone.
constexpr int64_t kDecodingBytesMax = int64_t{512} << 20;
constexpr int kThreadsMax = 16;

// Lets as many in as fit. Thread-safe.
class MemoryBudget {
 public:
  void Take(int64_t bytes) {
    absl::MutexLock lock(&mutex_);
    while (taken_bytes_ > 0 && taken_bytes_ + bytes > kDecodingBytesMax) {
      freed_.Wait(&mutex_);
    }
    taken_bytes_ += bytes;
  }
  void Give(int64_t bytes) {
    absl::MutexLock lock(&mutex_);
    taken_bytes_ -= bytes;
    freed_.SignalAll();
  }

 private:
  absl::Mutex mutex_;
  absl::CondVar freed_;
  int64_t taken_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

class MemoryShare {
 public:
  MemoryShare(MemoryBudget& budget, int64_t bytes)
      : budget_(budget), bytes_(bytes) {
    budget_.Take(bytes_);
  }
  ~MemoryShare() { budget_.Give(bytes_); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

 private:
  MemoryBudget& budget_;
  const int64_t bytes_;
};

class Converter {
 public:
  Converter(const std::vector<ClassPicture>& pictures,
            const PictureFolder& source, const TensorShape& shape,
            const std::string& size_of, const ImportOptions& options,
            const HiddenFile& out)
      : pictures_(pictures),
        source_(source),
        shape_(shape),
        size_of_(size_of),
        options_(options),
        out_(out),
        header_(IdxImagesHeader(std::ssize(pictures), shape)),
        failed_at_(pictures.size()) {}

  absl::Status Run(PictureCounts& counts) {
    ARCHPOOL_RETURN_IF_ERROR(out_.WriteAt(0, BytesOf(header_)));
    {
      std::vector<std::jthread> helpers;
      for (int i = 1; i < Threads(); ++i) {
        helpers.emplace_back([this] { Work(/*is_telling=*/false); });
      }
      Work(/*is_telling=*/true);
    }
    absl::MutexLock lock(&mutex_);
    counts.Add(counts_);
    if (!status_.ok()) return status_;
    return options_.stop.stop_requested() ? Stopped() : absl::OkStatus();
  }

 private:
  int Threads() const {
    const int wanted =
        options_.threads > 0
            ? options_.threads
            : static_cast<int>(std::min<unsigned>(
                  std::thread::hardware_concurrency(), unsigned{kThreadsMax}));
    return std::clamp<int>(
        wanted, 1,
        static_cast<int>(std::min<size_t>(pictures_.size(), kThreadsMax)));
  }

  // Takes pictures in their order, so that of those that cannot be read the
  // first is always found, whichever thread has it.
  void Work(bool is_telling) {
    PictureCounts counts;
    for (;;) {
      const size_t at = next_.fetch_add(1);
      if (at >= failed_at_.load() || options_.stop.stop_requested()) break;
      const absl::Status status = Convert(at, counts);
      if (!status.ok()) Fail(at, status);
      if (is_telling && options_.progress) {
        options_.progress(static_cast<int64_t>(at) + 1, std::ssize(pictures_));
      }
    }
    absl::MutexLock lock(&mutex_);
    counts_.Add(counts);
  }

  void Fail(size_t at, const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    if (at >= failed_at_.load()) return;
    failed_at_.store(at);
    status_ = status;
  }

  absl::Status Convert(size_t at, PictureCounts& counts) {
    const std::string& path = pictures_[at].path;
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes,
                              ReadFile(path, kPictureFileBytesMax));
    ARCHPOOL_ASSIGN_OR_RETURN(const PictureHead head,
                              LookAtPicture(path, bytes));
    ARCHPOOL_RETURN_IF_ERROR(CheckSize(path, head));
    const MemoryShare share(memory_, head.memory_bytes);
    ARCHPOOL_ASSIGN_OR_RETURN(Picture picture,
                              DecodePicture(path, bytes, head));
    const bool had_colour = picture.channels >= 3;
    ARCHPOOL_ASSIGN_OR_RETURN(
        picture,
        Flatten(path, std::move(picture), source_.background, source_.is_gray));
    const PictureBox box =
        BoxOf(picture, source_.fit, shape_.width, shape_.height);
    counts.enlarged +=
        box.width < shape_.width || box.height < shape_.height ? 1 : 0;
    if (picture.width != shape_.width || picture.height != shape_.height) {
      picture = Resize(picture, box, shape_.width, shape_.height);
    }
    ++counts.pictures;
    counts.without_colour += !source_.is_gray && IsGray(picture) ? 1 : 0;
    counts.colour_dropped += source_.is_gray && had_colour ? 1 : 0;
    counts.turned += head.orientation == 1 ? 0 : 1;
    counts.deep += head.is_deep ? 1 : 0;
    counts.inks += head.is_cmyk ? 1 : 0;
    return out_.WriteAt(
        std::ssize(header_) + static_cast<int64_t>(at) * shape_.elements(),
        ChannelsFirst(std::move(picture)));
  }

  absl::Status CheckSize(const std::string& path, const PictureHead& head) {
    if (size_of_.empty() || (head.ShownWidth() == shape_.width &&
                             head.ShownHeight() == shape_.height)) {
      return absl::OkStatus();
    }
    return InvalidArgument(
        "PICTURE_SIZES",
        absl::StrCat(Printable(path), ": has ", head.ShownWidth(), "x",
                     head.ShownHeight(), " pixels, and ", Printable(size_of_),
                     " has ", shape_.width, "x", shape_.height,
                     "; state what all become, such as 'size: 32x32' under "
                     "'dataset'"));
  }

  const std::vector<ClassPicture>& pictures_;
  const PictureFolder& source_;
  const TensorShape shape_;
  const std::string size_of_;
  const ImportOptions& options_;
  const HiddenFile& out_;
  const std::string header_;
  MemoryBudget memory_;
  std::atomic<size_t> next_ = 0;
  std::atomic<size_t> failed_at_;  // written under mutex_
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);  // of failed_at_
  PictureCounts counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

void PictureCounts::Add(const PictureCounts& other) {
  pictures += other.pictures;
  without_colour += other.without_colour;
  colour_dropped += other.colour_dropped;
  turned += other.turned;
  enlarged += other.enlarged;
  deep += other.deep;
  inks += other.inks;
}

std::vector<std::string> PictureCounts::Notes() const {
  std::vector<std::string> notes;
  const auto note = [this, &notes](int64_t count, absl::string_view what) {
    if (count == 0) return;
    notes.push_back(absl::StrCat(count, " of ", pictures,
                                 pictures == 1 ? " picture " : " pictures ",
                                 what));
  };
  if (without_colour == pictures) {
    note(without_colour,
         "have no colour: 'colors: gray' under 'dataset' says the same with a "
         "third of the bytes and less work");
  }
  note(colour_dropped, "had colour, which is gone by 'colors: gray'");
  note(turned, "were turned as EXIF says");
  note(enlarged, "were smaller than 'size', and were enlarged");
  note(deep, "had 16 bits a channel, of which 8 are kept");
  note(inks, "were CMYK, and were multiplied out without a colour profile");
  return notes;
}

absl::Status ConvertPictures(const std::vector<ClassPicture>& pictures,
                             const PictureFolder& source,
                             const TensorShape& shape,
                             const std::string& size_of,
                             const ImportOptions& options,
                             const HiddenFile& out, PictureCounts& counts) {
  return Converter(pictures, source, shape, size_of, options, out).Run(counts);
}

}  // namespace archpool
