// SPDX-License-Identifier: Apache-2.0
#include "common/channel/token_file.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// Far more than a token has, and less than what gRPC takes as a header.
constexpr size_t kLineBytesMax = 1024;
// The token's line, and what may stand in front of the pin's.
constexpr size_t kFileBytesMax = 4 * kLineBytesMax;
constexpr char kUtf8Mark[] = "\xef\xbb\xbf";

absl::Status Malformed(const std::string& path, absl::string_view what) {
  return InvalidArgument("TOKEN_FILE_MALFORMED",
                         absl::StrCat("the token file ", path, " ", what,
                                      "; save the token alone, as plain text"));
}

bool IsUtf16(absl::string_view bytes) {
  return absl::StartsWith(bytes, "\xff\xfe") ||
         absl::StartsWith(bytes, "\xfe\xff");
}

// The file's beginning, with all that it need hold.
absl::StatusOr<std::string> ReadBeginning(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return NotFound("TOKEN_FILE_MISSING",
                    absl::StrCat("the token file ", path,
                                 " cannot be read: name the file in which the "
                                 "account's token was saved"));
  }
  std::string bytes(kFileBytesMax, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

absl::StatusOr<std::string> TokenIn(const std::string& bytes,
                                    const std::string& path) {
  if (IsUtf16(bytes)) return Malformed(path, "is UTF-16");
  absl::string_view line(bytes);
  line = line.substr(0, line.find('\n'));
  if (line.size() > kLineBytesMax) {
    return Malformed(path, absl::StrCat("has more than ", kLineBytesMax,
                                        " bytes in its first line"));
  }
  absl::ConsumePrefix(&line, kUtf8Mark);
  const absl::string_view token = absl::StripAsciiWhitespace(line);
  if (token.empty()) {
    return InvalidArgument("TOKEN_FILE_EMPTY",
                           absl::StrCat("the token file ", path,
                                        " has no token in its first line"));
  }
  const auto* const bad =
      std::find_if_not(token.begin(), token.end(), [](char c) {
        return absl::ascii_isgraph(static_cast<unsigned char>(c));
      });
  if (bad != token.end()) {
    const auto offset = (token.data() - bytes.data()) + (bad - token.begin());
    return Malformed(path, absl::StrCat("has a character at byte ", offset,
                                        " (counted from 0) that no token has"));
  }
  return std::string(token);
}

absl::StatusOr<std::optional<Pin>> PinIn(absl::string_view bytes,
                                         const std::string& path) {
  const auto lines = absl::StrSplit(bytes, '\n');
  bool is_first = true;
  for (const absl::string_view line : lines) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (!is_first && absl::StartsWith(text, kPinPrefix)) {
      const absl::StatusOr<Pin> pin = Pin::Parse(text);
      if (pin.ok()) return *pin;
      return InvalidArgument(
          "TOKEN_FILE_PIN_MALFORMED",
          absl::StrCat("the server's pin in the token file ", path,
                       " is none: ", pin.status().message()));
    }
    is_first = false;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::string> ReadTokenFile(const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes, ReadBeginning(path));
  return TokenIn(bytes, path);
}

absl::StatusOr<TokenAndPin> ReadTokenAndPin(const std::string& path) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes, ReadBeginning(path));
  TokenAndPin kept;
  ARCHPOOL_ASSIGN_OR_RETURN(kept.token, TokenIn(bytes, path));
  ARCHPOOL_ASSIGN_OR_RETURN(kept.server_pin, PinIn(bytes, path));
  return kept;
}

std::string TokenFileText(absl::string_view token,
                          const std::optional<Pin>& server_pin) {
  return absl::StrCat(
      token, "\n",
      server_pin ? absl::StrCat(server_pin->ToString(), "\n") : "");
}

}  // namespace archpool
