// SPDX-License-Identifier: Apache-2.0
#include "server/observability/encrypted_page.h"

#include <httplib.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr size_t kThreads = 4;
constexpr int kPatienceSeconds = 5;

absl::Status Failed(const std::string& listen) {
  return Unavailable("LISTEN_FAILED",
                     absl::StrCat("cannot listen on ", listen,
                                  "; is another server running there?"));
}

}  // namespace

EncryptedPage::EncryptedPage(const ServedCertificate& certificate)
    : current_([&certificate] { return certificate.Current()->served.pair; }),
      server_(std::make_unique<httplib::SSLServer>([this](SSL_CTX& context) {
        return SetUpServerContext(context, current_);
      })) {}

absl::StatusOr<std::unique_ptr<EncryptedPage>> EncryptedPage::Open(
    const std::string& listen, const std::string& path,
    const ServedCertificate& certificate, std::function<std::string()> render) {
  // As ParseHostPort writes it.
  const size_t colon = listen.rfind(':');
  absl::string_view host = absl::string_view(listen).substr(0, colon);
  absl::ConsumePrefix(&host, "[");
  absl::ConsumeSuffix(&host, "]");
  int port = 0;
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(listen.substr(colon + 1), &port)) {
    return Failed(listen);
  }
  std::unique_ptr<EncryptedPage> page(new EncryptedPage(certificate));
  httplib::SSLServer& server = *page->server_;
  if (!server.is_valid()) return Failed(listen);
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_read_timeout(kPatienceSeconds);
  server.set_write_timeout(kPatienceSeconds);
  server.set_keep_alive_timeout(kPatienceSeconds);
  // Not SO_REUSEPORT, its default: two servers would take turns.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  server.Get(path, [render = std::move(render)](const httplib::Request&,
                                                httplib::Response& response) {
    response.set_content(render(), "text/plain; version=0.0.4; charset=utf-8");
  });
  const std::string name(host);
  if (port == 0) {
    port = server.bind_to_any_port(name);
    if (port <= 0) return Failed(listen);
  } else if (!server.bind_to_port(name, port)) {
    return Failed(listen);
  }
  page->port_ = port;
  page->thread_ = std::jthread([&server, &has_ended = page->has_ended_] {
    server.listen_after_bind();
    has_ended = true;
  });
  return page;
}

EncryptedPage::~EncryptedPage() {
  if (!thread_.joinable()) return;
  // Once it listens: a stop before that is lost.
  while (!server_->is_running() && !has_ended_) std::this_thread::yield();
  server_->stop();
}

}  // namespace archpool
