// SPDX-License-Identifier: Apache-2.0
#include "common/channel/program.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/standard_streams.h"
#include "common/base/status.h"
#include "common/base/words.h"
#include "common/channel/grpc_log.h"

namespace archpool {
namespace {

// What to do about the errors that the server's sentence does not settle.
std::string AdviceFor(const absl::Status& status) {
  static const auto& advice = *new std::map<std::string, std::string>{
      {"SERVER_UNREACHABLE",
       "check --server and the network, and that archpool-server runs there"},
      {"CALL_TIMED_OUT", "the server is overloaded or hangs: try again later"},
      {"TOKEN_UNKNOWN",
       "check --token-file: the operator shows a token once, when the account "
       "is made"},
      {"TOKEN_EXPIRED",
       "archpool account token create, with a token of the scope owner, makes "
       "another; archpool account token rotate does so before one ends"},
      {"TOKEN_REVOKED",
       "archpool account token create, with a token of the scope owner, makes "
       "another"},
      {"SCOPE_NOT_ALLOWED",
       "archpool account whoami says which token this is, and of which scope"},
      {"BALANCE_TOO_LOW",
       "ask the pool's operator for a deposit, or offer a smaller reward"},
      {"ACCOUNT_SUSPENDED",
       "`archpool miner status` and `archpool miner trials` say which trials "
       "were rejected and why; the operator can lift the "
       "suspension"}};
  const auto found = advice.find(GetReason(status));
  if (found != advice.end()) return found->second;
  if (absl::StartsWith(GetReason(status), "CERTIFICATE_")) {
    return "docs/verifiers.md says what each refusal of a certificate means";
  }
  if (absl::IsUnauthenticated(status)) {
    return "check --token-file: the pool does not know this token";
  }
  if (absl::IsPermissionDenied(status)) {
    return "use the token of an account with the role that this needs";
  }
  return "";
}

// The words of --log-format and --log-level are those of the enum.
template <typename Word>
void AddWordFlag(CLI::App& app, const char* flag, Word& value,
                 const char* help) {
  app.add_option_function<std::string>(
         flag,
         [flag, &value](const std::string& text) {
           const std::optional<Word> found = FindWord<Word>(text);
           if (!found) {
             throw CLI::ValidationError(
                 flag,
                 absl::StrCat("takes ", absl::StrJoin(kWordsOf<Word>, ", ")));
           }
           value = *found;
         },
         help)
      ->type_name(absl::StrJoin(kWordsOf<Word>, "|"))
      ->default_str(ToString(value));
}

void LogProtobuf(google::protobuf::LogLevel level, const char* /*file*/,
                 int /*line*/, const std::string& message) {
  LogLibrary(level == google::protobuf::LOGLEVEL_INFO      ? LogLevel::kInfo
             : level == google::protobuf::LOGLEVEL_WARNING ? LogLevel::kWarn
                                                           : LogLevel::kError,
             "protobuf", message);
}

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  // A file of the caller's that is missing is no refusal of the pool's.
  const std::string reason = GetReason(status);
  if (absl::StartsWith(reason, "FILE_") ||
      absl::StartsWith(reason, "TOKEN_FILE_")) {
    return kExitBadInput;
  }
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitBadInput;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kResourceExhausted:
      return kExitRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    default:
      return kExitFailed;
  }
}

std::string DescribeError(absl::string_view program,
                          const absl::Status& status) {
  const std::string reason = GetReason(status);
  const std::string advice = AdviceFor(status);
  return absl::StrCat(
      program, ": ", std::string(status.message()), " (",
      reason.empty() ? absl::StatusCodeToString(status.code()) : reason, ")\n",
      advice.empty() ? "" : absl::StrCat("  ", advice, "\n"));
}

std::optional<int> ParseFlags(CLI::App& app, int argc, char** argv) {
  ReserveStandardStreams();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) != 0) return kExitBadInput;
    return Finish(app.get_name(), FlushOutput(std::cout));
  }
  return std::nullopt;
}

int Finish(absl::string_view program, const absl::Status& status) {
  if (!status.ok()) {
    const std::string text = DescribeError(program, status);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  return ExitCodeOf(status);
}

void AddLogFlags(CLI::App& app, LogOptions& options) {
  AddWordFlag(app, "--log-format", options.format,
              "Form of the log's lines on stderr: text for people, json for "
              "programs");
  AddWordFlag(app, "--log-level", options.level,
              "Leaves out the log's lines below this level");
}

void SetUpLogging(const LogOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  SetUpLog(options);
  gpr_set_log_function(LogGrpc);
  google::protobuf::SetLogHandler(LogProtobuf);
}

int FinishLogged(absl::string_view program, const absl::Status& status) {
  if (!status.ok()) {
    const std::string advice = AdviceFor(status);
    LogError("program_failed", "the program ends: it cannot continue",
             advice.empty()
                 ? "fix what the error names and start the program again"
                 : advice,
             {{"program", program}, {"error", status}});
  }
  return ExitCodeOf(status);
}

}  // namespace archpool
