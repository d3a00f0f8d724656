// SPDX-License-Identifier: Apache-2.0
// Makes gzip for tests.
#ifndef ARCHPOOL_TESTS_SUPPORT_GZIP_WRITER_H_
#define ARCHPOOL_TESTS_SUPPORT_GZIP_WRITER_H_

#include <zlib.h>

#include <string>

#include "absl/strings/string_view.h"
#include "common/base/check.h"

namespace archpool {

inline std::string Gzip(absl::string_view text) {
  z_stream z{};
  constexpr int kGzipWindowBits = 16 + MAX_WBITS;
  ARCHPOOL_CHECK(deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED,
                              kGzipWindowBits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string bytes(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(bytes.data());
  z.avail_out = static_cast<uInt>(bytes.size());
  ARCHPOOL_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
  bytes.resize(z.total_out);
  deflateEnd(&z);
  return bytes;
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_GZIP_WRITER_H_
