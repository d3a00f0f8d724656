// SPDX-License-Identifier: Apache-2.0
#include "common/tls/server_check.h"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/tls/certificate.h"
#include "common/tls/openssl.h"

namespace archpool {
namespace {

using tls::Certificate;
using Chain = std::vector<Certificate>;

std::string Quoted(absl::string_view host) {
  return absl::Utf8SafeCHexEscape(host.substr(0, 300));
}

absl::Status Mismatch(const ServerTrust& trust, const Chain& chain,
                      absl::string_view host) {
  return FailedPrecondition(
      "SERVER_PIN_MISMATCH",
      absl::StrCat(
          "the server at ", Quoted(host), " shows the pin ",
          tls::PinOf(*chain.back()).ToString(), ", and ", trust.source,
          " says ", trust.pin.ToString(),
          ": nothing was sent to it. If the pool has a new pin, its operator "
          "can confirm it (`archpool-server pin`): then replace the old one. "
          "If not, somebody stands between you and the pool"));
}

absl::Status Untrusted(absl::string_view host, absl::string_view why) {
  return FailedPrecondition(
      "SERVER_UNTRUSTED",
      absl::StrCat("the certificate of the server at ", Quoted(host),
                   " cannot be trusted (", why,
                   "): nothing was sent to it. If the pool makes its own "
                   "certificates, give its pin with --server-pin, or in the "
                   "second line of the token file; its operator has it"));
}

// Name and dates count.
void DemandName(X509_VERIFY_PARAM& demands, const std::string& host) {
  if (X509_VERIFY_PARAM_set1_ip_asc(&demands, host.c_str()) == 1) return;
  ARCHPOOL_CHECK(
      X509_VERIFY_PARAM_set1_host(&demands, host.data(), host.size()) == 1);
}

// Whether the first certificate leads to one in `anchors`.
absl::Status Verify(const Chain& chain, X509_STORE& anchors, bool is_own,
                    absl::string_view host) {
  if (host.empty() && !is_own) {
    return Untrusted(host, "it was called by no name");
  }
  STACK_OF(X509)* const others = sk_X509_new_null();
  ARCHPOOL_CHECK(others != nullptr);
  for (const Certificate& one : chain) {
    ARCHPOOL_CHECK(sk_X509_push(others, one.get()) > 0);
  }
  const tls::StoreContext context(X509_STORE_CTX_new());
  ARCHPOOL_CHECK(context != nullptr &&
                 X509_STORE_CTX_init(context.get(), &anchors,
                                     chain.front().get(), others) == 1);
  X509_VERIFY_PARAM& demands = *X509_STORE_CTX_get0_param(context.get());
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_flags(&demands, X509_V_FLAG_PARTIAL_CHAIN);
  if (is_own) {
    X509_VERIFY_PARAM_set_flags(&demands, X509_V_FLAG_NO_CHECK_TIME);
  } else {
    DemandName(demands, std::string(host));
  }
  const bool is_verified = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(others);
  if (is_verified) return absl::OkStatus();
  return Untrusted(host, X509_verify_cert_error_string(error));
}

// The common name of the subject.
std::string NameOf(const X509& certificate) {
  std::array<char, 256> name{};
  const int size = X509_NAME_get_text_by_NID(
      X509_get_subject_name(&certificate), NID_commonName, name.data(),
      static_cast<int>(name.size()));
  return size < 0 ? "" : std::string(name.data(), static_cast<size_t>(size));
}

absl::Status CheckPinned(const ServerTrust& trust, const Chain& chain,
                         absl::string_view host) {
  const auto pinned = std::find_if(
      chain.begin(), chain.end(),
      [&](const Certificate& one) { return tls::PinOf(*one) == trust.pin; });
  if (pinned == chain.end()) return Mismatch(trust, chain, host);
  // Its own key: no other has it.
  if (pinned == chain.begin()) return absl::OkStatus();
  const tls::Store anchors(X509_STORE_new());
  ARCHPOOL_CHECK(anchors != nullptr &&
                 X509_STORE_add_cert(anchors.get(), pinned->get()) == 1);
  // Both must say so: a certificate of another authority for that name would be
  // exempt as well.
  const std::string own = kPoolServerName;
  const bool is_own =
      NameOf(**pinned) == kPoolAuthorityName &&
      X509_check_host(
          chain.front().get(), own.data(), own.size(),
          X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
          nullptr) == 1;
  return Verify(chain, *anchors, is_own, host);
}

}  // namespace

absl::Status CheckServer(const ServerTrust& trust, absl::string_view chain,
                         absl::string_view host) {
  ARCHPOOL_CHECK(trust.by != ServerTrust::By::kPlaintext);
  const tls::ErrorsForgotten errors;
  ARCHPOOL_ASSIGN_OR_RETURN(const Chain shown, tls::ParseChain(chain));
  if (trust.by == ServerTrust::By::kPin) return CheckPinned(trust, shown, host);
  const tls::Store anchors(X509_STORE_new());
  ARCHPOOL_CHECK(anchors != nullptr);
  if (X509_STORE_set_default_paths(anchors.get()) != 1) {
    return Untrusted(host, "this system's authorities cannot be read");
  }
  return Verify(shown, *anchors, /*is_own=*/false, host);
}

}  // namespace archpool
