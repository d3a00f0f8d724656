// SPDX-License-Identifier: Apache-2.0
#include "client/questions.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/import/imported.h"
#include "client/text.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// How soon Ctrl-C is noticed: a signal is a stop token, which wakes no read.
constexpr int kLookMs = 100;
// Longer than any path.
constexpr size_t kAnswerBytesMax = 16'384;

absl::Status AnswersEnded() {
  return InvalidArgument("ANSWERS_ENDED",
                         "the input ended before all was answered; nothing was "
                         "written");
}

}  // namespace

absl::StatusOr<std::string> Questions::ReadLine() {
  while (true) {
    const size_t end = read_.find('\n');
    if (end != std::string::npos) {
      const std::string line(
          absl::StripAsciiWhitespace(absl::string_view(read_).substr(0, end)));
      read_.erase(0, end + 1);
      return line;
    }
    if (read_.size() > kAnswerBytesMax) return AnswersEnded();
    if (stop_.stop_requested()) return Stopped();
    pollfd waited{.fd = descriptor_, .events = POLLIN, .revents = 0};
    const int ready = poll(&waited, 1, kLookMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    std::array<char, 1024> buffer;
    const ssize_t count = read(descriptor_, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return stop_.stop_requested() ? Stopped() : AnswersEnded();
    read_.append(buffer.data(), static_cast<size_t>(count));
  }
}

absl::Status Questions::Ask(const std::string& question,
                            const std::string& fallback, const Take& take) {
  while (true) {
    out_ << question;
    if (!fallback.empty()) out_ << " [" << fallback << "]";
    out_ << ": " << std::flush;
    absl::StatusOr<std::string> answer = ReadLine();
    if (!answer.ok()) {
      out_ << "\n" << std::flush;
      return answer.status();
    }
    if (answer->empty()) *answer = fallback;
    const absl::Status taken = answer->empty()
                                   ? InvalidArgument("ANSWER", "please answer")
                                   : take(*answer);
    if (taken.ok()) return taken;
    if (absl::IsCancelled(taken)) return taken;
    out_ << "  " << Clean(taken.message()) << "\n";
  }
}

}  // namespace archpool
