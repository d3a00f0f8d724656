// SPDX-License-Identifier: Apache-2.0
#include "client/import/byte_source.h"

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/import/picture.h"
#include "common/base/status.h"

namespace archpool {
namespace {

class FileBytes : public ByteSource {
 public:
  FileBytes(std::string name, std::ifstream file)
      : name_(std::move(name)), file_(std::move(file)) {}

  absl::StatusOr<size_t> Read(absl::Span<uint8_t> out) override {
    file_.read(reinterpret_cast<char*>(out.data()),
               static_cast<std::streamsize>(out.size()));
    if (file_.bad()) {
      return InvalidArgument("FILE_UNREADABLE",
                             absl::StrCat(name_, " cannot be read"));
    }
    return static_cast<size_t>(file_.gcount());
  }

 private:
  const std::string name_;
  std::ifstream file_;
};

}  // namespace

NamedSource FileSource(const std::string& path) {
  const std::string name = Printable(path);
  return {
      .name = name,
      .open = [path, name]() -> absl::StatusOr<std::unique_ptr<ByteSource>> {
        std::error_code error;
        // A pipe or a device could be endless.
        if (!std::filesystem::is_regular_file(path, error)) {
          return InvalidArgument(
              "FILE_NOT_FOUND",
              absl::StrCat("there is no regular file ", name));
        }
        std::ifstream file(path, std::ios::binary);
        if (!file) {
          return InvalidArgument("FILE_UNREADABLE",
                                 absl::StrCat(name, " cannot be read"));
        }
        return std::make_unique<FileBytes>(name, std::move(file));
      }};
}

}  // namespace archpool
