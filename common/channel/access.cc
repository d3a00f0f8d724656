// SPDX-License-Identifier: Apache-2.0
#include "common/channel/access.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/channel/address.h"
#include "common/channel/token_file.h"

namespace archpool {
namespace {

// What --server-pin takes instead of a pin.
constexpr char kSystemWord[] = "system";

// Whether `address`, as ReadServerAddress answers it, is on this machine.
bool IsHere(const std::string& address) {
  if (absl::StartsWith(address, "unix:")) return true;
  const auto parsed = ParseHostPort("--server", address, /*port_min=*/1);
  return parsed.ok() && parsed->IsLoopback();
}

}  // namespace

void AddTrustFlags(CLI::App& app, TrustFlags& flags) {
  app.add_option(
         "--server-pin", flags.server_pin,
         "The pin that the server's certificate must have "
         "(sha256:...), or 'system': this system's\nauthorities decide. "
         "By default the pin in the second line of the token file; if "
         "there\nis none, 'system'")
      ->envname("ARCHPOOL_SERVER_PIN")
      ->type_name("PIN")
      ->take_last();
  app.add_flag("--plaintext", flags.is_plaintext,
               "Do not encrypt: for a server on this machine that was started "
               "with --plaintext");
}

absl::StatusOr<ServerSite> ReadServerSite(
    absl::string_view server, const TrustFlags& flags,
    const std::optional<FoundPin>& found) {
  ServerSite site;
  ARCHPOOL_ASSIGN_OR_RETURN(site.address, ReadServerAddress(server));
  const bool is_here = IsHere(site.address);
  if (flags.is_plaintext) {
    if (is_here) return ServerSite::Plaintext(site.address);
    return InvalidArgument(
        "PLAINTEXT_PUBLIC",
        absl::StrCat("--plaintext is for servers on this machine, and ",
                     site.address,
                     " may be elsewhere: the token would travel for all to "
                     "read. Leave it out, and give the server's pin with "
                     "--server-pin; its operator has it"));
  }
  if (flags.server_pin == kSystemWord) return site;
  if (!flags.server_pin.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(site.trust.pin, Pin::Parse(flags.server_pin));
    site.trust.by = ServerTrust::By::kPin;
    site.trust.source = "--server-pin (or ARCHPOOL_SERVER_PIN)";
  } else if (found) {
    site.trust = {.by = ServerTrust::By::kPin,
                  .pin = found->pin,
                  .source = found->source};
  } else if (is_here) {
    return InvalidArgument(
        "SERVER_PIN_UNSET",
        absl::StrCat("no pin is given for the server at ", site.address,
                     ": `archpool-server pin --data-dir DIR` shows it, and the "
                     "server's log; pass it with --server-pin, or write it "
                     "into the second line of the token file. (--plaintext "
                     "is for a server that was started with --plaintext)"));
  }
  return site;
}

absl::StatusOr<Access> ReadAccess(absl::string_view server,
                                  const TrustFlags& flags,
                                  const std::string& token_file) {
  ARCHPOOL_ASSIGN_OR_RETURN(TokenAndPin kept, ReadTokenAndPin(token_file));
  std::optional<FoundPin> found;
  if (kept.server_pin) {
    found =
        FoundPin{*kept.server_pin, absl::StrCat("the token file ", token_file)};
  }
  ARCHPOOL_ASSIGN_OR_RETURN(ServerSite site,
                            ReadServerSite(server, flags, found));
  return Access{std::move(site), std::move(kept.token)};
}

}  // namespace archpool
