// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/import/npy.h"
#include "client/import/picture.h"
#include "common/base/status.h"
#include "common/data/foreign_file.h"

namespace archpool {
namespace {

constexpr absl::string_view kNpyMagic = "\x93NUMPY";
constexpr size_t kNpyHeaderBytesMax = size_t{1} << 16;
constexpr size_t kNpyAxesMax = 8;
// Numbers times 8 bytes stay far within 63 bits.
constexpr int64_t kNpyCountMax = int64_t{1} << 48;

absl::Status ReadAll(absl::string_view name, ByteSource& source,
                     absl::Span<uint8_t> out) {
  ARCHPOOL_ASSIGN_OR_RETURN(const size_t count, source.Read(out));
  if (count == out.size()) return absl::OkStatus();
  return MalformedNumpy(name, "ends within its header: it is cut off");
}

// The literal of a Python dictionary, of which NumPy writes three keys.
class HeaderParser {
 public:
  HeaderParser(absl::string_view name, absl::string_view text)
      : name_(name), rest_(text) {}

  absl::StatusOr<NpyHeader> Parse() {
    ARCHPOOL_RETURN_IF_ERROR(Expect('{'));
    std::set<std::string> keys;
    while (!Take('}')) {
      ARCHPOOL_ASSIGN_OR_RETURN(const std::string key, ReadString());
      if (!keys.insert(key).second) return Nonsense();
      ARCHPOOL_RETURN_IF_ERROR(Expect(':'));
      ARCHPOOL_RETURN_IF_ERROR(ReadValue(key));
      if (Take(',')) continue;
      ARCHPOOL_RETURN_IF_ERROR(Expect('}'));
      break;
    }
    Skip();
    if (!rest_.empty() || keys.size() != 3) return Nonsense();
    return header_;
  }

 private:
  absl::Status ReadValue(absl::string_view key) {
    if (key == "descr") return ReadType();
    if (key == "fortran_order") return ReadOrder();
    if (key == "shape") return ReadShape();
    return Nonsense();
  }

  absl::Status ReadType() {
    Skip();
    if (absl::StartsWith(rest_, "[")) {
      return MalformedNumpy(name_,
                            "holds records of several fields: save each field "
                            "as an array of its own");
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const std::string type, ReadString());
    if (type.size() < 2) return Nonsense();
    const char order = type[0];
    const char kind = type[1];
    if (absl::string_view("<>|=").find(order) == absl::string_view::npos) {
      return Nonsense();
    }
    if (kind == 'O') {
      return MalformedNumpy(
          name_,
          "holds Python objects (a pickle), which are never loaded: make it an "
          "array of numbers, as by numpy.stack, all of one shape");
    }
    size_t bytes = 0;
    const bool is_size = absl::SimpleAtoi(type.substr(2), &bytes);
    const bool is_integer = kind == 'i' || kind == 'u';
    const bool is_read =
        is_size && ((is_integer &&
                     (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8)) ||
                    (kind == 'f' && (bytes == 4 || bytes == 8)));
    if (!is_read) {
      return MalformedNumpy(
          name_, absl::StrCat("has the type '", Printable(type),
                              "'; integers, float32 and float64 are read: "
                              "convert it, as by astype('uint8')"));
    }
    header_.kind = kind == 'u'   ? NpyKind::kUnsigned
                   : kind == 'i' ? NpyKind::kSigned
                                 : NpyKind::kFloat;
    header_.item_bytes = bytes;
    header_.is_big_endian = order == '>' && bytes > 1;
    header_.type = absl::StrCat(header_.is_big_endian ? "big-endian " : "",
                                kind == 'u'   ? "uint"
                                : kind == 'i' ? "int"
                                              : "float",
                                8 * bytes);
    return absl::OkStatus();
  }

  absl::Status ReadOrder() {
    Skip();
    header_.is_fortran = absl::ConsumePrefix(&rest_, "True");
    if (header_.is_fortran || absl::ConsumePrefix(&rest_, "False")) {
      return absl::OkStatus();
    }
    return Nonsense();
  }

  absl::Status ReadShape() {
    ARCHPOOL_RETURN_IF_ERROR(Expect('('));
    while (!Take(')')) {
      ARCHPOOL_RETURN_IF_ERROR(ReadExtent());
      if (Take(',')) continue;
      ARCHPOOL_RETURN_IF_ERROR(Expect(')'));
      break;
    }
    return absl::OkStatus();
  }

