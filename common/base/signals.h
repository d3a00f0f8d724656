// SIGINT and SIGTERM as a stop token. The first one asks the program to drain;
// a second one ends it at once.
#ifndef ARCHPOOL_COMMON_BASE_SIGNALS_H_
#define ARCHPOOL_COMMON_BASE_SIGNALS_H_

#include <stop_token>
#include <thread>

namespace archpool {

// At most one per process, made first thing in main: threads that exist before
// it may still be interrupted by the signals. Thread-safe.
class SignalStop {
 public:
  SignalStop();
  ~SignalStop();
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  // Requested by the first signal.
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_SIGNALS_H_
