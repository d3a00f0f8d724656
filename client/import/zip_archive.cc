// SPDX-License-Identifier: Apache-2.0
#include "client/import/zip_archive.h"

#include <zip.h>

#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/import/picture.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr zip_int64_t kZipEntriesMax = 1'000;

absl::Status MalformedZip(absl::string_view name, absl::string_view what) {
  return InvalidArgument("NUMPY_MALFORMED", absl::StrCat(name, ": ", what));
}

struct CloseZip {
  // Nothing was changed, so nothing is written.
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseZipFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using SharedZip = std::shared_ptr<zip_t>;

class ZipBytes : public ByteSource {
 public:
  ZipBytes(SharedZip archive, zip_file_t* file, std::string name)
      : archive_(std::move(archive)), file_(file), name_(std::move(name)) {}

  absl::StatusOr<size_t> Read(absl::Span<uint8_t> out) override {
    size_t filled = 0;
    while (filled < out.size()) {
      const zip_int64_t count =
          zip_fread(file_.get(), out.data() + filled, out.size() - filled);
      if (count < 0) {
        return MalformedZip(
            name_,
            absl::StrCat("cannot be unpacked: ", zip_file_strerror(file_.get()),
                         "; the archive is damaged: write it again"));
      }
      if (count == 0) break;
      filled += static_cast<size_t>(count);
    }
    return filled;
  }

 private:
  const SharedZip archive_;  // outlives the file
  const std::unique_ptr<zip_file_t, CloseZipFile> file_;
  const std::string name_;
};

absl::StatusOr<std::unique_ptr<ByteSource>> OpenEntry(const SharedZip& archive,
                                                      zip_uint64_t index,
                                                      const std::string& name) {
  zip_stat_t about;
  zip_stat_init(&about);
  if (zip_stat_index(archive.get(), index, 0, &about) != 0) {
    return MalformedZip(name, absl::StrCat("cannot be examined: ",
                                           zip_strerror(archive.get())));
  }
  if ((about.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 &&
      about.encryption_method != ZIP_EM_NONE) {
    return MalformedZip(name, "is encrypted: write it without a password");
  }
  if ((about.valid & ZIP_STAT_COMP_METHOD) == 0 ||
      (about.comp_method != ZIP_CM_STORE &&
       about.comp_method != ZIP_CM_DEFLATE)) {
    return MalformedZip(name,
                        "is compressed in another way than numpy.savez and "
                        "numpy.savez_compressed do: write it with one of them");
  }
  zip_file_t* const file = zip_fopen_index(archive.get(), index, 0);
  if (file == nullptr) {
    return MalformedZip(name, absl::StrCat("cannot be unpacked: ",
                                           zip_strerror(archive.get())));
  }
  return std::make_unique<ZipBytes>(archive, file, name);
}

absl::StatusOr<SharedZip> OpenArchive(const std::string& path) {
  const std::string name = Printable(path);
  std::error_code no_file;
  if (!std::filesystem::is_regular_file(path, no_file)) {
    return InvalidArgument("FILE_NOT_FOUND",
                           absl::StrCat("there is no regular file ", name));
  }
  int code = 0;
  zip_t* const archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (archive != nullptr) return SharedZip(archive, CloseZip());
  if (code == ZIP_ER_OPEN) {
    return InvalidArgument("FILE_UNREADABLE",
                           absl::StrCat(name, " cannot be read"));
  }
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string why = zip_error_strerror(&error);
  zip_error_fini(&error);
  return MalformedZip(
      name, absl::StrCat("is no archive as numpy.savez writes it: ", why));
}

}  // namespace

absl::StatusOr<std::vector<ZipEntry>> OpenZip(const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const SharedZip archive, OpenArchive(path));
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > kZipEntriesMax) {
    return MalformedZip(Printable(path),
                        absl::StrCat("holds ", count, " files; at most ",
                                     kZipEntriesMax, " are listed"));
  }
  std::vector<ZipEntry> entries;
  std::set<std::string> names;
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* const raw = zip_get_name(archive.get(), index, ZIP_FL_ENC_RAW);
    if (raw == nullptr) continue;  // deleted
    const std::string name =
        absl::StrCat(Printable(path), " (", Printable(raw), ")");
    if (!names.insert(raw).second) {
      return MalformedZip(name, "is in the archive twice: write it again");
    }
    entries.push_back(
        {.name = raw, .source = {.name = name, .open = [archive, index, name] {
                                   return OpenEntry(archive, index, name);
                                 }}});
  }
  return entries;
}

}  // namespace archpool
