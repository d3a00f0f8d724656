// SPDX-License-Identifier: Apache-2.0
#include "common/data/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr char kGzipMagic[] = "\x1f\x8b";
// zlib: the largest window, and a gzip header rather than a zlib one.
constexpr int kGzipWindowBits = 16 + MAX_WBITS;

absl::Status MalformedGzip(absl::string_view message) {
  return InvalidArgument("GZIP_MALFORMED", absl::StrCat("gzip: ", message));
}

uInt Chunk(size_t size) {
  return static_cast<uInt>(
      std::min<size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

bool IsGzip(absl::string_view bytes) {
  return bytes.substr(0, 2) == absl::string_view(kGzipMagic, 2);
}

struct GzipReader::Stream {
  z_stream z{};
  absl::string_view unread;
  bool is_finished = false;
  absl::Status status;
};

GzipReader::GzipReader(absl::string_view bytes)
    : stream_(std::make_unique<Stream>()) {
  stream_->unread = bytes;
  // Fails only without memory or with a wrong library.
  ARCHPOOL_CHECK(inflateInit2(&stream_->z, kGzipWindowBits) == Z_OK);
}

GzipReader::~GzipReader() { inflateEnd(&stream_->z); }

absl::StatusOr<size_t> GzipReader::Read(absl::Span<uint8_t> out) {
  Stream& stream = *stream_;
  size_t filled = 0;
  while (stream.status.ok() && !stream.is_finished && filled < out.size()) {
    const uInt offered = Chunk(stream.unread.size());
    const uInt room = Chunk(out.size() - filled);
    stream.z.next_in =
        reinterpret_cast<Bytef*>(const_cast<char*>(stream.unread.data()));
    stream.z.avail_in = offered;
    stream.z.next_out = out.data() + filled;
    stream.z.avail_out = room;
    const int result = inflate(&stream.z, Z_NO_FLUSH);
    stream.unread.remove_prefix(offered - stream.z.avail_in);
    filled += room - stream.z.avail_out;
    if (result == Z_STREAM_END) {
      if (stream.unread.empty()) {
        stream.is_finished = true;
      } else if (!IsGzip(stream.unread)) {
        stream.status = MalformedGzip(absl::StrCat(
            stream.unread.size(), " bytes follow the end of the stream"));
      } else {
        ARCHPOOL_CHECK(inflateReset(&stream.z) == Z_OK);
      }
    } else if (result == Z_BUF_ERROR && stream.unread.empty()) {
      stream.status =
          MalformedGzip("the stream ends early: the file is truncated");
    } else if (result != Z_OK) {
      stream.status = MalformedGzip(
          stream.z.msg == nullptr ? "the stream is broken" : stream.z.msg);
    }
  }
  if (!stream.status.ok()) return stream.status;
  return filled;
}

}  // namespace archpool