  absl::Status ReadExtent() {
    Skip();
    size_t digits = 0;
    while (digits < rest_.size() &&
           absl::ascii_isdigit(static_cast<unsigned char>(rest_[digits]))) {
      ++digits;
    }
    int64_t extent = 0;
    if (!absl::SimpleAtoi(rest_.substr(0, digits), &extent) ||
        header_.shape.size() == kNpyAxesMax) {
      return Nonsense();
    }
    rest_.remove_prefix(digits);
    absl::ConsumePrefix(&rest_, "L");  // Python 2's
    if (__builtin_mul_overflow(header_.count, extent, &header_.count) ||
        header_.count > kNpyCountMax || extent > kNpyCountMax) {
      return MalformedNumpy(name_,
                            "announces more numbers than any file can hold");
    }
    header_.shape.push_back(extent);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadString() {
    Skip();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) {
      return Nonsense();
    }
    const size_t end = rest_.find(rest_.front(), 1);
    if (end == absl::string_view::npos) return Nonsense();
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    if (text.find('\\') != std::string::npos) return Nonsense();
    return text;
  }

  void Skip() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }
  bool Take(char c) {
    Skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  absl::Status Expect(char c) {
    return Take(c) ? absl::OkStatus() : Nonsense();
  }
  absl::Status Nonsense() const {
    return MalformedNumpy(
        name_, "has a header that numpy.save does not write: save it again");
  }

  const absl::string_view name_;
  absl::string_view rest_;
  NpyHeader header_;
};

absl::Status NoNpy(absl::string_view name, absl::string_view head) {
  if (head.empty()) return MalformedNumpy(name, "is empty");
  if (absl::StartsWith(head, "PK")) {
    return MalformedNumpy(name,
                          "is an archive of arrays (.npz): name it alone, as "
                          "'arrays'");
  }
  if (head.front() == '\x80') {
    return MalformedNumpy(name,
                          "is a pickle, which is never loaded: save its arrays "
                          "with numpy.savez");
  }
  const std::string foreign = DescribeForeignFile(head);
  return MalformedNumpy(name, foreign.empty()
                                  ? "does not begin as numpy.save writes it"
                                  : foreign);
}

}  // namespace

std::string NpyHeader::DescribeShape() const {
  return shape.empty() ? "one number" : absl::StrJoin(shape, "x");
}

absl::StatusOr<NpyHeader> ReadNpyHeader(absl::string_view name,
                                        ByteSource& source) {
  std::array<uint8_t, 12> begin;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const size_t count,
      source.Read(absl::MakeSpan(begin).subspan(0, kNpyMagic.size())));
  const absl::string_view head(reinterpret_cast<const char*>(begin.data()),
                               count);
  if (head != kNpyMagic) return NoNpy(name, head);
  ARCHPOOL_RETURN_IF_ERROR(
      ReadAll(name, source, absl::MakeSpan(begin).subspan(6, 2)));
  const int version = begin[6];
  if (version < 1 || version > 3) {
    return MalformedNumpy(name, absl::StrCat("is of version ", version,
                                             " of the format; 1 to 3 are "
                                             "read"));
  }
  const size_t size_bytes = version == 1 ? 2 : 4;
  ARCHPOOL_RETURN_IF_ERROR(
      ReadAll(name, source, absl::MakeSpan(begin).subspan(8, size_bytes)));
  size_t header_bytes = 0;
  for (size_t i = size_bytes; i > 0; --i) {
    header_bytes = header_bytes << 8 | begin[8 + i - 1];
  }
  if (header_bytes > kNpyHeaderBytesMax) {
    return MalformedNumpy(name, absl::StrCat("announces a header of ",
                                             header_bytes, " bytes; at most ",
                                             kNpyHeaderBytesMax, " are read"));
  }
  std::vector<uint8_t> text(header_bytes);
  ARCHPOOL_RETURN_IF_ERROR(ReadAll(name, source, absl::MakeSpan(text)));
  return HeaderParser(name,
                      {reinterpret_cast<const char*>(text.data()), text.size()})
      .Parse();
}

}  // namespace archpool
