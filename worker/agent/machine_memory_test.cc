// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/machine_memory.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr int64_t kMebi = int64_t{1} << 20;

class MachineMemoryTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& contents) {
    const std::filesystem::path file = root_.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << contents;
  }
  void Install(int64_t mebibytes) {
    Write("/proc/meminfo",
          "MemTotal:       " + std::to_string(mebibytes << 10) +
              " kB\nMemFree:          400000 kB\n");
  }
  int64_t Mebibytes() { return MachineMemoryBytes(root_.path()) / kMebi; }

  TemporaryDirectory root_;
};

TEST_F(MachineMemoryTest, IsWhatIsInstalled) {
  EXPECT_EQ(Mebibytes(), 0) << "nothing says so";
  Install(16'384);
  EXPECT_EQ(Mebibytes(), 16'384);
  Write("/proc/meminfo", "something else\n");
  EXPECT_EQ(Mebibytes(), 0);
}

TEST_F(MachineMemoryTest, IsLessInAControlGroup) {
  Install(16'384);
  Write("/proc/self/cgroup", "0::/user.slice/job\n");
  Write("/sys/fs/cgroup/user.slice/job/memory.max", "max\n");
  EXPECT_EQ(Mebibytes(), 16'384);
  Write("/sys/fs/cgroup/user.slice/memory.max", "4294967296\n");
  EXPECT_EQ(Mebibytes(), 4'096) << "the group that it lies in counts as well";
  Write("/sys/fs/cgroup/user.slice/job/memory.max", "1073741824\n");
  EXPECT_EQ(Mebibytes(), 1'024);
  Write("/sys/fs/cgroup/user.slice/job/memory.max", "99999999999999\n");
  EXPECT_EQ(Mebibytes(), 4'096);
}

TEST_F(MachineMemoryTest, KnowsTheOlderGroups) {
  Install(16'384);
  Write("/proc/self/cgroup",
        "11:cpu,cpuacct:/docker/1a\n9:memory:/docker/1a\n1:name=systemd:/\n");
  // The path is the host's; in the container the top is its own.
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
  EXPECT_EQ(Mebibytes(), 2'048);
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Mebibytes(), 16'384);
  Write("/sys/fs/cgroup/memory/docker/1a/memory.limit_in_bytes", "536870912\n");
  EXPECT_EQ(Mebibytes(), 512);
}

TEST_F(MachineMemoryTest, ReadsThisMachine) {
  EXPECT_GT(ProcessMemoryBytes(), 0);
  EXPECT_LE(ProcessMemoryBytes(), MachineMemoryBytes());
}

}  // namespace
}  // namespace archpool
