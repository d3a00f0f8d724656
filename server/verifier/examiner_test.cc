#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "server/verifier/finding_text.h"
#include "server/verifier/frames.h"
#include "server/verifier/sandbox.h"
#include "tests/support/sanitized.h"

namespace archpool {
namespace {

TEST(FindingTextTest, EveryFindingComesThrough) {
  for (const AuditFinding& finding :
       {AuditFinding(WeightsMeasured{7, 6, true}),
        AuditFinding(WeightsMeasured{0, 0, false}),
        AuditFinding(TrainingRefuted{"SEGMENT_FALSE"}),
        AuditFinding(WeightsUnusable{"WEIGHTS_NOT_FINITE"}),
        AuditFinding(AuditInconclusive{"OUT_OF_MEMORY"})}) {
    const auto read = FindingFromText(ToText(finding));
    ASSERT_TRUE(read.ok()) << ToText(finding);
    EXPECT_EQ(*read, finding);
  }
}

TEST(FindingTextTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "measured", "measured 1 2", "measured -1 2 all",
        "measured 1 2 most", "measured 1 2 all more", "refuted",
        "refuted lower", "accepted YES", "unusable A B"}) {
    EXPECT_EQ(GetReason(FindingFromText(text).status()), "FINDING_MALFORMED")
        << text;
  }
}

class FramesTest : public ::testing::Test {
 protected:
  FramesTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~FramesTest() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  int ends_[2];
};

TEST_F(FramesTest, BytesOfEveryLengthComeThrough) {
  for (const size_t size : {0, 1, 4'096, 1'000'000}) {
    const std::string bytes(size, 'b');
    std::thread writer([&] {
      EXPECT_TRUE(
          WriteFrame(ends_[1], bytes, absl::Now() + absl::Seconds(20)).ok());
    });
    const auto read = ReadFrame(ends_[0], 1 << 20);
    writer.join();
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, bytes);
  }
}

TEST_F(FramesTest, NeitherWaitsForEverNorTakesTooMuch) {
  EXPECT_EQ(GetReason(ReadFrame(ends_[0], 10, absl::Now()).status()),
            "CHILD_SLOW");
  ASSERT_TRUE(WriteFrame(ends_[1], "eleven bytes").ok());
  EXPECT_EQ(GetReason(ReadFrame(ends_[0], 10).status()), "FRAME_TOO_LARGE");
  close(ends_[1]);
  ends_[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::string rest(100, '\0');
  while (read(ends_[0], rest.data(), rest.size()) > 0) {
  }
  EXPECT_EQ(GetReason(ReadFrame(ends_[0], 10).status()), "CHILD_GONE");
}

// What a child in the sandbox answers, as its exit code.
int InSandbox(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (!EnterSandbox(int64_t{64} << 20).ok()) _exit(99);
    _exit(body());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::kIsSanitized) GTEST_SKIP() << "sanitizers need more";
  }
};

TEST_F(SandboxTest, LeavesMemoryThreadsAndOpenHandles) {
  EXPECT_EQ(InSandbox([] {
              int sum = 0;
              std::thread worker([&] {
                const std::vector<int> numbers(1'000, 7);
                for (const int number : numbers) sum += number;
              });
              worker.join();
              return sum == 7'000 ? 0 : 1;
            }),
            0);
}

TEST_F(SandboxTest, ClosesFilesNetworkAndPrograms) {
  EXPECT_EQ(InSandbox([] {
              return open("/etc/passwd", O_RDONLY) < 0 && errno == EPERM ? 0
                                                                         : 1;
            }),
            0);
  EXPECT_EQ(InSandbox([] {
              return socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0
                                                                           : 1;
            }),
            0);
  EXPECT_EQ(InSandbox([] { return fork() < 0 && errno == EPERM ? 0 : 1; }), 0);
  EXPECT_EQ(InSandbox([] {
              char path[] = "/bin/true";
              char* const arguments[] = {path, nullptr};
              execv(path, arguments);
              return errno == EPERM ? 0 : 1;
            }),
            0);
}

TEST_F(SandboxTest, BoundsMemory) {
  EXPECT_EQ(InSandbox([] {
              void* much = malloc(size_t{256} << 20);
              const int answer = much == nullptr ? 0 : 1;
              free(much);
              return answer;
            }),
            0);
}

}  // namespace
}  // namespace archpool
