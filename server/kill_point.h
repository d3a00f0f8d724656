// Where tests end the server as a power cut would.
#ifndef ARCHPOOL_SERVER_KILL_POINT_H_
#define ARCHPOOL_SERVER_KILL_POINT_H_

#include <functional>
#include <string>

namespace archpool {

// Ends this process by SIGKILL at the Nth pass of the step that
// ARCHPOOL_TEST_KILL_AT names ("payout.sent:2"; without a number: the first);
// without that variable, does nothing.
std::function<void(const std::string& step)> KillPoint();

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_KILL_POINT_H_
