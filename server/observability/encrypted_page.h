// SPDX-License-Identifier: Apache-2.0
// One page over HTTPS, for an address beyond this machine. Thread-safe.
#ifndef ARCHPOOL_SERVER_OBSERVABILITY_ENCRYPTED_PAGE_H_
#define ARCHPOOL_SERVER_OBSERVABILITY_ENCRYPTED_PAGE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "common/tls/server_context.h"
#include "server/tls/served_certificate.h"

namespace httplib {
class SSLServer;
}

namespace archpool {

class EncryptedPage {
 public:
  // Answers GET `path` at `listen`, HOST:PORT (port 0: any), with what `render`
  // makes, from several threads at once. `certificate` outlives the page.
  // UNAVAILABLE (LISTEN_FAILED).
  static absl::StatusOr<std::unique_ptr<EncryptedPage>> Open(
      const std::string& listen, const std::string& path,
      const ServedCertificate& certificate,
      std::function<std::string()> render);
  ~EncryptedPage();

  int port() const { return port_; }

 private:
  explicit EncryptedPage(const ServedCertificate& certificate);

  const CurrentPair current_;
  std::unique_ptr<httplib::SSLServer> server_;
  int port_ = 0;
  std::atomic<bool> has_ended_{false};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OBSERVABILITY_ENCRYPTED_PAGE_H_
